"""Spelling: what a customer spells in; how it is read back, corrected and confirmed, and it, out.

Names, codes, mail addresses and telephone numbers are spelt, read back, corrected and confirmed,
always in that order: what is not confirmed counts for nothing. Any flow may ask for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from agent.dialogue.flow import Said, Step
from agent.dialogue.matching import plain as plain_of
from agent.dialogue.spelt import SpeltKind, corrected, heard, load_spelling, read_aloud
from common.languages import Language

#: How often we ask for the same thing before it is left.
_MOST_TRIES: Final = 3


@dataclass(frozen=True)
class Spelling:
    """Where the spelling of one thing stands."""

    kind: SpeltKind
    language: Language
    value: str = ""
    """What has been understood so far; empty before."""
    is_confirmed: bool = False
    """The customer has heard it read back, and said that it is right."""
    tries: int = 0
    """How often it had to be asked for again."""


def begin(kind: SpeltKind, language: Language) -> Step[Spelling]:
    """The question for one thing."""
    return Step((load_spelling().said[language]["ask"][kind],), Spelling(kind, language))


def take_up(kind: SpeltKind, said: Said) -> Step[Spelling] | None:
    """The reading back of what a customer has spelt unasked; None where they have not."""
    value = heard(said.text, kind)
    return read_back(Spelling(kind, said.language, value)) if value else None


def step(state: Spelling, said: Said) -> Step[Spelling]:
    """The answer to what the customer says to the question, or to what was read back.

    Its state is None where it is given up; once ``is_confirmed``, its ``value`` counts.
    """
    words = load_spelling()
    bare = re.sub(r"[\W_]", "", plain_of(said.text))
    if not state.value:
        value = heard(said.text, state.kind)
        return read_back(replace(state, value=value)) if value else _again(state)
    if words.yes.fullmatch(bare):
        confirmed = replace(state, is_confirmed=True)
        return Step((words.said[state.language]["confirmed"],), confirmed)
    value = corrected(state.value, said.text, state.kind)
    if value and value != state.value:
        return read_back(replace(state, value=value), "again")
    if words.no.fullmatch(bare):
        return _again(state, "which")
    return _again(state)


def read_back(
    state: Spelling, wording: Literal["read_back", "again"] = "read_back"
) -> Step[Spelling]:
    """What has been understood, and whether it is right; "again": it was corrected."""
    said = load_spelling().said[state.language]
    spelt = read_aloud(state.value, state.kind, state.language)
    return Step((said[wording].format(spelt=spelt),), state)


def _again(state: Spelling, wording: str = "not_understood") -> Step[Spelling]:
    said = load_spelling().said[state.language]
    if state.tries + 1 >= _MOST_TRIES:
        return Step((said["given_up"],), None)
    return Step((said[wording],), replace(state, tries=state.tries + 1))
