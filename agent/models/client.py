"""The one client of the language model: messages in, text out as it is written.

Everybody who asks the model does so here: answers stream, what is read ahead and what is drafted is
written at once, and the endpoint is checked. What was said stays out of errors and logs.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

import openai
from openai.types.chat import ChatCompletionMessageParam

from agent.models.endpoint import LanguageModelEndpoint
from common.errors import LiukeError, ServiceError, SetupError

#: Seconds until an endpoint counts as down.
CHECK_TIMEOUT_S = 5.0
#: Between two pieces of an answer. The first token of an embedded model may wait for a long prompt;
#: a hosted one is quicker.
_STREAM_TIMEOUT_S = 20.0
#: What goes wrong between us and the endpoint, or in what it writes.
_FAILURES = (openai.OpenAIError, ValueError)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Message:
    """One utterance, as it was heard or spoken, or what the model is told."""

    role: Literal["system", "user", "assistant"]
    text: str


class LanguageModel:
    """The model at an endpoint.

    What it refuses, or leaves unanswered, is not tried twice: a customer waits, or somebody else
    asks. Only a connection that breaks before any answer is replaced, once: servers close those
    that they keep open when they like, also just as the next request comes (RFC 9112, 9.3.1).
    """

    def __init__(self, endpoint: LanguageModelEndpoint) -> None:
        self.endpoint = endpoint
        # No proxy of the environment stands between us and a server of our own, and over plain HTTP
        # no certificates need be read: up to half a second of the event loop.
        http = openai.DefaultAsyncHttpxClient(
            trust_env=not endpoint.embedded, verify=not endpoint.embedded
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url, api_key=endpoint.api_key, max_retries=0, http_client=http
        )
        #: The endpoint has answered with this model.
        self._is_known = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(
        self, messages: Sequence[Message], *, tokens: int
    ) -> AsyncGenerator[str, None]:
        """What the model writes to the messages, at most ``tokens``, in pieces of any length.

        Who stops iterating stops the model. Raises ServiceError when it does not answer.
        """
        options: dict[str, Any] = {"temperature": 0.0} if self.endpoint.embedded else {}
        try:
            answer = await _connected(
                lambda: self._client.chat.completions.create(
                    model=self.endpoint.model,
                    messages=[_param(message) for message in messages],
                    max_completion_tokens=tokens,
                    timeout=_STREAM_TIMEOUT_S,
                    stream=True,
                    **options,
                )
            )
            async with answer:
                async for chunk in answer:
                    if chunk.choices and (text := chunk.choices[0].delta.content):
                        yield text
        except _FAILURES as error:
            raise self._away(error) from error

    async def write(
        self,
        messages: Sequence[Message],
        *,
        tokens: int,
        timeout_s: float,
        temperature: float = 0.0,
    ) -> str:
        """All that the model writes, at most ``tokens``. Raises ServiceError as ``stream``."""
        try:
            asked = [_param(message) for message in messages]
            answer = await self._complete(asked, tokens, timeout_s, temperature)
        except _FAILURES as error:
            raise self._away(error) from error
        return _written(answer)

    async def read_image(
        self, png: bytes, instructions: str, *, tokens: int, timeout_s: float
    ) -> str:
        """What the model writes of an image. Raises ServiceError as ``stream``."""
        url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        asked: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
        ]
        try:
            answer = await self._complete(asked, tokens, timeout_s, 0.0)
        except _FAILURES as error:
            raise self._away(error) from error
        return _written(answer)

    async def tokens_per_second(self, tokens: int, *, timeout_s: float) -> float | None:
        """How fast the embedded model writes, as its server measures. None: not in time."""
        count = [_param(Message("user", "Count from one to thirty."))]
        try:
            answer = await self._complete(count, tokens, timeout_s, 0.0)
            return float((answer.model_extra or {})["timings"]["predicted_per_second"])
        except (*_FAILURES, KeyError):
            return None

    async def check(self) -> None:
        """Whether the endpoint answers with this key and this model.

        Costs nothing where the endpoint lists the model; else the beginning of one answer, once.
        Raises SetupError for a refused key or an unknown model, ServiceError when it is down.
        """
        try:
            listed = await _connected(self._listed)
            if self.endpoint.model not in listed and not self._is_known:
                await self._begin_an_answer()
            self._is_known = True
        except _FAILURES as error:
            self._is_known = False
            raise _refusal(self.endpoint, error) from None

    async def _listed(self) -> list[str]:
        return [model.id async for model in self._client.models.list(timeout=CHECK_TIMEOUT_S)]

    async def _begin_an_answer(self) -> None:
        """Not every endpoint lists all its models: leave at the first token."""
        answer = await self._client.chat.completions.create(
            model=self.endpoint.model,
            messages=[_param(Message("user", "1+1="))],
            timeout=CHECK_TIMEOUT_S,
            stream=True,
        )
        async with answer:
            await anext(aiter(answer), None)

    async def _complete(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        tokens: int,
        timeout_s: float,
        temperature: float,
    ) -> openai.types.chat.ChatCompletion:
        return await _connected(
            lambda: self._client.chat.completions.create(
                model=self.endpoint.model,
                messages=messages,
                max_completion_tokens=tokens,
                temperature=temperature,
                timeout=timeout_s,
            )
        )

    def _away(self, error: Exception) -> ServiceError:
        what = type(error).__name__
        if isinstance(error, openai.APIStatusError):
            what = f"status {error.status_code}"
        return ServiceError(
            f"The language model at {self.endpoint.base_url} does not answer ({what}).",
            _remedy(self.endpoint),
            retryable=True,
        )


def _written(answer: openai.types.chat.ChatCompletion) -> str:
    return answer.choices[0].message.content or "" if answer.choices else ""


async def _connected(asking: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """What the endpoint answers; over a new connection where the one that was open has broken."""
    try:
        return await asking()
    except openai.APITimeoutError:
        raise
    except openai.APIConnectionError:
        return await asking()


def _refusal(endpoint: LanguageModelEndpoint, error: Exception) -> LiukeError:
    """What a check that failed says about the endpoint."""
    where = f"The language model endpoint {endpoint.base_url}"
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return SetupError(f"{where} refuses the key.", "Check OPENAI_API_KEY.")
        case openai.NotFoundError() | openai.BadRequestError():
            if endpoint.model in error.message or "model" in error.message.lower():
                return SetupError(
                    f"{where} does not know the model {endpoint.model!r}.",
                    "Set OPENAI_MODEL to one that it offers.",
                )
            return SetupError(
                f"{where} does not understand the request: status {error.status_code}.",
                "Check OPENAI_BASE_URL: it usually ends in /v1.",
            )
        case openai.RateLimitError():
            return ServiceError(
                f"{where} refuses for now: too many requests, or no credit left.",
                "Check the account's quota and billing, or wait.",
                retryable=True,
            )
        case _:
            return ServiceError(
                f"{where} does not answer as it should: {error}",
                _remedy(endpoint),
                retryable=True,
            )


def _remedy(endpoint: LanguageModelEndpoint) -> str:
    if endpoint.embedded:
        return "Start it with `liuke up`."
    return "Check OPENAI_BASE_URL, OPENAI_API_KEY and the network; the provider may be down."


def _param(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.text}
        case "user":
            return {"role": "user", "content": message.text}
        case "assistant":
            return {"role": "assistant", "content": message.text}
