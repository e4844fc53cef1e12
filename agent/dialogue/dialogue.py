"""Dialogue: what a customer says, and where the flows stand, in; the answer, what it wants done,
and where they stand then, out.

What is said is routed before it is answered. Whoever wants a person, or tells of an emergency, is
not answered from the knowledge base: people are called. An answer does nothing but speak; what it
wants done, and where the flows stand after it, is data, and counts once the turn stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from agent.dialogue.answering import Answerer, space
from agent.dialogue.contract import Answer, CallPerson, Outcome
from agent.dialogue.course import Course
from agent.dialogue.declining import Declined, load_declining
from agent.dialogue.escalating import EscalationWords, subject_of
from agent.dialogue.lookup import Lookup
from agent.dialogue.offers import Offers
from agent.dialogue.wishes import Heard, Wishes
from agent.models.client import Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_phrases
from common.languages import Language, language_of
from knowledge.client import KnowledgeClient


class Dialogue:
    """What is said and wanted in one call; the same for calls and for `liuke ask`."""

    def __init__(self, knowledge: KnowledgeClient, endpoint: LanguageModelEndpoint | None) -> None:
        """``endpoint`` None: no language model, approved text alone answers."""
        self._lookup = Lookup(knowledge)
        self._wishes = Wishes(knowledge)
        self._offers = Offers()
        self._escalation = EscalationWords()
        self._declining = load_declining()
        self._answerer = Answerer(endpoint)
        self._phrases = load_phrases()
        self._course = Course()

    async def aclose(self) -> None:
        """Close the model's connections; the knowledge client is the caller's."""
        await self._answerer.aclose()

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        """Look for a wish, search and read ahead in what the customer has said so far.

        Raises ServiceError when the knowledge server is away.
        """
        language = language_of(heard)
        found, _ = await asyncio.gather(
            self._lookup.find(heard, language, history), self._wishes.read(heard)
        )
        await self._answerer.read_ahead(found, language, history)

    def compose(
        self,
        said: str,
        history: Sequence[Message] = (),
        *,
        language: Language | None = None,
        instead_of: Answer | None = None,
    ) -> Answer:
        """The answer to what is said, in its language unless another is given.

        ``instead_of``: the answer to the first part of it, which was given too soon.
        """
        course = instead_of.course_before if instead_of else self._course
        answer = Answer(said, language or language_of(said), course)
        answer.texts = self._noted(answer, self._parts(answer, history))
        return answer

    def go_ahead(self, said: str, language: Language) -> Answer:
        """The answer to somebody who wants us to stop: that we listen."""
        answer = Answer(said, language, self._course)
        answer.texts = self._noted(answer, _only(self._phrases[language].go_ahead))
        return answer

    def stands(self, answer: Answer) -> None:
        """The turn stands that ``answer`` is for: the flows stand where it leaves them."""
        self._course = answer.course

    def report(self, answer: Answer, outcome: Outcome) -> str:
        """What came of the call for a person that ``answer`` wanted: said after its texts."""
        text = space(answer.language) + self._escalation.report(outcome, answer.language)
        answer.text += text
        return text

    def awaits_yes(self, history: Sequence[Message]) -> bool:
        """Whether a "yes" answers what was said last: then it is more than support."""
        return self._course.under_way is not None or self._offers.offered(history) is not None

    async def _noted(self, answer: Answer, parts: AsyncGenerator[str, None]) -> AsyncIterator[str]:
        """The parts of an answer, which keeps what was said of it and when."""
        started = time.perf_counter()
        async with aclosing(parts):
            async for text in parts:
                if not answer.is_decided:
                    answer.note_time("first_text", started)
                answer.is_decided = True
                answer.text += text
                yield text
        answer.note_time("complete", started)

    async def _parts(self, answer: Answer, history: Sequence[Message]) -> AsyncGenerator[str, None]:
        started = time.perf_counter()
        finding = asyncio.create_task(
            self._lookup.find(answer.question, answer.language, history), name="finding"
        )
        try:
            if heard := await self._wish(answer.question, history):
                yield self._people(answer, heard, history)
                return
            if declined := self._declining.read(answer.question):
                for text in self._declined(answer, declined):
                    yield text
                return
            found = await finding
        finally:
            finding.cancel()
            await asyncio.gather(finding, return_exceptions=True)
        answer.note_time("retrieval", started)
        async with aclosing(self._answerer.answer(answer, found, history)) as clauses:
            async for clause in clauses:
                yield clause

    def _declined(self, answer: Answer, declined: Declined) -> list[str]:
        answer.declined = True
        text = declined.texts[answer.language]
        if not declined.offers_colleague:
            return [text]
        return [text + space(answer.language), self._escalation.ask("person", answer.language)]

    async def _wish(self, said: str, history: Sequence[Message]) -> Heard | None:
        if wish := self._offers.accepted(said, history):
            return Heard(wish, is_sure=True)
        return await self._wishes.read(said)

    def _people(self, answer: Answer, heard: Heard, history: Sequence[Message]) -> str:
        """The words to a wish: people are called, or where it is not sure, that is offered."""
        if not heard.is_sure:
            return self._escalation.ask(heard.wish, answer.language)
        subject = subject_of(answer.question, history, is_wish_alone=heard.wish == "person")
        call = CallPerson(heard.wish, subject)
        answer.wants = (call,)
        return self._escalation.first(call, answer.language)


async def _only(text: str) -> AsyncGenerator[str, None]:
    yield text
