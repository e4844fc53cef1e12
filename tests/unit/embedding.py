"""The embedded model, as `make test` has pulled it."""

from __future__ import annotations

from functools import cache

from agent.settings import Settings
from knowledge.config import embedding_folder
from knowledge.search.embedding import E5Model

FOLDER = embedding_folder(Settings().paths)


@cache
def model() -> E5Model:
    """It, loaded."""
    return E5Model(FOLDER)
