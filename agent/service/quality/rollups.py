"""Roll-ups: minutes in; hours and days out, and what a stretch of them says about a group.

Means are weighed by whom they are about: stall, latency and loss by users, the time to join by
those that joined, zones by minutes. Beside each stands the worst single minute, which is that of
one app in one region. A percentile of calls cannot be told from means of minutes: there is none.

Whoever comes by rolls up what is marked, one process at a time. An hour is computed from all of its
minutes, never added to: done twice, it is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, case, cast, delete, func, literal, select
from sqlalchemy import Row as Found
from sqlalchemy import tuple_ as pair
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database
from agent.service.quality.rows import Row
from agent.service.quality.tables import Day, Hour, Minute, Stale

log = logging.getLogger(__name__)

#: Hours of a series that one transaction rolls up. On SQLite nobody else writes meanwhile.
_AT_ONCE: Final = 1000
#: Somebody looks so often for what was marked by a process that died since, seconds.
_LOOKS_EVERY_S: Final = 60.0
#: Between two transactions others have their turn, seconds.
_PAUSE_S: Final = 0.02
_MILLION: Final = 1_000_000
#: Of an hour.
_MINUTES: Final = 60
#: Of the databases that we know, each says "or put it there" in its own way.
_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

#: Each metric with its column of a minute and what weighs it.
_METRICS: Final[Mapping[str, tuple[Any, Any]]] = {
    "stall": (Minute.stall_ppm, Minute.users),
    "latency": (Minute.latency_ms, Minute.users),
    "loss": (Minute.loss_ppm, Minute.users),
    "join": (Minute.join_ms, Minute.joined),
    "zone": (Minute.zone_ppm, literal(1)),
}
#: By what each figure of a summary is weighed.
WEIGHTS: Final[Mapping[str, str]] = {
    "stall_rate": "stall_weight",
    "latency_ms": "latency_weight",
    "packet_loss": "loss_weight",
    "join_ms": "join_weight",
    "join_success": "joins",
    "zone_availability": "zone_weight",
}
#: Of these the lowest is the worst.
_LOW_IS_BAD: Final = ("zone", "joined")


@dataclass(frozen=True)
class Summary:
    """What was reported of a group, a region say. None: nobody measured it, or nobody was there."""

    group: str
    minutes: int
    """Rows, each a minute of an app in a region."""
    user_minutes: int
    stall_rate: float | None
    stall_rate_worst: float | None
    latency_ms: float | None
    latency_ms_worst: int | None
    packet_loss: float | None
    packet_loss_worst: float | None
    join_ms: float | None
    join_ms_worst: int | None
    join_attempts: int
    join_success: float | None
    join_success_worst: float | None
    zone_availability: float | None
    zone_availability_worst: float | None


class Roller:
    """Rolls up when it is told that rows came, and now and then what others left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Rows came."""
        self._told.set()

    async def run(self) -> None:
        """Roll up until cancelled."""
        while True:
            self._told.clear()
            try:
                await roll_up(self._database)
            except (SQLAlchemyError, OSError):
                log.exception("quality cannot be rolled up for the moment")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _LOOKS_EVERY_S)


async def roll_up(database: Database) -> int:
    """Roll up all that is marked, the newest first; how many hours of series that were."""
    rolled = 0
    while taken := await _step(database):
        rolled += taken
        await asyncio.sleep(_PAUSE_S)
    return rolled


async def _step(database: Database) -> int:
    async with database.transaction() as session:
        # Two who roll up hours of one day would each make it without the other's.
        await database.write_alone(session, Day.__tablename__)
        taken = await _take(session)
        for hour, of_hour in groupby(taken, key=itemgetter(0)):
            await _roll_hour(session, hour, [series for _, series in of_hour])
        for day, of_day in groupby(taken, key=lambda one: one[0] // 24):
            await _roll_day(session, day, sorted({series for _, series in of_day}))
        return len(taken)


async def _take(session: AsyncSession) -> list[tuple[int, int]]:
    """Hours of series that are marked no more once the transaction stands, in order.

    What somebody is just marking is left for later. Who marks one of these meanwhile waits, and
    marks it anew: so nothing written after we look is forgotten.
    """
    newest = (
        select(Stale.hour, Stale.series)
        .order_by(Stale.hour.desc(), Stale.series)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    gone = await session.execute(
        delete(Stale)
        .where(pair(Stale.hour, Stale.series).in_(newest))
        .returning(Stale.hour, Stale.series)
        .execution_options(synchronize_session=False)
    )
    return sorted((hour, series) for hour, series in gone)


async def _roll_hour(session: AsyncSession, hour: int, series: Sequence[int]) -> None:
    sums = _of_minutes()
    made = (
        select(Minute.series, Minute.hour, *sums.values())
        .where(Minute.hour == hour, Minute.series.in_(series))
        .group_by(Minute.series, Minute.hour)
    )
    await _put(session, Hour, ("series", "hour"), sums, made)


async def write_hours(session: AsyncSession, rows: Mapping[tuple[int, int], Row]) -> None:
    """Hours whose minutes nobody has, and their days; where an hour is there, it stays.

    ``rows``, by hour and series: each stands for all sixty minutes of its hour. Of a later row of
    such an hour its roll-up would know that row alone: they are for what is over and reported.
    """
    made = [_whole_hour(row) | {"hour": h, "series": s} for (h, s), row in sorted(rows.items())]
    if made:
        await _insert_hours(session, list(made[0]), [tuple(hour.values()) for hour in made])
    for day, of_day in groupby(sorted(rows), key=lambda one: one[0] // 24):
        await _roll_day(session, day, sorted({series for _, series in of_day}))


async def _insert_hours(
    session: AsyncSession, names: Sequence[str], rows: Sequence[tuple[int | None, ...]]
) -> None:
    """Written in SQL, as minutes are: of PostgreSQL one statement for all, an array a column."""
    connection = await session.connection()
    into = f"INSERT INTO quality_hours ({', '.join(names)})"
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"${number}::bigint[]" for number in range(1, len(names) + 1))
        columns = tuple(map(list, zip(*rows, strict=True)))
        statement = f"{into} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
        await connection.exec_driver_sql(statement, columns)
    else:
        statement = f"{into} VALUES ({', '.join('?' * len(names))}) ON CONFLICT DO NOTHING"
        await connection.exec_driver_sql(statement, list(rows))


def _whole_hour(row: Row) -> dict[str, int | None]:
    """The columns of `Rolled` of sixty minutes that are all like ``row``."""
    hour: dict[str, int | None] = {
        "minutes": _MINUTES,
        "user_minutes": _MINUTES * row.users,
        "joins": _MINUTES * (row.joins or 0),
        "joined": _MINUTES * (row.joined or 0),
        "joined_worst": (row.joined or 0) * _MILLION // row.joins if row.joins else None,
    }
    for name, value, weight in (
        ("stall", row.stall_ppm, row.users),
        ("latency", row.latency_ms, row.users),
        ("loss", row.loss_ppm, row.users),
        ("join", row.join_ms, row.joined),
        ("zone", row.zone_ppm, 1),
    ):
        weighs = 0 if value is None else _MINUTES * (weight or 0)
        hour[f"{name}_sum"] = weighs * (value or 0)
        hour[f"{name}_weight"] = weighs
        hour[f"{name}_worst"] = value
    return hour


async def _roll_day(session: AsyncSession, day: int, series: Sequence[int]) -> None:
    sums = of_rolled(Hour)
    made = (
        select(Hour.series, literal(day), *sums.values())
        .where(Hour.series.in_(series), Hour.hour.between(day * 24, day * 24 + 23))
        .group_by(Hour.series)
    )
    await _put(session, Day, ("series", "day"), sums, made)


async def _put(
    session: AsyncSession,
    table: type[Hour | Day],
    key: Sequence[str],
    sums: Mapping[str, Any],
    made: Any,
) -> None:
    insert = _INSERTS[session.get_bind().dialect.name](table).from_select([*key, *sums], made)
    replaced = {name: insert.excluded[name] for name in sums}
    await session.execute(insert.on_conflict_do_update(index_elements=key, set_=replaced))


def _of_minutes() -> dict[str, ColumnElement[Any]]:
    """Each column of `Rolled` from minutes."""
    sums: dict[str, ColumnElement[Any]] = {
        "minutes": func.count(),
        "user_minutes": _sum(Minute.users),
        "joins": _sum(Minute.joins),
        "joined": _sum(Minute.joined),
        "joined_worst": func.min(joined_ppm()),
    }
    for name, (value, weight) in _METRICS.items():
        sums[f"{name}_sum"] = _sum(_wide(value) * weight)
        sums[f"{name}_weight"] = _sum(case((value.is_not(None), weight)))
        sums[f"{name}_worst"] = _worst(name)(value)
    return sums


def joined_ppm() -> ColumnElement[int]:
    """The share of those who tried that joined, in a minute."""
    return case((Minute.joins > 0, _wide(Minute.joined) * _MILLION // Minute.joins))


def of_rolled(table: Any) -> dict[str, ColumnElement[Any]]:
    """Each column of `Rolled` from those of rows that have them already."""
    sums: dict[str, ColumnElement[Any]] = {
        name: _sum(getattr(table, name)) for name in ("minutes", "user_minutes", "joins", "joined")
    }
    sums["joined_worst"] = _worst("joined")(table.joined_worst)
    for name in _METRICS:
        for part in ("sum", "weight"):
            sums[f"{name}_{part}"] = _sum(getattr(table, f"{name}_{part}"))
        sums[f"{name}_worst"] = _worst(name)(getattr(table, f"{name}_worst"))
    return sums


def _worst(name: str) -> Any:
    return func.min if name in _LOW_IS_BAD else func.max


def _sum(value: Any) -> ColumnElement[Any]:
    return func.coalesce(func.sum(value), 0)


def _wide(value: Any) -> ColumnElement[int]:
    """A product of two columns is larger than either."""
    return cast(value, BigInteger)


def summaries(rows: Iterable[Found[Any]]) -> list[Summary]:
    """What rows of `of_rolled`, each with its ``group``, say."""
    return [_summary(dict(row._mapping)) for row in rows]


def _summary(row: Mapping[str, Any]) -> Summary:
    def mean(name: str, unit: int = 1) -> float | None:
        weight = int(row[f"{name}_weight"])
        return int(row[f"{name}_sum"]) / weight / unit if weight else None

    def worst_rate(name: str) -> float | None:
        value = row[f"{name}_worst"]
        return None if value is None else value / _MILLION

    joins = int(row["joins"])
    return Summary(
        group=row["group"],
        minutes=int(row["minutes"]),
        user_minutes=int(row["user_minutes"]),
        stall_rate=mean("stall", _MILLION),
        stall_rate_worst=worst_rate("stall"),
        latency_ms=mean("latency"),
        latency_ms_worst=row["latency_worst"],
        packet_loss=mean("loss", _MILLION),
        packet_loss_worst=worst_rate("loss"),
        join_ms=mean("join"),
        join_ms_worst=row["join_worst"],
        join_attempts=joins,
        join_success=int(row["joined"]) / joins if joins else None,
        join_success_worst=worst_rate("joined"),
        zone_availability=mean("zone", _MILLION),
        zone_availability_worst=worst_rate("zone"),
    )
