"""A trouble began where its bad hours begin, whatever the night does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from agent.service.quality.comparing import Moment
from agent.service.quality.onset import Onset, onset
from agent.service.quality.rollups import Summary
from agent.service.quality.targets import Crossing

pytestmark = pytest.mark.unit

HOUR = timedelta(hours=1)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 14
NOW = FIRST + timedelta(days=DAYS) - HOUR / 2


def moment(hour: int, stalls: float | None, users: int = 600) -> Moment:
    values = dict.fromkeys((field.name for field in fields(Summary)), None)
    return Moment(
        FIRST + hour * HOUR,
        Summary(**values | {"user_minutes": users, "stall_rate": stalls}),  # type: ignore[arg-type]
    )


def course(stalls: Callable[[int], float | None]) -> list[Moment]:
    return [moment(hour, stalls(hour)) for hour in range(DAYS * 24)]


def crossing(begins: datetime, *, going_on: bool = True) -> Crossing:
    return Crossing("a", "b", "sea", "stall_rate", begins, NOW, going_on, 9, 0.1)


def began(hours: list[Moment], *crossings: Crossing) -> Onset | None:
    return onset(hours, crossings, "stall_rate", 0.01, NOW)


def test_it_began_with_the_first_bad_hour() -> None:
    found = began(course(lambda hour: 0.02 if hour >= 250 else 0.005))
    assert found == Onset(FIRST + 250 * HOUR, is_older=False)


def test_a_trouble_of_the_evenings_is_one() -> None:
    evenings = course(lambda hour: 0.02 if hour >= 200 and hour % 24 in (20, 21) else 0.005)
    assert began(evenings) == Onset(FIRST + 212 * HOUR, is_older=False)


def test_one_of_last_week_is_another() -> None:
    found = began(course(lambda hour: 0.02 if hour in range(50, 70) or hour >= 300 else 0.005))
    assert found == Onset(FIRST + 300 * HOUR, is_older=False)


def test_what_is_over_has_no_beginning() -> None:
    assert began(course(lambda hour: 0.02 if hour in range(200, 250) else 0.005)) is None


def test_a_single_bad_hour_is_none() -> None:
    assert began(course(lambda hour: 0.02 if hour == 330 else 0.005)) is None


def test_what_was_always_so_is_older_than_what_was_looked_at() -> None:
    assert began(course(lambda hour: 0.02)) == Onset(FIRST, is_older=True)


def test_what_has_just_begun_is_told_by_its_minutes() -> None:
    just_now = NOW - timedelta(minutes=12)
    good = course(lambda hour: 0.005)
    assert began(good, crossing(just_now)) == Onset(just_now, is_older=False)
    assert began(good, crossing(just_now, going_on=False)) is None
    assert began([]) is None


def test_a_recent_beginning_is_told_to_the_minute() -> None:
    last = DAYS * 24
    bad = course(lambda hour: 0.02 if hour >= last - 2 else 0.005)
    exact = FIRST + (last - 2) * HOUR + timedelta(minutes=20)
    assert began(bad, crossing(exact)) == Onset(exact, is_older=False)


def test_hours_of_next_to_nobody_say_nothing() -> None:
    hours = course(lambda hour: 0.005)
    hours[100:300] = [moment(hour, 0.5, users=9) for hour in range(100, 300)]
    assert began(hours) is None
    assert began([moment(hour, None) for hour in range(100)]) is None
