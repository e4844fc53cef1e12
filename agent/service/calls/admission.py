"""Admission: who asks for a grant in; a place that is kept for them, or why there is none, out.

Everything it goes by are rows, so that several processes of the API agree: the places of all live
workers, the calls that fill them, the grants of the last minute. A grant keeps its place for
``RESERVED_S``; whoever has not joined by then may find it taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.calls.store import DEAD_AFTER_S
from agent.service.calls.tables import Call, Grant, Worker
from agent.service.database import Database

#: A place is kept this long for a customer with a grant, seconds.
RESERVED_S: Final = 30
_RATE_WINDOW: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Limits:
    """How much one caller may ask for."""

    caller_grants: int
    """In a minute, of one address."""
    account_grants: int
    """In a minute, of one account."""
    account_calls: int
    """At once, of one account."""


@dataclass(frozen=True)
class Refusal:
    """No grant for now."""

    reason: Literal["busy", "too_often", "too_many_calls"]
    retry_after_s: int


class Admission:
    """Gives places in calls."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def admit(self, call: Call, caller: str) -> Refusal | None:
        """Record ``call`` and keep a place for it, or say why not.

        ``caller``: stands for the address that asks. Of a guest (no account) only the address is
        counted. The record is written before the places are counted: where it cannot be, workers
        cannot show that they live either, and the error says more than "busy".
        """
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            await self._database.write_alone(session, Grant.__tablename__)
            await session.execute(delete(Grant).where(Grant.given_at < now - _RATE_WINDOW))
            async with session.begin_nested() as attempt:
                session.add(call)
                session.add(
                    Grant(call_id=call.id, caller=caller, account=call.account, given_at=now)
                )
                await session.flush()
                refusal = await self._refusal(session, call, caller, now)
                if refusal:
                    await attempt.rollback()
            return refusal

    async def _refusal(
        self, session: AsyncSession, call: Call, caller: str, now: datetime
    ) -> Refusal | None:
        limits, account, others = self._limits, call.account, Grant.call_id != call.id
        for whose, most in (
            (Grant.caller == caller, limits.caller_grants),
            (and_(Grant.account == account, Grant.account != ""), limits.account_grants),
        ):
            given = list(
                await session.scalars(
                    select(Grant.given_at).where(whose, others).order_by(Grant.given_at)
                )
            )
            if len(given) >= most:
                until = given[-most] + _RATE_WINDOW
                return Refusal("too_often", max(1, math.ceil((until - now).total_seconds())))
        places = await session.scalar(
            select(func.sum(Worker.max_calls)).where(Worker.heartbeat_at >= _alive_since(now))
        )
        taken = list(
            await session.execute(
                select(Call.account).where(_takes_a_place(now), Call.id != call.id)
            )
        )
        if account and sum(row.account == account for row in taken) >= limits.account_calls:
            return Refusal("too_many_calls", RESERVED_S)
        if len(taken) >= (places or 0):
            return Refusal("busy", RESERVED_S)
        return None


def _alive_since(now: datetime) -> datetime:
    return now - timedelta(seconds=DEAD_AFTER_S)


def _takes_a_place(now: datetime) -> ColumnElement[bool]:
    """Calls that are held by a live process, or for which a place is kept."""
    held = and_(Call.claimant.is_not(None), Call.heartbeat_at >= _alive_since(now))
    kept = and_(
        Call.claimant.is_(None),
        Call.consented_at >= now - timedelta(seconds=RESERVED_S),
        Call.grant_expires_at > now,
    )
    return and_(Call.ended_at.is_(None), or_(held, kept))
