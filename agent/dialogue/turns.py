"""Turns: what a customer says, where it goes, and where the conversation stands, in; what the flows
say to it, and where it stands then, out.

A flow that is interrupted comes back: a question in between is answered, and its own asked again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.dialogue.contract import CallPerson, Citation, NoteSignal, Want
from agent.dialogue.course import Course, Flow
from agent.dialogue.customer import Customer
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.ending import Endings
from agent.dialogue.flows.figures import Figures
from agent.dialogue.flows.leaving import Leaving, Retaining
from agent.dialogue.flows.onboarding import Onboarding, OnboardingState
from agent.dialogue.flows.troubleshooting import Trouble, Troubleshooting
from agent.dialogue.replies import load_replies
from agent.dialogue.routing import Route
from agent.dialogue.showing import Showing
from agent.dialogue.signals import load_signals
from agent.dialogue.solved import is_solved
from agent.prompts import load_flow
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.contract import Retrieval

#: What the knowledge base has on a text.
Find = Callable[[str], Awaitable[Retrieval]]

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
        self._replies = load_replies()
        self._signals = load_signals()
        self._greeting = load_flow("greeting")
        self._showing = Showing()

    async def take(self, said: Said, route: Route, course: Course, find: Find) -> Turn | None:
        """What the flows say to it; None where it is none of theirs."""
        now = replace(course, recalled=None, ending=None, figures=None)
        if self._endings.is_goodbye(said.text, answers=course.asks):
            ending = self._endings.begin(now.happened, said)
            return _said(ending, replace(now, flows=(), ending=ending.state))
        if course.recalled and (turn := await self._recalled(said, course, now, find)):
            return turn
        if course.ending and (ended := self._endings.step(course.ending, said)):
            return _said(ended, now)
        if course.flows and self._is_reply(said, route, course):
            step = await self._step(course.flows[-1], said, find)
            return self._after(step, said, replace(now, flows=now.flows[:-1]))
        if route != "trouble" and self._figures.is_asked(said.text, course.figures):
            route = "figures"
        if route == "question" and not course.flows and self._onboarding.is_opening(said):
            route = "onboarding"
        return await self._begin(said, route, replace(now, figures=course.figures), find)

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

    def is_plain_answer(self, said: Said, course: Course, *, is_sure: bool) -> bool:
        """Whether it plainly answers what onboarding asked, though it sounds like a wish for a
        person. ``is_sure``: surely."""
        match course.flows[-1] if course.flows else None:
            case OnboardingState() as flow:
                return self._onboarding.is_plain_answer(flow, said, is_sure=is_sure)
        return False

    def signal(self, said: str) -> NoteSignal | None:
        """That they may leave, whatever it was that they asked."""
        return self._signals.heard(said)

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
                return is_told or self._is_yes_or_no(said)
            case Leaving():
                return self._is_yes_or_no(said) or self._retaining.is_reason(flow, said)

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
                return self._after(await self._retaining.begin(said), said, course)
            case _:
                return None

    async def _begin_trouble(self, said: Said, find: Find) -> Step[Trouble]:
        meant = self._showing.meant(said.text, said.language, said.seen, is_trouble=True)
        said = replace(said, text=meant.text)
        found = await find(self._trouble.query(said.text))
        earlier = await self._customer.earlier()
        step = await self._trouble.begin(said, self._customer.scope, found, earlier)
        return replace(step, texts=[*meant.first, *step.texts])

    async def _step(
        self, flow: Flow, said: Said, find: Find
    ) -> Step[Trouble] | Step[OnboardingState] | Step[Leaving]:
        match flow:
            case Trouble():
                meant = self._showing.corrected(said.text, said.language, said.seen)
                said = replace(said, text=meant.text)
                found = await find(self._trouble.query(said.text))
                step = await self._trouble.step(flow, said, self._customer.scope, found)
                return replace(step, texts=[*meant.first, *step.texts])
            case OnboardingState():
                return await self._onboarding.step(flow, said)
            case Leaving():
                return await self._retaining.step(flow, said)

    def _resume(
        self, flow: Flow, language: Language
    ) -> Step[Trouble] | Step[OnboardingState] | Step[Leaving]:
        match flow:
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
        found = await find(self._trouble.query(matter.words))
        step = await self._trouble.again(matter, said, self._customer.scope, found)
        return self._after(step, said, now)


def _said(step: Step[object], course: Course) -> Turn:
    return Turn(step.texts, course, step.wants, step.citations)


def _moved(course: Course, flow: Flow | None) -> Course:
    """With a flow under way, wherever it stood before."""
    others = [one for one in course.flows if type(one) is not type(flow)]
    return replace(course, flows=(*others, flow) if flow else course.flows)
