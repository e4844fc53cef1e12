"""Everything that can be configured, in one place.

Values come from the environment or from a file `.env` in the project's root; each variable is the
group's prefix and the field's name in capitals, so `SpeechSettings.url` is `LIUKE_SPEECH_URL`.
`.env.example` lists them all with their defaults (a unit test keeps the two alike). Settings are
read once, at the edge of each process, and handed in: no other module reads the environment.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.errors import SetupError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

Language = Literal["zh", "en"]


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        env_prefix=prefix,
        env_file=PROJECT_ROOT / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )


class PathSettings(BaseSettings):
    """Where Liuke keeps what it makes and what it fetches."""

    model_config = _config("LIUKE_")

    data_dir: Path = Field(
        PROJECT_ROOT / "var",
        description="Keys, database, knowledge index, speech cache, logs of this installation.",
    )
    cache_dir: Path = Field(
        default_factory=lambda: user_cache_path("liuke"),
        description="Model files and the LiveKit server: shared by all checkouts of this user.",
    )


class LiveKitSettings(BaseSettings):
    """The LiveKit server. Give url, key and secret to use your own; else `liuke up` starts one."""

    model_config = _config("LIVEKIT_")

    url: str = Field(
        "", description="ws:// or wss:// address. Empty: a server on loopback, started by us."
    )
    api_key: str = Field("", description="Empty: generated at set-up into the data directory.")
    api_secret: SecretStr = Field(SecretStr(""), description="As for the key.")
    port: int = Field(7880, ge=1, le=65535, description="Signal port of the server we start.")
    rtc_udp_port: int = Field(7882, ge=1, le=65535, description="Its media port, UDP.")
    public_url: str = Field(
        "", description="Address the customer's browser uses, where it differs from the url above."
    )


class LanguageModelSettings(BaseSettings):
    """The language model. With an API key the hosted endpoint serves; else the embedded model."""

    model_config = _config("OPENAI_")

    api_key: SecretStr = Field(SecretStr(""), description="Empty: the embedded llama.cpp server.")
    base_url: str = Field(
        "https://api.openai.com/v1", description="Any OpenAI-compatible endpoint; used with a key."
    )
    model: str = Field("gpt-4.1-mini", description="Model name at that endpoint.")


class EmbeddedModelSettings(BaseSettings):
    """The embedded language model (llama.cpp), used where no OPENAI_API_KEY is set."""

    model_config = _config("LIUKE_LLM_")

    model: Literal["auto", "qwen2.5-1.5b", "qwen2.5-0.5b", "none"] = Field(
        "auto",
        description="auto: set-up measures and picks. none: approved text alone answers.",
    )
    port: int = Field(8901, ge=1, le=65535, description="Loopback port of the llama.cpp server.")
    threads: int = Field(0, ge=0, description="0: as many as the machine has cores.")
    nice: int = Field(15, ge=0, le=19, description="Scheduling priority, below speech.")
    context_tokens: int = Field(8192, ge=1024, description="Context window shared by the slots.")
    parallel: int = Field(4, ge=1, description="Requests decoded at once, each with its KV cache.")


class SpeechSettings(BaseSettings):
    """The speech server: one per host, holds Whisper and Kokoro."""

    model_config = _config("LIUKE_SPEECH_")

    url: str = Field("http://127.0.0.1:8902", description="Where it is; on loopback we start it.")
    voice_zh: str = Field("zf_xiaoxiao", description="Kokoro voice for Mandarin.")
    voice_en: str = Field("af_heart", description="Kokoro voice for English.")
    speed: float = Field(1.0, ge=0.5, le=2.0, description="Speaking rate; 1 is the voice's own.")
    threads: int = Field(0, ge=0, description="CPU threads per model. 0: one per core, at most 4.")
    cache_mb: int = Field(512, ge=1, description="Bound of the speech cache on disk, MiB.")

    @property
    def model_threads(self) -> int:
        """CPU threads for one model: the setting, or the cores; past four they add nothing."""
        return self.threads or min(os.cpu_count() or 1, 4)


class KnowledgeSettings(BaseSettings):
    """The knowledge server: retrieval over the corpus."""

    model_config = _config("LIUKE_KNOWLEDGE_")

    url: str = Field("http://127.0.0.1:8903", description="Where it is; on loopback we start it.")
    corpus_dir: Path = Field(
        PROJECT_ROOT / "knowledge" / "corpus", description="Folder of Markdown entries."
    )
    chroma_url: str = Field("", description="A Chroma server. Empty: Chroma inside Liuke.")
    embedding_url: str = Field(
        "", description="OpenAI-compatible embeddings. Empty: the embedded model."
    )
    embedding_model: str = Field("", description="Model at that address.")
    embedding_key: SecretStr = Field(SecretStr(""), description="Its key, where it wants one.")


class AgentSettings(BaseSettings):
    """The agent worker: the process that answers calls."""

    model_config = _config("LIUKE_AGENT_")

    name: str = Field("liuke", description="Name for explicit dispatch; rooms ask for it by name.")
    health_port: int = Field(8904, ge=1, le=65535, description="Loopback port of its health check.")
    max_calls: int = Field(4, ge=1, description="Calls this host takes at once.")


class ApiSettings(BaseSettings):
    """The web API and the pages."""

    model_config = _config("LIUKE_API_")

    host: str = Field("127.0.0.1", description="Interface to listen on.")
    port: int = Field(8900, ge=1, le=65535, description="Port of the API and the pages.")
    token_minutes: int = Field(10, ge=1, le=60, description="Life of a room token, minutes.")


class DatabaseSettings(BaseSettings):
    """Records of calls and turns."""

    model_config = _config("LIUKE_DATABASE_")

    url: str = Field("", description="SQLAlchemy URL. Empty: SQLite in the data directory.")


class Settings:
    """All groups. Raises SetupError naming the variable when a value is wrong."""

    def __init__(self) -> None:
        try:
            self.paths = PathSettings()
            self.livekit = LiveKitSettings()
            self.language_model = LanguageModelSettings()
            self.embedded_model = EmbeddedModelSettings()
            self.speech = SpeechSettings()
            self.knowledge = KnowledgeSettings()
            self.agent = AgentSettings()
            self.api = ApiSettings()
            self.database = DatabaseSettings()
        except ValidationError as error:
            raise _name_the_variable(error) from None

    @cached_property
    def database_url(self) -> str:
        """SQLAlchemy URL of the records, with an async driver."""
        return self.database.url or f"sqlite+aiosqlite:///{self.paths.data_dir / 'liuke.db'}"


GROUPS: tuple[type[BaseSettings], ...] = (
    PathSettings,
    LiveKitSettings,
    LanguageModelSettings,
    EmbeddedModelSettings,
    SpeechSettings,
    KnowledgeSettings,
    AgentSettings,
    ApiSettings,
    DatabaseSettings,
)


def env_example() -> str:
    """The text of `.env.example`: every variable, what it means, and its default, commented out."""
    lines = ["# Every setting with its default. Copy to .env and change what you need.", ""]
    for group in GROUPS:
        lines.append(f"# --- {(group.__doc__ or '').splitlines()[0]}")
        for name, field in group.model_fields.items():
            lines.append(f"# {field.description}")
            lines.append(
                f"#{group.model_config['env_prefix']}{name.upper()}={_shown_default(field)}"
            )
        lines.append("")
    return "\n".join(lines)


def _shown_default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "(the user's cache folder)/liuke"
    if isinstance(field.default, SecretStr):
        return field.default.get_secret_value()
    if isinstance(field.default, Path):
        return f"./{field.default.relative_to(PROJECT_ROOT)}"
    return str(field.default)


def _name_the_variable(error: ValidationError) -> SetupError:
    group = next(g for g in GROUPS if g.__name__ == error.title)
    first = error.errors()[0]
    variable = group.model_config["env_prefix"] + str(first["loc"][0]).upper()
    return SetupError(
        f"{variable}={first['input']!r} is not usable: {first['msg']}.",
        f"Correct {variable} in the environment or in .env; .env.example shows its default.",
    )


if __name__ == "__main__":
    print(env_example(), end="")
