"""Greeting: who calls in; their first words, and the trouble of an earlier call that they are asked
about, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.dialogue.contract import NoteMatter
from agent.dialogue.customer import Customer, noted
from agent.dialogue.days import day_called
from agent.prompts import load_flow, load_phrases
from common.languages import Language
from common.shorten import beginning

#: Characters of the customer's own words that are said back.
_WORDS: Final[dict[Language, int]] = {"zh": 40, "en": 100}


@dataclass(frozen=True)
class Greeting:
    """What is said first, behind who speaks."""

    texts: Sequence[str]
    recalled: NoteMatter | None = None
    """What they are asked about."""


async def greeting(customer: Customer | None, language: Language) -> Greeting:
    """By name, where the operator's records have one; strangers like everybody."""
    name = await customer.name() if customer else ""
    if customer is None or not name:
        return Greeting([load_phrases()[language].greeting])
    phrases = load_flow("greeting")[language]
    named = phrases.filled["named"].format(name=name)
    matter = await customer.unsolved()
    if matter is None or not matter.words:
        return Greeting([named, phrases.fixed["ask"]])
    names = load_flow("figures")[language].names
    day = day_called(matter.changed_at, customer.now(), names, language)
    words = beginning(matter.words, _WORDS[language]).rstrip("。．.!！?？")
    recall = phrases.filled["recall"].format(day=day, words=words)
    return Greeting([named, recall], noted(matter))
