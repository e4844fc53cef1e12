"""Where knowledge comes from and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible `/embeddings`."""

    url: str
    model: str
    key: str


@dataclass(frozen=True)
class KnowledgeConfig:
    """What a knowledge base is opened with."""

    folder: Path
    corpus_dir: Path
    model: Path
    """Folder of the model in this process, which reads, and embeds unless an endpoint does."""
    chroma_url: str = ""
    """Of a Chroma server; empty: Chroma in this process."""
    embedding: Endpoint | None = None
    """What embeds, if not the model in this process."""
