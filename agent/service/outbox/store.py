"""The records of what goes outside: written with what causes it, taken to be tried, and settled.

Whoever tries a message takes it for ``LEASE``; a process that dies while it tries gives it back by
that. So a message is delivered at least once, and a receiver may see it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database, write_once
from agent.service.outbox.forms import Message
from agent.service.outbox.tables import Outgoing

#: Nobody else tries a message meanwhile. Longer than any attempt takes.
LEASE: Final = timedelta(seconds=60)
#: Waits before each attempt after the first. Seconds at first, for a page that somebody waits for;
#: then as Standard Webhooks recommends, a day and a half in all.
WAITS: Final = tuple(
    timedelta(seconds=wait) for wait in (2, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000, 50_400)
)


@dataclass(frozen=True)
class Taken:
    """A message to be tried by whoever has it."""

    id: int
    key: str
    destination: str
    recipient: str
    """A customer's mail address; empty: whom the destination is for."""
    message: Message
    written_at: datetime
    attempts: int
    """With this one. Who dies in the middle of one has made it, too."""


async def write_down(
    session: AsyncSession,
    key: str,
    destinations: Sequence[str],
    message: Message,
    now: datetime,
    *,
    recipient: str = "",
) -> None:
    """Have a message delivered if the transaction of ``session`` stands, once for each ``key``.

    ``recipient``: a customer's mail address; the destinations are mailboxes then.
    """
    rows = [
        {
            "key": key,
            "destination": destination,
            "recipient": recipient,
            "message": message.as_json(),
            "written_at": now,
            "next_try_at": now,
        }
        for destination in destinations
    ]
    await write_once(session, Outgoing, rows)


#: Whom to tell, and what, of a message that is given up, and why.
GivenUp = Callable[[Taken, str], tuple[Sequence[str], Message]]


class Outbox:
    """What is to be delivered, in a database."""

    def __init__(self, database: Database, given_up: GivenUp | None = None) -> None:
        """``given_up``: needed where messages are tried, to tell somebody."""
        self._database = database
        self._given_up = given_up

    async def take(self, now: datetime) -> Taken | None:
        """The message that has waited longest for its next attempt; None where none is due."""
        due = (
            select(Outgoing.id)
            .where(Outgoing.next_try_at <= now)
            .order_by(Outgoing.next_try_at)
            .limit(1)
            .scalar_subquery()
        )
        async with self._database.transaction() as session:
            taken = await session.execute(
                update(Outgoing)
                .where(Outgoing.id == due, Outgoing.next_try_at <= now)
                .values(next_try_at=now + LEASE, attempts=Outgoing.attempts + 1)
                .returning(Outgoing)
            )
            row = taken.scalar_one_or_none()
            if row is None:
                return None
            return Taken(
                row.id,
                row.key,
                row.destination,
                row.recipient,
                Message(**row.message),
                row.written_at,
                row.attempts,
            )

    async def delivered(self, taken: Taken, now: datetime) -> None:
        """The receiver has it."""
        async with self._database.transaction() as session:
            await _settle(session, taken, delivered_at=now, next_try_at=None, problem="")

    async def failed(self, taken: Taken, problem: str, now: datetime) -> None:
        """The receiver does not have it: it is tried again, or, after the last attempt, is dead.

        Of that somebody is told, in the same transaction.
        """
        again = now + WAITS[taken.attempts - 1] if taken.attempts <= len(WAITS) else None
        async with self._database.transaction() as session:
            await _settle(session, taken, next_try_at=again, problem=problem)
            if again is None and self._given_up:
                destinations, message = self._given_up(taken, problem)
                await write_down(session, f"dead:{taken.id}", destinations, message, now)

    async def newest(self, most: int) -> Sequence[Outgoing]:
        """What was written last, whatever became of it, the newest first."""
        async with self._database.transaction() as session:
            query = select(Outgoing).order_by(Outgoing.id.desc()).limit(most)
            return (await session.scalars(query)).all()

    async def dead(self) -> Sequence[Outgoing]:
        """What was given up, the newest first: somebody has to see it."""
        async with self._database.transaction() as session:
            query = (
                select(Outgoing)
                .where(Outgoing.next_try_at.is_(None), Outgoing.delivered_at.is_(None))
                .order_by(Outgoing.written_at.desc(), Outgoing.id.desc())
            )
            return (await session.scalars(query)).all()

    async def try_again(self, number: int) -> bool:
        """Begin anew with a message that was given up; whether there is such a one."""
        async with self._database.transaction() as session:
            found = await session.execute(
                update(Outgoing)
                .where(
                    Outgoing.id == number,
                    Outgoing.next_try_at.is_(None),
                    Outgoing.delivered_at.is_(None),
                )
                .values(attempts=0, next_try_at=datetime.now(UTC))
                .returning(Outgoing.id)
            )
            return found.scalar_one_or_none() is not None


async def _settle(session: AsyncSession, taken: Taken, **values: object) -> None:
    await session.execute(update(Outgoing).where(Outgoing.id == taken.id).values(**values))
