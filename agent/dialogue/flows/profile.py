"""The profile: what is known of a customer's product, and what they say of it, in; it, out.

It can be said in a sentence, and as facts of the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from agent.dialogue.contract import StateFact
from agent.dialogue.slots import amounts, days
from agent.dialogue.slots.reader import LIVE, Filling, Reading
from agent.dialogue.slots.words import OWN, SLOTS, Meaning, Slot, as_read, load_slot_words
from agent.prompts import OnboardingPhrases
from agent.service.accounts.store import FIELDS, Known
from common.languages import Language

#: Those of which a new value stands beside those before, unless it is said to correct them.
_SEVERAL: Final[frozenset[Slot]] = frozenset(
    {"scenario", "regions", "platforms", "business_model", "compliance"}
)


@dataclass(frozen=True)
class Profile:
    """What is known of a product."""

    fillings: Mapping[Slot, Filling] = field(default_factory=dict)
    left_open: frozenset[Slot] = frozenset()
    """The customer does not know these yet, or does not want to say."""
    recorded: Mapping[Slot, Filling] = field(default_factory=dict)
    """What the account's records say."""

    @property
    def open_slots(self) -> list[Slot]:
        """What is neither known nor left open, in the order in which it is asked."""
        return [s for s in SLOTS if s not in self.fillings and s not in self.left_open]

    def leave_open(self, slot: Slot) -> Profile:
        """It, with a slot that is not asked for any more."""
        return replace(self, left_open=self.left_open | {slot})

    def take_in(self, reading: Reading, *, corrects: bool) -> Profile:
        """It, with what a customer says of it. ``corrects``: in the place of what is there."""
        fillings = dict(self.fillings)
        for slot in SLOTS:
            before = fillings.pop(slot, Filling(()))
            stays = [v for v in before.values if v not in reading.denied.get(slot, ())]
            # "No, not India, Indonesia" takes India away; "no, Indonesia" all that is there.
            all_anew = corrects and not reading.adds and len(stays) == len(before.values)
            if given := reading.given.get(slot):
                kept = () if slot not in _SEVERAL or all_anew else stays
                values = given.values
                if slot == "scale":
                    values = tuple(amounts.of_kind(value, before.values) for value in values)
                fillings[slot] = replace(given, values=tuple(dict.fromkeys((*kept, *values))))
            elif slot in self.fillings and (stays or not before.values):
                fillings[slot] = replace(before, values=tuple(stays))
        for slot in reading.left_open:
            fillings.pop(slot, None)
        left_open = (self.left_open | reading.left_open).difference(fillings)
        return replace(self, fillings=fillings, left_open=left_open)

    def in_words(self, phrases: OnboardingPhrases, language: Language) -> str:
        """All that is known, as the middle of a sentence; empty where nothing is."""
        parts = (
            _part(slot, self.fillings[slot], phrases, language)
            for slot in SLOTS
            if slot in self.fillings
        )
        return phrases.joined["parts"].join(parts)

    def facts(self, phrases: OnboardingPhrases, language: Language) -> list[StateFact]:
        """What the records do not say yet, as they keep it."""
        return [
            StateFact(slot, value)
            for slot in SLOTS
            if (filling := self.fillings.get(slot)) and filling != self.recorded.get(slot)
            if (value := _value(slot, filling, phrases, language)) is not None
        ]

    def values_of(self, slot: Slot) -> tuple[str, ...]:
        """The values of a slot, none where it is not known."""
        filling = self.fillings.get(slot)
        return filling.values if filling else ()

    def launch_day(self) -> date | None:
        """The day of the launch, where it is one."""
        day = next(iter(self.values_of("launch_date")), LIVE)
        return None if day == LIVE else date.fromisoformat(day)


def recorded_profile(known: Known | None) -> Profile:
    """What the records say of an account; nothing of a guest."""
    fillings: dict[Slot, Filling] = {}
    for slot in SLOTS:
        fact = known.fact(slot) if known else None
        if fact:
            is_text = isinstance(fact.value, str)
            fillings[slot] = Filling((fact.value,) if is_text else _of_names(slot, fact.value))
    return Profile(fillings, recorded=fillings)


def _of_names(slot: Slot, kept: Sequence[str]) -> tuple[str, ...]:
    """The values of a list as `_value` has kept it: "southeast-asia, 印尼" is Indonesia."""
    meanings = load_slot_words().values.get(slot, {})
    by_name = {name: value for value, of in meanings.items() for name in of.names.values()}
    values = [by_name.get(one, one) for one in kept]
    wider = {meanings[v].of for v in values if v in meanings and meanings[v].of != v}
    return tuple(value for value in values if value not in wider)


def joined(values: Sequence[str], phrases: OnboardingPhrases) -> str:
    """Several values as they are said one after the other."""
    *before, last = values
    comma, and_ = phrases.joined["comma"], phrases.joined["and"]
    return f"{comma.join(before)}{and_}{last}" if before else last


def names_of(slot: Slot, values: Iterable[str], language: Language) -> list[str]:
    """What values are called; one that nobody has named, as it is, and not what it lies in."""
    meanings, values = load_slot_words().values[slot], tuple(values)
    own = [as_read(value) for value in values if value not in meanings]
    return [
        meanings[value].names[language] if value in meanings else value
        for value in values
        if value not in meanings or not any(meanings[value].places.fullmatch(one) for one in own)
    ]


def _part(slot: Slot, filling: Filling, phrases: OnboardingPhrases, language: Language) -> str:
    if not filling.values:
        return phrases.parts["no_compliance"]
    if filling.values == (LIVE,):
        return phrases.parts["live"]
    said = in_short(slot, filling, phrases, language)
    meanings = load_slot_words().values.get(slot, {})
    is_own = slot in OWN or not any(value in meanings for value in filling.values)
    return phrases.parts[slot].format(value=_turned(said, phrases) if is_own else said)


def _kept(value: str, meanings: Mapping[str, Meaning], language: Language) -> list[str]:
    """The value of the vocabulary, and what the customer named where that is a kind of it."""
    meaning = meanings.get(value)
    if meaning is None or meaning.of == value:
        return [value]
    return [meaning.of, meaning.names[language]]


def _turned(said: str, phrases: OnboardingPhrases) -> str:
    """The customer's own words, as they are said to them."""
    turned = phrases.perspective
    words = "|".join(
        rf"\b{word}\b" if word.isascii() else word for word in sorted(turned, key=len, reverse=True)
    )
    return re.sub(words, lambda found: turned[found[0]], said)


def in_short(slot: Slot, filling: Filling, phrases: OnboardingPhrases, language: Language) -> str:
    """The values of a slot alone, as they are said."""
    if slot == "launch_date":
        day = date.fromisoformat(filling.values[0])
        return days.said(day, language, about=filling.about)
    if slot == "scale":
        return joined([amounts.said(value, language) for value in filling.values], phrases)
    if slot in OWN:
        return filling.values[0]
    return joined(names_of(slot, filling.values, language), phrases)


def _value(
    slot: Slot, filling: Filling, phrases: OnboardingPhrases, language: Language
) -> str | Sequence[str] | None:
    """As the field of the account has it; None where it has no such value."""
    if FIELDS[slot] == "list":
        meanings = load_slot_words().values[slot]
        return tuple(
            dict.fromkeys(
                kept for value in filling.values for kept in _kept(value, meanings, language)
            )
        )
    if slot == "launch_date":
        return None if filling.values == (LIVE,) else filling.values[0]
    return in_short(slot, filling, phrases, language)
