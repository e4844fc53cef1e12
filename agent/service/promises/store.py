"""The records of promises: written with what they are given for, read with what became of them.

A promise is kept when somebody says so, or when its ticket shows it: a person has spoken to the
customer since, or has resolved it, or, of a callback, is in a call with them. It is broken when its
time is up before, and stays broken when it is kept late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database, write_once
from agent.service.promises.tables import Promise
from agent.service.scope import Scope, within
from agent.service.tickets.store import within as tickets_within
from agent.service.tickets.tables import Ticket, TicketEvent
from common.errors import InputError

Kind = Literal["callback", "word"]
#: What a person's word to the customer shows besides, by kind.
_SHOWN_BY: Final = {"callback": ("resolved", "joined"), "word": ("resolved",)}
State = Literal["open", "kept", "broken", "withdrawn"]


@dataclass(frozen=True)
class Given:
    """A promise as it is given. ``key`` names what for: what is promised twice is written once."""

    key: str
    kind: Kind
    text: str
    """As the customer is told."""
    due_at: datetime
    ring_at: datetime | None = None
    """When somebody is reminded of it; None: when half of the time is over."""
    owner: str = ""
    """By their name in the rota; empty: whoever is on call."""
    ticket: int | None = None
    call_id: str | None = None
    account: str = ""
    contact: str = ""


@dataclass(frozen=True)
class Promised:
    """A promise as it stands."""

    promise: Promise
    kept_at: datetime | None
    """When somebody said that it was kept, or its ticket shows it; also where that was late."""
    state: State

    @property
    def is_open_callback(self) -> bool:
        """Whether the customer is still to be called back by it."""
        return self.promise.kind == "callback" and self.state == "open"


async def write_promise(session: AsyncSession, given: Given, now: datetime) -> None:
    """A promise is given if the transaction of ``session`` stands, once for each key."""
    halfway = now + (given.due_at - now) / 2
    row = {
        "key": given.key,
        "kind": given.kind,
        "text": given.text,
        "owner": given.owner,
        "ticket": given.ticket,
        "call_id": given.call_id,
        "account": given.account,
        "contact": given.contact,
        "promised_at": now,
        "due_at": given.due_at,
        "look_at": given.ring_at or halfway,
    }
    await write_once(session, Promise, [row])


async def open_callback(session: AsyncSession, ticket: int, now: datetime) -> Promise | None:
    """The callback by which the customer of a ticket is still to be called."""
    mine = select(Promise).where(Promise.ticket == ticket).order_by(Promise.id)
    found = [
        await _as_it_stands(session, promise, now)
        for promise in (await session.scalars(mine)).all()
    ]
    return next((one.promise for one in found if one.is_open_callback), None)


class Promises:
    """What was promised, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give(self, given: Given, now: datetime) -> None:
        """A promise is given, once for each key."""
        async with self._database.transaction() as session:
            await write_promise(session, given, now)

    async def of_ticket(
        self, scope: Scope, number: int, now: datetime | None = None
    ) -> list[Promised]:
        """What was promised for a ticket of the scope's, in order."""
        mine = select(Ticket.number).where(Ticket.number == number, tickets_within(scope))
        return await self._read(Promise.ticket.in_(mine), now or datetime.now(UTC))

    async def of_call(
        self, scope: Scope, call_id: str, now: datetime | None = None
    ) -> list[Promised]:
        """What was promised in a call of the scope's, in order."""
        which = and_(Promise.call_id == call_id, within(scope, Promise.account, Promise.call_id))
        return await self._read(which, now or datetime.now(UTC))

    async def keep(self, scope: Scope, key: str, now: datetime) -> bool:
        """Somebody says that it was kept; whether the scope has such a promise."""
        return await self._end(scope, key, Promise.kept_at, now)

    async def withdraw(self, scope: Scope, key: str, now: datetime) -> bool:
        """The customer does not want it any more; whether the scope has such a promise."""
        return await self._end(scope, key, Promise.withdrawn_at, now)

    async def open(self, now: datetime) -> list[Promised]:
        """Everybody's that nobody has kept or withdrawn, for the operator; the next due first."""
        which = and_(Promise.kept_at.is_(None), Promise.withdrawn_at.is_(None))
        found = await self._read(which, now)
        waiting = [one for one in found if one.kept_at is None]
        return sorted(waiting, key=lambda one: one.promise.due_at)

    async def whose(self, key: str) -> Scope:
        """Of whom a promise is, for the operator. Raises InputError where there is none."""
        async with self._database.transaction() as session:
            promise = await session.scalar(select(Promise).where(Promise.key == key))
            if promise is None:
                raise InputError(f"There is no promise {key!r}.", "See `liuke promises list`.")
            return Scope(promise.account, None if promise.account else promise.call_id)

    async def due(self, now: datetime) -> Sequence[Promise]:
        """Those that somebody is to be reminded of, or told that they were broken."""
        async with self._database.transaction() as session:
            query = select(Promise).where(Promise.look_at <= now).order_by(Promise.look_at)
            return (await session.scalars(query)).all()

    async def look(self, session: AsyncSession, number: int, now: datetime) -> Promised | None:
        """A due promise as it stands; None where somebody else has looked.

        It is looked at again when its time is up, if it is open still. Locked until the transaction
        of ``session`` is over: what is done about it is done with it.
        """
        taken = await session.execute(
            update(Promise)
            .where(Promise.id == number, Promise.look_at <= now)
            .values(id=Promise.id)
            .returning(Promise)
        )
        promise = taken.scalar_one_or_none()
        if promise is None:
            return None
        promised = await _as_it_stands(session, promise, now)
        promise.look_at = promise.due_at if promised.state == "open" else None
        return promised

    async def _read(self, which: ColumnElement[bool], now: datetime) -> list[Promised]:
        async with self._database.transaction() as session:
            found = await session.scalars(select(Promise).where(which).order_by(Promise.id))
            return [await _as_it_stands(session, promise, now) for promise in found.all()]

    async def _end(self, scope: Scope, key: str, ending: object, now: datetime) -> bool:
        async with self._database.transaction() as session:
            mine = Promise.key == key, within(scope, Promise.account, Promise.call_id)
            await session.execute(
                update(Promise)
                .where(*mine, Promise.kept_at.is_(None), Promise.withdrawn_at.is_(None))
                .values({ending: now, Promise.look_at: None})
            )
            return await session.scalar(select(Promise.id).where(*mine)) is not None


async def _as_it_stands(session: AsyncSession, promise: Promise, now: datetime) -> Promised:
    kept_at = promise.kept_at or await _shown_by_its_ticket(session, promise)
    return Promised(promise, kept_at, _state(promise, kept_at, now))


def _state(promise: Promise, kept_at: datetime | None, now: datetime) -> State:
    if kept_at and kept_at <= promise.due_at:
        return "kept"
    if promise.withdrawn_at and promise.withdrawn_at <= promise.due_at:
        return "withdrawn"
    return "broken" if promise.due_at <= now else "open"


async def _shown_by_its_ticket(session: AsyncSession, promise: Promise) -> datetime | None:
    """When what was promised was done, as what happened to the ticket since tells."""
    if promise.ticket is None:
        return None
    done = or_(
        and_(TicketEvent.kind == "said", TicketEvent.actor == "human"),
        TicketEvent.kind.in_(_SHOWN_BY[promise.kind]),
    )
    shown: datetime | None = await session.scalar(
        select(func.min(TicketEvent.at)).where(
            TicketEvent.ticket == promise.ticket, TicketEvent.at > promise.promised_at, done
        )
    )
    return shown
