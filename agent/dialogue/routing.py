"""Routing: what a customer says, and the flow that is under way, in; where the turn goes, out.

An emergency and a wish for a person come first, by the word of `wishes.py`. Of the rest words that
leave no doubt decide alone (`prompts/routing.toml`, which a support lead can change), else a small
network (`reading.py`), which sees the flow that is under way: "about five thousand" is an answer to
its question. It has learnt from utterances that were written for it (`eval/routing/fit.py`);
`make eval-routing` measures it on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from agent.dialogue import reading, wishes
from agent.dialogue.flow import FlowName
from agent.dialogue.reading import Classifier, Floats, Words, even, texts_of, vectors_of
from agent.dialogue.wishes import Wish
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient

#: What is told apart here.
Subject = Literal["figures", "trouble", "onboarding", "question", "leaving", "small_talk", "none"]
Route = Literal[Wish, Subject]
"""figures: numbers of the caller's own account. trouble: something does not work, or got worse.
onboarding: something new is to be started or planned. question: what anybody may ask of RTC and of
us. leaving: the customer may go. none: nothing of these, or not understood."""

SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
FLOWS: Final[tuple[FlowName, ...]] = get_args(FlowName)
#: What the network tells apart: a reply belongs to the flow that is under way, whichever it is.
Kind = Subject | Literal["reply"]
#: The last is what the others are weighed against.
KINDS: Final[tuple[Kind, ...]] = ("reply", *SUBJECTS)

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "routing.toml"
WEIGHTS: Final = Path(__file__).with_suffix(".npz")


@dataclass(frozen=True)
class Routed:
    """Where a turn goes."""

    route: Route
    is_sure: bool
    """Of emergency and person: people are called by it, else the customer is asked first."""


class Router:
    """Routes the turns of one call."""

    def __init__(self, knowledge: KnowledgeClient) -> None:
        """Raises SetupError when words or weights cannot be used."""
        self._knowledge = knowledge
        self._reader = load_reader()
        #: What was routed last: the end of a turn asks for what its last partial said.
        self._last: tuple[tuple[str, FlowName | None], Routed] | None = None

    async def route(self, text: str, under_way: FlowName | None) -> Routed:
        """Where a text goes, the whole or what has been heard so far.

        While the knowledge server is away, by definite words, else to the flow or to a question.
        """
        asked = (text, under_way)
        if self._last is None or self._last[0] != asked:
            self._last = (asked, await self._route(text, under_way))
        return self._last[1]

    async def _route(self, text: str, under_way: FlowName | None) -> Routed:
        if wish := self._reader.wishes.definite(text):
            return Routed(wish, is_sure=True)
        texts = read_of(text)
        if not texts:
            return Routed(under_way or "none", is_sure=False)
        return self._reader.route(text, await vectors_of(self._knowledge, texts), under_way)


@dataclass(frozen=True)
class Reader:
    """Words and weights; what they say of a text."""

    wishes: wishes.Reader
    subjects: Classifier[Subject]
    sure: float
    """How much likelier the likeliest must be than the next, logarithm of the odds, to be sure."""

    def route(
        self,
        text: str,
        vectors: Sequence[Sequence[float]] | None,
        under_way: FlowName | None,
    ) -> Routed:
        """Where a text goes in which no wish is definite.

        ``vectors``: of each that `read_of` gives; None while the knowledge server is away.
        """
        if vectors and (heard := self.wishes.likely(texts_of(text), vectors[:-1])):
            return Routed(heard.wish, heard.is_sure)
        if subject := self.subjects.words.definite(text):
            return Routed(subject, is_sure=True)
        if not vectors:
            return Routed(under_way or "question", is_sure=False)
        logits = self.subjects.logits(text, vectors[-1], *flow_bits(under_way))
        subject, margin = best_of(logits, under_way)
        return Routed(subject, is_sure=margin >= self.sure)


def read_of(text: str) -> list[str]:
    """What is embedded of a text: what wishes read, and it as it is the same typed and heard."""
    texts = texts_of(text)
    return [*texts, even(text) or text] if texts else []


def best_of(logits: Floats, under_way: FlowName | None) -> tuple[Subject, float]:
    """The likeliest, and how much likelier than the next; ``logits``: of `KINDS` but the last."""
    reply, *odds = np.append(logits, 0)
    if under_way:
        own = SUBJECTS.index(under_way)
        odds[own] = np.logaddexp(odds[own], reply)
    second, first = np.argsort(odds)[-2:]
    return SUBJECTS[first], float(odds[first] - odds[second])


def flow_bits(under_way: FlowName | None) -> list[bool]:
    """The flow that is under way, as the network sees it."""
    return [flow == under_way for flow in FLOWS]


@cache
def load_words() -> Words[Subject]:
    """Read the words once. Raises SetupError when the file cannot be used."""
    return reading.load_words(WORDS_FILE, SUBJECTS)


@cache
def load_reader() -> Reader:
    """Read words and weights once. Raises SetupError when a file cannot be used."""
    subjects, (sure,) = reading.load_classifier(load_words(), WEIGHTS, "eval.routing.fit", "sure")
    return Reader(wishes.load_reader(), subjects, sure)
