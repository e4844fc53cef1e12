"""Reading ahead: what is found while the customer speaks in; a model that knows its prompt out.

The embedded model reads 30 to 190 tokens a second, so what it must read before it can answer is
given to it while the customer still speaks: a request for one token leaves the prompt in the model
server's cache. Nothing read here is spoken, shown or recorded; an answer takes it up when it is
from the same entry.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from agent.dialogue.excerpt import Excerpt, excerpt
from agent.dialogue.prompting import PromptWriter
from agent.models.client import LanguageModel, Message
from common.errors import ServiceError
from common.languages import Language
from knowledge.contract import Retrieval, SourceEntry

log = logging.getLogger(__name__)

#: Score from which an entry that was found twice is worth reading.
_LIKELY = 0.3
#: A model that is this long busy with one prompt is not worth waiting for, seconds.
_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class _Read:
    """What the model has been given to read, and the request that gives it."""

    entry_id: str
    language: Language
    excerpt: Excerpt
    request: asyncio.Task[None]


class ReadAhead:
    """Has the model of one call read ahead; one prompt at a time."""

    def __init__(self, model: LanguageModel, prompts: PromptWriter, *, tokens: int) -> None:
        """``tokens``: of an excerpt, about."""
        self._model = model
        self._prompts = prompts
        self._tokens = tokens
        #: Id of the entry that was found last.
        self._found: str | None = None
        self._read: _Read | None = None

    async def aclose(self) -> None:
        """Stop reading."""
        await self._stop()

    async def take_in(
        self, found: Retrieval, language: Language, history: Sequence[Message]
    ) -> None:
        """Begin to read what was found, once retrieval is sure of it or has found it twice."""
        best = found.best
        before, self._found = self._found, best.id if best else None
        if best is None or best.is_small_talk or self._reads(best, language):
            return
        is_stable = before == best.id and found.passages[0].score >= _LIKELY
        if not (found.opening or is_stable):
            return
        await self._stop()
        source = excerpt(best, found.passages, language, tokens=self._tokens)
        messages = self._prompts.write(language, source=source.text, question="", history=history)
        log.debug("reading ahead: %s", best.id)
        request = asyncio.create_task(self._give(messages), name="reading ahead")
        self._read = _Read(best.id, language, source, request)

    async def excerpt_of(self, best: SourceEntry, language: Language) -> Excerpt | None:
        """What has been read of an entry, once it has been; None, and no more is read, of others.

        What the model reads of another one it reads in vain: an answer from this one is to come.
        """
        read = self._read
        if read is None or not self._reads(best, language):
            await self._stop()
            return None
        await asyncio.wait({read.request})
        return read.excerpt

    def _reads(self, entry: SourceEntry, language: Language) -> bool:
        """Whether what is being read is what an answer from this entry begins with."""
        read = self._read
        return read is not None and (read.entry_id, read.language) == (entry.id, language)

    async def _give(self, messages: Sequence[Message]) -> None:
        try:
            await self._model.write(messages, tokens=1, timeout_s=_TIMEOUT_S)
        except ServiceError as error:  # the answer will find out whether the model is away
            log.info("nothing was read ahead: %s", error)

    async def _stop(self) -> None:
        read, self._read = self._read, None
        if read:
            read.request.cancel()
            await asyncio.wait({read.request})
