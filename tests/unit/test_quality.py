"""Quality is kept once, rolled up from what is kept, and read by those whose it is."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from agent.service.accounts.store import AccountStore
from agent.service.accounts.tables import Account
from agent.service.database import Database
from agent.service.quality import rollups
from agent.service.quality.intake import NAMED, Form, Receipt, take_in
from agent.service.quality.rollups import Summary, roll_up
from agent.service.quality.rows import LONGEST_LINE, Row, minute_of
from agent.service.quality.store import QualityStore, Span, Subject, _mark, _write
from agent.service.quality.tables import Day, Hour, Minute, Series, Stale
from agent.service.scope import Scope
from common.errors import InputError

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
THIS = minute_of(NOW)
ACME, OTHER = Scope("acme"), Scope("other")
DAY = Span("hours", 24)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    accounts = AccountStore(database)
    for account in ("acme", "other", "third"):
        await accounts.put(account, account.title())
    yield database
    await database.aclose()


@pytest.fixture
def store(database: Database) -> QualityStore:
    return QualityStore(database)


def row(ago: int = 0, **changed: Any) -> Row:
    values: dict[str, Any] = {
        "account": "acme",
        "app": "live",
        "region": "cn-east",
        "minute": THIS - ago,
        "users": 100,
        "stall_ppm": 5_000,
        "latency_ms": 200,
        "loss_ppm": 10_000,
        "joins": 10,
        "joined": 9,
        "join_ms": 300,
        "zone_ppm": 1_000_000,
    }
    return Row(**(values | changed))


async def taken(store: QualityStore, *rows: Row) -> tuple[int, int, list[int]]:
    done = await store.take_in(rows, {})
    return done.accepted, done.unchanged, list(done.unknown)


async def table(database: Database, kind: Any) -> list[dict[str, Any]]:
    async with database.transaction() as session:
        found = (await session.execute(select(kind.__table__))).mappings()
        return sorted((dict(one) for one in found), key=str)


async def test_the_same_again_changes_nothing(database: Database, store: QualityStore) -> None:
    rows = [row(ago) for ago in range(5)]
    assert await taken(store, *rows) == (5, 0, [])
    assert await roll_up(database) == 1
    assert await taken(store, *rows, *rows) == (0, 10, [])
    assert await store.stale(ACME) == 0 and await roll_up(database) == 0
    assert len(await table(database, Minute)) == 5


async def test_a_later_report_replaces_the_one_before(
    database: Database, store: QualityStore
) -> None:
    await taken(store, row(0), row(1))
    await roll_up(database)
    assert await taken(store, row(0, latency_ms=None, users=300)) == (1, 0, [])
    assert await store.stale(ACME) == 1
    await roll_up(database)
    (summary,) = await store.read(ACME, "region", DAY, NOW)
    assert (summary.minutes, summary.user_minutes, summary.latency_ms) == (2, 400, 200)


async def test_of_one_minute_twice_in_a_batch_the_last_counts(
    database: Database, store: QualityStore
) -> None:
    assert await taken(store, row(users=1), row(users=2), row(users=2)) == (2, 1, [])
    (kept,) = await table(database, Minute)
    assert kept["users"] == 2


async def test_rows_of_accounts_that_are_not_there_are_told(store: QualityStore) -> None:
    rows = [row(), row(account="nobody"), row(account="other"), row(account="Acme")]
    assert await taken(store, *rows) == (2, 0, [1, 3])


async def test_means_are_weighed_by_whom_they_are_about(
    database: Database, store: QualityStore
) -> None:
    await taken(
        store,
        row(0, users=100, stall_ppm=10_000, joins=10, joined=10, join_ms=200),
        row(1, users=300, stall_ppm=50_000, joins=10, joined=5, join_ms=800, zone_ppm=500_000),
        row(2, users=0, stall_ppm=900_000, joins=0, joined=0, join_ms=None),
        row(3, users=400, stall_ppm=None, joins=None, joined=None, join_ms=None, zone_ppm=None),
    )
    await roll_up(database)
    (said,) = await store.read(ACME, "region", DAY, NOW)
    assert (said.minutes, said.user_minutes) == (4, 800)
    assert (said.stall_rate, said.stall_rate_worst) == (0.04, 0.9)
    assert (said.join_ms, said.join_ms_worst) == (400, 800)
    assert (said.join_attempts, said.join_success, said.join_success_worst) == (20, 0.75, 0.5)
    assert said.zone_availability == pytest.approx(2.5 / 3)
    assert said.zone_availability_worst == 0.5


async def test_what_nobody_measured_is_not_zero(database: Database, store: QualityStore) -> None:
    await taken(store, Row("acme", "live", "cn-east", THIS, 7, *[None] * 7))
    await roll_up(database)
    (said,) = await store.read(ACME, "app", DAY, NOW)
    numbers = asdict(said)
    assert (numbers.pop("minutes"), numbers.pop("user_minutes")) == (1, 7)
    assert (numbers.pop("group"), numbers.pop("join_attempts")) == ("live", 0)
    assert set(numbers.values()) == {None}


async def test_a_span_is_of_whole_hours_and_days(database: Database, store: QualityStore) -> None:
    ages = (0, 30, 31, 23 * 60 + 30, 23 * 60 + 31, 24 * 60, 3 * 24 * 60)
    await taken(store, *(row(ago) for ago in ages))
    await roll_up(database)

    async def minutes(span: Span) -> int:
        return sum(one.minutes for one in await store.read(ACME, "region", span, NOW))

    assert await minutes(Span("hours", 1)) == 2
    assert await minutes(Span("hours", 24)) == 4
    assert await minutes(Span("hours", 25)) == 6
    assert await minutes(Span("days", 1)) == 3
    assert await minutes(Span("days", 2)) == 6
    assert await minutes(Span("days", 30)) == 7


async def test_nobody_reads_what_is_not_theirs(database: Database, store: QualityStore) -> None:
    await taken(store, row(), row(account="other", region="eu"), row(account="third", app="a"))
    await roll_up(database)
    assert [one.group for one in await store.read(ACME, "region", DAY, NOW)] == ["cn-east"]
    assert [one.group for one in await store.read(OTHER, "region", DAY, NOW)] == ["eu"]
    for scope in (Scope(""), Scope("", "call"), Scope("acme", "call"), Scope("nobody")):
        assert await store.read(scope, "region", DAY, NOW) == []
    overview = await store.overview("account", DAY, NOW)
    assert [one.group for one in overview] == ["acme", "other", "third"]


async def test_an_account_that_comes_again_has_not_what_was_anothers(
    database: Database, store: QualityStore
) -> None:
    await taken(store, row())
    await roll_up(database)
    async with database.transaction() as session:
        await session.execute(delete(Account).where(Account.id == "acme"))
    await AccountStore(database).put("acme", "Acme again")
    assert await store.read(ACME, "region", DAY, NOW) == []
    await taken(store, row(users=3))
    await roll_up(database)
    (said,) = await store.read(ACME, "region", DAY, NOW)
    assert said.user_minutes == 3


async def test_many_who_send_and_roll_up_at_once_lose_nothing(
    database_url: str, database: Database
) -> None:
    """The same hours, in parts and in another order each, from processes of their own."""
    rows = [
        row(ago, account=a, app=p) for ago in range(90) for a in ("acme", "other") for p in "xy"
    ]
    databases = [Database(database_url) for _ in range(4)]

    async def send(number: int) -> None:
        mine = rows[:]
        random.Random(number).shuffle(mine)
        store, known = QualityStore(databases[number]), dict[Subject, int]()
        for begin in range(0, len(mine), 40):
            await store.take_in(mine[begin : begin + 40], known)

    async def keep_rolling() -> None:
        while True:
            await roll_up(databases[3])
            await asyncio.sleep(0)

    rolling = asyncio.create_task(keep_rolling())
    await asyncio.gather(*(send(number) for number in range(3)))
    rolling.cancel()
    await asyncio.gather(rolling, return_exceptions=True)
    await asyncio.gather(*(roll_up(each) for each in databases))
    assert await table(database, Stale) == []
    said = await QualityStore(database).overview("account", Span("days", 1), NOW)
    assert [(one.group, one.minutes) for one in said] == [("acme", 180), ("other", 180)]
    assert sum(one["minutes"] for one in await table(database, Hour)) == 360
    for each in databases:
        await each.aclose()


async def test_a_row_that_is_being_written_while_its_hour_is_rolled_up_is_in_it_later(
    database_url: str, database: Database, store: QualityStore
) -> None:
    await taken(store, row(0))  # its hour is marked already
    series = (await table(database, Series))[0]["id"]
    hour, minute = divmod(THIS - 1, 60)
    other = Database(database_url)
    async with database.transaction() as session:
        written = await _write(session, [((hour, series, minute), row(1)[4:])])
        await _mark(session, written)
        rolling = asyncio.create_task(roll_up(other))
        await asyncio.wait([rolling], timeout=0.3)
    await rolling
    await roll_up(other)
    (said,) = await store.read(ACME, "region", DAY, NOW)
    assert (said.minutes, await store.stale(ACME)) == (2, 0)
    await other.aclose()


async def test_two_who_roll_up_hours_of_one_day_make_it_whole(
    database_url: str, database: Database, store: QualityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has made the day and is about to commit when the second begins."""
    made, goes_on = asyncio.Event(), asyncio.Event()
    real = rollups._roll_day

    async def slowly(*arguments: Any) -> None:
        await real(*arguments)
        if not made.is_set():
            made.set()
            await goes_on.wait()

    monkeypatch.setattr(rollups, "_roll_day", slowly)
    other = Database(database_url)

    async def send_and_roll_up() -> None:
        await taken(QualityStore(other), row(60))
        await roll_up(other)

    await taken(store, row(0))
    first = asyncio.create_task(roll_up(database))
    await made.wait()
    second = asyncio.create_task(send_and_roll_up())
    await asyncio.wait([second], timeout=0.3)
    goes_on.set()
    await asyncio.gather(first, second)
    (said,) = await store.read(ACME, "region", Span("days", 1), NOW)
    assert (said.minutes, await store.stale(ACME)) == (2, 0)
    await other.aclose()


# Beside a model: a notebook with a line for each minute


def told(rows: Iterable[Row], by: str) -> list[Summary]:
    kept = {row[:4]: row for row in rows}.values()

    def mean(pairs: Sequence[tuple[int | None, int | None]]) -> float | None:
        there = [(value, weight) for value, weight in pairs if value is not None and weight]
        weight = sum(weight for _, weight in there)
        return sum(value * weight for value, weight in there) / weight if weight else None

    def share(value: float | None) -> float | None:
        return None if value is None else value / 1_000_000

    said = []
    for group in sorted({getattr(row, by) for row in kept}):
        mine = [row for row in kept if getattr(row, by) == group]
        joins = sum(row.joins or 0 for row in mine)
        said.append(
            Summary(
                group,
                len(mine),
                sum(row.users for row in mine),
                share(mean([(row.stall_ppm, row.users) for row in mine])),
                share(most(row.stall_ppm for row in mine)),
                mean([(row.latency_ms, row.users) for row in mine]),
                most(row.latency_ms for row in mine),
                share(mean([(row.loss_ppm, row.users) for row in mine])),
                share(most(row.loss_ppm for row in mine)),
                mean([(row.join_ms, row.joined) for row in mine]),
                most(row.join_ms for row in mine),
                joins,
                sum(row.joined or 0 for row in mine) / joins if joins else None,
                share(
                    min(
                        ((r.joined or 0) * 1_000_000 // r.joins for r in mine if r.joins),
                        default=None,
                    )
                ),
                share(mean([(row.zone_ppm, 1) for row in mine])),
                share(min((r.zone_ppm for r in mine if r.zone_ppm is not None), default=None)),
            )
        )
    return said


def most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def optional(most: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, most)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    joins = draw(optional(50))
    joined = None if joins is None else draw(st.integers(0, joins))
    return Row(
        draw(st.sampled_from(["acme", "other"])),
        draw(st.sampled_from(["live", "meet"])),
        draw(st.sampled_from(["cn", "eu"])),
        THIS - draw(st.integers(0, 200)),
        draw(st.sampled_from([0, 1, 50, 10_000_000])),
        draw(optional(1_000_000)),
        draw(optional(600_000)),
        draw(optional(1_000_000)),
        joins,
        joined,
        None if joined is None else draw(optional(600_000)),
        draw(optional(1_000_000)),
    )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(rows(), max_size=12), max_size=4))
async def test_roll_ups_say_what_a_notebook_says(
    database: Database, store: QualityStore, batches: list[list[Row]]
) -> None:
    async with database.transaction() as session:
        for kind in (Series, Minute, Hour, Day, Stale):
            await session.execute(delete(kind))
    known: dict[Subject, int] = {}
    for batch in batches:
        await store.take_in(batch, known)
        await roll_up(database)
    everything = [row for batch in batches for row in batch]
    for by in ("region", "app", "account"):
        for span in (Span("hours", 5), Span("days", 1)):
            found = await store.overview(by, span, NOW)
            expected = told(everything, by)
            assert list(map(asdict, found)) == [pytest.approx(asdict(e)) for e in expected]


# From lines


def line(ago: int = 0, **changed: Any) -> bytes:
    minute = (NOW - timedelta(minutes=ago)).isoformat()
    fields = {"account": "acme", "app": "live", "region": "cn", "minute": minute, "users": 5}
    return json.dumps(fields | changed).encode()


async def intake(
    store: QualityStore, text: bytes, form: Form = "json", *, piece: int = 100, **limits: int | None
) -> Receipt:
    async def pieces() -> AsyncIterator[bytes]:
        for begin in range(0, len(text), piece):
            yield text[begin : begin + piece]

    return await take_in(pieces(), form, store, NOW, **limits)


@pytest.mark.parametrize("piece", [1, 7, 100, 10_000])
async def test_the_rest_goes_in_whatever_is_refused(store: QualityStore, piece: int) -> None:
    lines = [
        b"\xef\xbb\xbf" + line(0),
        b"",
        b'{"users": NaN}',
        line(1, account="nobody") + b"\r",
        line(2, minute="1970-01-01T00:00Z"),
        b"x" * 3 * LONGEST_LINE,
        line(3) + b"\r",
        line(0),
    ]
    receipt = await intake(store, b"\n".join(lines), piece=piece)
    assert (receipt.accepted, receipt.unchanged, receipt.whole) == (2, 1, True)
    assert [(one.line, one.reason) for one in receipt.refused] == [
        (3, "NaN is not a number"),
        (4, "there is no account 'nobody'"),
        (5, "minute is before 2020"),
        (6, f"longer than {LONGEST_LINE} bytes"),
    ]
    assert receipt.refused_count == 4


async def test_csv_goes_in_by_its_header(store: QualityStore) -> None:
    text = (
        b"users,account,app,region,minute\r\n"
        b"5,acme,live,cn,2026-11-30T12:00Z\r\n"
        b"5,acme,live,cn\r\n"
        b'6,acme,"live",cn,2026-11-30T12:01Z\r\n'
    )
    receipt = await intake(store, text, "csv")
    assert (receipt.accepted, receipt.refused_count) == (2, 1)
    assert receipt.refused[0].line == 3
    with pytest.raises(InputError, match="no field is called 'user'"):
        await intake(store, b"user,account\n5,acme\n", "csv")


async def test_of_many_that_are_refused_the_first_are_named(store: QualityStore) -> None:
    receipt = await intake(store, b"no\n" * 25_000, piece=10_000)
    assert receipt.refused_count == 25_000
    assert [one.line for one in receipt.refused] == list(range(1, NAMED + 1))


@pytest.mark.parametrize("limits", [{"most_rows": 3}, {"most_bytes": 450}])
async def test_what_is_over_the_limit_is_not_read_and_what_came_before_is_kept(
    database: Database, store: QualityStore, limits: dict[str, int]
) -> None:
    text = b"".join(line(ago) + b"\n\n" for ago in range(20))
    receipt = await intake(store, text, "json", **limits)
    assert not receipt.whole
    assert receipt.accepted == len(await table(database, Minute)) == 3
    exact = b"".join(line(ago) + b"\n" for ago in range(3))
    assert (await intake(store, exact, most_rows=3)).whole
