"""Preparation: what the customer has said so far in; passages found and a model that has read out.

Retrieval takes some 40 ms and could wait for the end of the turn. The embedded model reads 30 to
190 tokens a second, so what it must read before it can answer is given to it while the customer
still speaks: a request that asks for one token leaves the prompt in the model server's cache.
Nothing found or read here is spoken, shown or recorded; an answer takes it up when it asks the
same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass

import openai
from openai.types.chat import ChatCompletionMessageParam

from agent.dialogue.excerpt import Excerpt, excerpt
from agent.dialogue.prompting import Message, PromptWriter
from agent.models.endpoint import LanguageModelEndpoint
from common.languages import Language, language_of
from knowledge.client import KnowledgeClient
from knowledge.contract import Retrieval, SourceEntry

log = logging.getLogger(__name__)

#: Passages retrieved.
_PASSAGES = 4
#: Topic of the entries for greetings and thanks: the opening is all there is to say.
SMALL_TALK = "conversation"
#: Score from which an entry that was found twice is worth reading.
_LIKELY = 0.3
#: Seconds that the embedded model may take to read what it answers from, and the tokens that are
#: little and enough whatever its speed: about a section, and a whole entry.
_READING_S = 1.8
_LEAST_TOKENS, _MOST_TOKENS = 110, 330
#: A model that is this long busy with one prompt is not worth waiting for, seconds.
_READING_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Found:
    """What retrieval says about one question."""

    asked: tuple[str, tuple[str, ...]]
    """The bare words of the question, and what the customer had said before."""
    retrieval: Retrieval
    best: SourceEntry | None
    """The entry of the best passage; None where nothing supports an answer."""


@dataclass(frozen=True)
class _Read:
    """What the model has been given to read, and the request that gives it."""

    entry_id: str
    language: Language
    reading: Excerpt
    request: asyncio.Task[None] | None

    def is_of(self, entry: SourceEntry, language: Language) -> bool:
        """Whether an answer from this entry begins with the same."""
        return (self.entry_id, self.language) == (entry.id, language)


class Preparation:
    """Searches and reads ahead for one call."""

    def __init__(
        self,
        knowledge: KnowledgeClient,
        prompts: PromptWriter,
        endpoint: LanguageModelEndpoint | None,
    ) -> None:
        """Only an embedded ``endpoint`` reads ahead: a hosted one would charge for it."""
        self._knowledge = knowledge
        self._prompts = prompts
        self._reader = _Reader(endpoint) if endpoint and endpoint.embedded else None
        self._tokens = _MOST_TOKENS
        if endpoint and endpoint.prefill_per_s:
            wanted = round(endpoint.prefill_per_s * _READING_S)
            self._tokens = min(max(wanted, _LEAST_TOKENS), _MOST_TOKENS)
        self._found: Found | None = None
        self._read: _Read | None = None

    async def aclose(self) -> None:
        """Stop reading and close the connections."""
        await self._stop_reading()
        if self._reader:
            await self._reader.aclose()

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        """Search for what has been heard so far, and have the model read what was found.

        It begins to read once retrieval is sure, or has found the same likely entry twice.
        Raises ServiceError when the knowledge server is away.
        """
        before = self._found.best if self._found else None
        language = language_of(heard)
        found = await self.find(heard, language, history)
        best = found.best
        if best is None or best.topic == SMALL_TALK:
            return
        score = found.retrieval.passages[0].score
        is_stable = before is not None and before.id == best.id and score >= _LIKELY
        if (found.retrieval.opening or is_stable) and not (
            self._read and self._read.is_of(best, language)
        ):
            await self._start_reading(found.retrieval, best, language, history)

    async def find(self, question: str, language: Language, history: Sequence[Message]) -> Found:
        """What answers the question; at once where the same words were searched for last.

        Raises ServiceError when the knowledge server is away.
        """
        before = tuple(m.text for m in history if m.role == "user" and m.text.strip())
        asked = (_words(question), before)
        if self._found and self._found.asked == asked:
            return self._found
        retrieval = await self._knowledge.search(
            question, language=language, k=_PASSAGES, before=before
        )
        self._found = Found(asked, retrieval, retrieval.best)
        return self._found

    async def take(self, found: Retrieval, best: SourceEntry, language: Language) -> Excerpt:
        """What the model is to read: what it has read already, where that is of the same entry.

        Waits for a reading of this entry that is going on, and stops one of another.
        """
        read = self._read
        if read and read.is_of(best, language):
            if read.request:
                await asyncio.wait({read.request})
            return read.reading
        await self._stop_reading()
        return excerpt(best, found.passages, language, tokens=self._tokens)

    async def _start_reading(
        self,
        found: Retrieval,
        best: SourceEntry,
        language: Language,
        history: Sequence[Message],
    ) -> None:
        await self._stop_reading()
        source = excerpt(best, found.passages, language, tokens=self._tokens)
        request = None
        if self._reader:
            messages = self._prompts.write(
                language, source=source.text, question="", history=history
            )
            log.debug("reading ahead: %s", best.id)
            request = asyncio.create_task(self._reader.read(messages), name="reading ahead")
        self._read = _Read(best.id, language, source, request)

    async def _stop_reading(self) -> None:
        read, self._read = self._read, None
        if read and read.request:
            read.request.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await read.request


class _Reader:
    """Has the embedded model read a prompt without answering it."""

    def __init__(self, endpoint: LanguageModelEndpoint) -> None:
        self._model = endpoint.model
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            timeout=_READING_TIMEOUT_S,
            max_retries=0,
        )

    async def aclose(self) -> None:
        await self._client.close()

    async def read(self, messages: Sequence[Message]) -> None:
        try:
            await self._client.chat.completions.create(
                model=self._model, messages=[_param(m) for m in messages], max_tokens=1
            )
        except openai.APIError as error:  # the answer will find out whether the model is away
            log.info("the language model did not read ahead: %s", error)


def _param(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.text}
        case "user":
            return {"role": "user", "content": message.text}
        case "assistant":
            return {"role": "assistant", "content": message.text}


def _words(text: str) -> str:
    """The text without what a recogniser may set differently the next time."""
    return re.sub(r"\W", "", text.lower())
