"""Routing: what a customer says, and the flow that is under way, in; where the turn goes, out.

An emergency and a wish for a person come first, by the word of `wishes.py`, but for one of which it
is not sure while the turn surely goes elsewhere. Of the rest words that leave no doubt decide alone
(`prompts/routing.toml`, which a support lead can change), else a small network (`reading.py`). It
sees the flow that is under way: "about five thousand" is an answer to its question. It has learnt
from utterances that were written for it (`eval/routing/fit.py`); `make eval-routing` measures it on
others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from agent.dialogue import reading, wishes
from agent.dialogue.flow import FlowName
from agent.dialogue.reading import Classifier, Floats, Words, even, texts_of, vectors_of
from agent.dialogue.wishes import WISHES, Wish
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient

#: What is told apart here.
Subject = Literal["figures", "trouble", "onboarding", "question", "leaving", "small_talk", "none"]
Route = Literal[Wish, Subject]
"""figures: numbers of the caller's own account. trouble: something does not work, or got worse.
onboarding: something new is to be started or planned. question: what anybody may ask of RTC and of
us. leaving: the customer may go. none: nothing of these, or not understood."""

SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
ROUTES: Final[tuple[Route, ...]] = get_args(Route)
FLOWS: Final[tuple[FlowName, ...]] = get_args(FlowName)
#: What the network tells apart: a reply belongs to the flow that is under way, whichever it is.
Kind = Route | Literal["reply"]
#: The last is what the others are weighed against.
KINDS: Final[tuple[Kind, ...]] = ("reply", *ROUTES)

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "routing.toml"
WEIGHTS: Final = Path(__file__).with_suffix(".npz")


@dataclass(frozen=True)
class Routed:
    """Where a turn goes."""

    route: Route
    is_sure: bool
    """Of emergency and person: people are called by it, else the customer is asked first."""
    margin: float = field(default=inf, compare=False)
    """How much likelier it is than the next, logarithm of the odds."""
    likeliest: Route | None = field(default=None, compare=False)
    """Of a wish that is not sure: what the network takes it for."""


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
    classifier: Classifier[Subject]
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
        if not vectors:
            subject = self.classifier.words.definite(text)
            return Routed(subject or under_way or "question", is_sure=subject is not None)
        odds = odds_of(self._logits(text, vectors, under_way), under_way)
        if heard := self.wishes.likely(texts_of(text), vectors[:-1]):
            route, margin = best_of(odds)
            if heard.is_sure or route in WISHES or margin < self.sure:
                return Routed(heard.wish, heard.is_sure, likeliest=route)
        if subject := self.classifier.words.definite(text):
            return Routed(subject, is_sure=True)
        route, margin = best_of(without_wishes(odds))
        return Routed(route, is_sure=margin >= self.sure, margin=margin)

    def _logits(
        self, text: str, vectors: Sequence[Sequence[float]], under_way: FlowName | None
    ) -> Floats:
        """On average of the text as it is and as it is the same typed and heard."""
        flow = flow_bits(under_way)
        both = [self.classifier.logits(text, vectors[at], *flow) for at in (0, -1)]
        logits: Floats = np.mean(both, axis=0)
        return logits


def read_of(text: str) -> list[str]:
    """What is embedded of a text: what wishes read, and it as it is the same typed and heard."""
    texts = texts_of(text)
    return [*texts, even(text) or text] if texts else []


def odds_of(logits: Floats, under_way: FlowName | None) -> dict[Route, float]:
    """Of each route, logarithms; ``logits``: of `KINDS` but the last."""
    reply, *others = map(float, [*logits, 0])
    odds = dict(zip(ROUTES, others, strict=True))
    if under_way:
        odds[under_way] = float(np.logaddexp(odds[under_way], reply))
    return odds


def without_wishes(odds: Mapping[Route, float]) -> dict[Route, float]:
    """The same where no wish is heard: what sounds like an emergency is trouble."""
    trouble = float(np.logaddexp(odds["trouble"], odds["emergency"]))
    return {**{subject: odds[subject] for subject in SUBJECTS}, "trouble": trouble}


def best_of(odds: Mapping[Route, float]) -> tuple[Route, float]:
    """The likeliest, and how much likelier than the next."""
    first, second = sorted(odds, key=lambda route: -odds[route])[:2]
    return first, odds[first] - odds[second]


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
    classifier, (sure,) = reading.load_classifier(load_words(), WEIGHTS, "eval.routing.fit", "sure")
    return Reader(wishes.load_reader(), classifier, sure)
