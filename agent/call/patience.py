"""Patience: an answer's texts in; the same out, behind a request to wait where they are late.

After the end of a turn the customer hears something soon, whatever the answer takes. Before it,
nothing is late.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

from agent.call.floor import Exchange, Floor
from agent.call.timing import TIMING, Timing
from agent.dialogue.answering import space
from agent.prompts import Phrases
from common.languages import Language


class Patience:
    """The customer's, in one call; the words that ask for it are said in turn."""

    def __init__(
        self, floor: Floor, phrases: Mapping[Language, Phrases], timing: Timing = TIMING
    ) -> None:
        self._floor = floor
        self._timing = timing
        self._acknowledgements = {
            language: itertools.cycle(said.acknowledgements) for language, said in phrases.items()
        }

    async def keep(self, texts: AsyncIterator[str], exchange: Exchange) -> AsyncIterator[str]:
        """The texts of an answer; after an acknowledgement, if the first of them is late."""
        first: asyncio.Future[str | None] = asyncio.ensure_future(anext(texts, None))
        try:
            if not await self._is_in_time(first):
                exchange.acknowledged = True
                yield next(self._acknowledgements[exchange.language]) + space(exchange.language)
            if (text := await first) is not None:
                yield text
                async for text in texts:
                    yield text
        finally:
            if not first.done():
                first.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await first

    async def _is_in_time(self, first: asyncio.Future[str | None]) -> bool:
        """Whether the first text is there before the customer's patience ends."""
        over = asyncio.create_task(self._floor.turn_is_over())
        waiting: set[asyncio.Future[Any]] = {first, over}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        done, _ = await asyncio.wait({first}, timeout=self._timing.patience_s)
        return bool(done)
