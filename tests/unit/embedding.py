"""The embedded model, as `make test` has pulled it."""

from __future__ import annotations

from functools import cache

from agent.host.knowledge import embedding_folder
from agent.settings import Settings
from knowledge.embedding import E5Model

FOLDER = embedding_folder(Settings())


@cache
def model() -> E5Model:
    """It, loaded."""
    return E5Model(FOLDER)
