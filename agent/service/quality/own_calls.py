"""Calls on the operator's own server: who came and went, what pages measured, in; minutes out.

The LiveKit server tells who is in a room from when to when, whatever becomes of the page; the page
alone knows how joining went and what was lost on the way. Both are kept as they come, once, and the
minutes that they are about are computed from all that is known of them in the same transaction: so
what comes twice changes nothing, and what comes late or in another order ends the same.

A page's clock is never believed: it says how long a stretch was, and we when it came. What is told
of a guest's call is kept with the call, and is in nobody's quality.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.calls.store import within
from agent.service.calls.tables import Call, Measurement, Visit
from agent.service.database import Database, write_once
from agent.service.quality.rows import RefusedRowError, Row, minute_of, moment_of, read_row
from agent.service.quality.store import write_minutes
from agent.service.scope import Scope

log = logging.getLogger(__name__)

#: The app of these rows: calls with the assistant, whichever app of the account's they are about.
APP: Final = "liuke"
#: A page measures each minute and at the end: more numbers than minutes, and this many, are none.
_SPARE_NUMBERS: Final = 2
#: No stay is longer; what lies further back is no minute of it.
_LONGEST: Final = timedelta(days=1)


@dataclass(frozen=True)
class Visited:
    """What a LiveKit server says of a participant; each thing may be told again, and late."""

    participant: str
    room: str
    identity: str
    joined_at: datetime | None
    """None where no connection came about."""
    left_at: datetime | None = None
    """None while they are there."""
    reason: str = ""


@dataclass(frozen=True)
class Measured:
    """What a page says of a stretch of its call; ``number``: the same is the same stretch."""

    number: int
    length_ms: int
    stalled_ms: int
    latency_ms: int | None
    packets: int
    packets_lost: int


class OwnCalls:
    """How calls were, in a database. ``region``: where the server is."""

    def __init__(self, database: Database, region: str) -> None:
        self._database = database
        self._region = region
        self._one_at_a_time = asyncio.Lock()

    async def visited(self, visit: Visited, now: datetime) -> bool:
        """Keep what the server says, of the customer of a call; False: it is of nobody's."""
        async with self._alone() as session:
            call = await session.scalar(
                select(Call).where(Call.room == visit.room, Call.identity == visit.identity)
            )
            if call is None:
                return False
            known = await session.get(Visit, visit.participant)
            if known is None:
                known = Visit(participant=visit.participant, call_id=call.id, reason="")
                session.add(known)
            known.joined_at = known.joined_at or visit.joined_at
            known.left_at = known.left_at or visit.left_at
            known.reason = known.reason or visit.reason
            await session.flush()
            minutes = {minute_of(call.consented_at)}
            if known.joined_at:
                until = now if known.left_at else known.joined_at
                minutes |= _minutes(max(known.joined_at, now - _LONGEST), until)
            await self._count(session, call.account, minutes, now)
            return True

    async def joining(self, scope: Scope, call_id: str, join_ms: int | None, now: datetime) -> bool:
        """How getting into the room went, as the page says first; ``join_ms``: None, it failed.

        False where the scope has no such call.
        """
        async with self._alone() as session:
            call = await _call_of(session, scope, call_id)
            if call is not None and call.joined is None:
                call.joined, call.join_ms = join_ms is not None, join_ms
                await session.flush()
                await self._count(session, call.account, {minute_of(call.consented_at)}, now)
            return call is not None

    async def measured(
        self, scope: Scope, call_id: str, measured: Measured, now: datetime
    ) -> Literal["kept", "no_call", "too_many"]:
        """Keep what the page says of a stretch that has just ended, once."""
        async with self._alone() as session:
            call = await _call_of(session, scope, call_id)
            if call is None:
                return "no_call"
            if measured.number > (now - call.consented_at) / timedelta(minutes=1) + _SPARE_NUMBERS:
                return "too_many"
            ended = await _ended_at(session, call, now)
            middle = ended - timedelta(milliseconds=measured.length_ms / 2)
            minute = minute_of(max(middle, call.consented_at))
            row = {"call_id": call_id, "minute": minute} | asdict(measured)
            await write_once(session, Measurement, [row])
            await self._count(session, call.account, {minute}, now)
            return "kept"

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[AsyncSession]:
        """A transaction in which nobody else counts: who did before is seen, who comes after sees.

        However many tell, this process waits for the database with one of them.
        """
        async with self._one_at_a_time, self._database.transaction() as session:
            await self._database.write_alone(session, Measurement.__tablename__)
            yield session

    async def _count(
        self, session: AsyncSession, account: str, minutes: Collection[int], now: datetime
    ) -> None:
        """Compute minutes of an account from all that is known of its calls, and keep them."""
        if not account or not minutes:
            return
        known = await _known(session, account, min(minutes), max(minutes))
        rows = [self._row(account, known, minute, now) for minute in sorted(minutes)]
        await write_minutes(session, [row for row in rows if row])

    def _row(self, account: str, known: _Known, minute: int, now: datetime) -> Row | None:
        """A minute in which somebody was there or tried to be; None where there is none."""
        measured = [one for one in known.measurements if one.minute == minute]
        users = {one.call_id for one in measured} | known.there_in(minute, now)
        tried = [one for one in known.tried if minute_of(one.asked_at) == minute]
        given = {
            "account": account,
            "app": APP,
            "region": self._region,
            "minute": moment_of(minute).isoformat(),
            "users": len(users),
            **_of_stretches(measured),
            **_of_joining(tried),
        }
        try:
            return read_row(given, now) if users or tried else None
        except RefusedRowError as error:  # the LiveKit server's clock is not ours, say
            log.warning("a minute of calls of %s is not counted: %s", account, error)
            return None


@dataclass(frozen=True)
class _Tried:
    """Somebody wanted into a room, and it is known what came of it."""

    asked_at: datetime
    joined: bool
    join_ms: int | None


@dataclass(frozen=True)
class _Known:
    """What is known of an account's calls in some minutes."""

    stays: Sequence[tuple[Visit, Call]]
    tried: Sequence[_Tried]
    measurements: Sequence[Measurement]

    def there_in(self, minute: int, now: datetime) -> set[str]:
        """The calls whose customer was in the room in a minute, if only for a moment."""
        begins, ends = moment_of(minute), moment_of(minute + 1)
        return {
            call.id
            for visit, call in self.stays
            if visit.joined_at
            and visit.joined_at < ends
            and max(visit.joined_at, visit.left_at or call.ended_at or now) >= begins
        }


async def _known(session: AsyncSession, account: str, first: int, last: int) -> _Known:
    since, until = moment_of(first), moment_of(last + 1)
    of_account = Call.account == account
    begun = list(
        await session.scalars(
            select(Call).where(of_account, Call.consented_at >= since, Call.consented_at < until)
        )
    )
    there = and_(
        Visit.joined_at >= since - _LONGEST,
        Visit.joined_at < until,
        or_(Visit.left_at.is_(None), Visit.left_at >= since),
    )
    stays = await session.execute(
        select(Visit, Call)
        .join(Call, Call.id == Visit.call_id)
        .where(of_account, or_(there, Visit.call_id.in_([call.id for call in begun])))
    )
    visits = [(visit, call) for visit, call in stays]
    measurements = await session.scalars(
        select(Measurement)
        .join(Call, Call.id == Measurement.call_id)
        .where(of_account, Measurement.minute.between(first, last))
    )
    outcomes = [(call, _joined(call, [v for v, c in visits if c.id == call.id])) for call in begun]
    return _Known(
        visits,
        [
            _Tried(call.consented_at, joined, call.join_ms)
            for call, joined in outcomes
            if joined is not None
        ],
        measurements.all(),
    )


def _joined(call: Call, visits: Sequence[Visit]) -> bool | None:
    """Whether the customer got in: the page's word, else what the server saw; None: who knows.

    A grant that nobody used, and of which no page says anything, is no try: the customer may have
    gone before.
    """
    if call.joined is None and visits:
        return any(visit.joined_at for visit in visits)
    return call.joined


def _of_stretches(measured: Sequence[Measurement]) -> dict[str, float | None]:
    """Rates are of all that was measured in the minute; nothing where it is nothing."""
    length = sum(one.length_ms for one in measured)
    packets = sum(one.packets for one in measured)
    timed = [(one.latency_ms, one.length_ms) for one in measured if one.latency_ms is not None]
    weight = sum(ms for _, ms in timed)
    return {
        "stall_rate": sum(one.stalled_ms for one in measured) / length if length else None,
        "latency_ms": sum(latency * ms for latency, ms in timed) / weight if weight else None,
        "packet_loss": sum(one.packets_lost for one in measured) / packets if packets else None,
    }


def _of_joining(tried: Sequence[_Tried]) -> dict[str, float | None]:
    took = [one.join_ms for one in tried if one.joined and one.join_ms is not None]
    return {
        "join_attempts": len(tried) if tried else None,
        "join_successes": sum(one.joined for one in tried) if tried else None,
        "join_ms": sum(took) / len(took) if took else None,
    }


async def _call_of(session: AsyncSession, scope: Scope, call_id: str) -> Call | None:
    found: Call | None = await session.scalar(select(Call).where(Call.id == call_id, within(scope)))
    return found


async def _ended_at(session: AsyncSession, call: Call, now: datetime) -> datetime:
    """When the call was over for its customer; ``now`` while it is not."""
    visits = (await session.scalars(select(Visit).where(Visit.call_id == call.id))).all()
    left = [visit.left_at for visit in visits if visit.left_at]
    over = max(left) if len(left) == len(visits) > 0 else call.ended_at
    return min(now, over or now)


def _minutes(since: datetime, until: datetime) -> set[int]:
    return set(range(minute_of(since), minute_of(until) + 1))
