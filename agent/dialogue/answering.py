"""Answering: a question and what was said before in; the answer's text and its sources out.

An answer rests on retrieved passages. Where they do not support one, the assistant says so; where
retrieval is sure of the entry, the entry's approved opening comes first, and the model goes on from
it. Where there is no model, or it fails, approved text from the entry is the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from livekit.agents import APIConnectOptions, APIError, llm
from livekit.agents.types import NOT_GIVEN
from livekit.plugins import openai

from agent.dialogue.excerpt import Excerpt, spoken_steps
from agent.dialogue.guards import unsupported_figures
from agent.dialogue.lookup import SMALL_TALK, Found, Preparation
from agent.dialogue.prompting import Message, PromptWriter
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_phrases
from agent.speech.clauses import ClauseSplitter
from common.languages import Language, language_of
from common.numbers.figures import said_in
from knowledge.client import KnowledgeClient
from knowledge.contract import Passage, SourceEntry

log = logging.getLogger(__name__)

#: Two or three spoken sentences; the model is stopped there if it does not stop by itself.
_MAX_TOKENS = 110
#: Characters from which a clause has a language of its own; "SDK, token," has none.
_SENTENCE_CHARACTERS = 20
_SENTENCE_ENDS = ("。", "！", "？", ".", "!", "?")
#: What the prompts tell the model to write when the passages do not answer.
_NO_ANSWER = "NO_ANSWER"
#: The first token of an embedded model may wait for a long prompt; a hosted one is quicker.
_MODEL_OPTIONS = APIConnectOptions(max_retry=0, timeout=20.0)


@dataclass(frozen=True)
class Citation:
    """An entry that an answer rests on."""

    id: str
    title: str
    language: Language
    version: int
    score: float


@dataclass
class Answer:
    """What is known of an answer, filled in while it is made; the text is what was composed."""

    question: str
    language: Language
    citations: tuple[Citation, ...] = ()
    declined: bool = False
    opening: str | None = None
    acknowledged: bool = False
    """It was late, and the customer was told to wait before it."""
    joins: str | None = None
    """Message id of the question that this one is the late part of; one answer serves both."""
    text: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)

    def citations_json(self) -> list[dict[str, Any]]:
        """The citations as the room, the records and the command line show them."""
        return [asdict(citation) for citation in self.citations]


class Answerer:
    """Answers questions from the knowledge base; the same for calls and for `liuke ask`."""

    def __init__(self, knowledge: KnowledgeClient, endpoint: LanguageModelEndpoint | None) -> None:
        """``endpoint`` None: no language model, approved text alone answers."""
        self._prompts = PromptWriter(continues=endpoint is not None and endpoint.embedded)
        self._ahead = Preparation(knowledge, self._prompts, endpoint)
        self.model: openai.LLM | None = None
        if endpoint:
            self.model = openai.LLM(
                model=endpoint.model,
                base_url=endpoint.base_url,
                api_key=endpoint.api_key,
                temperature=0.0 if endpoint.embedded else NOT_GIVEN,
                max_completion_tokens=_MAX_TOKENS,
                _strict_tool_schema=False,
            )
        self._phrases = load_phrases()

    async def aclose(self) -> None:
        """Close the model's connections; the knowledge client is the caller's."""
        await self._ahead.aclose()
        if self.model:
            await self.model.aclose()

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        """Search and read for what the customer has said so far; `agent/dialogue/lookup.py`.

        Raises ServiceError when the knowledge server is away.
        """
        await self._ahead.prepare(heard, history)

    async def compose(self, answer: Answer, history: Sequence[Message] = ()) -> AsyncIterator[str]:
        """Compose ``answer`` to its question, yielding its text as it is made, in whole clauses.

        Raises ServiceError when the knowledge server is away.
        """
        started = time.perf_counter()
        found = await self._ahead.find(answer.question, answer.language, history)
        answer.timings_ms["retrieval"] = _ms_since(started)
        async for text in self._parts(answer, found, history):
            answer.timings_ms.setdefault("first_text", _ms_since(started))
            answer.text += text
            yield text
        answer.timings_ms["complete"] = _ms_since(started)

    async def _parts(
        self, answer: Answer, found: Found, history: Sequence[Message]
    ) -> AsyncIterator[str]:
        best, opening = found.best, found.retrieval.opening
        if best is None:
            answer.declined = True
            yield self._phrases[answer.language].declined
            return
        if best.topic != SMALL_TALK:
            # Known before the first sound: the room is told then what the answer rests on.
            answer.citations = _citations(found.retrieval.passages[:1])
        if opening:
            answer.opening = opening.text
            yield opening.text + space(answer.language)
        if best.topic == SMALL_TALK:
            if opening is None:
                yield best.opening
            return
        source = await self._ahead.take(found.retrieval, best, answer.language)
        answer.citations = _citations(source.passages)
        composed = False
        try:
            async for clause in self._continue_with_model(answer, source, history):
                yield clause if composed else clause.lstrip(" ")  # a space stands before it already
                composed = True
        except APIError as error:
            log.warning("the language model did not answer: %s", error)
        if answer.declined:
            yield self._phrases[answer.language].declined
        elif not composed:
            async for text in _approved_text(answer, best, found.retrieval.passages[0]):
                yield text

    async def _continue_with_model(
        self, answer: Answer, source: Excerpt, history: Sequence[Message]
    ) -> AsyncIterator[str]:
        """The model's clauses, ended where it states a figure that no passage has."""
        if self.model is None:
            return
        known = said_in(f"{answer.opening or ''}\n{source.text}")
        started = time.perf_counter()
        splitter = ClauseSplitter()
        context = self._chat_context(answer, source, history)
        async with self.model.chat(chat_ctx=context, conn_options=_MODEL_OPTIONS) as stream:
            async for clause in _clauses(stream, splitter):
                answer.timings_ms.setdefault("first_clause", _ms_since(started))
                if _NO_ANSWER in clause:
                    # Nothing follows; after what has been said already, nothing needs to.
                    if not answer.text:
                        answer.declined, answer.citations = True, ()
                    return
                if _is_foreign(clause, answer.language):
                    log.warning("the model's %r is not in the customer's language", clause)
                    return
                if figures := unsupported_figures(clause, known):
                    log.warning("the model's %r has %s, which no source has", clause, figures)
                    return
                yield clause

    def _chat_context(
        self, answer: Answer, source: Excerpt, history: Sequence[Message]
    ) -> llm.ChatContext:
        context = llm.ChatContext()
        for message in self._prompts.write(
            answer.language,
            source=source.text,
            question=answer.question,
            history=history,
            opening=answer.opening,
        ):
            context.add_message(role=message.role, content=message.text)
        return context


def new_answer(question: str) -> Answer:
    """An answer still to be composed, in the language of its question."""
    return Answer(question=question, language=language_of(question))


async def _approved_text(
    answer: Answer, entry: SourceEntry, nearest: Passage
) -> AsyncIterator[str]:
    if answer.opening is None and entry.opening:
        answer.opening = entry.opening
        yield entry.opening + space(answer.language)
    for step in spoken_steps(entry, nearest):
        yield f"{step}\n"


async def _clauses(stream: llm.LLMStream, splitter: ClauseSplitter) -> AsyncIterator[str]:
    """What the model writes, clause by clause, without a sentence that its limit cut off."""
    spoken = False
    async for chunk in stream:
        if chunk.delta and chunk.delta.content:
            for clause in splitter.push(chunk.delta.content):
                spoken = True
                yield clause
    for clause in splitter.flush():
        if not spoken or clause.rstrip().endswith(_SENTENCE_ENDS):
            yield clause


def _citations(passages: Sequence[Passage]) -> tuple[Citation, ...]:
    by_entry = {
        p.entry_id: Citation(p.entry_id, p.title, p.language, p.version, round(p.score, 4))
        for p in reversed(passages)
    }
    return tuple(reversed(by_entry.values()))


def _is_foreign(clause: str, language: Language) -> bool:
    """Whether a clause is in the other language: terms of it are not, sentences are."""
    return language_of(clause) != language and len(clause) >= _SENTENCE_CHARACTERS


def space(language: Language) -> str:
    """What stands between two sentences."""
    return "" if language == "zh" else " "


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
