"""Screen reader: an image of a part of a screen in; its text out, by who is configured to read.

A hosted model that reads images comes first where the operator has named one; where it does not
answer, and everywhere else, the screen server reads. The image is kept nowhere.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable
from typing import Final

from PIL import Image

from agent.call.timing import TIMING, Timing
from agent.models.client import LanguageModel
from agent.models.endpoint import resolve_vision_model
from agent.prompts import load_prompt
from agent.screen.client import ScreenClient
from agent.screen.contract import Box, Grey, Later, Piece
from agent.settings import Settings
from common.errors import ServiceError
from common.languages import Language

log = logging.getLogger(__name__)

#: A page of small text, in tokens; and how long a hosted model may take for it, seconds.
_MOST_TOKENS: Final = 2000
_MODEL_TIMEOUT_S: Final = 30.0


class ScreenReader:
    """Reads for one call."""

    def __init__(
        self,
        server: ScreenClient,
        model: LanguageModel | None,
        language: Callable[[], Language],
        timing: Timing = TIMING,
    ) -> None:
        """``language``: the one that is spoken."""
        self._server = server
        self._model = model
        self._language = language
        self._timing = timing
        self._model_free_at = 0.0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()
        if self._model:
            await self._model.aclose()

    async def read(self, image: Grey) -> tuple[Piece, ...] | Later:
        """The text on an image, or when to come again. Raises ServiceError where nobody reads."""
        if self._model is None:
            return await self._server.read(image)
        if (wait_s := self._model_free_at - time.monotonic()) > 0:
            return Later(wait_s)
        self._model_free_at = time.monotonic() + self._timing.screen_model_s
        try:
            text = await self._model.read_image(
                await asyncio.to_thread(_png, image),
                load_prompt("screen", self._language()),
                tokens=_MOST_TOKENS,
                timeout_s=_MODEL_TIMEOUT_S,
            )
        except ServiceError as error:
            log.warning("%s", error)
            return await self._server.read(image)
        return _placed(text, image)


def open_screen_reader(settings: Settings, language: Callable[[], Language]) -> ScreenReader:
    """Who reads by these settings."""
    vision = resolve_vision_model(settings)
    return ScreenReader(
        ScreenClient(settings.screen.url, settings.internal_token),
        LanguageModel(vision) if vision else None,
        language,
    )


def _png(image: Grey) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(image).save(packed, "PNG")
    return packed.getvalue()


def _placed(text: str, image: Grey) -> tuple[Piece, ...]:
    """Lines one below the other: a model does not tell where they stand."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    height, width = image.shape
    edges = [height * number // max(1, len(lines)) for number in range(len(lines) + 1)]
    return tuple(
        Piece(line, Box(0, edges[number], width, edges[number + 1]))
        for number, line in enumerate(lines)
    )
