"""Escalating: a wish for a person, and what came of it, in; the words for it out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from agent.dialogue.contract import CallPerson, Outcome, PersonCalled, Standing
from agent.dialogue.wishes import Wish
from agent.models.client import Message
from agent.prompts import EscalationPhrases, load_escalation
from common.languages import Language
from common.shorten import shortened

#: Characters of what a ticket is about.
_SUBJECT: int = 200
#: Durations are said in the largest unit of which there are at least two, or in minutes.
_UNITS = (("days", 24 * 60), ("hours", 60), ("minutes", 1))


class EscalationWords:
    """Says what is done about a wish for a person, in both languages."""

    def __init__(self) -> None:
        self._phrases: Mapping[Language, EscalationPhrases] = load_escalation()

    def first(self, action: CallPerson, language: Language) -> str:
        """The first words: what is being done."""
        phrases = self._phrases[language]
        return phrases.emergency if action.wish == "emergency" else phrases.person

    def ask(self, wish: Wish, language: Language) -> str:
        """Whether people are to be called: somebody may have wished for it."""
        phrases = self._phrases[language]
        return phrases.ask_emergency if wish == "emergency" else phrases.ask_person

    def not_called(self, language: Language) -> str:
        """To who does not want them called."""
        return self._phrases[language].not_called

    def report(self, outcome: Outcome, language: Language) -> str:
        """What came of it: the ticket's number, severity and clock; or that nobody was told."""
        phrases = self._phrases[language]
        if not isinstance(outcome, PersonCalled):
            return phrases.failed
        said = phrases.opened if outcome.is_new else phrases.known
        if outcome.is_new and outcome.within is None:
            said = phrases.opened_without_clock
        return said.format(
            number=outcome.ticket,
            severity=phrases.severities[str(outcome.severity)],
            within=duration(outcome.within, phrases) if outcome.within else "",
        )

    def meanwhile(self, language: Language) -> str:
        """What they may do until a person comes."""
        return self._phrases[language].meanwhile

    def standing(self, now: Standing, ticket: int, language: Language) -> str:
        """How far the calling of people has come; empty where there is nothing to tell yet."""
        phrases = self._phrases[language]
        match now.kind:
            case "none" | "here":
                return ""
            case "calling":
                said = phrases.calling if now.nth == 1 else phrases.calling_next
            case "coming":
                said = phrases.coming
            case "nobody" if now.within:
                said = phrases.call_back
            case "nobody":
                said = phrases.nobody
        within = duration(now.within, phrases) if now.within else ""
        return said.format(name=now.name, number=ticket, within=within)

    def still_calling(self, language: Language) -> str:
        """To somebody who has waited for a while."""
        return self._phrases[language].still_calling

    def introduced(self, name: str, language: Language) -> str:
        """To the customer, of a person who has come."""
        return self._phrases[language].introduced.format(name=name)

    def gone(self, how: Literal["handed_back", "left"], name: str, language: Language) -> str:
        """To the customer, of a person who has handed back, or left."""
        phrases = self._phrases[language]
        return (phrases.handed_back if how == "handed_back" else phrases.left).format(name=name)

    def brief(self, case: Case, language: Language) -> str:
        """To the person alone: what it is about."""
        phrases = self._phrases[language]
        lines = phrases.brief
        contact = case.contact or lines["guest"]
        if case.account:
            contact = lines["of_account"].format(account=case.account, contact=contact)
        severity = phrases.severities[str(case.severity)]
        told = [
            lines["whose"].format(number=case.ticket, severity=severity, contact=contact),
            lines["facts"].format(facts=", ".join(case.facts)) if case.facts else "",
            lines["subject"].format(subject=case.subject),
            lines["last"].format(last=case.last) if case.last else "",
            lines["ready"],
        ]
        return "\n".join(filter(None, told))


@dataclass(frozen=True)
class Case:
    """What a person is told of a customer before they speak with them."""

    ticket: int
    severity: int
    account: str
    """Its name; empty for a guest."""
    contact: str
    subject: str
    last: str
    """What the customer said last; empty where that is the subject."""
    facts: Sequence[str]
    """What is known of the account, in words."""


def subject_of(question: str, history: Sequence[Message], *, is_wish_alone: bool) -> str:
    """What a ticket is about: what was asked; or, of a bare wish for a person, what before it."""
    asked = [message.text for message in history if message.role == "user" and message.text]
    about = asked[-1] if is_wish_alone and asked else question
    return shortened(about, _SUBJECT)


def duration(time: timedelta, phrases: EscalationPhrases) -> str:
    """A length of time in words, never shorter than it is."""
    minutes = math.ceil(time.total_seconds() / 60)
    unit, length = next(
        (unit, length) for unit, length in _UNITS if minutes >= 2 * length or unit == "minutes"
    )
    return phrases.durations[unit].format(count=math.ceil(minutes / length))
