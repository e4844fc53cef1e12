"""`make eval-routing`: how often what a customer says goes where it should.

The utterances of `eval/routing/held_out.jsonl`, which took no part in making words and weights:
`typed`, all as they were written, and `heard`, those spoken, as our recogniser wrote them. The real
embedding, in this process. The last line of stdout is JSON: F1 by route and on average over the
routes (`macro_f1`); `sure`: the share that is sure, and how much of it is right; `confused`: what
was taken for what, how often; `words_alone`: while the knowledge server is away; `ms`: of one
reading.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import numpy as np

from agent.cli.output import print_json
from agent.dialogue.flow import FlowName
from agent.dialogue.routing import Reader, Route, Routed, load_reader, read_of
from agent.dialogue.wishes import Wish
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from eval.routing.utterances import HELD_OUT, load
from knowledge.config import embedding_folder
from knowledge.search.embedding import E5Model

_ROUTES: Final[tuple[Route, ...]] = get_args(Route)


@dataclass(frozen=True)
class Case:
    """What reaches us, and where it should go."""

    text: str
    language: Language
    route: Route
    under_way: FlowName | None


@dataclass(frozen=True)
class Judged:
    """A case, and where it went."""

    case: Case
    routed: Routed
    ms: float

    @property
    def is_right(self) -> bool:
        """Whether it went where it should."""
        return self.routed.route == self.case.route


def typed() -> list[Case]:
    """All utterances as they were written."""
    return [Case(one.text, one.language, one.route, one.under_way) for one in load(HELD_OUT)]


def heard() -> list[Case]:
    """Those of which our recogniser has heard something."""
    return [
        Case(one.heard, one.language, one.route, one.under_way)
        for one in load(HELD_OUT)
        if one.heard
    ]


def judge(cases: Sequence[Case], reader: Reader, model: E5Model | None) -> list[Judged]:
    """Routes each as a call does; ``model`` None: with words alone."""
    judged: list[Judged] = []
    for case in cases:
        started = time.perf_counter()
        routed = _route(case, reader, model)
        judged.append(Judged(case, routed, (time.perf_counter() - started) * 1000))
    return judged


def _route(case: Case, reader: Reader, model: E5Model | None) -> Routed:
    if wish := reader.wishes.definite(case.text):
        return Routed(wish, is_sure=True)
    vectors = model.embed(read_of(case.text), "query") if model else None
    return reader.route(case.text, vectors, case.under_way)


def scores(judged: Sequence[Judged]) -> dict[str, Any]:
    """F1 by route, on average and by language; how many."""
    by_route = {route: _f1(judged, route) for route in _ROUTES}
    others = [one for one in judged if one.case.route not in get_args(Wish)]
    sure = [one for one in others if one.routed.is_sure]
    return {
        "macro_f1": round(float(np.mean(list(by_route.values()))), 3),
        "right": _share([one.is_right for one in judged]),
        "utterances": len(judged),
        "by_route": {route: round(score, 3) for route, score in by_route.items()},
        "with_a_flow": _share([one.is_right for one in judged if one.case.under_way]),
        "sure": _share([one.routed.is_sure for one in others]),
        "sure_right": _share([one.is_right for one in sure]),
    }


def _f1(judged: Sequence[Judged], route: Route) -> float:
    right = sum(one.case.route == one.routed.route == route for one in judged)
    said = sum((one.case.route == route) + (one.routed.route == route) for one in judged)
    return 2 * right / said if said else 0.0


def _share(holds: Sequence[bool]) -> float | None:
    return round(float(np.mean(holds)), 3) if holds else None


def _of(judged: Sequence[Judged], language: Language) -> list[Judged]:
    return [one for one in judged if one.case.language == language]


def measure() -> dict[str, Any]:
    """All figures."""
    reader, model = load_reader(), E5Model(embedding_folder(Settings().paths))
    both = {"typed": judge(typed(), reader, model), "heard": judge(heard(), reader, model)}
    ms = [one.ms for judged in both.values() for one in judged]
    return {
        **{name: scores(judged) for name, judged in both.items()},
        "by_language": {
            language: {
                name: scores(_of(judged, language))["macro_f1"] for name, judged in both.items()
            }
            for language in LANGUAGES
        },
        "confused": {name: _confused(judged) for name, judged in both.items()},
        "words_alone": scores(judge(typed(), reader, None)),
        "ms": {f"p{share}": round(float(np.percentile(ms, share)), 1) for share in (50, 95)},
    }


def _confused(judged: Sequence[Judged]) -> dict[str, int]:
    pairs = (f"{one.case.route} as {one.routed.route}" for one in judged if not one.is_right)
    return dict(Counter(pairs).most_common())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


async def bench(_arguments: argparse.Namespace) -> None:
    """Measure and print."""
    print_json(measure())
