"""The records of quality: rows taken in once, read by group, and looked through for misses.

The last report of a minute counts: the same again changes nothing, another replaces it and marks
its hour to be rolled up anew. What is read by group is as the last roll-up left it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Subquery,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from agent.service.accounts.tables import Account
from agent.service.database import Database
from agent.service.quality.rollups import Summary, joined_ppm, of_rolled, summaries, write_hours
from agent.service.quality.rows import Row, minute_of, moment_of
from agent.service.quality.tables import Day, Hour, Minute, Series, Stale
from agent.service.quality.targets import (
    HIGH_IS_GOOD,
    Crossing,
    Incident,
    Measured,
    Metric,
    Targets,
    crossings,
    incidents,
)
from agent.service.scope import Scope

By = Literal["region", "app", "account"]
#: Who, which app, where.
Subject = tuple[str, str, str]

_KEY: Final = ("hour", "series", "minute")
_VALUES: Final = (
    *("users", "stall_ppm", "latency_ms", "loss_ppm", "joins", "joined", "join_ms", "zone_ppm"),
)
_COLUMNS: Final = (*_KEY, *_VALUES)
#: Rows in a statement: SQLite takes 32,766 values, and is quickest with few thousand.
_SQLITE_ROWS: Final = 200
_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True)
class Taken:
    """What became of a batch."""

    accepted: int
    """New, or other values than before."""
    unchanged: int
    unknown: Sequence[int]
    """By their place in the batch, those of accounts that are not there."""


@dataclass(frozen=True)
class Span:
    """``count`` hours of the clock, or days in UTC: the last ones, the one under way among them.

    ``ago``: so many are left out at the end; with 1 the last is the one before that under way.
    """

    unit: Literal["hours", "days"]
    count: int
    ago: int = 0


class QualityStore:
    """Quality in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one_at_a_time = asyncio.Lock()

    async def take_in(self, batch: Sequence[Row], known: dict[Subject, int]) -> Taken:
        """Keep rows, all of them or none.

        ``known``: series by what they are about; what is learned is added. However many send, one
        batch is written at a time: calls need the database, too.
        """
        async with self._one_at_a_time:
            async with self._database.transaction() as session:
                await _identify(session, {row[:3] for row in batch} - known.keys(), known)
            unknown = [place for place, row in enumerate(batch) if row[:3] not in known]
            rows, replaced = _last_reports(batch, known)
            async with self._database.transaction() as session:
                changed = await _write(session, sorted(rows.items()))
                await _mark(session, sorted(set(changed)))
        accepted = len(changed) + replaced
        return Taken(accepted, len(batch) - len(unknown) - accepted, unknown)

    async def take_in_hours(self, batch: Sequence[Row], known: dict[Subject, int]) -> None:
        """Keep hours whose minutes nobody has: each row stands for all sixty of the hour it is in.

        ``known`` as in `take_in`; rows of accounts that are not there are left out.
        """
        async with self._database.transaction() as session:
            await _identify(session, {row[:3] for row in batch} - known.keys(), known)
        rows = {(row.minute // 60, known[row[:3]]): row for row in batch if row[:3] in known}
        async with self._database.transaction() as session:
            # As when minutes are rolled up: days are made by one at a time.
            await self._database.write_alone(session, Day.__tablename__)
            await write_hours(session, rows)

    async def read(
        self, scope: Scope, by: By, span: Span, now: datetime, *, app: str = ""
    ) -> list[Summary]:
        """The scope's account by group; ``app``: that one alone."""
        return await self._read(within_account(scope, app), by, span, now)

    async def overview(self, by: By, span: Span, now: datetime) -> list[Summary]:
        """All accounts by group: the operator's own view, which takes no scope."""
        return await self._read(true(), by, span, now)

    async def stale(self, scope: Scope) -> int:
        """How many hours of the scope's series `read` has not whole: they are to be rolled up."""
        query = (
            select(func.count())
            .select_from(Stale)
            .join(Series, Series.id == Stale.series)
            .where(within_account(scope))
        )
        async with self._database.transaction() as session:
            return await session.scalar(query) or 0

    async def crossings(
        self, scope: Scope, targets: Targets, hours: int, now: datetime
    ) -> list[Crossing]:
        """Those of the scope's account in the last hours of the clock, rolled up or not."""
        measured = await self._missing(within_account(scope), targets, _since(hours, now))
        return crossings(measured, targets, now)

    async def incidents(self, targets: Targets, hours: int, now: datetime) -> list[Incident]:
        """Those of all accounts in the last hours of the clock: the operator's own, no scope."""
        since = _since(hours, now)
        measured = await self._missing(true(), targets, since)
        # A second's work where much is wrong, and calls are let in meanwhile.
        found = await asyncio.to_thread(crossings, measured, targets, now)
        return incidents(found, await self._reporting(since), now)

    async def _missing(
        self, within: ColumnElement[bool], targets: Targets, since: int
    ) -> list[Measured]:
        """Minutes that may miss a target; looked for in hours whose worst minute does."""
        mine = select(Series.id).where(within)
        suspect = union(
            select(Hour.hour, Hour.series).where(
                Hour.hour >= since, Hour.series.in_(mine), _suspect(targets, _WORST)
            ),
            select(Stale.hour, Stale.series).where(Stale.hour >= since, Stale.series.in_(mine)),
        ).subquery()
        query = (
            select(Series.account, Series.app, Series.region, Minute, joined_ppm().label("share"))
            .join(Minute, Minute.series == Series.id)
            .join(suspect, and_(suspect.c.hour == Minute.hour, suspect.c.series == Minute.series))
            .where(_suspect(targets, _OF_MINUTE))
        )
        async with self._database.transaction() as session:
            return [
                Measured(
                    account, app, region, minute.hour * 60 + minute.minute, *_told(minute, share)
                )
                for account, app, region, minute, share in await session.execute(query)
            ]

    async def _reporting(self, since: int) -> dict[str, int]:
        """How many accounts report, by region."""
        lately = or_(
            *(
                exists().where(kept.series == Series.id, kept.hour >= since)
                for kept in (Hour, Stale)
            )
        )
        query = (
            select(Series.region, func.count(Series.account.distinct()))
            .where(lately)
            .group_by(Series.region)
        )
        async with self._database.transaction() as session:
            return {row[0]: row[1] for row in await session.execute(query)}

    async def _read(
        self, within: ColumnElement[bool], by: By, span: Span, now: datetime
    ) -> list[Summary]:
        group = getattr(Series, by)
        each = rolled_by_series(within, span, now)
        query = (
            select(group.label("group"), *labelled(of_rolled(each.c)))
            .join(each, each.c.series == Series.id)
            .group_by(group)
            .order_by(group)
        )
        async with self._database.transaction() as session:
            return summaries(await session.execute(query))


def rolled_by_series(within: ColumnElement[bool], span: Span, now: datetime) -> Subquery:
    """The columns of `Rolled` over a span, of each series of those ``within``.

    Series by series, so that the key leads to their hours: else SQLite looks at all of them.
    """
    table, _, spanned = hours_of(span, now)
    return (
        select(table.series, *labelled(of_rolled(table)))
        .where(table.series.in_(select(Series.id).where(within)), spanned)
        .group_by(table.series)
        .subquery()
    )


def hours_of(
    span: Span, now: datetime
) -> tuple[type[Hour | Day], InstrumentedAttribute[int], ColumnElement[bool]]:
    """The table that has a span, its column that says when, and that a row is in the span."""
    this_hour = minute_of(now) // 60
    table: type[Hour | Day]
    if span.unit == "hours":
        table, when, last = Hour, Hour.hour, this_hour - span.ago
    else:
        table, when, last = Day, Day.day, this_hour // 24 - span.ago
    # Clocks differ: what a host reports of the next minutes is in what is under way.
    return table, when, and_(when > last - span.count, when <= last if span.ago else true())


def moments_of(span: Span, now: datetime) -> tuple[datetime, datetime]:
    """When a span begins, and when it ends."""
    hours = 1 if span.unit == "hours" else 24
    end = (minute_of(now) // 60 // hours + 1 - span.ago) * hours * 60
    return moment_of(end - span.count * hours * 60), moment_of(end)


async def write_minutes(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Keep a few rows if the transaction of ``session`` stands, each as `take_in` keeps many.

    Those of accounts that are not there are nobody's.
    """
    known: dict[Subject, int] = {}
    await _identify(session, {row[:3] for row in rows}, known)
    kept, _ = _last_reports(rows, known)
    changed = await _write(session, sorted(kept.items()))
    await _mark(session, sorted(set(changed)))


async def _identify(
    session: AsyncSession, wanted: Collection[Subject], known: dict[Subject, int]
) -> None:
    """Learn the series of ``wanted``; those of an account that is there are made."""
    if not wanted:
        return
    accounts = {account for account, _, _ in wanted}
    query = select(Series).where(Series.account.in_(accounts))
    known |= {(one.account, one.app, one.region): one.id for one in await session.scalars(query)}
    there = set(await session.scalars(select(Account.id).where(Account.id.in_(accounts))))
    made = [
        {"account": account, "app": app, "region": region}
        for account, app, region in sorted(set(wanted) - known.keys())
        if account in there
    ]
    if made:
        insert = _INSERTS[session.get_bind().dialect.name](Series).on_conflict_do_nothing()
        await session.execute(insert, made)
        for one in await session.scalars(query):
            known[one.account, one.app, one.region] = one.id


def within_account(scope: Scope, app: str = "") -> ColumnElement[bool]:
    """The series of the scope's own account; ``app``: of that one alone.

    A guest has none, and what is of one call alone is not in it.
    """
    if not scope.account or scope.call_id:
        return false()
    return and_(Series.account == scope.account, Series.app == app if app else true())


def labelled(columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Each column under its name."""
    return [column.label(name) for name, column in columns.items()]


def _since(hours: int, now: datetime) -> int:
    return minute_of(now) // 60 - hours + 1


#: The column of each metric, of a minute and of the worst minute of an hour, and what 1 is in it.
_OF_MINUTE: Final[dict[Metric, tuple[Any, int]]] = {
    "stall_rate": (Minute.stall_ppm, 1_000_000),
    "latency_ms": (Minute.latency_ms, 1),
    "packet_loss": (Minute.loss_ppm, 1_000_000),
    "join_ms": (Minute.join_ms, 1),
    "join_success": (joined_ppm(), 1_000_000),
    "zone_availability": (Minute.zone_ppm, 1_000_000),
}
_WORST: Final[dict[Metric, tuple[Any, int]]] = {
    "stall_rate": (Hour.stall_worst, 1_000_000),
    "latency_ms": (Hour.latency_worst, 1),
    "packet_loss": (Hour.loss_worst, 1_000_000),
    "join_ms": (Hour.join_worst, 1),
    "join_success": (Hour.joined_worst, 1_000_000),
    "zone_availability": (Hour.zone_worst, 1_000_000),
}


def _suspect(targets: Targets, columns: dict[Metric, tuple[Any, int]]) -> ColumnElement[bool]:
    """That some column may miss its target: all that do, and perhaps some at the very edge."""
    missed = [false()]
    for metric, target in targets.items():
        column, unit = columns[metric]
        if metric in HIGH_IS_GOOD:
            missed.append(column < math.ceil(target * unit))
        else:
            missed.append(column >= math.floor(target * unit))
    return or_(*missed)


def _told(minute: Minute, joined: int | None) -> Iterable[float | None]:
    """The metrics of `Measured`, as they were reported."""

    def rate(value: int | None) -> float | None:
        return None if value is None else value / 1_000_000

    return (
        rate(minute.stall_ppm),
        minute.latency_ms,
        rate(minute.loss_ppm),
        minute.join_ms,
        rate(joined),
        rate(minute.zone_ppm),
    )


_Key = tuple[int, int, int]


def _last_reports(
    batch: Iterable[Row], known: dict[Subject, int]
) -> tuple[dict[_Key, tuple[int | None, ...]], int]:
    """By key the last report of each minute, and how many others were replaced by it."""
    rows: dict[_Key, tuple[int | None, ...]] = {}
    replaced = 0
    for row in batch:
        series = known.get(row[:3])
        if series is None:
            continue
        key = (row.minute // 60, series, row.minute % 60)
        values = row[4:]
        replaced += rows.get(key, values) != values
        rows[key] = values
    return rows, replaced


# Written in SQL: millions of rows go through it, and each database has its own fast way.


async def _write(
    session: AsyncSession, rows: Sequence[tuple[_Key, tuple[int | None, ...]]]
) -> list[tuple[int, int]]:
    """Put rows, in the order of their keys, so that two who write never wait for each other.

    Returns hour and series of each that is new or other than before.
    """
    connection = await session.connection()
    changed: list[tuple[int, int]] = []
    if connection.dialect.name == "postgresql":
        if rows:
            columns = tuple(map(list, zip(*((*key, *values) for key, values in rows), strict=True)))
            found = await connection.exec_driver_sql(_POSTGRESQL, columns)
            changed = [(row.hour, row.series) for row in found]
        return changed
    left = iter(rows)
    while some := list(islice(left, _SQLITE_ROWS)):
        flat = tuple(value for key, values in some for value in (*key, *values))
        found = await connection.exec_driver_sql(_sqlite(len(some)), flat)
        changed += [(row.hour, row.series) for row in found]
    return changed


def _upsert(source: str, differs: str) -> str:
    values = ", ".join(f"{name} = excluded.{name}" for name in _VALUES)
    other = " OR ".join(f"quality_minutes.{name} {differs} excluded.{name}" for name in _VALUES)
    return (
        f"INSERT INTO quality_minutes ({', '.join(_COLUMNS)}) {source}"
        f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {values} WHERE {other}"
        " RETURNING hour, series"
    )


#: One array for each column: one statement and one plan for any number of rows.
_POSTGRESQL: Final = _upsert(
    "SELECT * FROM unnest("
    + ", ".join(
        f"${number}::{'smallint' if name == 'minute' else 'integer'}[]"
        for number, name in enumerate(_COLUMNS, 1)
    )
    + ")",
    "IS DISTINCT FROM",
)


def _sqlite(count: int) -> str:
    row = f"({', '.join('?' * len(_COLUMNS))})"
    return _upsert("VALUES " + ", ".join([row] * count), "IS NOT")


async def _mark(session: AsyncSession, hours: Sequence[tuple[int, int]]) -> None:
    """Have hours of series rolled up."""
    if not hours:
        return
    insert = _INSERTS[session.get_bind().dialect.name](Stale)
    marked = insert.on_conflict_do_update(
        index_elements=["hour", "series"], set_={"marks": Stale.marks + 1}
    )
    rows = [{"hour": hour, "series": series, "marks": 1} for hour, series in hours]
    await session.execute(marked, rows)
