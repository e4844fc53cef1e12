"""What can be configured of the knowledge server."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from common.settings import PROJECT_ROOT, settings_config


class KnowledgeSettings(BaseSettings):
    """The knowledge server: retrieval over the corpus."""

    model_config = settings_config("LIUKE_KNOWLEDGE_")

    url: str = Field("http://127.0.0.1:8903", description="Where it is; on loopback we start it.")
    corpus_dir: Path = Field(
        PROJECT_ROOT / "knowledge" / "corpus", description="Folder of Markdown entries."
    )
    chroma_url: str = Field("", description="A Chroma server. Empty: Chroma inside Liuke.")
    chroma_token: SecretStr = Field(
        SecretStr(""), description="Its bearer token, where it (or the proxy before it) wants one."
    )
    private_hosts: str = Field(
        "",
        description="Hosts of your own network, separated by commas, that documents may be fetched"
        " from: wiki.example.com,10.1.2.3. Empty: of the public web alone.",
    )
    embedding_url: str = Field(
        "", description="OpenAI-compatible embeddings. Empty: the embedded model."
    )
    embedding_model: str = Field("", description="Model at that address.")
    embedding_key: SecretStr = Field(SecretStr(""), description="Its key, where it wants one.")
