"""Turns: what a customer says, where it goes, and where the conversation stands, in; what the flows
say to it, and where it stands then, out.

A flow that is interrupted comes back: a question in between is answered, and its own asked again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from agent.dialogue.contract import CallPerson, Citation, NoteSignal, Want
from agent.dialogue.course import Course, Flow
from agent.dialogue.customer import Customer
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.details import Asking, Detail, Details
from agent.dialogue.flows.ending import Ending, Endings
from agent.dialogue.flows.figures import Figures
from agent.dialogue.flows.leaving import Leaving, Retaining
from agent.dialogue.flows.onboarding import Onboarding, OnboardingState
from agent.dialogue.flows.troubleshooting import Trouble, Troubleshooting
from agent.dialogue.replies import load_replies
from agent.dialogue.routing import Route, Routed
from agent.dialogue.showing import Showing
from agent.dialogue.signals import load_signals
from agent.dialogue.solved import is_solved
from agent.dialogue.spelt import identifier
from agent.dialogue.wishes import Wish
from agent.prompts import load_flow
from common.errors import LiukeError
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.contract import Retrieval

log = logging.getLogger(__name__)

#: What the knowledge base has on a text.
Find = Callable[[str], Awaitable[Retrieval]]

#: Codes of HTTP that tell of trouble: everybody knows them.
_OF_HTTP: Final = frozenset(str(status.value) for status in HTTPStatus if status >= 400)
#: How much likelier than anything else a wish to leave must be that no word shows, logarithm of the
#: odds: of utterances held back, all from there on are one.
_LEAVING: Final = 2.0
#: Where a trouble may go that is told in words which nobody taught the router.
_OPEN: Final[Sequence[Route]] = ("question", "onboarding", "none")
#: What ends so is asked.
_QUESTION: Final = re.compile(r"[?？]\s*$|[吗呢]\s*[。.]?\s*$")


@dataclass(frozen=True)
class Turn:
    """What is said, and where the conversation stands then."""

    texts: Sequence[str]
    course: Course
    wants: Sequence[Want] = ()
    citations: Sequence[Citation] = ()


class Turns:
    """The flows of one call; a turn of them changes nothing."""

    def __init__(self, customer: Customer, knowledge: KnowledgeClient) -> None:
        """Raises SetupError when a file of theirs cannot be used."""
        self._customer = customer
        self._figures = Figures(customer.database, customer.targets)
        self._trouble = Troubleshooting(customer.database, customer.targets, knowledge.find_entry)
        self._onboarding = Onboarding(knowledge)
        self._retaining = Retaining(customer)
        self._endings = Endings()
        self._details = Details(customer.may_mail)
        self._error_codes = knowledge.error_codes
        self._replies = load_replies()
        self._signals = load_signals()
        self._greeting = load_flow("greeting")
        self._showing = Showing()

    async def take(self, said: Said, route: Route, course: Course, find: Find) -> Turn | None:
        """What the flows say to it; None where it is none of theirs."""
        now = replace(course, recalled=None, ending=None, figures=None)
        if self._endings.is_goodbye(said.text, answers=course.asks):
            return await self._end(said, replace(now, flows=()))
        if course.recalled and (turn := await self._recalled(said, course, now, find)):
            return turn
        if course.ending and (turn := await self._ended(course.ending, said, now)):
            return turn
        is_reply = bool(course.flows) and self._is_reply(said, route, course)
        flow = course.flows[-1] if is_reply else None
        if isinstance(flow, Detail):
            return await self._detailed(flow, said, replace(now, flows=now.flows[:-1]), find)
        is_of_trouble = isinstance(flow, Trouble) if flow else route == "trouble"
        if is_of_trouble and (code := await self._unsure(said, course)):
            read_back = self._details.read_back(code, said)
            assert read_back.state
            return _said(read_back, now.asking(read_back.state, code))
        if flow:
            step = await self._step(flow, said, find)
            return self._after(step, said, replace(now, flows=now.flows[:-1]))
        may_be_figures = route != "trouble" or self._figures.names_owner(said.text)
        if may_be_figures and self._figures.is_asked(said.text, course.figures):
            route = "figures"
        if not course.flows and self.is_opening(said, route):
            route = "onboarding"
        elif not course.flows and await self._tells_trouble(said, route, find):
            route = "trouble"
        elif route in _OPEN and not course.flows and self._is_over(said):
            return Turn([self._greeting[said.language].fixed["good"]], now)
        return await self._begin(said, route, replace(now, figures=course.figures), find)

    async def incident(self, said: Said) -> list[str]:
        """That people are at it already, where an emergency is told of in an incident."""
        return await self._figures.incident(said, self._customer.scope)

    def back(self, course: Course, language: Language) -> Turn:
        """Back to the flow that is under way, behind an answer to something else."""
        if not course.flows:
            return Turn((), course)
        step = self._resume(course.flows[-1], language)
        return Turn(step.texts, _moved(course, step.state))

    def again(self, course: Course, language: Language) -> Turn:
        """What waits for an answer, asked again in a call that was interrupted itself."""
        if course.ending:
            return Turn([self._endings.ask(language)], course)
        return self.back(replace(course, recalled=None), language)

    def is_plain_answer(self, said: Said, course: Course, wish: Wish, *, is_sure: bool) -> bool:
        """Whether it plainly answers what was asked, though it sounds like a wish. ``is_sure``:
        surely."""
        match course.flows[-1] if course.flows else None:
            case OnboardingState() as flow:
                return self._onboarding.is_plain_answer(flow, said, wish, is_sure=is_sure)
            case Trouble():
                return self._trouble.is_plain_answer(said)
            case Detail() as flow:
                return self._details.is_plain_answer(flow, said, wish, is_sure=is_sure)
        return False

    def route(self, said: Said, routed: Routed, course: Course) -> Route:
        """Where it goes; not to leaving for a mere reply to nothing: "I don't know, go on"."""
        if routed.route != "leaving" or course.flows or self.signal(said.text):
            return routed.route
        is_reply = self._replies.read(said.text) in ("unknown", "wait")
        return "none" if is_reply or routed.margin < _LEAVING else "leaving"

    def is_opening(self, said: Said, route: Route) -> bool:
        """Whether onboarding begins with it, where its route is no other flow's."""
        may_be = route in ("question", "small_talk", "none", "person", "trouble")
        return may_be and self._onboarding.is_opening(said, is_trouble=route == "trouble")

    def signal(self, said: str) -> NoteSignal | None:
        """That they may leave, whatever it was that they asked."""
        return self._signals.heard(said)

    async def _tells_trouble(self, said: Said, route: Route, find: Find) -> bool:
        """Whether a trouble is told, though it went elsewhere: in words that leave no doubt, or by
        what it means, where nothing is asked."""
        if route == "figures":
            return self._trouble.is_told(said) and not self._figures.is_asked_for(said.text)
        if route not in _OPEN:
            return False
        if self._trouble.is_told(said):
            return True
        return route == "none" and await self.is_about_trouble(said, find)

    async def is_about_trouble(self, said: Said, find: Find) -> bool:
        """Whether it means what an entry on a trouble is about, and asks for nothing."""
        if _QUESTION.search(said.text) or not self._trouble.may_tell(said):
            return False
        return self._trouble.is_about(await find(self._trouble.query(said)))

    def handed_over(self, course: Course) -> Turn:
        """The trouble that is under way is a person's from now on."""
        flow = course.flows[-1] if course.flows else None
        if not isinstance(flow, Trouble):
            return Turn((), course)
        return Turn((), replace(course, flows=course.flows[:-1]), self._trouble.handed_over(flow))

    def _is_reply(self, said: Said, route: Route, course: Course) -> bool:
        """Whether it answers the flow that is under way, by its route or by what was asked."""
        if route == course.under_way:
            return True
        flow = course.flows[-1]
        match flow:
            case OnboardingState():
                return self._onboarding.is_answer(flow, said, is_trouble=route == "trouble")
            case Trouble():
                is_told = route in ("none", "onboarding") and not _QUESTION.search(said.text)
                return is_told or self._is_yes_or_no(said) or self._answers(flow, said)
            case Detail():
                is_question = route not in ("none", "small_talk") or bool(
                    _QUESTION.search(said.text)
                )
                return self._details.is_answer(flow, said, is_question=is_question)
            case Leaving():
                return self._is_yes_or_no(said) or self._retaining.is_reason(flow, said)

    def _answers(self, flow: Trouble, said: Said) -> bool:
        """Whether it answers what was asked of the trouble, whatever else it sounds like: "we moved
        to another carrier" is no wish to leave."""
        is_asking = bool(_QUESTION.search(said.text)) or self._figures.is_asked(said.text, None)
        return not is_asking and self._trouble.is_answer(flow, said)

    def _is_over(self, said: Said) -> bool:
        """Whether it says that something works now, and asks nothing."""
        return is_solved(said.text) and not _QUESTION.search(said.text)

    def _is_yes_or_no(self, said: Said) -> bool:
        """Whether it is a reply by itself, as far as nothing is asked in it."""
        is_reply = is_solved(said.text) or self._replies.read(said.text) is not None
        return is_reply and not _QUESTION.search(said.text)

    async def _begin(self, said: Said, route: Route, course: Course, find: Find) -> Turn | None:
        match route:
            case "figures":
                answered = await self._figures.answer(said, self._customer.scope, course.figures)
                turn = _said(answered, replace(course, figures=answered.state))
                return self._and_back(turn, said.language)
            case "trouble":
                trouble = await self._begin_trouble(said, find)
                return self._after(trouble, said, replace(course, figures=None))
            case "onboarding":
                known = await self._customer.known()
                return self._after(await self._onboarding.begin(known, said), said, course)
            case "leaving":
                signal = course.happened.signal
                return self._after(await self._retaining.begin(said, signal), said, course)
            case _:
                return None

    async def _begin_trouble(self, said: Said, find: Find) -> Step[Trouble]:
        meant = self._showing.meant(said.text, said.language, said.seen, is_trouble=True)
        said = replace(said, text=meant.text)
        found = await find(self._trouble.query(said))
        earlier = await self._customer.earlier()
        step = await self._trouble.begin(said, self._customer.scope, found, earlier)
        return replace(step, texts=[*meant.first, *step.texts])

    async def _step(
        self, flow: Trouble | OnboardingState | Leaving, said: Said, find: Find
    ) -> Step[Trouble] | Step[OnboardingState] | Step[Leaving]:
        match flow:
            case Trouble():
                meant = self._showing.corrected(said.text, said.language, said.seen)
                said = replace(said, text=meant.text)
                found = await find(self._trouble.query(said))
                step = await self._trouble.step(flow, said, self._customer.scope, found)
                return replace(step, texts=[*meant.first, *step.texts])
            case OnboardingState():
                return await self._onboarding.step(flow, said)
            case Leaving():
                return await self._retaining.step(flow, said)

    def _resume(
        self, flow: Flow, language: Language
    ) -> Step[Trouble] | Step[OnboardingState] | Step[Leaving] | Step[Detail]:
        match flow:
            case Detail():
                return self._details.resume(flow, language)
            case Trouble():
                return Step([self._trouble.resume(flow, language)], flow)
            case OnboardingState():
                return self._onboarding.resume(flow, language)
            case Leaving():
                return Step(self._retaining.resume(flow, language), flow)

    def _after(
        self,
        step: Step[Trouble] | Step[OnboardingState] | Step[Leaving],
        said: Said,
        course: Course,
    ) -> Turn:
        """The turn of a step; where its flow is over, the one before it goes on."""
        turn = _said(step, _moved(course, step.state))
        if step.state or any(isinstance(want, CallPerson) for want in step.wants):
            return turn  # what came of a call for a person is told first
        return self._and_back(turn, said.language)

    def _and_back(self, turn: Turn, language: Language) -> Turn:
        back = self.back(turn.course, language)
        return replace(turn, texts=[*turn.texts, *back.texts], course=back.course)

    async def _end(self, said: Said, course: Course) -> Turn:
        """What came of the call, and goodbye."""
        offer = await self._mail_offer(said.language, course)
        step = self._endings.begin(course.happened, said, offer.text if offer else "")
        now = replace(course, ending=step.state)
        return _said(step, now.asking(offer.state) if offer and step.state is None else now)

    async def _ended(self, ending: Ending, said: Said, course: Course) -> Turn | None:
        """What is said to whether it is solved; None where it is something else."""
        offer = await self._mail_offer(said.language, course)
        step = self._endings.step(ending, said, offer.text if offer else "")
        if step is None:
            return None
        is_offered = offer is not None and step.texts[-1] == offer.text
        return _said(step, course.asking(offer.state) if offer and is_offered else course)

    async def _mail_offer(self, language: Language, course: Course) -> Asking | None:
        """The offer to mail the summary, unless it goes to them anyhow, or would not go out."""
        if "mail" in course.asked_for or not self._customer.mails_summaries:
            return None
        return None if await self._customer.email() else self._details.ask("mail", language)

    async def ask_reach(self, ticket: int, course: Course, language: Language) -> Turn | None:
        """Where they can be reached about a ticket to which nobody comes; None where that is
        known, or was asked."""
        if "reach" in course.asked_for or await self._customer.reached_at(ticket):
            return None
        asking = self._details.ask("reach", language)
        return Turn([asking.text], course.asking(asking.state))

    async def _detailed(self, flow: Detail, said: Said, course: Course, find: Find) -> Turn:
        """What is said to a detail that was asked for; where that is over, what goes on then."""
        step = self._details.step(flow, said)
        if step.state and not step.state.confirmed:
            return _said(step, course.asking(step.state))
        turn = _said(step, course)
        if not flow.about:
            return self._and_back(turn, said.language)
        code = step.state.confirmed if step.state else ""
        told = replace(
            said, text=self._details.with_code(flow, code), codes=(code,) if code else ()
        )
        now = replace(course, asked_for=course.asked_for | {code})
        then = await self._with_told(told, now, find)
        return replace(then, texts=[*turn.texts, *then.texts])

    async def _with_told(self, told: Said, course: Course, find: Find) -> Turn:
        """A trouble goes on, or begins, with what was said of it before."""
        if course.flows and isinstance(flow := course.flows[-1], Trouble):
            step = await self._step(flow, told, find)
            return self._after(step, told, replace(course, flows=course.flows[:-1]))
        return self._after(await self._begin_trouble(told, find), told, course)

    async def _unsure(self, said: Said, course: Course) -> str:
        """A code or an id that is told and may be misheard: neither the knowledge base nor the
        account has it, nor does the customer's screen show any."""
        code = identifier(said.text)
        is_seen = said.seen is not None and bool(said.seen.codes)
        if not code or is_seen or code in course.asked_for | _OF_HTTP:
            return ""
        try:
            explained = await self._error_codes()
        except LiukeError as error:
            log.warning("%s", error)
            return ""
        known = await self._customer.known()
        own = {app.id for app in known.apps} if known else set()
        return "" if code in {one.lower() for one in explained | own} else code

    async def _recalled(self, said: Said, course: Course, now: Course, find: Find) -> Turn | None:
        """What is said to whether the trouble of an earlier call is solved."""
        matter = course.recalled
        assert matter is not None
        reply = self._replies.read(said.text)
        if is_solved(said.text) or reply == "yes":
            glad = self._greeting[said.language].fixed["glad"]
            return Turn([glad], now, [replace(matter, state="solved")])
        if reply not in ("no", "same"):
            return None
        found = await find(self._trouble.query(replace(said, text=matter.words)))
        step = await self._trouble.again(matter, said, self._customer.scope, found)
        return self._after(step, said, now)


def _said(step: Step[object], course: Course) -> Turn:
    return Turn(step.texts, course, step.wants, step.citations)


def _moved(course: Course, flow: Flow | None) -> Course:
    """With a flow under way, wherever it stood before."""
    others = [one for one in course.flows if type(one) is not type(flow)]
    return replace(course, flows=(*others, flow) if flow else course.flows)
