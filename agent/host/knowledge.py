"""The knowledge base of these settings."""

from __future__ import annotations

from pathlib import Path

from agent.errors import SetupError
from agent.host.packs import pack_path
from agent.settings import Settings
from knowledge.config import Endpoint, KnowledgeConfig

EMBEDDING_PACK = "multilingual-e5-small"


def embedding_folder(settings: Settings) -> Path:
    """Where the files of the embedded model are."""
    return pack_path(settings.paths.cache_dir, EMBEDDING_PACK)


def knowledge_config(settings: Settings) -> KnowledgeConfig:
    """Where its parts are. Raises SetupError when half of an embeddings endpoint is given."""
    knowledge = settings.knowledge
    if bool(knowledge.embedding_url) != bool(knowledge.embedding_model):
        raise SetupError(
            "LIUKE_KNOWLEDGE_EMBEDDING_URL and LIUKE_KNOWLEDGE_EMBEDDING_MODEL belong together.",
            "Set both, or neither for the embedded model.",
        )
    key = knowledge.embedding_key.get_secret_value()
    endpoint = Endpoint(knowledge.embedding_url, knowledge.embedding_model, key)
    return KnowledgeConfig(
        folder=settings.paths.data_dir / "knowledge",
        corpus_dir=knowledge.corpus_dir,
        model=embedding_folder(settings),
        chroma_url=knowledge.chroma_url,
        embedding=endpoint if endpoint.url else None,
    )
