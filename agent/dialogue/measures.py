"""Measures: a figure of quality in; how it is said, and whether it is bad, out.

One rule rounds what is spoken and what stands in the record: a percentage has one decimal, a time
none, and more only where it would else read as nothing, as all, or as on the other side of its
target.
"""

from __future__ import annotations

from agent.service.quality.targets import HIGH_IS_GOOD, Metric, misses

TIMES: frozenset[Metric] = frozenset({"latency_ms", "join_ms"})
#: Figures are kept in millionths: more decimals there are none.
_MOST_DECIMALS = 4


def told(metric: Metric, value: float, milliseconds: str, target: float | None = None) -> str:
    """The figure with its unit: "3.8%", "168 milliseconds"; ``milliseconds``: what these are called
    behind a number."""
    scale, decimals, unit = (1, 0, milliseconds) if metric in TIMES else (100, 1, "%")
    shown = value * scale
    while decimals < _MOST_DECIMALS:
        text = f"{shown:.{decimals}f}"
        if not _misleads(metric, value, float(text) / scale, target):
            break
        decimals += 1
    text = f"{shown:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if decimals else text) + unit


def told_in_seconds(milliseconds: float, seconds: str) -> str:
    """A time with its unit: "0.25 seconds"; ``seconds``: what these are called behind a number."""
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + seconds


def badness(metric: Metric, value: float) -> float:
    """How much there is of what nobody wants: of a success rate, the failures."""
    return 1 - value if metric in HIGH_IS_GOOD else value


def _misleads(metric: Metric, value: float, rounded: float, target: float | None) -> bool:
    whole = rounded == 0 or (metric not in TIMES and rounded == 1)
    if whole and rounded != value:
        return True
    return target is not None and misses(metric, rounded, target) != misses(metric, value, target)
