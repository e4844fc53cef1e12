"""The records of quality: rows taken in once, read by group, and looked through for misses.

The last report of a minute counts: the same again changes nothing, another replaces it and marks
its hour to be rolled up anew. What is read by group is as the last roll-up left it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, false, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.accounts.tables import Account
from agent.service.database import Database
from agent.service.quality.rollups import Summary, of_rolled, summaries
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.tables import Day, Hour, Series, Stale
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
    """The last ``count`` hours of the clock, or days in UTC, the one under way among them."""

    unit: Literal["hours", "days"]
    count: int


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
            await self._identify({row[:3] for row in batch} - known.keys(), known)
            unknown = [place for place, row in enumerate(batch) if row[:3] not in known]
            rows, replaced = _last_reports(batch, known)
            async with self._database.transaction() as session:
                changed = await _write(session, sorted(rows.items()))
                await _mark(session, sorted(set(changed)))
        accepted = len(changed) + replaced
        return Taken(accepted, len(batch) - len(unknown) - accepted, unknown)

    async def read(self, scope: Scope, by: By, span: Span, now: datetime) -> list[Summary]:
        """The scope's account by group."""
        return await self._read(_within(scope), by, span, now)

    async def overview(self, by: By, span: Span, now: datetime) -> list[Summary]:
        """All accounts by group: the operator's own view, which takes no scope."""
        return await self._read(true(), by, span, now)

    async def stale(self) -> int:
        """How many hours of series wait to be rolled up: no reading has their last minutes yet."""
        async with self._database.transaction() as session:
            return await session.scalar(select(func.count()).select_from(Stale)) or 0

    async def _read(
        self, within: ColumnElement[bool], by: By, span: Span, now: datetime
    ) -> list[Summary]:
        table: type[Hour | Day]
        this_hour = minute_of(now) // 60
        if span.unit == "hours":
            table, since = Hour, Hour.hour > this_hour - span.count
        else:
            table, since = Day, Day.day > this_hour // 24 - span.count
        group = getattr(Series, by)
        sums = (column.label(name) for name, column in of_rolled(table).items())
        query = (
            select(group.label("group"), *sums)
            .join(table, table.series == Series.id)
            .where(within, since)
            .group_by(group)
            .order_by(group)
        )
        async with self._database.transaction() as session:
            return summaries(await session.execute(query))

    async def _identify(self, wanted: Collection[Subject], known: dict[Subject, int]) -> None:
        """Learn the series of ``wanted``; those of an account that is there are made."""
        if not wanted:
            return
        async with self._database.transaction() as session:
            insert = _INSERTS[session.get_bind().dialect.name](Series).on_conflict_do_nothing()
            accounts = {account for account, _, _ in wanted}
            there = set(await session.scalars(select(Account.id).where(Account.id.in_(accounts))))
            made = [
                {"account": account, "app": app, "region": region}
                for account, app, region in sorted(wanted)
                if account in there
            ]
            if made:
                await session.execute(insert, made)
            query = select(Series).where(Series.account.in_(there))
            for one in await session.scalars(query):
                known[one.account, one.app, one.region] = one.id


def _within(scope: Scope) -> ColumnElement[bool]:
    """The scope's own account. A guest has none, and what is of one call alone is not in it."""
    return Series.account == scope.account if scope.account and not scope.call_id else false()


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
