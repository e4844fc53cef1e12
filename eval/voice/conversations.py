"""What customers say in `make bench-voice` whom the operator's site has signed in:
`conversations.toml` in, conversations out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from agent.rooms.principal import Principal
from agent.service.quality.targets import Metric
from common.languages import LANGUAGES, Language
from eval.voice.questions import Question
from eval.voice.rows import Topic

_CONVERSATIONS: Final = Path(__file__).with_name("conversations.toml")
#: Of the questions about figures a quick run asks the first: one in so many.
_QUICK_SHARE: Final = 3


@dataclass(frozen=True)
class OwnFigure:
    """A figure of the caller's account."""

    metric: Metric
    region: str
    """As quality is reported."""
    hours: tuple[int | Literal["today"], ...]
    """Over the last so many hours of the clock, any of these."""


@dataclass(frozen=True)
class Conversation:
    """What somebody says in one call."""

    caller: Principal
    said: tuple[Question, ...]
    figure: OwnFigure | None = None
    """What each answer has to have; None: each has to ask for something of a product."""


def make_conversations(topic: Topic, *, quick: bool) -> list[Conversation]:
    """As many in each language."""
    told = tomllib.loads(_CONVERSATIONS.read_text(encoding="utf-8"))
    read = {"figures": _about_figures, "onboarding": _of_onboarding}[topic]
    return [
        conversation
        for language in LANGUAGES
        for conversation in read(told[language][topic], language, quick=quick)
    ]


def _about_figures(
    told: Mapping[str, Any], language: Language, *, quick: bool
) -> Iterator[Conversation]:
    questions: Sequence[Mapping[str, Any]] = told["questions"]
    for one in questions[: len(questions) // _QUICK_SHARE] if quick else questions:
        figure = OwnFigure(one["metric"], one["region"], tuple(one["hours"]))
        yield Conversation(_caller(told, language), _said([one["says"]], language), figure)


def _of_onboarding(
    told: Mapping[str, Any], language: Language, *, quick: bool
) -> Iterator[Conversation]:
    conversations: Sequence[Sequence[str]] = told["conversations"]
    for texts in conversations[:1] if quick else conversations:
        yield Conversation(_caller(told, language), _said(texts, language))


def _caller(told: Mapping[str, Any], language: Language) -> Principal:
    return Principal(told["account"], told["contact"], language, frozenset(), guest=False)


def _said(texts: Sequence[str], language: Language) -> tuple[Question, ...]:
    return tuple(Question(text, language, None) for text in texts)
