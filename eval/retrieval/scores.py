"""How good a ranking is: for each question the units that were found, best first, in; figures out.

Several units may answer a question, and any of them will do: recall@k is the share of questions
with one among the first k. nDCG@10 counts all of them, each as much (Järvelin and Kekäläinen 2002,
gains of 0 and 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_NDCG_DEPTH = 10


@dataclass(frozen=True)
class Ranked:
    """One question's answer."""

    found: Sequence[str]
    """Distinct units, best first."""
    relevant: frozenset[str]

    @property
    def rank(self) -> int | None:
        """Place of the first that is right, from 1."""
        places = (n for n, unit in enumerate(self.found, 1) if unit in self.relevant)
        return next(places, None)

    @property
    def ndcg(self) -> float:
        """Discounted gain of the first ten, as a share of the best that there could be."""
        gains = [unit in self.relevant for unit in self.found[:_NDCG_DEPTH]]
        ideal = [True] * min(len(self.relevant), _NDCG_DEPTH)
        return _discounted(gains) / _discounted(ideal)


@dataclass(frozen=True)
class Ranking:
    """Figures over some questions, 0 to 1."""

    questions: int
    recall_at_1: float
    recall_at_3: float
    recall_at_5: float
    mrr: float
    """Mean of 1 / rank."""
    ndcg_at_10: float

    def rounded(self) -> dict[str, float]:
        """As it is reported."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(answers: Sequence[Ranked]) -> Ranking:
    """The figures of at least one question."""
    ranks = [answer.rank or math.inf for answer in answers]
    count = len(answers)

    def within(places: int) -> float:
        return sum(rank <= places for rank in ranks) / count

    return Ranking(
        questions=count,
        recall_at_1=within(1),
        recall_at_3=within(3),
        recall_at_5=within(5),
        mrr=sum(1 / rank for rank in ranks) / count,
        ndcg_at_10=sum(answer.ndcg for answer in answers) / count,
    )


def _discounted(gains: Sequence[bool]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))
