"""Crossings and incidents, beside models that look at every minute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import Row, minute_of, moment_of
from agent.service.quality.store import QualityStore
from agent.service.quality.targets import (
    DEFAULT_TARGETS,
    Crossing,
    Incident,
    Measured,
    Metric,
    Targets,
    crossings,
    incidents,
)
from agent.service.scope import Scope
from agent.settings import Settings

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
THIS = minute_of(NOW)
BASE = THIS - 60
MINUTE = timedelta(minutes=1)


def measured(
    minute: int,
    account: str = "acme",
    region: str = "cn",
    *,
    stall_rate: float | None = None,
    latency_ms: float | None = None,
    join_success: float | None = None,
) -> Measured:
    return Measured(
        account,
        "live",
        region,
        BASE + minute,
        stall_rate,
        latency_ms,
        None,
        None,
        join_success,
        None,
    )


def stretches(found: Iterable[Crossing]) -> list[tuple[int, int, int]]:
    return [(at(one.begins), at(one.ends), one.minutes) for one in found]


def at(moment: datetime) -> int:
    return minute_of(moment) - BASE


def slow(*minutes: int, account: str = "acme", region: str = "cn") -> list[Measured]:
    return [measured(minute, account, region, latency_ms=450) for minute in minutes]


def test_a_crossing_is_three_minutes_that_miss_with_little_between() -> None:
    assert stretches(crossings(slow(3, 4), DEFAULT_TARGETS, NOW)) == []
    assert stretches(crossings(slow(3, 4, 5), DEFAULT_TARGETS, NOW)) == [(3, 6, 3)]
    assert stretches(crossings(slow(3, 8, 13), DEFAULT_TARGETS, NOW)) == [(3, 14, 3)]
    assert stretches(crossings(slow(3, 4, 10, 11), DEFAULT_TARGETS, NOW)) == []
    parted = crossings(slow(1, 2, 3, 9, 10, 11), DEFAULT_TARGETS, NOW)
    assert stretches(parted) == [(1, 4, 3), (9, 12, 3)]


def test_a_crossing_tells_its_worst_and_whether_it_goes_on() -> None:
    minutes = [measured(m, stall_rate=r) for m, r in ((53, 0.02), (54, 0.3), (55, 0.01))]
    (one,) = crossings(minutes, DEFAULT_TARGETS, NOW)
    assert (one.metric, one.worst, one.going_on) == ("stall_rate", 0.3, True)
    (one,) = crossings(minutes, DEFAULT_TARGETS, NOW + MINUTE)
    assert not one.going_on


def test_what_should_be_high_misses_below() -> None:
    targets: Targets = {"join_success": 0.95}
    minutes = [measured(m, join_success=s) for m, s in enumerate((0.95, 0.94, 0.5, 0.9, 1.0))]
    (one,) = crossings(minutes, targets, NOW)
    assert (stretches([one]), one.worst) == ([(1, 4, 3)], 0.5)
    assert crossings(minutes, DEFAULT_TARGETS, NOW) == []


def test_an_incident_is_three_accounts_at_once_in_a_region() -> None:
    rows = [*slow(1, 2, 3, 4, 5, account="a"), *slow(3, 4, 5, 6, account="b")]
    both = crossings(rows, DEFAULT_TARGETS, NOW)
    assert incidents(both, {"cn": 5}, NOW) == []
    elsewhere = crossings([*rows, *slow(3, 4, 5, account="c", region="eu")], DEFAULT_TARGETS, NOW)
    assert incidents(elsewhere, {"cn": 5, "eu": 5}, NOW) == []
    stalls = [measured(m, "c", stall_rate=0.1) for m in (4, 5, 6, 7)]
    three = crossings([*rows, *stalls], DEFAULT_TARGETS, NOW)
    (one,) = incidents(three, {"cn": 5}, NOW)
    assert (at(one.begins), at(one.ends), one.accounts) == (4, 6, ["a", "b", "c"])
    assert (one.metrics, one.reporting) == (["latency_ms", "stall_rate"], 5)


def test_of_many_accounts_three_are_chance() -> None:
    three = crossings([m for a in "abc" for m in slow(1, 2, 3, account=a)], DEFAULT_TARGETS, NOW)
    assert incidents(three, {"cn": 30}, NOW)
    assert not incidents(three, {"cn": 31}, NOW)


# The models

TARGETS: Targets = {"latency_ms": 400, "stall_rate": 0.01, "join_success": 0.9}
MINUTES = 60


def lived_crossings(rows: Sequence[Measured]) -> list[tuple[str, str, Metric, int, int]]:
    """Somebody walks along the minutes with a counter."""
    found: list[tuple[str, str, Metric, int, int]] = []
    for subject in sorted({(row.account, row.region) for row in rows}):
        mine = {r.minute - BASE: r for r in rows if (r.account, r.region) == subject}
        for metric in TARGETS:
            bad: list[int] = []
            for minute in range(MINUTES + 10):
                if bad and minute - bad[-1] > 5:
                    if len(bad) >= 3:
                        found.append((*subject, metric, bad[0], bad[-1] + 1))
                    bad = []
                if is_bad(mine.get(minute), metric):
                    bad.append(minute)
    return found


def is_bad(row: Measured | None, metric: Metric) -> bool:
    value = getattr(row, metric) if row else None
    if value is None:
        return False
    return bool(value < 0.9 if metric == "join_success" else value >= TARGETS[metric])


def lived_incidents(
    found: Sequence[Crossing], reporting: Mapping[str, int]
) -> list[tuple[str, int, int, list[str]]]:
    """Somebody asks in each minute how many are in trouble."""
    incidents: list[tuple[str, int, int, list[str]]] = []
    for region in sorted({crossing.region for crossing in found}):
        mine = [c for c in found if c.region == region]
        begun = last = None
        for minute in range(MINUTES + 10):
            now = moment_of(BASE + minute)
            those = {c.account for c in mine if c.begins <= now < c.ends}
            if begun is not None and last is not None and minute - last > 5:
                first, end = moment_of(BASE + begun), moment_of(BASE + last)
                part = sorted({c.account for c in mine if c.begins <= end and c.ends > first})
                incidents.append((region, begun, last + 1, part))
                begun = None
            if len(those) >= 3 and len(those) * 10 >= reporting[region]:
                begun, last = minute if begun is None else begun, minute
    return incidents


ROWS = st.lists(
    st.builds(
        measured,
        st.integers(0, MINUTES - 1),
        st.sampled_from("abcd"),
        st.sampled_from(["cn", "eu"]),
        stall_rate=st.sampled_from([None, 0, 0.009, 0.01, 0.5]),
        latency_ms=st.sampled_from([None, 100, 399, 400, 900]),
        join_success=st.sampled_from([None, 0, 0.89, 0.9, 1]),
    ),
    max_size=120,
    unique_by=lambda row: (row.account, row.region, row.minute),
)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_crossings_are_those_of_somebody_who_looks_at_every_minute(rows: list[Measured]) -> None:
    found = crossings(rows, TARGETS, NOW)
    seen = [(c.account, c.region, c.metric, at(c.begins), at(c.ends)) for c in found]
    assert sorted(seen) == sorted(lived_crossings(rows))


CROSSINGS = st.lists(
    st.builds(
        lambda account, region, begins, long: Crossing(
            account,
            "live",
            region,
            "latency_ms",
            moment_of(BASE + begins),
            moment_of(BASE + begins + long),
            going_on=False,
            minutes=long,
            worst=500,
        ),
        st.sampled_from("abcdef"),
        st.sampled_from(["cn", "eu"]),
        st.integers(0, MINUTES - 20),
        st.integers(3, 19),
    ),
    max_size=20,
)


@settings(max_examples=100, deadline=None)
@given(CROSSINGS, st.integers(3, 50), st.integers(3, 50))
def test_incidents_are_those_of_somebody_who_asks_in_every_minute(
    found: list[Crossing], cn: int, eu: int
) -> None:
    reporting = {"cn": cn, "eu": eu}
    seen = [
        (i.region, at(i.begins), at(i.ends), i.accounts) for i in incidents(found, reporting, NOW)
    ]
    assert sorted(seen, key=str) == sorted(lived_incidents(found, reporting), key=str)


# From the records


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    for account in ("acme", "blue", "cyan", "dune"):
        await AccountStore(database).put(account, account.title())
    yield database
    await database.aclose()


def reported(account: str, minute: int, **changed: int | None) -> Row:
    values: dict[str, int | None] = dict.fromkeys(
        ("stall_ppm", "latency_ms", "loss_ppm", "joins", "joined", "join_ms", "zone_ppm")
    )
    return Row(account, "live", "cn", BASE + minute, 10, **(values | changed))


@pytest.mark.parametrize("rolled", [True, False])
async def test_crossings_are_found_whether_rolled_up_or_not(
    database: Database, rolled: bool
) -> None:
    store = QualityStore(database)
    bad: dict[Metric, dict[str, int | None]] = {
        "stall_rate": {"stall_ppm": 10_000},
        "latency_ms": {"latency_ms": 400},
        "packet_loss": {"loss_ppm": 50_000},
        "join_ms": {"joins": 3, "joined": 2, "join_ms": 600},
        "join_success": {"joins": 3, "joined": 2},
        "zone_availability": {"zone_ppm": 999_999},
    }
    targets: dict[Metric, float] = {
        **DEFAULT_TARGETS, "packet_loss": 0.05, "join_success": 0.7, "zone_availability": 1
    }  # fmt: skip
    good: dict[str, int | None] = {
        "stall_ppm": 9_999, "latency_ms": 399, "loss_ppm": 49_999,
        "joins": 10, "joined": 7, "join_ms": 599, "zone_ppm": 1_000_000,
    }  # fmt: skip
    await store.take_in([reported("acme", minute, **good) for minute in range(60)], {})
    for metric, values in bad.items():
        await store.take_in([reported("acme", minute, **values) for minute in (5, 6, 7)], {})
        await store.take_in([reported("blue", minute, **values) for minute in (5, 6, 7)], {})
        if rolled:
            await roll_up(database)
        wanted = {metric: targets[metric]}
        (one,) = await store.crossings(Scope("acme"), wanted, 2, NOW)
        assert (one.account, one.metric, at(one.begins), at(one.ends)) == ("acme", metric, 5, 8)
        assert await store.crossings(Scope("acme"), wanted, 1, NOW) == []
        for scope in (Scope(""), Scope("acme", "call"), Scope("cyan")):
            assert await store.crossings(scope, targets, 2, NOW) == []
        assert await store.crossings(Scope("acme"), {}, 2, NOW) == []


async def test_an_incident_is_found_over_all_accounts(database: Database) -> None:
    store = QualityStore(database)
    for account in ("acme", "blue", "cyan"):
        await store.take_in([reported(account, m, latency_ms=900) for m in (5, 6, 7)], {})
        await roll_up(database)
    await store.take_in([reported("dune", 5, latency_ms=10)], {})
    (one,) = await store.incidents(DEFAULT_TARGETS, 2, NOW)
    assert one == Incident(
        "cn",
        moment_of(BASE + 5),
        moment_of(BASE + 8),
        going_on=False,
        accounts=["acme", "blue", "cyan"],
        reporting=4,
        metrics=["latency_ms"],
    )


def test_targets_are_the_operators_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().qos.targets == DEFAULT_TARGETS
    monkeypatch.setenv("LIUKE_QOS_STALL_RATE", "0.03")
    monkeypatch.setenv("LIUKE_QOS_JOIN_SUCCESS", "0.98")
    changed: Targets = {"stall_rate": 0.03, "join_success": 0.98}
    assert Settings().qos.targets == {**DEFAULT_TARGETS, **changed}
