"""Figures: the evidence of a call in; whether anything says a figure, as it is rounded, out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Final

from common.numbers.figures import Figure, Said, said_in
from eval.dialogue.evidence import Evidence
from eval.dialogue.kept import SPANS

_WEEK_H: Final = 168
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class KnownFigures:
    """What figures may rest on."""

    texts: Sequence[Said]
    measured: Sequence[tuple[str, float]]
    """With the targets."""
    numbers: frozenset[float]
    dues: Sequence[timedelta]
    turns_ago: Sequence[timedelta]
    shortest_span_h: int
    """Where nothing is measured, only calls and tickets of long ago are looked back at."""
    days_left: frozenset[int]
    """Until days that were said or are kept: a launch, say."""

    @classmethod
    def of(cls, evidence: Evidence) -> KnownFigures:
        """All that a call's figures may rest on, but for the caller's own words."""
        texts = [said_in(text) for text in evidence.sources.values()]
        texts += [said_in(text) for text in evidence.own_texts]
        kept = (evidence.before, evidence.after)
        rows = [(t, row) for k in kept for t in ("tickets", "incidents") for row in k.rows(t)]
        numbers = {
            float(row[name])
            for _, row in rows
            for name in ("number", "id", "ticket", "severity")
            if isinstance(row.get(name), int)
        }
        measured = [(m.metric, m.value) for m in (*kept[0].measured, *kept[1].measured)]
        measured += evidence.targets.items()
        dues = [due for one in kept for due in one.dues]
        told = [*evidence.own_texts, *(one.line.text for one in evidence.transcript.exchanges)]
        left = frozenset((day - evidence.today).days for text in told for day in _days(text))
        shortest = SPANS[0] if kept[0].measured else _WEEK_H
        ago = [turn for one in kept for turn in one.turns_ago]
        return cls(texts, measured, frozenset(numbers), dues, ago, shortest, left)

    def has(self, figure: Figure, of_caller: Said) -> bool:
        """Whether something says it."""
        if figure.is_in(of_caller, by_number=True) or of_caller.numbers.issuperset(figure.values):
            return True
        if any(figure.is_in(said) for said in self.texts):
            return True
        if not figure.dimension:
            return self.numbers.issuperset(figure.values)
        if any(states(figure, metric, value) for metric, value in self.measured):
            return True
        if figure.dimension == "times":
            return self._is_ratio(figure)
        return figure.dimension == "time" and self._is_due(figure)

    def _is_due(self, figure: Figure) -> bool:
        """A time that something takes at most, never said shorter than it is; a span that is
        looked back over; or how long ago figures changed, to the hour at best."""
        minute, day = 60_000, 86_400_000
        for amount in figure.amounts:
            if amount in {hours * 60 * minute for hours in SPANS if hours >= self.shortest_span_h}:
                return True
            for due in self.dues:
                exact = due.total_seconds() * 1000
                if exact - 2 * minute <= amount <= exact + figure.factor:
                    return True
            if figure.factor >= _HOUR_MS and any(
                abs(ago.total_seconds() * 1000 - amount) <= figure.factor for ago in self.turns_ago
            ):
                return True
            if any(abs(left * day - amount) <= max(day, figure.factor) for left in self.days_left):
                return True
        return False

    def _is_ratio(self, figure: Figure) -> bool:
        pairs = product(self.measured, repeat=2)
        ratios = (a / b for (one, a), (other, b) in pairs if one == other and b)
        return any(
            _rounds_to(ratio, amount, figure) for ratio in ratios for amount in figure.amounts
        )


def states(figure: Figure, metric: str, value: float) -> bool:
    """Whether a figure is that value, rounded as it is said."""
    is_time = metric.endswith("_ms")
    if figure.dimension != ("time" if is_time else "share"):
        return False
    exact = value if is_time else value * 100
    return any(_rounds_to(exact, amount, figure) for amount in figure.amounts)


def _rounds_to(exact: float, amount: float, figure: Figure) -> bool:
    """Whether ``exact`` is ``amount`` to as many places as are said, one more or less at the end
    where it lies between two."""
    decimals = re.search(r"\.(\d+)", figure.text)
    place: float = 10.0 ** -(len(decimals[1]) if decimals else 0) * figure.factor
    return abs(exact - amount) <= place * 0.5001


def _days(text: str) -> Iterator[date]:
    """The days that a text writes out, as they are kept and as a caller says them."""
    for found in _DAYS.finditer(text):
        written = found[0].replace("年", "-").replace("月", "-").rstrip("日")
        for form in ("%Y-%m-%d", "%B %d, %Y"):
            with contextlib.suppress(ValueError):
                yield datetime.strptime(written, form).replace(tzinfo=UTC).date()


_DAYS: Final = re.compile(r"\d{4}-\d{2}-\d{2}|\d{4}年\d{1,2}月\d{1,2}日|[A-Z][a-z]+ \d{1,2}, \d{4}")
