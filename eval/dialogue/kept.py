"""What is kept: a database in; all its rows, and what has come and gone between two such, out.

Tables are read as they are in the database, whoever made them: one that nobody here knows of is
compared as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, get_args

from sqlalchemy import MetaData, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database
from agent.service.quality.rows import minute_of, moment_of
from agent.service.quality.targets import Metric
from agent.service.tickets.sla import Event, Kind, Policy, clocks

Row = Mapping[str, Any]
#: Minutes of quality, and what is made of them by whoever comes by: no call writes any.
_NOT_READ: Final = (
    *("quality_minutes", "quality_hours", "quality_days", "quality_stale", "alembic_version"),
    *("sqlite_sequence",),
)
#: Over so many hours figures are read.
SPANS: Final = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 720)
#: What differs by more than this share is another figure.
_ANOTHER: Final = 0.2
#: Columns of the sums of a metric, and what 1 is in them.
_SUMS: Final[Mapping[Metric, tuple[str, str, float]]] = {
    "stall_rate": ("stall_sum", "stall_weight", 1_000_000),
    "latency_ms": ("latency_sum", "latency_weight", 1),
    "packet_loss": ("loss_sum", "loss_weight", 1_000_000),
    "join_ms": ("join_sum", "join_weight", 1),
    "join_success": ("joined", "joins", 1),
    "zone_availability": ("zone_sum", "zone_weight", 1_000_000),
}


@dataclass(frozen=True)
class Measured:
    """A figure as the database has it."""

    metric: Metric
    hours: int
    region: str
    """Empty: all of them."""
    of: Literal["own", "others"]
    value: float
    """Rates 0 to 1, times in milliseconds."""
    ended_h: int = 0
    """So many hours ago; 0: it goes on."""


@dataclass(frozen=True)
class Kept:
    """All rows by table, and the figures of quality."""

    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    measured: Sequence[Measured] = ()
    dues: Sequence[timedelta] = ()
    """From now until clocks of the account's tickets and its promises are up, and from when they
    began."""
    turns_ago: Sequence[timedelta] = ()
    """How long ago figures of the account became others, and incidents began and ended."""

    def rows(self, table: str) -> Sequence[Row]:
        """Those of a table; none where it is not there."""
        return self.tables.get(table, ())


@dataclass(frozen=True)
class Change:
    """A row that is there now, or was before, or is another."""

    table: str
    before: Row | None
    now: Row | None

    @property
    def row(self) -> Row:
        """As it is; or was."""
        return self.now if self.now is not None else self.before or {}


async def read_kept(database: Database, account: str, policy: Policy, now: datetime) -> Kept:
    """Everything; figures and clocks as they are for an account, by the operator's targets."""
    async with database.transaction() as session:
        metadata = await _reflected(session)
        tables: dict[str, list[Row]] = {}
        for name, table in metadata.tables.items():
            if name not in _NOT_READ:
                found = await session.execute(select(table))
                tables[name] = [dict(row) for row in found.mappings()]
        measured = await _measured(session, metadata, account, now)
        turns = await _turns(session, metadata, account, now)
        incidents = tables["incidents"]
        moments = [_aware(row[name]) for row in incidents for name in ("begins_at", "ends_at")]
        ago = [now - moment for moment in (*turns, *moments)]
        return Kept(tables, measured, _dues(tables, account, policy, now), ago)


def changes(before: Kept, after: Kept) -> list[Change]:
    """What is other in ``after``, by table."""
    found: list[Change] = []
    for table in dict.fromkeys((*before.tables, *after.tables)):
        old = {_key(row): row for row in before.rows(table)}
        new = {_key(row): row for row in after.rows(table)}
        found += [
            Change(table, old.get(key), new.get(key))
            for key in dict.fromkeys((*old, *new))
            if old.get(key) != new.get(key)
        ]
    return found


def _key(row: Row) -> str:
    """By its number where it has one; else by all that it has."""
    name = next((name for name in ("id", "number") if name in row), None)
    return str(row[name]) if name else repr(sorted(row.items()))


def _dues(
    tables: Mapping[str, Sequence[Row]], account: str, policy: Policy, now: datetime
) -> list[timedelta]:
    """How long the account has been told, or could be, that something takes."""
    found: list[timedelta] = []
    for ticket in tables["tickets"]:
        if ticket["account"] == account:
            rows = sorted(
                (row for row in tables["ticket_events"] if row["ticket"] == ticket["number"]),
                key=lambda row: int(row["id"]),
            )
            story = [
                Event(_aware(row["at"]), row["kind"], row["actor"], row["severity"])
                for row in rows
                if row["kind"] in get_args(Kind)
            ]
            for clock in clocks(story, policy, now):
                if clock.due_at:
                    found += [clock.due_at - now, clock.due_at - clock.started_at]
    for promise in tables["promises"]:
        if promise["account"] == account:
            due = _aware(promise["due_at"])
            found += [due - now, due - _aware(promise["promised_at"])]
    return found


def _aware(moment: datetime) -> datetime:
    """A time as SQLite gives it to whoever does not know our types."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _reflected(session: AsyncSession) -> MetaData:
    metadata = MetaData()
    connection = await session.connection()
    await connection.run_sync(metadata.reflect)
    return metadata


async def _measured(
    session: AsyncSession, metadata: MetaData, account: str, now: datetime
) -> list[Measured]:
    """By region and in all, over every span: of the account, and of all others together."""
    series, hours = metadata.tables["quality_series"], metadata.tables["quality_hours"]
    this_hour = minute_of(now.astimezone(UTC)) // 60
    found: list[Measured] = []
    for span, ended in [*((span, 0) for span in SPANS), *_stretches(now)]:
        sums = [func.sum(hours.c[name]) for names in _SUMS.values() for name in names[:2]]
        is_own = (series.c.account == account).label("own")
        query = (
            select(is_own, series.c.region, *sums)
            .join(series, series.c.id == hours.c.series)
            .where(hours.c.hour > this_hour - ended - span, hours.c.hour <= this_hour - ended)
            .group_by(is_own, series.c.region)
        )
        rows = [tuple(row) for row in await session.execute(query)]
        for own in (True, False):
            mine = [row for row in rows if bool(row[0]) == own]
            groups = {str(row[1]): [row] for row in mine} | ({"": mine} if mine else {})
            for region, of_region in groups.items():
                means = _means(of_region, span, region, "own" if own else "others")
                found += [replace(one, ended_h=ended) for one in means]
    return found


def _stretches(now: datetime) -> list[tuple[int, int]]:
    """Times that have a name, in hours, with how many hours ago each ended: days, weeks and months
    of the calendar until now and before, and the hours around one of today's."""
    today = now.astimezone(UTC).hour + 1
    week = today + now.weekday() * 24
    month = today + (now.day - 1) * 24
    last_month = (now.replace(day=1) - timedelta(days=1)).day * 24
    until_now = [(hours, 0) for hours in (*range(1, 25), week, month)]
    before = [(7 * 24, week), (last_month, month)]
    # A day is one of the operator's clock, wherever that is.
    days = [(24, ago) for ago in range(1, 49)]
    return [*until_now, *before, *days, *((2, ago) for ago in range(24))]


async def _turns(
    session: AsyncSession, metadata: MetaData, account: str, now: datetime
) -> list[datetime]:
    """Hours in which a figure of the account, in a region, is another than in the hour before."""
    series, hours = metadata.tables["quality_series"], metadata.tables["quality_hours"]
    sums = [func.sum(hours.c[name]) for names in _SUMS.values() for name in names[:2]]
    query = (
        select(series.c.region, hours.c.hour, *sums)
        .join(series, series.c.id == hours.c.series)
        .where(series.c.account == account, hours.c.hour > minute_of(now) // 60 - SPANS[-1])
        .group_by(series.c.region, hours.c.hour)
        .order_by(series.c.region, hours.c.hour)
    )
    found, before = list[datetime](), dict[str, dict[Metric, float]]()
    for region, hour, *row in await session.execute(query):
        means = {one.metric: one.value for one in _means([("", region, *row)], 1, region, "own")}
        was = before.get(region)
        if was is None or any(
            abs(value - was.get(metric, value)) > _ANOTHER * max(value, was.get(metric, value))
            for metric, value in means.items()
        ):
            found.append(moment_of(hour * 60))
        before[region] = means
    return found


def _means(
    rows: Sequence[tuple[Any, ...]], hours: int, region: str, of: Literal["own", "others"]
) -> list[Measured]:
    found = []
    for number, metric in enumerate(_SUMS):
        unit = _SUMS[metric][2]
        total = sum(int(row[2 + 2 * number] or 0) for row in rows)
        weight = sum(int(row[3 + 2 * number] or 0) for row in rows)
        if weight:
            found.append(Measured(metric, hours, region, of, total / weight / unit))
    return found
