"""Answering: a question and what was said before in; the answer's text and its sources out.

Whoever wants a person, or tells of an emergency, is not answered from the knowledge base: people
are called. Any other answer rests on retrieved passages. Where they do not support one, the
assistant says so; where retrieval is sure of the entry, the entry's approved opening comes first,
and the model goes on from it. Where there is no model, or it fails, approved text from the entry is
the answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from agent.dialogue.contract import Answer, CallPerson, Citation, Outcome
from agent.dialogue.escalating import EscalationWords, subject_of
from agent.dialogue.excerpt import Excerpt, excerpt, spoken_steps
from agent.dialogue.guards import unsupported_figures
from agent.dialogue.lookup import Lookup
from agent.dialogue.offers import Offers
from agent.dialogue.prompting import PromptWriter
from agent.dialogue.read_ahead import ReadAhead
from agent.dialogue.wishes import Heard, Wishes
from agent.models.client import LanguageModel, Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_phrases
from agent.speech.clauses import ClauseSplitter
from common.errors import ServiceError
from common.languages import Language, language_of
from common.numbers.figures import said_in
from knowledge.client import KnowledgeClient
from knowledge.contract import Passage, Retrieval, SourceEntry

log = logging.getLogger(__name__)

#: Two or three spoken sentences; the model is stopped there if it does not stop by itself.
MOST_TOKENS = 110
#: What the prompts tell the model to write when the passages do not answer.
NO_ANSWER = "NO_ANSWER"
#: Seconds that the embedded model may take to read what it answers from, and the tokens that are
#: little and enough whatever its speed: about a section, and a whole entry.
_READING_S = 1.8
_LEAST_READ, _MOST_READ = 110, 330
#: Characters from which a clause has a language of its own; "SDK, token," has none.
_SENTENCE_CHARACTERS = 20
_SENTENCE_ENDS = ("。", "！", "？", ".", "!", "?")


class Answerer:
    """Answers questions from the knowledge base; the same for calls and for `liuke ask`."""

    def __init__(self, knowledge: KnowledgeClient, endpoint: LanguageModelEndpoint | None) -> None:
        """``endpoint`` None: no language model, approved text alone answers.

        Only an embedded model reads ahead: a hosted one would charge for it.
        """
        is_embedded = endpoint is not None and endpoint.embedded
        self._lookup = Lookup(knowledge)
        self._wishes = Wishes(knowledge)
        self._offers = Offers()
        self._escalation = EscalationWords()
        self._model = LanguageModel(endpoint) if endpoint else None
        self._prompts = PromptWriter(continues=is_embedded)
        self._tokens = _tokens_read(endpoint)
        self._ahead: ReadAhead | None = None
        if self._model and is_embedded:
            self._ahead = ReadAhead(self._model, self._prompts, tokens=self._tokens)
        self._phrases = load_phrases()

    async def aclose(self) -> None:
        """Close the model's connections; the knowledge client is the caller's."""
        if self._ahead:
            await self._ahead.aclose()
        if self._model:
            await self._model.aclose()

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        """Look for a wish, search and read ahead in what the customer has said so far.

        Raises ServiceError when the knowledge server is away.
        """
        language = language_of(heard)
        found, _ = await asyncio.gather(
            self._lookup.find(heard, language, history), self._wishes.read(heard)
        )
        if self._ahead:
            await self._ahead.take_in(found, language, history)

    def compose(
        self, question: str, history: Sequence[Message] = (), *, language: Language | None = None
    ) -> Answer:
        """The answer to a question, in its language unless another is given."""
        answer = Answer(question, language or language_of(question))
        answer.texts = self._noted(answer, self._parts(answer, history))
        return answer

    def go_ahead(self, said: str, language: Language) -> Answer:
        """The answer to somebody who wants us to stop: that we listen."""
        answer = Answer(said, language)
        answer.texts = self._noted(answer, _only(self._phrases[language].go_ahead))
        return answer

    def report(self, answer: Answer, outcome: Outcome) -> str:
        """What came of the action that ``answer`` wanted: said after its texts."""
        text = space(answer.language) + self._escalation.report(outcome, answer.language)
        answer.text += text
        return text

    def is_offered(self, history: Sequence[Message]) -> bool:
        """Whether a colleague has just been offered: then a "yes" is more than support."""
        return self._offers.offered(history) is not None

    async def _wish(self, said: str, history: Sequence[Message]) -> Heard | None:
        if wish := self._offers.accepted(said, history):
            return Heard(wish, is_sure=True)
        return await self._wishes.read(said)

    def _people(self, answer: Answer, heard: Heard, history: Sequence[Message]) -> str:
        """The words to a wish: people are called, or where it is not sure, that is offered."""
        if not heard.is_sure:
            return self._escalation.ask(heard.wish, answer.language)
        subject = subject_of(answer.question, history, is_wish_alone=heard.wish == "person")
        answer.action = CallPerson(heard.wish, subject)
        return self._escalation.first(answer.action, answer.language)

    async def _noted(self, answer: Answer, parts: AsyncGenerator[str, None]) -> AsyncIterator[str]:
        """The parts of an answer, which keeps what was said of it and when."""
        started = time.perf_counter()
        async with aclosing(parts):
            async for text in parts:
                answer.timings_ms.setdefault("first_text", _ms_since(started))
                answer.text += text
                yield text
        answer.timings_ms["complete"] = _ms_since(started)

    async def _parts(self, answer: Answer, history: Sequence[Message]) -> AsyncGenerator[str, None]:
        started = time.perf_counter()
        finding = asyncio.create_task(
            self._lookup.find(answer.question, answer.language, history), name="finding"
        )
        try:
            if heard := await self._wish(answer.question, history):
                yield self._people(answer, heard, history)
                return
            found = await finding
        finally:
            finding.cancel()
            await asyncio.gather(finding, return_exceptions=True)
        answer.timings_ms["retrieval"] = _ms_since(started)
        best = found.best
        if best is None:
            yield self._decline(answer)
            return
        if not best.is_small_talk:
            # Known before the first sound: the room is told then what the answer rests on.
            answer.citations = _citations(found.passages[:1])
        if found.opening:
            yield _open(answer, found.opening.text)
        if best.is_small_talk:
            if not found.opening:
                yield best.opening
            return
        composed = False
        clauses = self._continue_with_model(answer, found, best, history)
        try:
            async with aclosing(clauses):
                async for clause in clauses:
                    # A space stands before the first already.
                    yield clause if composed else clause.lstrip(" ")
                    composed = True
        except ServiceError as error:
            log.warning("%s", error)
        if answer.declined:
            yield self._decline(answer)
        elif not composed:
            answer.citations = _citations(found.passages[:1])
            for text in _approved_text(answer, best, found.passages[0]):
                yield text

    def _decline(self, answer: Answer) -> str:
        answer.declined, answer.citations = True, ()
        return self._phrases[answer.language].declined

    async def _continue_with_model(
        self, answer: Answer, found: Retrieval, best: SourceEntry, history: Sequence[Message]
    ) -> AsyncGenerator[str, None]:
        """The model's clauses, ended where it states a figure that no passage has."""
        if self._model is None:
            return
        source = await self._excerpt(found, best, answer.language)
        answer.citations = _citations(source.passages)
        # What the customer says is no source: "it costs 5,000, right?" would be confirmed.
        known = said_in(f"{answer.opening or ''}\n{source.text}")
        messages = self._prompts.write(
            answer.language,
            source=source.text,
            question=answer.question,
            history=history,
            opening=answer.opening,
        )
        started = time.perf_counter()
        written = self._model.stream(messages, tokens=MOST_TOKENS)
        async with aclosing(written), aclosing(_clauses(written)) as clauses:
            async for clause in clauses:
                answer.timings_ms.setdefault("first_clause", _ms_since(started))
                if NO_ANSWER in clause:
                    # Nothing follows; after what has been said already, nothing needs to.
                    answer.declined = not answer.text
                    return
                if _is_foreign(clause, answer.language):
                    log.warning("%s: the model went on in the other language", best.id)
                    return
                if figures := unsupported_figures(clause, known):
                    told = "%s: the model stated %d figures that no source has"
                    log.warning(told, best.id, len(figures))
                    return
                yield clause

    async def _excerpt(self, found: Retrieval, best: SourceEntry, language: Language) -> Excerpt:
        read = await self._ahead.excerpt_of(best, language) if self._ahead else None
        return read or excerpt(best, found.passages, language, tokens=self._tokens)


def _tokens_read(endpoint: LanguageModelEndpoint | None) -> int:
    """Tokens that the model is given to read of what was found."""
    if endpoint is None or not endpoint.prefill_per_s:
        return _MOST_READ
    return min(max(round(endpoint.prefill_per_s * _READING_S), _LEAST_READ), _MOST_READ)


def _open(answer: Answer, opening: str) -> str:
    answer.opening = opening
    return opening + space(answer.language)


def _approved_text(answer: Answer, entry: SourceEntry, nearest: Passage) -> list[str]:
    opening = []
    if answer.opening is None and entry.opening:
        opening = [_open(answer, entry.opening)]
    return [*opening, *(f"{step}\n" for step in spoken_steps(entry, nearest))]


async def _clauses(written: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    """What the model writes, clause by clause, without a sentence that its limit cut off."""
    splitter = ClauseSplitter()
    spoken = False
    async for text in written:
        for clause in splitter.push(text):
            spoken = True
            yield clause
    for clause in splitter.flush():
        if not spoken or clause.rstrip().endswith(_SENTENCE_ENDS):
            yield clause


async def _only(text: str) -> AsyncGenerator[str, None]:
    yield text


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
