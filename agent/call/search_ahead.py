"""Search ahead: what has been heard so far in; a search for it under way, before the turn ends.

What is found is taken up by the answer that asks the same (`agent/dialogue/lookup.py`).
"""

from __future__ import annotations

import asyncio
import contextlib

from livekit.agents import llm, utils

from agent.call.history import messages, spoken
from agent.dialogue.dialogue import Dialogue
from common.errors import LiukeError
from common.languages import Language, language_of

#: Words of a partial transcript from which searching is worth while, in characters.
_SEARCHABLE: dict[Language, int] = {"zh": 4, "en": 12}


class SearchAhead:
    """One search at a time, for one call."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._searching: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """Stop the search that is under way."""
        if self._searching:
            await utils.aio.cancel_and_wait(self._searching)

    def hear(self, heard: str, chat_ctx: llm.ChatContext) -> None:
        """Search for what has been heard so far, unless the search before still runs."""
        if len(heard) < _SEARCHABLE[language_of(heard)]:
            return
        if self._searching is None or self._searching.done():
            self._searching = asyncio.create_task(self._search(heard, chat_ctx))

    async def _search(self, heard: str, chat_ctx: llm.ChatContext) -> None:
        with contextlib.suppress(LiukeError):  # the answer will say what is wrong
            await self._dialogue.prepare(heard, messages(spoken(chat_ctx)))
