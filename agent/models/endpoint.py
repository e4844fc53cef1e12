"""The language model's endpoint: settings in, where it is and what it is called out."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.models.choice import recall_choice
from agent.settings import Settings
from common.errors import SetupError


@dataclass(frozen=True)
class LanguageModelEndpoint:
    """An OpenAI-compatible endpoint and the model to ask for."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    embedded: bool
    """Whether it is the llama.cpp server that `liuke up` runs."""
    prefill_per_s: float | None = None
    """Tokens of a prompt that the embedded model reads a second; None where nobody measured."""


def resolve_language_model(settings: Settings) -> LanguageModelEndpoint | None:
    """The hosted endpoint if there is a key, else the embedded one. None: only approved text."""
    if api_key := settings.language_model.api_key.get_secret_value():
        return LanguageModelEndpoint(
            settings.language_model.base_url, api_key, settings.language_model.model, embedded=False
        )
    choice = recall_choice(settings)
    if choice is None:
        raise SetupError(
            "No language model has been chosen for this machine yet.",
            "Run `liuke up`: it measures the machine. Or set OPENAI_API_KEY, or LIUKE_LLM_MODEL.",
        )
    if choice.model == "none":
        return None
    return LanguageModelEndpoint(
        base_url=f"http://127.0.0.1:{settings.embedded_model.port}/v1",
        api_key="embedded",  # the client insists on one, the server on none
        model=choice.model,
        embedded=True,
        prefill_per_s=choice.prefill_per_s,
    )


def resolve_vision_model(settings: Settings) -> LanguageModelEndpoint | None:
    """The hosted endpoint's model that reads images. None: nobody has named one."""
    if not settings.vision.model or not settings.language_model.api_key.get_secret_value():
        return None
    return LanguageModelEndpoint(
        settings.language_model.base_url,
        settings.language_model.api_key.get_secret_value(),
        settings.vision.model,
        embedded=False,
    )
