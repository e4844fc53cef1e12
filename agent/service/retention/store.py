"""The records of retention: signals noted in calls, and outreach drafted upon them, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database, write_once
from agent.service.retention.policy import OutreachRule, Signal
from agent.service.retention.tables import Outreach, SignalNoted
from agent.service.scope import Scope, within
from common.languages import Language

State = Literal["draft", "sent", "dropped"]

#: What is written to a contact, by the signals that were shown, the newest first.
Drafted = Callable[[Sequence[SignalNoted]], str]


@dataclass(frozen=True)
class Shown:
    """That a customer may leave. ``key`` names what was said in which call."""

    key: str
    signal: Signal
    sentence: str
    language: Language
    offered: str = ""


class Retention:
    """Signals and outreach in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, scope: Scope, contact: str, shown: Shown, now: datetime | None = None
    ) -> None:
        """A signal of the scope's call, once for each key."""
        now = now or datetime.now(UTC)
        row = {
            "key": shown.key,
            "call_id": scope.call_id,
            "account": scope.account,
            "contact": contact,
            "language": shown.language,
            "signal": shown.signal,
            "sentence": shown.sentence,
            "offered": shown.offered,
            "at": now,
            "look_at": now if scope.account else None,  # nobody can reach out to a guest
        }
        async with self._database.transaction() as session:
            await write_once(session, SignalNoted, [row])

    async def signals(self, scope: Scope) -> Sequence[SignalNoted]:
        """What an account has shown, or the customer of a call; the newest first."""
        async with self._database.transaction() as session:
            mine = within(scope, SignalNoted.account, SignalNoted.call_id)
            return (await session.scalars(select(SignalNoted).where(mine).order_by(*_NEWEST))).all()

    async def given_before(self, scope: Scope) -> Mapping[str, datetime]:
        """When each offer was made last to the scope's account, by name."""
        async with self._database.transaction() as session:
            query = (
                select(SignalNoted.offered, func.max(SignalNoted.at))
                .where(
                    within(scope, SignalNoted.account, SignalNoted.call_id),
                    SignalNoted.offered != "",
                )
                .group_by(SignalNoted.offered)
            )
            return {row[0]: row[1] for row in await session.execute(query)}

    # --- outreach

    async def due(self, now: datetime) -> Sequence[str]:
        """Accounts with signals at which nobody has looked yet."""
        async with self._database.transaction() as session:
            query = select(SignalNoted.account).where(SignalNoted.look_at <= now).distinct()
            return (await session.scalars(query)).all()

    async def look(
        self, session: AsyncSession, account: str, rule: OutreachRule, draft: Drafted, now: datetime
    ) -> Outreach | None:
        """Draft an outreach if the account's signals reach the threshold, once in the rule's span.

        It stands, as that its signals were looked at, with the transaction of ``session``.
        """
        await self._database.write_alone(session, Outreach.__tablename__)
        looked = await session.execute(
            update(SignalNoted)
            .where(SignalNoted.account == account, SignalNoted.look_at <= now)
            .values(look_at=None)
            .returning(SignalNoted.id)
        )
        if not looked.all():
            return None
        since = now - rule.span
        of_account = SignalNoted.account == account, SignalNoted.at > since
        query = select(SignalNoted).where(*of_account).order_by(*_NEWEST)
        signals = (await session.scalars(query)).all()
        before = select(Outreach.id).where(Outreach.account == account, Outreach.drafted_at > since)
        if not rule.is_reached((one.call_id, one.signal) for one in signals) or (
            await session.scalar(before.limit(1))
        ):
            return None
        outreach = Outreach(
            account=account,
            contact=signals[0].contact,
            language=signals[0].language,
            text=draft(signals),
            reasons=[_reason(one) for one in signals],
            state="draft",
            drafted_at=now,
            changed_at=now,
        )
        session.add(outreach)
        await session.flush()
        return outreach

    async def every_outreach(self, *, settled: bool = False) -> Sequence[Outreach]:
        """Everybody's drafts, for the operator, or all outreach; the newest first."""
        async with self._database.transaction() as session:
            query = select(Outreach).order_by(Outreach.drafted_at.desc(), Outreach.id.desc())
            if not settled:
                query = query.where(Outreach.state == "draft")
            return (await session.scalars(query)).all()

    async def outreach(self, number: int) -> Outreach | None:
        """One of them, for the operator."""
        async with self._database.transaction() as session:
            return await session.get(Outreach, number)

    async def settle(self, number: int, state: Literal["sent", "dropped"], now: datetime) -> bool:
        """A draft was sent by somebody, or is not wanted; whether there is such a draft."""
        async with self._database.transaction() as session:
            settled = await session.execute(
                update(Outreach)
                .where(Outreach.id == number, Outreach.state == "draft")
                .values(state=state, changed_at=now)
                .returning(Outreach.id)
            )
            return settled.one_or_none() is not None


_NEWEST = (SignalNoted.at.desc(), SignalNoted.id.desc())


def _reason(signal: SignalNoted) -> dict[str, str | None]:
    return {
        "signal": signal.signal,
        "sentence": signal.sentence,
        "at": signal.at.isoformat(timespec="seconds"),
        "call_id": signal.call_id,
        "offered": signal.offered,
    }
