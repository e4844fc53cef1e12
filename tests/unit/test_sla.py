"""Service levels, beside a model that is slow and obvious: it lives through every minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from operator import itemgetter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.service.tickets.business_time import ALWAYS, BusinessHours, Shift, due, worked
from agent.service.tickets.sla import Clock, ClockState, Event, Kind, Policy, Target, clocks
from common.errors import SetupError

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def office(zone: ZoneInfo, country: str = "", *, days: int = 5) -> BusinessHours:
    """From nine to twelve and from one to six."""
    day = (Shift(time(9), time(12)), Shift(time(13), time(18)))
    return BusinessHours(zone, (day,) * days + ((),) * (7 - days), country)


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


# Business time


@pytest.mark.parametrize(
    ("since", "amount", "expected"),
    [
        ("2026-11-30 09:30", 2 * HOUR, "2026-11-30 11:30"),
        ("2026-11-30 11:00", 2 * HOUR, "2026-11-30 14:00"),  # over noon
        ("2026-11-30 17:00", 2 * HOUR, "2026-12-01 10:00"),  # over night
        ("2026-11-27 17:00", 2 * HOUR, "2026-11-30 10:00"),  # over a weekend
        ("2026-09-30 17:00", 2 * HOUR, "2026-10-08 10:00"),  # over the National Day week
        ("2026-10-09 17:00", 2 * HOUR, "2026-10-10 10:00"),  # a Saturday worked for it
        ("2026-10-10 17:00", 2 * HOUR, "2026-10-12 10:00"),  # and the Sunday after it is not
    ],
)
def test_office_hours_in_shanghai(since: str, amount: timedelta, expected: str) -> None:
    hours = office(SHANGHAI, "CN")
    assert due(hours, at(since, SHANGHAI), amount) == at(expected, SHANGHAI)
    assert worked(hours, at(since, SHANGHAI), at(expected, SHANGHAI)) == amount


@pytest.mark.parametrize(
    ("day", "long"), [("2026-10-24", 9 * HOUR), ("2026-03-28", 7 * HOUR), ("2026-11-10", 8 * HOUR)]
)
def test_a_night_shift_is_as_long_as_the_night(day: str, long: timedelta) -> None:
    """Clocks are put back on the last Sunday of October, and forward on that of March."""
    late = (Shift(time(22), time()),)
    early_and_late = (Shift(time(), time(6)), Shift(time(22), time()))
    hours = BusinessHours(BERLIN, (late,) + (early_and_late,) * 6)
    evening = at(f"{day} 22:00", BERLIN)
    morning = evening.astimezone(UTC) + long
    assert morning.astimezone(BERLIN).time() == time(6)
    assert worked(hours, evening, morning + HOUR) == long
    assert due(hours, evening, long) == morning


def test_hours_that_cannot_be_kept_are_refused() -> None:
    day = (Shift(time(9), time(18)),)
    backwards = (Shift(time(18), time(9)),)
    overlapping = (Shift(time(9), time(14)), Shift(time(13), time(18)))
    for weekly in (((),) * 7, (day,) * 5, (backwards,) * 7, (overlapping,) * 7):
        with pytest.raises(SetupError):
            BusinessHours(SHANGHAI, weekly)
    with pytest.raises(SetupError, match="'XX'"):
        BusinessHours(SHANGHAI, (day,) * 7, "XX")


# Clocks

T0 = at("2026-11-30 02:00")
FOUR: Policy = {
    1: {"human response": Target(15 * MINUTE, ALWAYS), "restoration": Target(2 * HOUR, ALWAYS)},
    3: {"human response": Target(8 * HOUR, ALWAYS), "restoration": Target(24 * HOUR, ALWAYS)},
}


def opened(severity: int) -> Event:
    return Event(T0, "opened", "customer", severity)


def event(minutes: float, kind: Kind, severity: int | None = None, actor: str = "human") -> Event:
    return Event(T0 + minutes * MINUTE, kind, actor, severity)  # type: ignore[arg-type]


def only(
    clock: Clock, events: Sequence[Event], minutes: float, policy: Policy = FOUR
) -> ClockState:
    (state,) = (s for s in clocks(events, policy, T0 + minutes * MINUTE) if s.clock == clock)
    return state


def test_an_emergency_wants_a_person_within_a_quarter_of_an_hour() -> None:
    asked = [opened(1), event(1, "said", actor="assistant")]
    assert only("human response", asked, 14).state == "running"
    assert only("human response", asked, 14).due_at == T0 + 15 * MINUTE
    assert only("human response", asked, 16).missed_at == T0 + 15 * MINUTE
    joined = [*asked, event(15, "said")]
    assert only("human response", joined, 30).state == "met"
    late = [*asked, event(16, "said")]
    assert only("human response", late, 30).state == "missed"


def test_what_becomes_an_emergency_has_the_whole_time_of_one_from_then_on() -> None:
    raised = [opened(3), event(60, "severity", 1)]
    assert only("human response", raised, 61).due_at == T0 + 75 * MINUTE
    lowered = [*raised, event(70, "severity", 3)]
    assert only("human response", lowered, 71).due_at == T0 + 8 * HOUR


def test_what_was_missed_stays_missed() -> None:
    lowered = [opened(1), event(20, "severity", 3)]
    assert only("human response", lowered, 30).missed_at == T0 + 15 * MINUTE


def test_a_clock_of_work_stands_still_while_the_customer_has_to_do_something() -> None:
    waiting = [opened(1), event(60, "waiting")]
    assert only("restoration", waiting, 600).state == "paused"
    back = [*waiting, event(600, "said", actor="customer")]
    assert only("restoration", back, 610).due_at == T0 + 660 * MINUTE
    assert only("human response", waiting, 600).missed_at == T0 + 15 * MINUTE


def test_what_is_reopened_goes_on_where_it_stood() -> None:
    again = [opened(1), event(10, "resolved"), event(1000, "reopened")]
    assert only("restoration", again, 1001).due_at == T0 + 1110 * MINUTE
    assert only("human response", again, 1001).state == "met"


def test_nothing_is_silent_for_a_day() -> None:
    policy: Policy = {3: {"word": Target(24 * HOUR, ALWAYS)}}
    events = [opened(3), event(60, "said"), event(90, "waiting")]
    first, second = clocks(events, policy, T0 + 26 * HOUR)
    assert (first.state, second.missed_at) == ("met", T0 + 25 * HOUR)


# The model

#: An hour of work, an hour without, around the clock: targets cross many.
UTC_ZONE = ZoneInfo("UTC")
ODD = BusinessHours(
    UTC_ZONE, (tuple(Shift(time(h), time((h + 1) % 24)) for h in range(1, 24, 2)),) * 7
)
MODEL_POLICY: Policy = {
    1: {
        "first response": Target(3 * MINUTE, ALWAYS),
        "human response": Target(10 * MINUTE, ALWAYS),
        "next response": Target(5 * MINUTE, ALWAYS),
        "restoration": Target(50 * MINUTE, ALWAYS),
        "resolution": Target(90 * MINUTE, ODD),
        "word": Target(40 * MINUTE, ALWAYS),
    },
    2: {
        "human response": Target(60 * MINUTE, ODD),
        "restoration": Target(100 * MINUTE, ODD),
        "resolution": Target(200 * MINUTE, ALWAYS),
        "word": Target(70 * MINUTE, ALWAYS),
    },
    3: {"next response": Target(30 * MINUTE, ODD), "resolution": Target(150 * MINUTE, ODD)},
}


@dataclass
class Lived:
    """A clock that lives from minute to minute."""

    clock: Clock
    started: int
    counted: dict[int, int] = field(default_factory=lambda: dict.fromkeys(MODEL_POLICY, 0))
    """By severity, the minutes that count for a target of it."""
    reached: dict[int, int] = field(default_factory=dict)
    """By severity, when its target was reached."""
    missed: int | None = None
    met: int | None = None


class Notebook:
    """All clocks of a ticket, as somebody with a wristwatch would keep them."""

    def __init__(self) -> None:
        once: tuple[Clock, ...] = (
            *("first response", "human response", "restoration", "resolution", "word"),
        )
        self.clocks = [Lived(clock, 0) for clock in once]
        self.severity = self.since = 0
        self.waiting = False

    def going(self, clock: Clock) -> Lived | None:
        return next((c for c in self.clocks if c.clock == clock and c.met is None), None)

    def write(self, minute: int, event: Event) -> None:
        """Something happens."""
        from_us = event.kind == "said" and event.actor != "customer"
        from_them = event.kind == "said" and event.actor == "customer"
        if event.severity is not None:
            self.severity, self.since = event.severity, minute
            for clock in self.clocks:
                for other in clock.counted:
                    if other < self.severity:
                        clock.counted[other] = 0
                        clock.reached.pop(other, None)
        if event.kind == "waiting":
            self.waiting = True
        elif from_them or event.kind in ("resumed", "reopened"):
            self.waiting = False
        if from_them and not self.going("first response") and not self.going("next response"):
            self.clocks.append(Lived("next response", minute))
        ended: set[str] = set()
        if from_us:
            ended = {"first response", "next response", "word"}
            ended |= {"human response"} if event.actor == "human" else set()
        elif event.kind == "restored":
            ended = {"restoration"}
        elif event.kind == "resolved":
            ended = {clock.clock for clock in self.clocks}
        for clock in self.clocks:
            if clock.clock in ended and clock.met is None:
                clock.met = minute
        if (from_us or event.kind == "reopened") and not self.going("word"):
            self.clocks.append(Lived("word", minute))
        if event.kind == "reopened":
            for clock in self.clocks:
                if clock.clock in ("restoration", "resolution"):
                    clock.met = None

    def pass_(self, minute: int) -> None:
        """A minute goes by; what is due at its beginning and has not happened is missed."""
        now = T0 + minute * MINUTE
        for clock in (c for c in self.clocks if c.met is None):
            reached = clock.reached.get(self.severity)
            if reached is not None and clock.missed is None:
                clock.missed = max(reached, self.since)
            if self.waiting and clock.clock in ("restoration", "resolution"):
                continue
            for severity, targets in MODEL_POLICY.items():
                target = targets.get(clock.clock)
                if not target or self.severity > severity or severity in clock.reached:
                    continue
                clock.counted[severity] += any(
                    begins <= now < ends for begins, ends in islice(target.hours.windows(now), 1)
                )
                if clock.counted[severity] * MINUTE == target.amount:
                    clock.reached[severity] = minute + 1


def minute_of(moment: datetime | None) -> int | None:
    return None if moment is None else round((moment - T0) / MINUTE)


HAPPENINGS = st.one_of(
    st.builds(
        lambda kind, actor: (kind, actor, None),
        st.sampled_from(["said", "said", "waiting", "resumed", "restored", "resolved", "reopened"]),
        st.sampled_from(["customer", "assistant", "human"]),
    ),
    st.builds(lambda severity: ("severity", "human", severity), st.integers(1, 3)),
)


@settings(max_examples=150, deadline=None)
@given(
    severity=st.integers(1, 3),
    happened=st.lists(st.tuples(st.integers(0, 420), HAPPENINGS), max_size=14),
    until=st.integers(1, 600),
)
def test_clocks_are_those_of_a_notebook(
    severity: int, happened: list[tuple[int, tuple[Kind, str, int | None]]], until: int
) -> None:
    story = [opened(severity)]
    story += [event(minute, k, s, a) for minute, (k, a, s) in sorted(happened, key=itemgetter(0))]
    notebook = Notebook()
    now = T0 + until * MINUTE - timedelta(seconds=1)
    for minute in range(until):
        for one in story:
            if one.at == T0 + minute * MINUTE:
                notebook.write(minute, one)
        notebook.pass_(minute)
    severities = {e.severity for e in story if e.severity and e.at <= now}
    kept = [
        (c.clock, c.started, c.missed, c.met)
        for c in notebook.clocks
        if any(c.clock in MODEL_POLICY[s] for s in severities)
    ]
    found = [
        (c.clock, minute_of(c.started_at), minute_of(c.missed_at), minute_of(c.met_at))
        for c in clocks(story, MODEL_POLICY, now)
    ]
    assert sorted(found, key=str) == sorted(kept, key=str)


@given(
    start=st.integers(0, 6 * 24 * 60),
    amount=st.integers(1, 5 * 24 * 60),
    days=st.integers(1, 7),
    zone=st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/New_York"), UTC_ZONE]),
)
def test_what_is_due_after_so_much_work_is_so_much_work_later(
    start: int, amount: int, days: int, zone: ZoneInfo
) -> None:
    """Across the last weekend of October, when clocks are put back."""
    hours, since = office(zone, "DE", days=days), at("2026-10-22 00:00") + start * MINUTE
    end = due(hours, since, amount * MINUTE)
    assert worked(hours, since, end) == amount * MINUTE
    assert worked(hours, since, end - MINUTE) == (amount - 1) * MINUTE


def test_a_clock_that_is_behind_does_not_turn_time_back() -> None:
    skewed = [opened(1), event(10, "waiting"), event(-30, "said", actor="customer")]
    state = only("restoration", skewed, 20)
    assert state.due_at == T0 + 2 * HOUR
