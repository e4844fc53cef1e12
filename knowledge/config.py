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
    embedding: Endpoint | Path
    """Of a model in this process, the folder of its files."""
    chroma_url: str = ""
    """Of a Chroma server; empty: Chroma in this process."""
