"""Targets of quality: minutes as they were reported in; crossings and incidents out.

Nothing of it is stored: whoever reads gets it from the minutes, so that a row that comes late, or
again with other values, is in it.

A *crossing* is a metric of an account's app in a region that misses its target: three minutes or
more that miss it, none more than five minutes after the one before. A single bad minute is nobody's
trouble, and a good one between two bad ones does not end it. An *incident* is a region in which
several accounts are in a crossing at once: three or more, and a tenth or more of those that report
there. Of few accounts three are no chance; of four hundred, each in trouble a hundredth of the
time, there are four in any minute.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal, NamedTuple, get_args

from agent.service.quality.rows import minute_of, moment_of

Metric = Literal[
    "stall_rate", "latency_ms", "packet_loss", "join_ms", "join_success", "zone_availability"
]
METRICS: Final[Sequence[Metric]] = get_args(Metric)
#: By metric: a minute is well below it, or, of those that should be high, at or above it.
Targets = Mapping[Metric, float]

#: Of these the higher is the better.
HIGH_IS_GOOD: Final[frozenset[Metric]] = frozenset({"join_success", "zone_availability"})
#: Where the operator sets none. Stalls and joining are what RTC clouds offer their customers in
#: agreements; beyond 400 ms one way, no network should be planned for talk (ITU-T G.114). Loss,
#: success and zones have none: what is normal there differs from operator to operator.
DEFAULT_TARGETS: Final[Targets] = {"stall_rate": 0.01, "latency_ms": 400, "join_ms": 600}
#: Minutes that miss a target, until it is a crossing.
LEAST_MINUTES: Final = 3
#: Minutes without a miss, until it is over.
QUIET_MINUTES: Final = 5
#: Accounts in a crossing at once, until it is an incident: so many, and this share of all.
LEAST_ACCOUNTS: Final = 3
LEAST_SHARE: Final = 0.1


class Measured(NamedTuple):
    """A minute as it was reported; None: not measured."""

    account: str
    app: str
    region: str
    minute: int
    stall_rate: float | None
    latency_ms: float | None
    packet_loss: float | None
    join_ms: float | None
    join_success: float | None
    zone_availability: float | None


@dataclass(frozen=True)
class Crossing:
    """A stretch in which a target was missed."""

    account: str
    app: str
    region: str
    metric: Metric
    begins: datetime
    ends: datetime
    """When the last minute that misses it was over."""
    going_on: bool
    minutes: int
    """Those that miss it."""
    worst: float


@dataclass(frozen=True)
class Incident:
    """A stretch in which several accounts are in a crossing at once, in a region."""

    region: str
    begins: datetime
    ends: datetime
    going_on: bool
    accounts: Sequence[str]
    """All that were in a crossing in this stretch."""
    reporting: int
    """Accounts that report from there."""
    metrics: Sequence[Metric]


def misses(metric: Metric, value: float, target: float) -> bool:
    """Whether it is on the wrong side."""
    return value < target if metric in HIGH_IS_GOOD else value >= target


def crossings(measured: Iterable[Measured], targets: Targets, now: datetime) -> list[Crossing]:
    """The crossings, by their beginnings. Minutes that miss nothing may be left out."""
    missed: dict[tuple[str, str, str, Metric], dict[int, float]] = defaultdict(dict)
    for one in measured:
        for metric, target in targets.items():
            value: float | None = getattr(one, metric)
            if value is not None and misses(metric, value, target):
                missed[one.account, one.app, one.region, metric][one.minute] = value
    found = [
        _crossing(subject, stretch, values, now)
        for subject, values in missed.items()
        for stretch in _stretches(sorted(values))
        if len(stretch) >= LEAST_MINUTES
    ]
    return sorted(found, key=lambda c: (c.begins, c.account, c.app, c.region, c.metric))


def _stretches(minutes: Sequence[int]) -> list[list[int]]:
    """Minutes in order, parted where it was quiet for long enough."""
    parts = [list(minutes[:1])]
    for before, minute in pairwise(minutes):
        if minute - before > QUIET_MINUTES:
            parts.append([])
        parts[-1].append(minute)
    return parts


def _crossing(
    subject: tuple[str, str, str, Metric],
    stretch: Sequence[int],
    values: Mapping[int, float],
    now: datetime,
) -> Crossing:
    account, app, region, metric = subject
    worst = min if metric in HIGH_IS_GOOD else max
    return Crossing(
        account,
        app,
        region,
        metric,
        moment_of(stretch[0]),
        moment_of(stretch[-1] + 1),
        _goes_on(stretch[-1], now),
        len(stretch),
        worst(values[minute] for minute in stretch),
    )


def _goes_on(last: int, now: datetime) -> bool:
    return minute_of(now) - last <= QUIET_MINUTES


def incidents(
    found: Iterable[Crossing], reporting: Mapping[str, int], now: datetime
) -> list[Incident]:
    """The incidents of crossings, by their beginnings; ``reporting``: accounts, by region."""
    by_region: dict[str, list[Crossing]] = defaultdict(list)
    for crossing in found:
        by_region[crossing.region].append(crossing)
    incidents = [
        _incident(region, stretch, mine, reporting.get(region, 0), now)
        for region, mine in by_region.items()
        for stretch in _stretches(_shared_minutes(mine, reporting.get(region, 0)))
        if stretch
    ]
    return sorted(incidents, key=lambda incident: (incident.begins, incident.region))


def _shared_minutes(found: Iterable[Crossing], reporting: int) -> list[int]:
    """Minutes in which enough accounts are in a crossing."""
    accounts: dict[int, set[str]] = defaultdict(set)
    for crossing in found:
        for minute in range(minute_of(crossing.begins), minute_of(crossing.ends)):
            accounts[minute].add(crossing.account)
    enough = max(LEAST_ACCOUNTS, math.ceil(LEAST_SHARE * reporting))
    return sorted(minute for minute, those in accounts.items() if len(those) >= enough)


def _incident(
    region: str, stretch: Sequence[int], found: Iterable[Crossing], reporting: int, now: datetime
) -> Incident:
    begins, ends = moment_of(stretch[0]), moment_of(stretch[-1] + 1)
    part = [c for c in found if c.begins < ends and c.ends > begins]
    return Incident(
        region,
        begins,
        ends,
        _goes_on(stretch[-1], now),
        sorted({crossing.account for crossing in part}),
        reporting,
        sorted({crossing.metric for crossing in part}),
    )
