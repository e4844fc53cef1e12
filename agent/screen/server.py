"""The screen server: an image of what a customer shows in, the text on it out.

Nothing waits in it: who comes while another image is read, or when the minute's share of a core is
used up, is told when to come again, and comes with the image of then. No image is kept or logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Final
from urllib.parse import urlsplit

import numpy as np
import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse

from agent.screen.contract import MOST_PIXELS, Grey, Piece
from agent.screen.pace import Pace
from agent.screen.reader import Reader
from agent.screen.settings import ScreenSettings
from common.errors import InputError, LiukeError
from common.http_errors import error_response, install_error_handlers
from common.internal import InternalOnly, InternalSettings, internal_token
from common.logs import configure_logging
from common.serving import BoundedThreads, body_within
from common.settings import PathSettings, read_settings

#: The models leave the memory when nothing was read for so long, and who looks whether.
_IDLE_S: Final = 300.0
_LOOKS_EVERY_S: Final = 20.0


class Reading:
    """The reader and the pace that it keeps."""

    def __init__(self, share: float) -> None:
        self._reader = Reader()
        self._pace = Pace(share)
        self._thread = BoundedThreads(1, waiting=0, what="readings")
        self._used_at = time.monotonic()

    def wait_s(self, pixels: int) -> float:
        """Seconds until an image of so many pixels can be read."""
        return self._pace.wait_s(time.monotonic(), pixels)

    async def read(self, image: Grey) -> tuple[Piece, ...]:
        """The text on an image. Raises ServiceError, retryable, while another is read."""
        return await self._thread.run(lambda: self._read(image))

    async def unload_when_idle(self) -> None:
        """Give the memory of the models back whenever they are not used, until cancelled."""
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            if self._reader.is_loaded and time.monotonic() - self._used_at > _IDLE_S:
                with contextlib.suppress(LiukeError):  # something is read just now
                    await self._thread.run(self._reader.unload)

    def close(self) -> None:
        """What is being read ends by itself."""
        self._thread.close()

    def _read(self, image: Grey) -> tuple[Piece, ...]:
        began_s = time.process_time()
        if not self._reader.is_loaded:
            self._reader.load()
            loaded_s = time.process_time()
            self._pace.spend(time.monotonic(), loaded_s - began_s)
            began_s = loaded_s
        pieces = self._reader.read(image)
        self._used_at = time.monotonic()
        self._pace.read(self._used_at, time.process_time() - began_s, image.size)
        return pieces


def create_app(settings: ScreenSettings, token: str) -> FastAPI:
    """The server's application. ``token``: what our own processes know each other by."""
    reading = Reading(settings.cpu_share)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        unloading = asyncio.create_task(reading.unload_when_idle())
        yield
        unloading.cancel()
        reading.close()

    app = FastAPI(title="Liuke screen server", lifespan=lifespan)
    install_error_handlers(app)
    app.add_middleware(InternalOnly, token=token, url=settings.url)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/read")
    async def read(
        request: Request,
        width: Annotated[int, Query(ge=1)],
        height: Annotated[int, Query(ge=1)],
    ) -> JSONResponse:
        if width * height > MOST_PIXELS:
            return _too_large(width, height)
        body = await body_within(request, width * height)
        if body is None or len(body) < width * height:
            raise InputError(
                f"The body is no image of {width} by {height} pixels in shades of grey.",
                "Send one byte a pixel, row by row.",
            )
        if wait_s := reading.wait_s(width * height):
            return _later(wait_s)
        image = np.frombuffer(body, dtype=np.uint8).reshape(height, width)
        return JSONResponse([asdict(piece) for piece in await reading.read(image)])

    return app


def _too_large(width: int, height: int) -> JSONResponse:
    what = f"The image has {width} by {height} pixels, {MOST_PIXELS} at most are read."
    return error_response(413, "too_large", what, "Scale it down, or send a part of it.")


def _later(wait_s: float) -> JSONResponse:
    message = "The share of a core that reading may take in a minute is used up."
    response = error_response(503, "later", message, "Send the image of then.")
    response.headers["Retry-After"] = str(math.ceil(wait_s))
    return response


def main() -> None:
    """Serve on the address of LIUKE_SCREEN_URL."""
    configure_logging()
    try:
        settings = read_settings(ScreenSettings)
        token = internal_token(read_settings(PathSettings), read_settings(InternalSettings))
    except LiukeError as error:
        sys.exit(f"Error: {error}")
    address = urlsplit(settings.url)
    uvicorn.run(
        create_app(settings, token),
        host=address.hostname or "127.0.0.1",
        port=address.port or 8905,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
