"""The quality of the demo: stories and the moment they count back from in; rows of minutes and of
hours out.

Minutes are kept for the last day and around incidents, hours for all ninety days: what an operator
has who keeps minutes for a while (decision 034, "at 10 billion").
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agent.service.demo.stories import AccountStory, AppStory, IncidentStory, World
from agent.service.quality.rows import Row, minute_of

#: Days of the story.
DAYS: Final = 90
#: Hours of which the last minutes are kept, the one under way among them.
_HOURS_OF_MINUTES: Final = 25
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7
#: 1 January 1970 was a Thursday.
_EPOCH_WEEKDAY: Final = 3
_FIRST_OF_WEEKEND: Final = 5
_MILLION: Final = 1_000_000
#: One of so many users joins in a minute, and of a thousand so many fail.
_STAY_MINUTES: Final = 25
_FAIL: Final = 0.004


@dataclass(frozen=True)
class _Series:
    """An account's app in a region, and what its story makes of it."""

    account: AccountStory
    app: AppStory
    region: str
    users: int
    drift: float
    """What usage has grown by in all the days, as a share."""
    hit: float
    """How hard an incident hits it, as a share of how hard it hits at all."""


@dataclass
class _Moment:
    """What is to be reported of a series, before it is rounded."""

    users: float
    stall: float
    latency: float
    loss: float
    join: float
    failed: float = _FAIL
    zones: float = 1.0


def hours(accounts: Sequence[AccountStory], world: World, now: datetime) -> Iterator[Row]:
    """Of each hour that has no minutes a row that stands for each of its sixty."""
    last = minute_of(now)
    end = last // _HOUR - _HOURS_OF_MINUTES + 1
    for series in _all_series(accounts):
        noise = _chance(series, "hours")
        by_minutes = _hours_of_incidents(series, world, last)
        for hour in range(last // _HOUR - DAYS * 24, end):
            minute = hour * _HOUR
            if hour not in by_minutes and _exists(series, minute, last):
                yield _row(series, minute, _usual(series, world, minute, last), noise)


def minutes(accounts: Sequence[AccountStory], world: World, now: datetime) -> Iterator[Row]:
    """Each minute that is kept, up to the last whole one."""
    last = minute_of(now)
    since = (last // _HOUR - _HOURS_OF_MINUTES + 1) * _HOUR
    for series in _all_series(accounts):
        noise = _chance(series, "minutes")
        kept = {hour * _HOUR for hour in _hours_of_incidents(series, world, last)}
        for first in sorted(kept | set(range(since, last, _HOUR))):
            if not _exists(series, first, last):
                continue
            for minute in range(first, min(first + _HOUR, last)):
                moment = _usual(series, world, minute, last)
                _strike(moment, series, world, minute, last)
                yield _row(series, minute, moment, noise)


def _all_series(accounts: Sequence[AccountStory]) -> Iterator[_Series]:
    for account in accounts:
        for app in account.apps:
            for region, users in app.users.items():
                chance = random.Random(f"{account.id} {app.id} {region}")
                drift, hit = chance.uniform(-0.04, 0.1), chance.uniform(0.7, 1.15)
                yield _Series(account, app, region, users, drift, hit)


def _chance(series: _Series, what: str) -> random.Random:
    """The same for the same story: seeding again makes the same rows."""
    return random.Random(f"{what} {series.account.id} {series.app.id} {series.region}")


def _exists(series: _Series, minute: int, now: int) -> bool:
    return (now - minute) / _DAY <= min(series.app.starts, DAYS)


def _usual(series: _Series, world: World, minute: int, now: int) -> _Moment:
    """What the hour of the day, the region and the account's story make of a minute."""
    region = world.regions[series.region]
    load = _load(series, world, minute + round(region.ahead * _HOUR))
    days = (now - minute) / _DAY
    moment = _Moment(
        users=series.users * load * (1 + series.drift * (1 - days / DAYS)),
        stall=region.stall * (0.75 + 0.5 * load),
        latency=region.latency * (0.94 + 0.12 * load),
        loss=region.loss * (0.8 + 0.4 * load),
        join=region.join * (0.93 + 0.14 * load),
    )
    for change in series.account.changes:
        concerns = change.app in ("", series.app.id) and change.region in ("", series.region)
        if concerns and change.since >= days >= change.until:
            passed = (change.since - days) / (change.since - change.until) if change.grows else 1.0
            _multiply(moment, change.metric, 1 + (change.factor - 1) * passed)
    return moment


def _load(series: _Series, world: World, local: int) -> float:
    """The share of the busiest hour at a minute of the region's clock."""
    shape = world.shapes[series.app.shape]
    hour, past = divmod(local, _HOUR)
    here, next_ = shape.weekday[hour % 24], shape.weekday[(hour + 1) % 24]
    weekday = (local // _DAY + _EPOCH_WEEKDAY) % _WEEK
    weekend = shape.weekend if weekday >= _FIRST_OF_WEEKEND else 1.0
    return (here + (next_ - here) * past / _HOUR) * weekend


def _multiply(moment: _Moment, metric: str, factor: float) -> None:
    setattr(moment, metric, getattr(moment, metric) * factor)


def _strike(moment: _Moment, series: _Series, world: World, minute: int, now: int) -> None:
    """Incidents of the region, in the minutes that they last."""
    for incident in world.incidents:
        begins = _begins(incident, now)
        if incident.region == series.region and begins <= minute < begins + incident.minutes:
            moment.zones = incident.zones
            for metric, factor in incident.changes.items():
                _multiply(moment, metric, factor * series.hit)


def _begins(incident: IncidentStory, now: int) -> int:
    return now - round(incident.days * _DAY)


def _hours_of_incidents(series: _Series, world: World, now: int) -> set[int]:
    """With an hour before and after, so that it can be seen how it began and ended."""
    found: set[int] = set()
    for incident in world.incidents:
        if incident.region == series.region:
            begins = _begins(incident, now)
            first, last = begins // _HOUR - 1, (begins + incident.minutes) // _HOUR + 1
            found |= set(range(first, min(last, now // _HOUR) + 1))
    return found


def _row(series: _Series, minute: int, moment: _Moment, noise: random.Random) -> Row:
    """As an operator would report it: rounded, and never twice quite the same."""
    users = round(moment.users * noise.uniform(0.95, 1.05))
    joins = round(users / _STAY_MINUTES)
    joined = joins - min(joins, round(joins * moment.failed + noise.random() - 0.5))
    return Row(
        series.account.id,
        series.app.id,
        series.region,
        minute,
        users,
        min(round(moment.stall * noise.uniform(0.86, 1.14) * _MILLION), _MILLION),
        round(moment.latency * noise.uniform(0.95, 1.05)),
        min(round(moment.loss * noise.uniform(0.85, 1.15) * _MILLION), _MILLION),
        joins,
        min(joined, joins),
        round(moment.join * noise.uniform(0.94, 1.06)) if joined else None,
        round(moment.zones * _MILLION),
    )
