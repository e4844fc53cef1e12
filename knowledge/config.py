"""Where knowledge comes from and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from common.errors import SetupError
from common.settings import PathSettings
from knowledge.settings import KnowledgeSettings

#: The pack with the embedded model.
EMBEDDING_PACK = "multilingual-e5-small"


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
    """Folder of the model in this process. It embeds, unless an endpoint does."""
    chroma_url: str = ""
    """Of a Chroma server; empty: Chroma in this process."""
    chroma_token: str = field(default="", repr=False)
    """What that server asks for; empty: nothing."""
    private_hosts: frozenset[str] = frozenset()
    """Hosts inside that documents may be fetched from, in lower case."""
    embedding: Endpoint | None = None
    """What embeds, if not the model in this process."""


def embedding_folder(paths: PathSettings) -> Path:
    """Where the files of the embedded model are."""
    return paths.cache_dir / "models" / EMBEDDING_PACK


def knowledge_config(paths: PathSettings, settings: KnowledgeSettings) -> KnowledgeConfig:
    """Where its parts are. Raises SetupError when half of an embeddings endpoint is given."""
    if bool(settings.embedding_url) != bool(settings.embedding_model):
        raise SetupError(
            "LIUKE_KNOWLEDGE_EMBEDDING_URL and LIUKE_KNOWLEDGE_EMBEDDING_MODEL belong together.",
            "Set both, or neither for the embedded model.",
        )
    key = settings.embedding_key.get_secret_value()
    endpoint = Endpoint(settings.embedding_url, settings.embedding_model, key)
    return KnowledgeConfig(
        folder=paths.knowledge_dir,
        corpus_dir=settings.corpus_dir,
        model=embedding_folder(paths),
        chroma_url=settings.chroma_url,
        chroma_token=settings.chroma_token.get_secret_value(),
        private_hosts=frozenset(settings.private_hosts.lower().replace(",", " ").split()),
        embedding=endpoint if endpoint.url else None,
    )
