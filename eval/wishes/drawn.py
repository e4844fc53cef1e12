"""Utterances drawn from patterns: `eval/wishes/templates.toml` in, examples to learn from out.

Few people can write down in how many ways the same is said; patterns whose parts are exchanged get
further. Half of what is drawn comes once more as a recogniser or a hasty hand would write it, and
some wishes come with a question before or after them. The same each time.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.dialogue.wishes import WISHES, Wish
from common.languages import LANGUAGES, Language
from eval.patterns import misheard, some, sounds_of

_TEMPLATES: Final = Path(__file__).with_name("templates.toml")

#: Drawn for each wish, and each kind of neither, in each language.
_WISHES, _NEITHER = 600, 150
#: Shares of what comes once more: misheard; with a question, before it mostly.
_MISHEARD, _WITH_QUESTION, _BEFORE = 0.5, 0.25, 0.8


@dataclass(frozen=True)
class Drawn:
    """One of them."""

    text: str
    language: Language
    wish: Wish | None


def drawn(questions: Mapping[Language, Sequence[str]]) -> list[Drawn]:
    """All; ``questions``: what is asked beside a wish, and what it may be heard as."""
    rng = random.Random(1)
    templates = tomllib.loads(_TEMPLATES.read_text("utf-8"))
    plain = [one for language in LANGUAGES for one in _of(templates[language], language, rng)]
    sounds = sounds_of([*questions["zh"], *(one.text for one in plain)])
    again = [
        Drawn(misheard(one.text, sounds, rng), one.language, one.wish)
        for one in plain
        if rng.random() < _MISHEARD
    ]
    longer = [
        _with_question(one, rng.choice(questions[one.language]), rng)
        for one in plain
        if one.wish and rng.random() < _WITH_QUESTION
    ]
    return [*plain, *again, *longer]


def _of(templates: Mapping[str, Any], language: Language, rng: random.Random) -> Iterator[Drawn]:
    for wish in WISHES:
        for text in some(templates["wishes"][wish], templates["slots"], _WISHES, rng):
            yield Drawn(text, language, wish)
    for patterns in templates["neither"].values():
        for text in some(patterns, templates["slots"], _NEITHER, rng):
            yield Drawn(text, language, None)


def _with_question(one: Drawn, question: str, rng: random.Random) -> Drawn:
    comma = "，" if one.language == "zh" else ", "
    parts = [question.rstrip("?？。."), one.text]
    if rng.random() >= _BEFORE:
        parts.reverse()
    return Drawn(comma.join(parts), one.language, one.wish)
