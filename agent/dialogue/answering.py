"""Answering: a question, what was found for it and what was said before in; the answer's text out.

An answer rests on retrieved passages. Where they do not support one, the assistant says so; where
retrieval is sure of the entry, the entry's approved opening comes first, and the model goes on from
it. Where there is no model, or it fails, approved text from the entry is the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from agent.dialogue.contract import Answer, Citation
from agent.dialogue.excerpt import Excerpt, excerpt, spoken_steps
from agent.dialogue.guards import unsupported_figures
from agent.dialogue.prompting import PromptWriter
from agent.dialogue.read_ahead import ReadAhead
from agent.models.client import LanguageModel, Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_phrases
from agent.speech.clauses import ClauseSplitter
from common.errors import ServiceError
from common.languages import Language, language_of
from common.numbers.figures import said_in
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
    """Answers questions from what was found in the knowledge base."""

    def __init__(self, endpoint: LanguageModelEndpoint | None) -> None:
        """``endpoint`` None: no language model, approved text alone answers.

        Only an embedded model reads ahead: a hosted one would charge for it.
        """
        is_embedded = endpoint is not None and endpoint.embedded
        self._model = LanguageModel(endpoint) if endpoint else None
        self._prompts = PromptWriter(continues=is_embedded)
        self._tokens = _tokens_read(endpoint)
        self._ahead: ReadAhead | None = None
        if self._model and is_embedded:
            self._ahead = ReadAhead(self._model, self._prompts, tokens=self._tokens)
        self._phrases = load_phrases()

    async def aclose(self) -> None:
        """Close the model's connections."""
        if self._ahead:
            await self._ahead.aclose()
        if self._model:
            await self._model.aclose()

    async def read_ahead(
        self, found: Retrieval, language: Language, history: Sequence[Message]
    ) -> None:
        """Have the model read what was found in what the customer has said so far."""
        if self._ahead:
            await self._ahead.take_in(found, language, history)

    async def answer(
        self, answer: Answer, found: Retrieval, history: Sequence[Message]
    ) -> AsyncGenerator[str, None]:
        """The clauses of ``answer``, which is told what it rests on."""
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
                if "first_clause" not in answer.timings_ms:
                    answer.note_time("first_clause", started)
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
