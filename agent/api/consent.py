"""What a customer agrees to: settings in; the sentences of both languages and their version out."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.models.endpoint import resolve_vision_model
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class ConsentText:
    """What is shown before a call, in one language."""

    version: str
    heading: str
    sentences: tuple[str, ...]


def consent_texts(settings: Settings) -> dict[Language, ConsentText]:
    """The texts for this installation. They have one version, which any change of them changes."""
    words = tomllib.loads((PROJECT_ROOT / "prompts" / "consent.toml").read_text("utf-8"))
    vision = resolve_vision_model(settings)
    hosts = {
        "if_media": _host_elsewhere(settings.livekit.public_url or settings.livekit.url),
        "if_language_model": _host_elsewhere(settings.language_model.base_url)
        if settings.language_model.api_key.get_secret_value()
        else "",
        "if_vision": _host_elsewhere(vision.base_url) if vision else "",
        "if_embeddings": _host_elsewhere(settings.knowledge.embedding_url),
    }
    shown: dict[Language, list[str]] = {
        language: [
            sentence.format(host=hosts.get(name, ""))
            for name, sentence in words[language].items()
            if hosts.get(name, "shown")
        ]
        for language in LANGUAGES
    }
    version = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]
    return {
        language: ConsentText(version, heading, tuple(sentences))
        for language, (heading, *sentences) in shown.items()
    }


def _host_elsewhere(url: str) -> str:
    """The server's name, unless it is this machine."""
    host = urlsplit(url).hostname or ""
    return "" if host in _LOOPBACK else host
