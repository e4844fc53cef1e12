"""Onset: the hours of an account in a region, and what is too much there, in; since when it has
been too much, out.

An hour is bad if its mean is on the wrong side of a limit. Trouble comes with the evening's peak
and goes with the night: bad hours that lie no more than a day and a half apart are one trouble, and
it is there now if the last of them is no older. One bad hour alone is none. What has begun within
this hour has no mean to tell yet: there the crossings of minutes say it. Hours in which next to
nobody was there say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from agent.service.quality.comparing import Moment
from agent.service.quality.targets import Crossing, Metric, misses

#: From peak to peak it is a day; a quiet evening or a holiday in between is no end.
_APART: Final = timedelta(hours=36)
_LEAST_HOURS: Final = 2
#: Of the usual number of users.
_NEXT_TO_NOBODY: Final = 0.1
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Onset:
    """When a trouble that goes on began."""

    begins: datetime
    is_older: bool
    """It may have begun before what was looked at."""


def onset(
    hours: Sequence[Moment],
    crossings: Sequence[Crossing],
    metric: Metric,
    limit: float,
    now: datetime,
) -> Onset | None:
    """Since when the metric has been beyond ``limit``; None where it is not.

    ``hours`` and ``crossings``: of the same account and regions, in order; crossings of the last
    hours are enough.
    """
    crossed = [one.begins for one in crossings if one.metric == metric and one.going_on]
    bad = _last_stretch(_bad(hours, metric, limit))
    if len(bad) < _LEAST_HOURS or now - bad[-1] > _APART:
        return Onset(min(crossed), is_older=False) if crossed else None
    begins = bad[0]
    to_the_minute = [one for one in crossed if begins <= one < begins + _HOUR]
    is_older = begins - hours[0].begins <= _APART
    return Onset(min(to_the_minute, default=begins), is_older)


def _last_stretch(moments: Sequence[datetime]) -> Sequence[datetime]:
    """The last of those that lie close enough together."""
    first = len(moments) - 1
    while first > 0 and moments[first] - moments[first - 1] <= _APART:
        first -= 1
    return moments[max(first, 0) :]


def _bad(hours: Sequence[Moment], metric: Metric, limit: float) -> list[datetime]:
    """When each hour beyond the limit begins."""
    told = [(one, getattr(one.summary, metric)) for one in hours]
    told = [(one, value) for one, value in told if value is not None]
    if not told:
        return []
    users = _NEXT_TO_NOBODY * median(one.summary.user_minutes for one, _ in told)
    return [
        one.begins
        for one, value in told
        if one.summary.user_minutes >= users and misses(metric, value, limit)
    ]
