"""Utterances drawn from patterns: `eval/routing/templates.toml` in, examples to learn from out.

Half of what is drawn comes once more as a recogniser or a hasty hand would write it; half of what
is no reply is said while a flow is under way, mostly behind a few words that interrupt it.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from agent.dialogue.flow import FlowName
from agent.dialogue.routing import FLOWS, Subject
from common.languages import LANGUAGES, Language
from eval.patterns import misheard, some, sounds_of

_TEMPLATES: Final = Path(__file__).with_name("templates.toml")

#: Drawn for each route, and for each flow's replies, in each language.
_ROUTES, _REPLIES = 400, 300
#: Shares of what comes once more misheard, is said while a flow is under way, interrupts it.
_MISHEARD, _UNDER_WAY, _INTERRUPTS = 0.5, 0.5, 0.6


@dataclass(frozen=True)
class Drawn:
    """One of them."""

    text: str
    language: Language
    route: Subject
    under_way: FlowName | None


def drawn() -> list[Drawn]:
    """All, the same each time."""
    rng = random.Random(1)
    templates = tomllib.loads(_TEMPLATES.read_text("utf-8"))
    plain = [one for language in LANGUAGES for one in _of(templates[language], language, rng)]
    sounds = sounds_of([one.text for one in plain])
    again = [
        replace(one, text=misheard(one.text, sounds, rng))
        for one in plain
        if rng.random() < _MISHEARD
    ]
    return [*plain, *again]


def _of(templates: Mapping[str, Any], language: Language, rng: random.Random) -> Iterator[Drawn]:
    slots = templates["slots"]
    for route, patterns in templates["routes"].items():
        for text in some(patterns, slots, _ROUTES, rng):
            under_way = rng.choice(FLOWS) if rng.random() < _UNDER_WAY else None
            aside = rng.choice(slots["aside"]) if rng.random() < _INTERRUPTS else ""
            yield Drawn(f"{aside}{text}" if under_way else text, language, route, under_way)
    for flow, patterns in templates["replies"].items():
        for text in some(patterns, slots, _REPLIES, rng):
            yield Drawn(text, language, flow, flow)
