"""The language model's endpoint: settings in, where it is and what it is called out, checked."""

from __future__ import annotations

from dataclasses import dataclass, field

import openai

from agent.models.choice import recall_choice
from agent.settings import Settings
from common.errors import ServiceError, SetupError

#: Seconds until an endpoint counts as down.
CHECK_TIMEOUT_S = 5


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


async def check_language_model(endpoint: LanguageModelEndpoint) -> None:
    """Costs no tokens: SetupError for a refused key or an unknown model, ServiceError when down."""
    where = f"The language model endpoint {endpoint.base_url}"
    try:
        async with openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            timeout=CHECK_TIMEOUT_S,
            max_retries=0,
        ) as client:
            if endpoint.model not in [model.id async for model in client.models.list()]:
                await _ask_for_model(client, endpoint.model)
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise SetupError(f"{where} refuses the key.", "Check OPENAI_API_KEY.") from None
    except (openai.NotFoundError, openai.BadRequestError) as error:
        if endpoint.model in error.message or "model" in error.message.lower():
            raise SetupError(
                f"{where} does not know the model {endpoint.model!r}.",
                "Set OPENAI_MODEL to one that it offers.",
            ) from None
        raise SetupError(
            f"{where} does not understand the request: status {error.status_code}.",
            "Check OPENAI_BASE_URL: it usually ends in /v1.",
        ) from None
    except openai.RateLimitError:
        raise ServiceError(
            f"{where} refuses for now: too many requests, or no credit left.",
            "Check the account's quota and billing, or wait.",
            retryable=True,
        ) from None
    except openai.APIError as error:
        raise ServiceError(
            f"{where} does not answer as it should: {error.message}",
            "Start it with `liuke up`."
            if endpoint.embedded
            else "Check OPENAI_BASE_URL and the network; the provider may be down.",
            retryable=True,
        ) from None


async def _ask_for_model(client: openai.AsyncOpenAI, model: str) -> None:
    """Not every endpoint lists all its models: begin an answer, and leave at its first token."""
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [
        {"role": "user", "content": "1+1="}
    ]
    async with await client.chat.completions.create(
        model=model, messages=messages, stream=True
    ) as stream:
        async for _ in stream:
            return
