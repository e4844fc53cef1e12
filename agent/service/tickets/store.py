"""The records of tickets: opened, added to, read with their clocks, and found when one is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from sqlalchemy import ColumnElement, and_, exists, false, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database
from agent.service.scope import OPERATOR, Scope
from agent.service.tickets.sla import Actor, ClockState, Event, Kind, Policy, clocks
from agent.service.tickets.tables import Ticket, TicketEvent
from common.errors import InputError

SEVERITIES: Final = (1, 2, 3, 4)

#: What happens to a ticket and moves none of its clocks.
Besides = Literal["assigned", "joined", "left", "rang", "answered", "reach"]


@dataclass(frozen=True)
class Happening:
    """Something that happened to a ticket.

    ``key`` names it, as a call and its turn do: what is told twice is written once. ``severity``:
    of "opened" and "severity". ``who``: the person or contact; of "assigned", whose the ticket is;
    of "joined" and "left", who has come into the customer's call and left it; of "rang", who calls
    the customer back, and of "answered", the contact who has begun a call upon it.
    ``text``: of "reach", the number or mail address at which the customer wants to be reached.
    """

    key: str
    kind: Kind | Besides
    actor: Actor
    at: datetime
    who: str = ""
    text: str = ""
    severity: int | None = None
    call_id: str | None = None
    """In which call; that of the scope where nobody says."""


@dataclass(frozen=True)
class Told:
    """A ticket as it stands."""

    ticket: Ticket
    events: Sequence[TicketEvent]
    clocks: Sequence[ClockState]

    @property
    def reach(self) -> str:
        """The number or mail address at which the customer wants to be reached, as they said last;
        empty where they said none."""
        return next((one.text for one in reversed(self.events) if one.kind == "reach"), "")


class TicketStore:
    """Tickets in a database, with the targets that an operator keeps."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy

    async def open(
        self,
        scope: Scope,
        opening: Happening,
        *,
        subject: str,
        language: str,
        page_at: datetime | None = None,
    ) -> Ticket:
        """A ticket of the scope's account; the one that was opened by that key, where there is one.

        ``opening``: its "opened", with a severity. ``page_at``: from when people are called to it;
        None: nobody is. Raises InputError for a severity that is not there.
        """
        _check(opening)
        async with self._database.transaction() as session:
            await self._database.write_alone(session, Ticket.__tablename__)
            known: Ticket | None = await session.scalar(
                select(Ticket).where(Ticket.key == opening.key, within(scope))
            )
            if known:
                return known
            return await self.open_within(
                session, scope, opening, subject=subject, language=language, page_at=page_at
            )

    async def open_within(
        self,
        session: AsyncSession,
        scope: Scope,
        opening: Happening,
        *,
        subject: str,
        language: str,
        page_at: datetime | None,
    ) -> Ticket:
        """A new ticket, if the transaction of ``session`` stands. Nobody has its key."""
        ticket = _opened(scope, opening, subject, language)
        ticket.next_page_at = page_at
        ticket.paging_since = opening.at if page_at else None
        session.add(ticket)
        await session.flush()
        await self._write(session, scope, ticket, opening)
        return ticket

    async def add(self, scope: Scope, number: int, happening: Happening) -> Told:
        """Write down what happened, once.

        Raises InputError where the scope has no such ticket, or a severity is none.
        """
        _check(happening)
        async with self._database.transaction() as session:
            ticket = await self.add_within(session, scope, number, happening)
            return await self._told(session, ticket, datetime.now(UTC))

    async def add_within(
        self, session: AsyncSession, scope: Scope, number: int, happening: Happening
    ) -> Ticket:
        """As `add`, if the transaction of ``session`` stands: the ticket is locked until then."""
        ticket = await _locked(session, scope, number)
        known = await session.scalar(
            select(TicketEvent.id).where(
                TicketEvent.ticket == number, TicketEvent.key == happening.key
            )
        )
        if known is None:
            await self._write(session, scope, ticket, happening)
        return ticket

    async def read(self, scope: Scope, number: int, now: datetime | None = None) -> Told | None:
        """A ticket as it stands ``now``; None where the scope has no such ticket."""
        async with self._database.transaction() as session:
            ticket = await session.scalar(
                select(Ticket).where(Ticket.number == number, within(scope))
            )
            return await self._told(session, ticket, now or datetime.now(UTC)) if ticket else None

    async def of_scope(self, scope: Scope, now: datetime) -> list[Told]:
        """All of the scope as they stand ``now``, the worst first."""
        async with self._database.transaction() as session:
            query = (
                select(Ticket)
                .where(within(scope))
                .order_by(Ticket.severity, Ticket.opened_at, Ticket.number)
            )
            return [await self._told(session, one, now) for one in await session.scalars(query)]

    async def unresolved(self, scope: Scope) -> Sequence[Ticket]:
        """Those of the scope, the worst first."""
        async with self._database.transaction() as session:
            query = (
                select(Ticket)
                .where(within(scope), Ticket.status != "resolved")
                .order_by(Ticket.severity, Ticket.opened_at, Ticket.number)
            )
            return (await session.scalars(query)).all()

    async def every(self, *, resolved: bool = False) -> Sequence[Ticket]:
        """Everybody's, for the operator: those that are open, or all; the worst first."""
        async with self._database.transaction() as session:
            query = select(Ticket).order_by(Ticket.severity, Ticket.opened_at, Ticket.number)
            if not resolved:
                query = query.where(Ticket.status != "resolved")
            return (await session.scalars(query)).all()

    async def whose(self, number: int) -> Scope:
        """Of whom a ticket is, for the operator. Raises InputError where there is none."""
        async with self._database.transaction() as session:
            ticket = await session.get(Ticket, number)
            if ticket is None:
                raise _no_ticket(number)
            return scope_of(ticket, await last_call(session, number))

    async def overdue(self, now: datetime) -> Sequence[Ticket]:
        """Those of which a clock's time is up and nobody has looked yet, the longest due first."""
        async with self._database.transaction() as session:
            query = select(Ticket).where(Ticket.next_due_at < now).order_by(Ticket.next_due_at)
            return (await session.scalars(query)).all()

    async def look(self, session: AsyncSession, number: int, now: datetime) -> Told | None:
        """An overdue ticket as it stands; None where somebody else has looked.

        It is due again with the next of its clocks. Locked until the transaction of ``session`` is
        over: what is done about it is done with it.
        """
        taken = await session.execute(
            update(Ticket)
            .where(Ticket.number == number, Ticket.next_due_at < now)
            .values(number=Ticket.number)
            .returning(Ticket)
        )
        ticket = taken.scalar_one_or_none()
        if ticket is None:
            return None
        told = await self._told(session, ticket, now)
        ticket.next_due_at = _next_due_at(told.clocks)
        return told

    async def _told(self, session: AsyncSession, ticket: Ticket, now: datetime) -> Told:
        events = await _events(session, ticket.number)
        return Told(ticket, events, clocks(_story(events), self._policy_of(ticket), now))

    def _policy_of(self, ticket: Ticket) -> Policy:
        """Clocks are what a customer was promised: the operator's own tickets have none."""
        return {} if ticket.account == OPERATOR else self._policy

    async def _write(
        self, session: AsyncSession, scope: Scope, ticket: Ticket, happening: Happening
    ) -> None:
        _note(session, scope, ticket, happening)
        await session.flush()
        story = _story(await _events(session, ticket.number))
        looked = ticket.next_due_at is None or story[-1].at <= ticket.next_due_at
        if looked:  # else a clock was missed before this happened, and nobody knows yet
            ticket.next_due_at = _next_due_at(clocks(story, self._policy_of(ticket), story[-1].at))


async def write_past(
    session: AsyncSession,
    scope: Scope,
    opening: Happening,
    later: Sequence[Happening],
    *,
    subject: str,
    language: str,
) -> Ticket:
    """A ticket of long ago with what happened to it, if the transaction of ``session`` stands.

    Its clocks are read from it as of any other. Nobody looks at them until something happens to it
    again, and nobody is called to it. Raises InputError for a severity that is not there.
    """
    for happening in (opening, *later):
        _check(happening)
    ticket = _opened(scope, opening, subject, language)
    session.add(ticket)
    await session.flush()
    for happening in (opening, *later):
        _note(session, scope, ticket, happening)
    return ticket


def _opened(scope: Scope, opening: Happening, subject: str, language: str) -> Ticket:
    return Ticket(
        key=opening.key,
        account=scope.account,
        contact=opening.who,
        language=language,
        subject=subject,
        severity=opening.severity,
        status="open",
        opened_at=opening.at,
    )


def _note(session: AsyncSession, scope: Scope, ticket: Ticket, happening: Happening) -> None:
    """Write an event, and what it makes of its ticket."""
    session.add(
        TicketEvent(
            ticket=ticket.number,
            key=happening.key,
            at=happening.at,
            kind=happening.kind,
            actor=happening.actor,
            who=happening.who,
            severity=happening.severity,
            text=happening.text,
            call_id=happening.call_id or scope.call_id,
        )
    )
    ticket.severity = happening.severity or ticket.severity
    ticket.status = _status(ticket.status, happening)
    if happening.kind == "assigned":
        ticket.assignee = happening.who


def _next_due_at(states: Sequence[ClockState]) -> datetime | None:
    return min((s.due_at for s in states if s.due_at and not s.missed_at), default=None)


def _check(happening: Happening) -> None:
    sets_one = happening.kind in ("opened", "severity")
    if happening.severity not in (SEVERITIES if sets_one else (None,)):
        raise InputError(
            f"{happening.severity} is not a severity of {happening.kind!r}.",
            f"Give one of {', '.join(map(str, SEVERITIES))} with what sets one: 1 is the worst.",
        )


def within(scope: Scope) -> ColumnElement[bool]:
    """The tickets of a scope: an account's own, or those that something in its call happened to."""
    of_account = Ticket.account == scope.account
    if scope.call_id is None:
        return of_account if scope.account else false()
    in_call = exists().where(
        TicketEvent.ticket == Ticket.number, TicketEvent.call_id == scope.call_id
    )
    return and_(of_account, in_call)


async def last_call(session: AsyncSession, number: int) -> str | None:
    """The call in which something happened to a ticket last."""
    found: str | None = await session.scalar(
        select(TicketEvent.call_id)
        .where(TicketEvent.ticket == number, TicketEvent.call_id.is_not(None))
        .order_by(TicketEvent.id.desc())
        .limit(1)
    )
    return found


def scope_of(ticket: Ticket, call_id: str | None) -> Scope:
    """Whose a ticket is: its account's, or, a guest's, that of the call it belongs to."""
    return Scope(ticket.account) if ticket.account else Scope("", call_id)


async def _locked(session: AsyncSession, scope: Scope, number: int) -> Ticket:
    """A ticket that nobody else writes to until the transaction is over."""
    taken = await session.execute(
        update(Ticket)
        .where(Ticket.number == number, within(scope))
        .values(number=Ticket.number)
        .returning(Ticket)
    )
    ticket: Ticket | None = taken.scalar_one_or_none()
    if ticket is None:
        raise _no_ticket(number)
    return ticket


def _no_ticket(number: int) -> InputError:
    return InputError(f"There is no ticket {number}.", "Check the number: `liuke tickets list`.")


async def _events(session: AsyncSession, number: int) -> Sequence[TicketEvent]:
    query = select(TicketEvent).where(TicketEvent.ticket == number).order_by(TicketEvent.id)
    return (await session.scalars(query)).all()


def _story(events: Sequence[TicketEvent]) -> list[Event]:
    """What the clocks go by."""
    return [
        Event(e.at, e.kind, e.actor, e.severity)  # type: ignore[arg-type]
        for e in events
        if e.kind not in get_args(Besides)
    ]


def _status(before: str, happening: Happening) -> str:
    if happening.kind in ("waiting", "resolved"):
        return {"waiting": "waiting", "resolved": "resolved"}[happening.kind]
    if happening.kind in ("opened", "reopened", "resumed"):
        return "open"
    answered = happening.kind == "said" and happening.actor == "customer"
    return "open" if answered and before == "waiting" else before
