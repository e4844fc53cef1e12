"""Leaving: a customer who may leave, and why, in; an honest word, one concrete step, and whether
they want it, out.

Nothing is offered but what the operator's policy has for what they said, and nothing is promised
before they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from agent.dialogue.contract import GivePromise, NoteSignal, Want
from agent.dialogue.customer import Customer
from agent.dialogue.escalating import duration
from agent.dialogue.flow import Said, Step
from agent.dialogue.replies import load_replies
from agent.dialogue.signals import load_signals
from agent.prompts import load_escalation, load_flow
from agent.service.retention.policy import Offer
from common.languages import Language

#: Whoever says this is shown what the records have of it.
_OF_TICKETS: Final = frozenset({"repeated_incidents", "anger"})


@dataclass(frozen=True)
class Leaving:
    """Where it stands."""

    offer: Offer | None = None
    """What was offered, and waits for an answer; None: why they may leave was asked."""
    flow: Literal["leaving"] = "leaving"


class Retaining:
    """The flow, for one call; a step of it changes nothing."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._signals = load_signals()
        self._replies = load_replies()
        self._phrases = load_flow("leaving")
        self._people = load_escalation()

    async def begin(self, said: Said, before: NoteSignal | None) -> Step[Leaving]:
        """A customer may leave: what they said shows why, or they are asked. ``before``: what they
        have shown in this call already; nobody is asked twice why."""
        heard = self._signals.heard(said.text)
        if heard is None and before:
            return Step(self._to_a_colleague(said.language), None)
        if heard is None:
            why = self._phrases[said.language].fixed["why"]
            return Step([why], Leaving(), [self._signals.answered(said.text)])
        return await self._answered(heard, said)

    def is_reason(self, state: Leaving, said: Said) -> bool:
        """Whether it answers why they may leave."""
        return state.offer is None and self._signals.answered(said.text).signal != "other"

    async def step(self, state: Leaving, said: Said) -> Step[Leaving]:
        """What they say to the question why, or to what was offered."""
        fixed = self._phrases[said.language].fixed
        if state.offer is None:
            return await self._answered(self._signals.answered(said.text), said)
        match self._replies.read(said.text):
            case "yes" | "wait":
                return self._arranged(state.offer, said)
            case "no" | "same" | "unknown":
                return Step([fixed["not_wanted"]], None)
        if heard := self._signals.heard(said.text):
            return await self._answered(heard, said)
        return Step([fixed["agree"]], state)

    def resume(self, state: Leaving, language: Language) -> Sequence[str]:
        """Back to the question that waits."""
        fixed = self._phrases[language].fixed
        if state.offer is None:
            return [fixed["why"]]
        return [fixed["back"], state.offer.words[language], fixed["agree"]]

    async def _answered(self, heard: NoteSignal, said: Said) -> Step[Leaving]:
        """An honest word, what the records have of it, and what may be offered."""
        fixed = self._phrases[said.language].fixed
        texts = [fixed[heard.signal], *await self._tickets(heard, said)]
        offer = await self._customer.offer_for(heard.signal, said.at)
        if offer is None or self._customer.is_guest:
            return Step([*texts, *self._to_a_colleague(said.language)], None, [heard])
        noted = replace(heard, offered=offer.name)
        texts = [*texts, offer.words[said.language], fixed["agree"]]
        return Step(texts, Leaving(offer), [noted])

    async def _tickets(self, heard: NoteSignal, said: Said) -> list[str]:
        if heard.signal not in _OF_TICKETS or self._customer.is_guest:
            return []
        serious = await self._customer.serious_tickets(said.at)
        if not serious:
            return []
        still_open = sum(told.ticket.status != "resolved" for told in serious)
        tickets = self._phrases[said.language].filled["tickets"]
        return [tickets.format(count=len(serious), open=still_open)]

    def _arranged(self, offer: Offer, said: Said) -> Step[Leaving]:
        phrases = self._phrases[said.language]
        if offer.within is None:
            return Step([phrases.fixed["noted"]], None)
        due_at = self._customer.due(said.at, offer.within)
        within = duration(due_at - said.at, self._people[said.language])
        promise: Want = GivePromise(offer.words[said.language], due_at)
        return Step([phrases.filled["arranged"].format(within=within)], None, [promise])

    def _to_a_colleague(self, language: Language) -> list[str]:
        """That it was noted, and the offer of somebody to talk to, which a "yes" accepts."""
        noted = self._phrases[language].fixed["noted"]
        return [noted, self._people[language].ask_person]
