"""Quality as an RTC cloud would report it: a number of rows in; JSON lines out, minute by minute.

Accounts are of very different sizes, each has some apps and regions, users come and go with the
day, and now and then something breaks: an app for a while, or a region for everybody in it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ACCOUNTS: Final = tuple(f"account-{number:03}" for number in range(100))
_REGIONS: Final = ("cn-east", "cn-north", "cn-south", "sg", "eu-central", "us-west")
_APPS: Final = ("live", "meeting", "voice")
#: Rows of a minute.
SERIES: Final = 600
#: The chance in a minute that something breaks, and how long it lasts.
_BREAKS: Final = 0.02
_BROKEN_MINUTES: Final = (5, 30)


@dataclass
class _Series:
    """An account's app in a region."""

    begins: str
    """Of its line."""
    region: str
    users: float
    stall_rate: float
    latency_ms: float
    phase: float
    """Of its day."""
    broken_until: int = -1


def lines(rows: int, until: datetime) -> Iterator[bytes]:
    """At least so many rows, all of a minute in a piece; the last minute is that of ``until``."""
    chance = random.Random(20261130)
    series = _series(chance)
    minutes = -(-rows // SERIES)
    for number in range(minutes):
        moment = until - timedelta(minutes=minutes - 1 - number)
        stamp = f'"minute":"{moment:%Y-%m-%dT%H:%MZ}",'
        if chance.random() < _BREAKS:
            _break(series, number, chance)
        yield "".join([_line(one, number, stamp, chance.random()) for one in series]).encode()


def _series(chance: random.Random) -> list[_Series]:
    found = []
    for number, account in enumerate(ACCOUNTS):
        size = 2000 / (1 + number)
        subjects = [(app, region) for app in _APPS for region in _REGIONS]
        for app, region in chance.sample(subjects, SERIES // len(ACCOUNTS)):
            begins = f'{{"account":"{account}","app":"{app}","region":"{region}",'
            users = size * chance.uniform(0.2, 1) + 3
            stall, latency = chance.uniform(0.001, 0.006), chance.uniform(80, 260)
            phase = _REGIONS.index(region) / len(_REGIONS)
            found.append(_Series(begins, region, users, stall, latency, phase))
    return found


def _break(series: list[_Series], number: int, chance: random.Random) -> None:
    until = number + chance.randint(*_BROKEN_MINUTES)
    if chance.random() < 0.1:
        region = chance.choice(_REGIONS)
        for one in series:
            if one.region == region and chance.random() < 0.4:
                one.broken_until = until
    else:
        chance.choice(series).broken_until = until


def _line(one: _Series, number: int, stamp: str, noise: float) -> str:
    users = int(one.users * (1.2 + math.sin(math.tau * (number / 1440 + one.phase))) * (1 + noise))
    bad = 4.0 if number <= one.broken_until else 1.0
    tries = users // 8
    joined = int(tries * (1 - 0.01 * bad * noise))
    return (
        f'{one.begins}{stamp}"users":{users},'
        f'"stall_rate":{one.stall_rate * bad * (0.5 + noise):.5f},'
        f'"latency_ms":{one.latency_ms * bad * (0.8 + noise / 4):.1f},'
        f'"packet_loss":{0.01 * bad * noise:.5f},"join_attempts":{tries},'
        f'"join_successes":{joined},"join_ms":{250 * bad * (0.8 + noise):.1f},'
        f'"zone_availability":{0.5 if bad > 1 and noise > 0.9 else 1}}}\n'
    )
