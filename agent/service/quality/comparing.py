"""Comparing: an account and regions in; what it has there and elsewhere, hour by hour too, what
everybody else has there, and the incident that they are in, out.

Of everybody else no more is told than what nobody can be known by: means of three accounts or more,
of whom none weighs more than all others together, and never a worst minute, which is somebody's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import and_, case, func, literal, or_, select

from agent.service.database import Database
from agent.service.quality.rollups import WEIGHTS, Summary, of_rolled, summaries
from agent.service.quality.rows import moment_of
from agent.service.quality.store import (
    Span,
    hours_of,
    labelled,
    moments_of,
    rolled_by_series,
    within_account,
)
from agent.service.quality.tables import IncidentSeen, Series
from agent.service.scope import Scope

#: Accounts of which a mean tells nobody's figures, if none of them is more than half of it.
LEAST_OTHERS: Final = 3
#: An incident in which nothing was bad for so long is not under way, whoever has not settled it.
_QUIET: Final = timedelta(hours=1)
_MINUTES: Final = {"hours": 60, "days": 24 * 60}

Where = Literal["here", "elsewhere"]


@dataclass(frozen=True)
class Moment:
    """An hour or a day of an account."""

    begins: datetime
    summary: Summary


@dataclass(frozen=True)
class IncidentNow:
    """An incident under way."""

    ticket: int
    region: str
    begins: datetime
    accounts: int
    """How many are in it."""


@dataclass(frozen=True)
class IncidentThen:
    """An incident that is over."""

    ticket: int
    region: str
    ended: datetime
    accounts: int
    """How many were in it."""


class Comparisons:
    """What quality says of one account beside all others, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own(
        self, scope: Scope, regions: Collection[str], span: Span, now: datetime, *, app: str = ""
    ) -> dict[Where, Summary]:
        """The scope's account in the regions together, and in all others; what it has none of is
        left out."""
        each = rolled_by_series(within_account(scope, app), span, now)
        where = case((Series.region.in_(regions), "here"), else_="elsewhere")
        query = (
            select(where.label("group"), *labelled(of_rolled(each.c)))
            .join(each, each.c.series == Series.id)
            .group_by(where)
        )
        async with self._database.transaction() as session:
            found = summaries(await session.execute(query))
        ways: Mapping[str, Where] = {"here": "here", "elsewhere": "elsewhere"}
        return {ways[one.group]: one for one in found}

    async def others(
        self, scope: Scope, regions: Collection[str], span: Span, now: datetime
    ) -> Summary | None:
        """All other accounts in the regions together, without a worst minute.

        A figure is None where an account could be known by it, all of it where so few are there.
        """
        if not scope.account or scope.call_id:
            return None
        there = and_(Series.region.in_(regions), Series.account != scope.account)
        each = rolled_by_series(there, span, now)
        accounts = (
            select(Series.account, *labelled(of_rolled(each.c)))
            .join(each, each.c.series == Series.id)
            .group_by(Series.account)
            .subquery()
        )
        weights = [accounts.c[name] for name in ("user_minutes", *WEIGHTS.values())]
        query = select(
            literal("others").label("group"),
            *labelled(of_rolled(accounts.c)),
            *(func.count(case((one > 0, 1))).label(f"{one.name}_count") for one in weights),
            *(func.max(one).label(f"{one.name}_most") for one in weights),
        )
        async with self._database.transaction() as session:
            row = (await session.execute(query)).one()
        (summary,) = summaries([row])
        return _nobodys(summary, dict(row._mapping))

    async def course(
        self, scope: Scope, regions: Collection[str], span: Span, now: datetime, *, app: str = ""
    ) -> list[Moment]:
        """The scope's account in the regions together, by the hours or days of the span."""
        table, when, spanned = hours_of(span, now)
        within = and_(within_account(scope, app), Series.region.in_(regions))
        query = (
            select(when.label("group"), *labelled(of_rolled(table)))
            .where(table.series.in_(select(Series.id).where(within)), spanned)
            .group_by(when)
            .order_by(when)
        )
        async with self._database.transaction() as session:
            rows = (await session.execute(query)).all()
        minutes = _MINUTES[span.unit]
        return [
            Moment(moment_of(row.group * minutes), replace(summary, group=""))
            for row, summary in zip(rows, summaries(rows), strict=True)
        ]

    async def incident(self, regions: Sequence[str], now: datetime) -> IncidentNow | None:
        """The incident that goes on in one of the regions, the latest of several."""
        query = (
            select(IncidentSeen)
            .where(IncidentSeen.region.in_(regions), IncidentSeen.settled_at.is_(None))
            .where(IncidentSeen.ends_at >= now - _QUIET)
            .order_by(IncidentSeen.begins_at.desc())
            .limit(1)
        )
        async with self._database.transaction() as session:
            seen = await session.scalar(query)
        if seen is None:
            return None
        return IncidentNow(seen.ticket, seen.region, seen.begins_at, len(seen.accounts))

    async def incident_then(
        self, scope: Scope, regions: Sequence[str], span: Span, now: datetime
    ) -> IncidentThen | None:
        """The latest incident of the span that the scope's account was in and that is over."""
        first, last = moments_of(span, now)
        is_over = or_(IncidentSeen.settled_at.is_not(None), IncidentSeen.ends_at < now - _QUIET)
        query = (
            select(IncidentSeen)
            .where(IncidentSeen.region.in_(regions), is_over)
            .where(IncidentSeen.begins_at < last, IncidentSeen.ends_at > first)
            .order_by(IncidentSeen.ends_at.desc())
        )
        async with self._database.transaction() as session:
            found = (await session.scalars(query)).all()
        mine = (seen for seen in found if scope.account in seen.accounts)
        if (seen := next(mine, None)) is None:
            return None
        return IncidentThen(seen.ticket, seen.region, seen.ends_at, len(seen.accounts))


def _nobodys(summary: Summary, row: Mapping[str, Any]) -> Summary | None:
    """What of a summary of accounts tells nobody's figures."""
    if not _hides(row, "user_minutes"):
        return None
    told: dict[str, Any] = {f"{name}_worst": None for name in WEIGHTS}
    told |= {name: None for name, weight in WEIGHTS.items() if not _hides(row, weight)}
    return replace(summary, **told)


def _hides(row: Mapping[str, Any], weight: str) -> bool:
    """Whether so many accounts weigh in that none can be known by the mean."""
    enough = row[f"{weight}_count"] >= LEAST_OTHERS
    return enough and 2 * int(row[f"{weight}_most"]) <= int(row[weight])
