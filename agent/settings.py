"""Everything that can be configured, in one place.

Values come from the environment or from a file `.env` in the project's root; each variable is the
group's prefix and the field's name in capitals, so `SpeechSettings.url` is `LIUKE_SPEECH_URL`.
`.env.example` lists them all with their defaults (a unit test keeps the two alike). Settings are
read once, at the edge of each process, and handed in: no other module reads the environment.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from agent.screen.settings import ScreenSettings
from agent.service.quality.targets import DEFAULT_TARGETS, Metric, Targets
from agent.speech.settings import SpeechSettings
from common.internal import InternalSettings, internal_token
from common.settings import PROJECT_ROOT, PathSettings, read_settings, settings_config
from knowledge.settings import KnowledgeSettings

#: What saying goodbye in every call and writing the last records may take, seconds.
FAREWELL_S = 20.0


class LiveKitSettings(BaseSettings):
    """The LiveKit server. Give url, key and secret to use your own; else `liuke up` starts one."""

    model_config = settings_config("LIVEKIT_")

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
    region: str = Field(
        "unknown",
        min_length=1,
        max_length=32,
        description="Where the server is, named as in your rows of quality: calls on it are"
        " counted there.",
    )


class LanguageModelSettings(BaseSettings):
    """The language model. With an API key the hosted endpoint serves; else the embedded model."""

    model_config = settings_config("OPENAI_")

    api_key: SecretStr = Field(SecretStr(""), description="Empty: the embedded llama.cpp server.")
    base_url: str = Field(
        "https://api.openai.com/v1", description="Any OpenAI-compatible endpoint; used with a key."
    )
    model: str = Field("gpt-4.1-mini", description="Model name at that endpoint.")


class VisionSettings(BaseSettings):
    """A model of the hosted endpoint (OPENAI_API_KEY) that reads images of shared screens."""

    model_config = settings_config("LIUKE_VISION_")

    model: str = Field(
        "", description="Its name there. Empty: screens are read on this machine alone."
    )


class EmbeddedModelSettings(BaseSettings):
    """The embedded language model (llama.cpp), used where no OPENAI_API_KEY is set."""

    model_config = settings_config("LIUKE_LLM_")

    model: Literal["auto", "qwen2.5-1.5b", "qwen2.5-0.5b", "none"] = Field(
        "auto",
        description="auto: set-up measures and picks. none: approved text alone answers.",
    )
    port: int = Field(8901, ge=1, le=65535, description="Loopback port of the llama.cpp server.")
    threads: int = Field(0, ge=0, description="0: as many as the machine has cores.")
    nice: int = Field(15, ge=0, le=19, description="Scheduling priority, below speech.")
    context_tokens: int = Field(8192, ge=1024, description="Context window shared by the slots.")
    parallel: int = Field(4, ge=1, description="Requests decoded at once, each with its KV cache.")


class AgentSettings(BaseSettings):
    """The agent worker: the process that answers calls."""

    model_config = settings_config("LIUKE_AGENT_")

    name: str = Field("liuke", description="Name for explicit dispatch; rooms ask for it by name.")
    health_port: int = Field(8904, ge=1, le=65535, description="Loopback port of its health check.")
    max_calls: int = Field(4, ge=1, description="Calls this host takes at once.")
    max_call_minutes: int = Field(
        30, ge=2, description="A call is ended after this long, with a warning a minute before."
    )
    idle_minutes: int = Field(
        3, ge=1, description="A call in which nobody says anything is ended after this long."
    )
    drain_minutes: int = Field(
        10, ge=0, description="Calls may go on this long when the worker is told to stop."
    )

    @property
    def stops_within_s(self) -> float:
        """The longest time from a worker's SIGTERM to its end: draining and saying goodbye."""
        return 60.0 * self.drain_minutes + FAREWELL_S


class ApiSettings(BaseSettings):
    """The web API and the pages."""

    model_config = settings_config("LIUKE_API_")

    host: str = Field("127.0.0.1", description="Interface to listen on.")
    port: int = Field(8900, ge=1, le=65535, description="Port of the API and the pages.")
    public_url: str = Field(
        "",
        description="Address of the pages in links that people are sent, as their browsers reach"
        " it. Empty: this machine's.",
    )
    token_minutes: int = Field(10, ge=1, le=60, description="Life of a room token, minutes.")
    site_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs in the customers of your site, 32 characters or more:"
        " docs/identity.md. Empty: nobody.",
    )
    guests: bool = Field(True, description="Whether callers whom your site did not sign in may.")
    caller_grants: int = Field(20, ge=1, description="Grants a minute for one address.")
    account_grants: int = Field(20, ge=1, description="Grants a minute for one account.")
    account_calls: int = Field(3, ge=1, description="Calls at once of one account.")
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, with commas, of proxies whose X-Forwarded-For and"
        " -Proto are believed.",
    )
    frame_sites: str = Field(
        "",
        description="Sites that may show the pages in a frame"
        ' (allow="microphone; display-capture"), with spaces. Empty: none.',
    )

    @field_validator("site_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < 32:
            raise ValueError("a secret needs 32 characters or more")
        return secret

    @property
    def url_here(self) -> str:
        """Where the pages are, as a browser on this machine reaches them."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def url_in_links(self) -> str:
        """Where the pages are, for whoever is sent a link; no slash at its end."""
        return (self.public_url or self.url_here).rstrip("/")


class QosSettings(BaseSettings):
    """Quality of service: who may report it, and its targets."""

    model_config = settings_config("LIUKE_QOS_")

    keys: SecretStr = Field(
        SecretStr(""),
        description="What opens `POST /v1/qos`, 32 characters or more; several with commas, so that"
        " one can be changed for another. Empty: it is closed.",
    )

    stall_rate: float = Field(
        DEFAULT_TARGETS["stall_rate"],
        gt=0,
        le=1,
        description="Target: missed in a minute that stalls so much, or more; a share.",
    )
    latency_ms: float = Field(
        DEFAULT_TARGETS["latency_ms"],
        gt=0,
        description="Target: missed at so much end to end, or more.",
    )
    join_ms: float = Field(
        DEFAULT_TARGETS["join_ms"],
        gt=0,
        description="Target: missed where joining takes so long, or longer.",
    )
    packet_loss: float = Field(
        0, ge=0, le=1, description="Target: missed where so much is lost, or more. 0: none."
    )
    join_success: float = Field(
        0, ge=0, le=1, description="Target: missed where fewer than this share can join. 0: none."
    )
    zone_availability: float = Field(
        0, ge=0, le=1, description="Target: missed where fewer zones than this are up. 0: none."
    )

    @field_validator("keys")
    @classmethod
    def _long_enough(cls, keys: SecretStr) -> SecretStr:
        if any(len(key) < 32 for key in _split(keys)):
            raise ValueError("a key needs 32 characters or more")
        return keys

    @property
    def key_list(self) -> list[str]:
        """Each key."""
        return _split(self.keys)

    @property
    def targets(self) -> Targets:
        """What the operator promises."""
        given: dict[Metric, float] = {
            "stall_rate": self.stall_rate,
            "latency_ms": self.latency_ms,
            "join_ms": self.join_ms,
            "packet_loss": self.packet_loss,
            "join_success": self.join_success,
            "zone_availability": self.zone_availability,
        }
        return {metric: target for metric, target in given.items() if target}


def _split(keys: SecretStr) -> list[str]:
    return [key.strip() for key in keys.get_secret_value().split(",") if key.strip()]


_DRIVERS = {
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


class DatabaseSettings(BaseSettings):
    """Records of calls and turns."""

    model_config = settings_config("LIUKE_DATABASE_")

    url: SecretStr = Field(
        SecretStr(""),
        description="postgresql://user:password@host/database."
        " Empty: SQLite in the data directory.",
    )

    @field_validator("url")
    @classmethod
    def _with_driver(cls, url: SecretStr) -> SecretStr:
        """The URL as SQLAlchemy reads it, with the driver that we bring along."""
        kind, separator, rest = url.get_secret_value().partition("://")
        driver = _DRIVERS.get(kind.partition("+")[0])
        if not kind:
            return url
        if driver is None or not separator:
            raise ValueError("it begins with neither postgresql:// nor sqlite://")
        return SecretStr(f"{driver}://{rest}")


class SupportSettings(BaseSettings):
    """Who is called when a customer needs a person: docs/support.md."""

    model_config = settings_config("LIUKE_SUPPORT_")

    file: str = Field("", description="Empty: support.toml in the data directory.")


class Settings:
    """All groups. Raises SetupError naming the variable when a value is wrong."""

    def __init__(self) -> None:
        self.paths = read_settings(PathSettings)
        self.livekit = read_settings(LiveKitSettings)
        self.language_model = read_settings(LanguageModelSettings)
        self.embedded_model = read_settings(EmbeddedModelSettings)
        self.speech = read_settings(SpeechSettings)
        self.knowledge = read_settings(KnowledgeSettings)
        self.screen = read_settings(ScreenSettings)
        self.vision = read_settings(VisionSettings)
        self.agent = read_settings(AgentSettings)
        self.api = read_settings(ApiSettings)
        self.qos = read_settings(QosSettings)
        self.database = read_settings(DatabaseSettings)
        self.support = read_settings(SupportSettings)
        self.internal = read_settings(InternalSettings)

    @cached_property
    def internal_token(self) -> str:
        """What our own servers know each other by. Raises SetupError when it cannot be kept."""
        return internal_token(self.paths, self.internal)

    @cached_property
    def database_url(self) -> str:
        """SQLAlchemy URL of the records, with an async driver."""
        return (
            self.database.url.get_secret_value()
            or f"sqlite+aiosqlite:///{self.paths.data_dir / 'liuke.db'}"
        )

    @property
    def support_file(self) -> Path:
        """What the operator has decided of support."""
        return Path(self.support.file or self.paths.data_dir / "support.toml")


GROUPS: tuple[type[BaseSettings], ...] = (
    PathSettings,
    LiveKitSettings,
    LanguageModelSettings,
    VisionSettings,
    EmbeddedModelSettings,
    SpeechSettings,
    KnowledgeSettings,
    ScreenSettings,
    AgentSettings,
    ApiSettings,
    QosSettings,
    DatabaseSettings,
    SupportSettings,
    InternalSettings,
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


if __name__ == "__main__":
    print(env_example(), end="")
