"""Dialogue: what a customer says, and where the flows stand, in; the answer, what it wants done,
and where they stand then, out.

What is said is routed before it is answered: a search of the knowledge base is one of the things
that may follow. Whoever wants a person, or tells of an emergency, is not answered from it: people
are called. An answer does nothing but speak; what it wants done, and where the flows stand after
it, is data, and counts once the turn stands.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from agent.dialogue.answering import Answerer, space
from agent.dialogue.contract import Answer, CallPerson, NoteSignal, Outcome, PersonCalled
from agent.dialogue.course import Awaited, Course
from agent.dialogue.customer import Customer
from agent.dialogue.declining import Declined, load_declining
from agent.dialogue.escalating import EscalationWords, subject_of
from agent.dialogue.flow import Said
from agent.dialogue.greeting import greeting
from agent.dialogue.lookup import Lookup
from agent.dialogue.offers import Offers
from agent.dialogue.routing import Routed, Router
from agent.dialogue.seen import Seen
from agent.dialogue.showing import Showing
from agent.dialogue.turns import Find, Turn, Turns
from agent.dialogue.wishes import WISHES, Wish
from agent.models.client import Message
from agent.models.endpoint import LanguageModelEndpoint
from agent.prompts import load_flow, load_phrases
from common.errors import ServiceError
from common.languages import HAN, Language, language_of
from knowledge.client import KnowledgeClient
from knowledge.contract import Retrieval

log = logging.getLogger(__name__)

#: A word of either language.
_SAYS_SOMETHING = re.compile(rf"[{HAN}]|[A-Za-z]{{2}}")


@dataclass(frozen=True)
class _Searched:
    """A search that has been begun."""

    text: str
    finding: asyncio.Task[Retrieval]


class Dialogue:
    """What is said and wanted in one call."""

    def __init__(
        self,
        knowledge: KnowledgeClient,
        endpoint: LanguageModelEndpoint | None,
        customer: Customer | None = None,
    ) -> None:
        """``endpoint`` None: no language model, approved text alone answers. ``customer`` None:
        nobody calls, and only questions are answered."""
        self._lookup = Lookup(knowledge)
        self._showing = Showing()
        self._router = Router(knowledge)
        self._offers = Offers()
        self._escalation = EscalationWords()
        self._declining = load_declining()
        self._answerer = Answerer(endpoint)
        self._phrases = load_phrases()
        self._customer = customer
        self._turns = Turns(customer, knowledge) if customer else None
        self._course = Course()

    @property
    def course(self) -> Course:
        """Where the flows stand after the turns that stand."""
        return self._course

    async def aclose(self) -> None:
        """Close the model's connections; the knowledge client is the caller's."""
        await self._answerer.aclose()

    async def greet(self, language: Language) -> Sequence[str]:
        """The first words to whoever calls, one after the other."""
        try:
            first = await greeting(self._customer, language)
        except (SQLAlchemyError, OSError):
            log.exception("the customer is not greeted by name")
            return [self._phrases[language].greeting]
        self._course = replace(self._course, recalled=first.recalled)
        return first.texts

    def take_up(
        self, course: Course, history: Sequence[Message], language: Language
    ) -> Sequence[str]:
        """The first words in a call that another process has begun, one after the other.

        ``course``, ``history``: where it stood, and what was said in it. What waits for an answer
        is asked again, and nothing that was answered.
        """
        self._course = course
        fixed = load_flow("greeting")[language].fixed
        if wish := self._offers.offered(history):
            return [fixed["again"], self._escalation.ask(wish, language)]
        if self._turns is None:
            return [fixed["again"], fixed["go_on"]]
        back = self._turns.again(course, language)
        self._course = back.course
        return [fixed["again"], *(back.texts or [fixed["go_on"]])]

    async def prepare(self, heard: str, history: Sequence[Message]) -> None:
        """Route, search and read ahead in what the customer has said so far.

        Raises ServiceError when the knowledge server is away.
        """
        language = language_of(heard)
        found, _ = await asyncio.gather(
            self._lookup.find(heard, language, history),
            self._router.route(heard, self._course.under_way),
        )
        await self._answerer.read_ahead(found, language, history)

    def compose(
        self,
        said: str,
        history: Sequence[Message] = (),
        *,
        language: Language | None = None,
        instead_of: Answer | None = None,
        seen: Seen | None = None,
    ) -> Answer:
        """The answer to what is said, in its language unless another is given.

        ``instead_of``: the answer to the first part of it, which was given too soon. ``seen``: what
        stands on the screen that the customer shares.
        """
        course = instead_of.course_before if instead_of else self._course
        answer = Answer(said, language or _language(said, history), course)
        answer.texts = self._noted(answer, self._parts(answer, history, seen))
        return answer

    def go_ahead(self, said: str, language: Language) -> Answer:
        """The answer to somebody who wants us to stop: that we listen."""
        answer = Answer(said, language, self._course)
        answer.texts = self._noted(answer, _only(self._phrases[language].go_ahead))
        return answer

    def stands(self, answer: Answer) -> None:
        """The turn stands that ``answer`` is for: the flows stand where it leaves them."""
        happened = answer.course.happened.and_then(answer.wants)
        self._course = replace(answer.course, happened=happened)

    async def report(self, answer: Answer, outcome: Outcome) -> str:
        """What came of the call for a person that ``answer`` wanted: said after its texts.

        Where nobody comes at once they are asked where they can be reached.
        """
        texts = [self._escalation.report(outcome, answer.language)]
        if isinstance(outcome, PersonCalled):
            happened = self._course.happened.with_ticket(outcome.ticket)
            self._course = replace(self._course, happened=happened)
            asked = "" if outcome.at_once else await self.ask_reach(outcome.ticket, answer.language)
            texts.append(asked or self._escalation.meanwhile(answer.language))
        text = "".join(space(answer.language) + one for one in texts)
        answer.text += text
        return text

    async def ask_reach(self, ticket: int, language: Language) -> str:
        """Ask where the customer can be reached about a ticket to which nobody comes; empty where
        that is known, or was asked. It is asked now: whoever calls this says it."""
        try:
            asked = self._turns and await self._turns.ask_reach(ticket, self._course, language)
        except (SQLAlchemyError, OSError):
            log.exception("where the customer of ticket %s can be reached is not asked", ticket)
            return ""
        if not asked:
            return ""
        self._course = asked.course
        return "".join(asked.texts)

    @property
    def awaited(self) -> Awaited:
        """What a flow has asked the customer for."""
        return self._course.awaited

    def awaits_yes(self, history: Sequence[Message]) -> bool:
        """Whether a "yes" answers what was said last: then it is more than support."""
        return self._course.asks or self._offers.offered(history) is not None

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

    async def _parts(
        self, answer: Answer, history: Sequence[Message], seen: Seen | None
    ) -> AsyncGenerator[str, None]:
        started = time.perf_counter()
        meant = self._showing.meant(answer.question, answer.language, seen)
        finding = asyncio.create_task(
            self._lookup.find(meant.text, answer.language, history), name="finding"
        )
        finding.add_done_callback(
            lambda done: None if done.cancelled() else answer.note_time("retrieval", started)
        )
        try:
            routed = await self._route(answer, history)
            answer.note_time("routing", started)
            searched = _Searched(meant.text, finding)
            texts = await self._decided(answer, routed, history, seen, searched)
            if not texts:
                found = await finding
        finally:
            finding.cancel()
            await asyncio.gather(finding, return_exceptions=True)
        if texts:
            for text in texts:
                yield text
            return
        back = self._back(answer)
        first = "".join(_untold(meant.first, history, answer.language))
        async with aclosing(self._answerer.answer(answer, found, history)) as clauses:
            async for clause in clauses:
                yield first + clause
                first = ""
        for text in back:
            yield text

    async def _route(self, answer: Answer, history: Sequence[Message]) -> Routed:
        if accepted := self._offers.accepted(answer.question, history):
            return Routed(accepted, is_sure=True)
        course = answer.course_before
        routed = await self._router.route(answer.question, course.under_way)
        if routed.route in WISHES and self._turns and self._customer:
            said = Said(answer.question, answer.language, self._customer.now())
            is_free = not (course.flows or routed.is_sure)
            if is_free and self._turns.is_opening(said, routed.route):
                return Routed("onboarding", is_sure=False)
            wish, is_sure = _wish(routed), routed.is_sure
            if course.flows and self._turns.is_plain_answer(said, course, wish, is_sure=is_sure):
                return Routed(course.under_way or "none", is_sure=False)
        return routed

    async def _trouble_instead(self, answer: Answer, routed: Routed, find: Find) -> Routed:
        """Trouble in the place of an emergency of which nothing is sure, where it is likelier, and
        means what an entry on a trouble is about."""
        is_unsure = routed.route == "emergency" and routed.likeliest == "trouble"
        if not is_unsure or routed.is_sure or not (self._turns and self._customer):
            return routed
        if answer.course_before.flows:
            return routed
        said = Said(answer.question, answer.language, self._customer.now())
        is_told = await self._turns.is_about_trouble(said, find)
        return Routed("trouble", is_sure=False) if is_told else routed

    def _people(self, answer: Answer, routed: Routed, history: Sequence[Message]) -> str:
        """The words to a wish: people are called, or where it is not sure, that is offered."""
        wish = _wish(routed)
        if not routed.is_sure:
            answer.wants = self._signalled(answer)
            return self._escalation.ask(wish, answer.language)
        is_yes = self._offers.accepted(answer.question, history) is not None
        is_wish_alone = wish == "person" or is_yes
        subject = subject_of(answer.question, history, is_wish_alone=is_wish_alone)
        call = CallPerson(wish, subject)
        answer.wants = (call, *self._signalled(answer))
        if wish == "person" and self._turns:
            handed_over = self._turns.handed_over(answer.course)
            answer.course, answer.wants = handed_over.course, (*answer.wants, *handed_over.wants)
        return self._escalation.first(call, answer.language)

    async def _known_incident(
        self, answer: Answer, routed: Routed, history: Sequence[Message]
    ) -> list[str]:
        """That people are at it already, and whether one is wanted all the same: an incident pages
        once, not for everybody who calls about it. Empty where none is known, or one is wanted; who
        has been told and insists wants one."""
        is_yes = self._offers.accepted(answer.question, history) is not None
        if _wish(routed) != "emergency" or is_yes or not (self._turns and self._customer):
            return []
        said = Said(answer.question, answer.language, self._customer.now())
        try:
            known = await self._turns.incident(said)
        except (SQLAlchemyError, OSError):
            log.exception("whether an incident is known cannot be read")
            return []
        if not any(_untold(known, history, answer.language)):
            return []
        texts = [*known, self._escalation.ask("person", answer.language)]
        return list(_spaced(texts, answer.language))

    def _signalled(self, answer: Answer) -> tuple[NoteSignal, ...]:
        """That they may leave, where what they say shows it."""
        signal = self._turns.signal(answer.question) if self._turns else None
        return (signal,) if signal else ()

    async def _decided(
        self,
        answer: Answer,
        routed: Routed,
        history: Sequence[Message],
        seen: Seen | None,
        searched: _Searched,
    ) -> list[str]:
        """What is said where no passage is the answer; empty where one is."""
        find = self._finder(answer, history, searched)
        routed = await self._trouble_instead(answer, routed, find)
        is_sure_wish = routed.route in WISHES and routed.is_sure
        if not is_sure_wish and self._offers.refused(answer.question, history):
            return [self._escalation.not_called(answer.language), *self._back(answer)]
        declined = self._declining.read(answer.question)
        if routed.route in WISHES and not (declined and declined.goes_first):
            if known := await self._known_incident(answer, routed, history):
                return known
            return [self._people(answer, routed, history)]
        if declined:
            answer.wants = self._signalled(answer) if declined.may_leave else ()
            return [*self._declined(answer, declined), *self._back(answer)]
        if turn := await self._turn(answer, routed, history, seen, searched):
            answer.course, answer.wants = turn.course, tuple(turn.wants)
            answer.citations = tuple(turn.citations)
            return list(_spaced(turn.texts, answer.language))
        if routed.route == "none" and routed.is_sure:
            off_subject = self._declined(answer, self._declining.off_subject)
            return [*off_subject, *self._back(answer)]
        return []

    async def _turn(
        self,
        answer: Answer,
        routed: Routed,
        history: Sequence[Message],
        seen: Seen | None,
        searched: _Searched,
    ) -> Turn | None:
        """What the flows say to it; None where it is none of theirs."""
        if self._turns is None or self._customer is None:
            return None
        find = self._finder(answer, history, searched)
        now = self._customer.now()
        said = Said(answer.question, answer.language, now, history, seen)
        try:
            route = self._turns.route(said, routed, answer.course_before)
            turn = await self._turns.take(said, route, answer.course_before, find)
        except (SQLAlchemyError, OSError) as error:
            raise ServiceError(
                f"The records of customers cannot be read ({type(error).__name__}).",
                "Check LIUKE_DATABASE_URL and that the database is up.",
                retryable=True,
            ) from error
        # What they say of their own market shows nothing of what they think of us.
        is_of_product = answer.course_before.under_way == "onboarding"
        signal = None if is_of_product else self._turns.signal(said.text)
        if signal is None or (turn and any(isinstance(w, NoteSignal) for w in turn.wants)):
            return turn
        if turn is None:
            answer.wants = (signal,)
            return None
        return replace(turn, wants=[*turn.wants, signal])

    def _finder(self, answer: Answer, history: Sequence[Message], searched: _Searched) -> Find:
        """Searches for what has not been searched for yet."""

        async def find(text: str) -> Retrieval:
            if text == searched.text:
                return await searched.finding
            return await self._lookup.find(text, answer.language, history)

        return find

    def _back(self, answer: Answer) -> list[str]:
        """Back to the flow that is under way, behind an answer to something else."""
        if self._turns is None:
            return []
        back = self._turns.back(answer.course, answer.language)
        answer.course = back.course
        first, *rest = [*_spaced(back.texts, answer.language), ""]
        return [f"{space(answer.language)}{first}", *filter(None, rest)] if first else []

    def _declined(self, answer: Answer, declined: Declined) -> list[str]:
        answer.declined = True
        text = declined.texts[answer.language]
        if not declined.offers_colleague:
            return [text]
        return [text + space(answer.language), self._escalation.ask("person", answer.language)]


def _wish(routed: Routed) -> Wish:
    return "emergency" if routed.route == "emergency" else "person"


def _language(said: str, history: Sequence[Message]) -> Language:
    """Of what is said; of a number or a user's ID alone, that which was spoken before."""
    if _SAYS_SOMETHING.search(said) or not history:
        return language_of(said)
    return language_of(history[-1].text)


def _spaced(texts: Sequence[str], language: Language) -> Iterator[str]:
    """The texts with what stands between two sentences."""
    for number, text in enumerate(texts, start=1):
        yield text if number == len(texts) else text + space(language)


def _untold(texts: Sequence[str], history: Sequence[Message], language: Language) -> Iterator[str]:
    """Those that the assistant has not said before, each with what stands behind a sentence."""
    for text in texts:
        if not any(one.role == "assistant" and text in one.text for one in history):
            yield text + space(language)


async def _only(text: str) -> AsyncGenerator[str, None]:
    yield text
