"""The way to the screen server: an image in, the text on it, or when to come again, out."""

from __future__ import annotations

from typing import Final

import httpx

from agent.screen.contract import Box, Grey, Later, Piece
from common.errors import ServiceError
from common.internal import internal_http

#: A dense page takes two seconds of a core, at the lowest priority of a busy machine.
_TIMEOUT: Final = httpx.Timeout(60.0, connect=2.0)


class ScreenClient:
    """Reads through the screen server at ``url``, which knows us by ``token``."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._http = internal_http(url, token, _TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def is_healthy(self) -> bool:
        """Whether the server answers."""
        try:
            return (await self._http.get("/healthz", timeout=2.0)).is_success
        except httpx.HTTPError:
            return False

    async def read(self, image: Grey) -> tuple[Piece, ...] | Later:
        """The text on an image of at most `MOST_PIXELS`, from top to bottom.

        Raises ServiceError when the server is away or refuses.
        """
        height, width = image.shape
        try:
            answer = await self._http.post(
                "/read", params={"width": width, "height": height}, content=image.tobytes()
            )
        except httpx.HTTPError as error:
            raise ServiceError(
                f"The screen server at {self._url} does not answer ({type(error).__name__}).",
                "Start it with `liuke up`, or check LIUKE_SCREEN_URL.",
                retryable=True,
            ) from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return Later(float(answer.headers.get("Retry-After", 1)))
        if not answer.is_success:
            raise ServiceError(
                f"The screen server refused an image: HTTP status {answer.status_code}.",
                "Check LIUKE_SCREEN_URL and LIUKE_INTERNAL_TOKEN, and the server's log.",
                retryable=False,
            )
        return tuple(Piece(one["text"], Box(**one["box"])) for one in answer.json())
