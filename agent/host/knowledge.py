"""The knowledge base of these settings."""

from __future__ import annotations

from agent.errors import SetupError
from agent.settings import Settings
from knowledge.config import Endpoint, KnowledgeConfig


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
        chroma_url=knowledge.chroma_url,
        embedding=endpoint if endpoint.url else None,
    )
