"""The way to the speech server, for every process that hears or speaks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import httpx

from agent.speech.contract import LONGEST_AFTER, Purpose, Transcript
from common.errors import LiukeError, ServiceError
from common.internal import internal_http
from common.languages import Language

#: An utterance or a clause takes seconds at worst; more is a server that hangs.
_BUSY = (502, 503, 504)
_TIMEOUT = httpx.Timeout(30.0, connect=2.0)


class SpeechClient:
    """Hears and speaks through the speech server at ``url``, which knows us by ``token``."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._http = internal_http(url, token, _TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def is_healthy(self) -> bool:
        """Whether the server answers and has its models loaded."""
        try:
            return (await self._http.get("/healthz", timeout=2.0)).is_success
        except httpx.HTTPError:
            return False

    async def transcribe(
        self,
        pcm: bytes,
        *,
        purpose: Purpose = "final",
        language: Language | None = None,
        confirmed: str = "",
        after: str = "",
    ) -> Transcript:
        """Hear one utterance: PCM s16le mono, 16 kHz, at most 30 s.

        ``language``: None lets the speech decide. ``confirmed`` (with ``language``): what the text
        shall begin with, as earlier partials agreed. ``after``: what was said to the speaker just
        before, of which the end counts. Raises ServiceError when the server is away
        or refuses.
        """
        params: dict[str, str] = {"purpose": purpose}
        params |= {"language": language} if language else {}
        params |= {"confirmed": confirmed} if confirmed else {}
        params |= {"after": after[-LONGEST_AFTER:]} if after else {}
        try:
            answer = await self._http.post("/transcribe", params=params, content=pcm)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not answer.is_success:
            raise _refusal(answer)
        return Transcript(**answer.json())

    async def speak(self, text: str, language: Language) -> AsyncIterator[bytes]:
        """Audio of a text as it is made: PCM s16le mono, 24 kHz. Leaving the iteration stops it.

        Raises ServiceError when the server is away or refuses.
        """
        body = {"text": text, "language": language}
        try:
            async with self._http.stream("POST", "/speak", json=body) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refusal(answer)
                async for chunk in answer.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    async def cache(
        self, phrases: Sequence[tuple[str, Language]]
    ) -> AsyncIterator[tuple[int, int]]:
        """Have the audio of phrases made ahead; yields (done, total) after each."""
        body = {"phrases": [{"text": text, "language": lang} for text, lang in phrases]}
        try:
            async with self._http.stream("POST", "/cache", json=body, timeout=None) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise _refusal(answer)
                async for line in answer.aiter_lines():
                    progress = json.loads(line)
                    yield progress["done"], progress["total"]
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> ServiceError:
        return ServiceError(
            f"The speech server at {self._url} does not answer ({type(error).__name__}).",
            "Start it with `liuke up`, or check LIUKE_SPEECH_URL.",
            retryable=True,
        )


def _refusal(answer: httpx.Response) -> LiukeError:
    try:
        error = answer.json()["error"]
        message, remedy = error["message"], error["remedy"]
    except (ValueError, KeyError, TypeError):  # something between us and the server answered
        message = f"The speech server refused with HTTP status {answer.status_code}."
        remedy = "Check LIUKE_SPEECH_URL, and the server's log."
    return ServiceError(message, remedy, retryable=answer.status_code in _BUSY)
