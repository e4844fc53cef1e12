"""The records of pages: sent with the message that carries their link, answered once by it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from agent.service.database import Database
from agent.service.outbox.forms import Message
from agent.service.outbox.store import write_down
from agent.service.paging.rota import Page, Responder, Step, next_step, on_call, settled
from agent.service.paging.tables import PageSent
from agent.service.scope import OPERATOR, Scope
from agent.service.tickets.store import last_call, scope_of, within
from agent.service.tickets.tables import Ticket, TicketEvent
from common.languages import Language

#: A link answers a page for so long.
LINK_LIFE: Final = timedelta(hours=12)
_Other: Final = aliased(PageSent)


@dataclass(frozen=True)
class Opened:
    """A page as whoever holds its link finds it."""

    ticket: int
    responder: str
    scope: Scope
    """Of the ticket: what the responder may see."""
    call_id: str | None
    """The call in which something happened to the ticket last."""
    answer: Literal["", "acknowledged", "declined"]
    """What the responder has answered."""


@dataclass(frozen=True)
class Answered:
    """A page that somebody has just answered, or answers again."""

    ticket: int
    responder: str


async def write_page(
    session: AsyncSession,
    number: int,
    responder: Responder,
    message: Callable[[Responder, str], Message],
    now: datetime,
) -> None:
    """Somebody is called to a ticket if the transaction of ``session`` stands.

    ``message`` as in `Paging.step`.
    """
    link = secrets.token_urlsafe(32)
    page = PageSent(
        ticket=number,
        responder=responder.name,
        sent_at=now,
        link_hash=_hash(link),
        expires_at=now + LINK_LIFE,
    )
    session.add(page)
    await session.flush()
    key = f"page:{page.id}"
    await write_down(session, key, [responder.destination], message(responder, link), now)


class Paging:
    """Calls people to tickets, by the operator's rota."""

    def __init__(
        self, database: Database, rota: Sequence[Responder], *, patience: timedelta
    ) -> None:
        """``patience``: for each page, before the next is called."""
        self._database = database
        self._rota = rota
        self._patience = patience

    def is_anybody_on_call(self, severity: int, language: Language, now: datetime) -> bool:
        """Whether somebody would be called to a ticket now."""
        return bool(on_call(self._rota, severity, language, now))

    async def step(
        self,
        number: int,
        language: Language,
        message: Callable[[Responder, str], Message],
        now: datetime,
        nobody: Callable[[AsyncSession, Ticket], Awaitable[None]] | None = None,
    ) -> Step:
        """Do what is next for a ticket: call somebody, or nothing.

        ``message``: what a responder is told, given what the link to answer with holds. ``nobody``:
        writes what else is to stand where nobody is left to call. Whoever asks at the same moment
        waits, and finds it done.
        """
        async with self._database.transaction() as session:
            ticket = await _locked(session, number)
            assert ticket
            came = await _came(session, ticket)
            pages = await _pages(session, ticket)
            chain = on_call(self._rota, ticket.severity, language, now)
            step = next_step(chain, pages, self._patience, now, came)
            if ticket.status == "resolved":
                step = Step("over")
            ticket.next_page_at = step.until
            if step.kind == "page":
                (responder,) = (one for one in chain if one.name == step.responder)
                await write_page(session, number, responder, message, now)
                ticket.next_page_at = now + self._patience
            elif step.kind == "nobody" and nobody:
                await nobody(session, ticket)
            return step

    async def due(self, now: datetime) -> Sequence[Ticket]:
        """The tickets for which the next step is to be taken, the longest due first."""
        async with self._database.transaction() as session:
            query = select(Ticket).where(Ticket.next_page_at <= now).order_by(Ticket.next_page_at)
            return (await session.scalars(query)).all()

    async def call_now(self, scope: Scope, number: int, now: datetime) -> None:
        """People are called to a ticket of the scope's from now on, if they are to be called."""
        async with self._database.transaction() as session:
            await session.execute(
                update(Ticket)
                .where(Ticket.number == number, within(scope), Ticket.next_page_at > now)
                .values(next_page_at=now)
            )

    async def call_again(self, scope: Scope, number: int, now: datetime) -> None:
        """People are called to a ticket of the scope's anew: whoever had it has left, or none came.

        Nothing while people are being called already. Links of before answer nothing any more.
        """
        async with self._database.transaction() as session:
            ticket = await _locked(session, number, within(scope))
            if ticket is None:
                return
            came = await _came(session, ticket)
            pages = settled(await _pages(session, ticket), self._patience, came, now)
            # After somebody took it, it is still looked at whether they came.
            if ticket.next_page_at is None or any(page.taken_at for page in pages):
                ticket.next_page_at = ticket.paging_since = now

    async def pages(self, scope: Scope, number: int, now: datetime | None = None) -> list[Page]:
        """Who was called to a ticket of the scope's for the wish that counts, in order.

        Whoever acknowledged a page and did not come has given it up.
        """
        async with self._database.transaction() as session:
            ticket = await session.scalar(
                select(Ticket).where(Ticket.number == number, within(scope))
            )
            if ticket is None:
                return []
            came = await _came(session, ticket)
            pages = await _pages(session, ticket)
            return settled(pages, self._patience, came, now or datetime.now(UTC))

    async def unanswered(self, now: datetime) -> Sequence[PageSent]:
        """Whoever was called, to whatever ticket, and may still answer, for the operator."""
        taken = exists().where(
            _Other.ticket == PageSent.ticket, _Other.acknowledged_at.is_not(None)
        )
        async with self._database.transaction() as session:
            query = (
                select(PageSent)
                .join(Ticket, Ticket.number == PageSent.ticket)
                .where(
                    PageSent.acknowledged_at.is_(None),
                    PageSent.declined_at.is_(None),
                    PageSent.expires_at > now,
                    Ticket.status != "resolved",
                    ~taken,
                )
                .order_by(PageSent.sent_at)
            )
            return (await session.scalars(query)).all()

    async def opened(self, link: str, now: datetime) -> Opened | None:
        """What a link is about, without answering it: programs look at links, too.

        None where it is no page's, too old, or people were called anew since.
        """
        async with self._database.transaction() as session:
            page = await session.scalar(
                select(PageSent).where(PageSent.link_hash == _hash(link), PageSent.expires_at > now)
            )
            if page is None:
                return None
            ticket = await session.get_one(Ticket, page.ticket)
            if ticket.paging_since and page.sent_at < ticket.paging_since:
                return None
            call_id = await last_call(session, page.ticket)
            scope, answer = scope_of(ticket, call_id), _answer_of(page)
            return Opened(page.ticket, page.responder, scope, call_id, answer)

    async def acknowledge(self, link: str, now: datetime) -> Answered | None:
        """The responder has it; None where the link is no page's, or too old.

        The same link says so again: people press twice, and come late.
        """
        return await self._answer(link, now, declines=False)

    async def decline(self, link: str, now: datetime) -> Answered | None:
        """The responder cannot: the next is called. None as in `acknowledge`."""
        return await self._answer(link, now, declines=True)

    async def _answer(self, link: str, now: datetime, *, declines: bool) -> Answered | None:
        open_still: ColumnElement[bool] = PageSent.acknowledged_at.is_(None)
        if not declines:
            open_still = or_(open_still, PageSent.acknowledged_at <= now - self._patience)
        values = {"declined_at": now} if declines else {"acknowledged_at": now}
        answered = PageSent.declined_at if declines else PageSent.acknowledged_at
        mine = PageSent.link_hash == _hash(link), PageSent.expires_at > now
        async with self._database.transaction() as session:
            await session.execute(
                update(PageSent)
                .where(*mine, open_still, PageSent.declined_at.is_(None))
                .values(**values)
            )
            page = await session.scalar(select(PageSent).where(*mine, answered.is_not(None)))
            return Answered(page.ticket, page.responder) if page else None


def _answer_of(page: PageSent) -> Literal["", "acknowledged", "declined"]:
    if page.acknowledged_at:
        return "acknowledged"
    return "declined" if page.declined_at else ""


async def _locked(session: AsyncSession, number: int, *which: ColumnElement[bool]) -> Ticket | None:
    """A ticket for which nobody else takes a step until the transaction is over."""
    taken = await session.execute(
        update(Ticket)
        .where(Ticket.number == number, *which)
        .values(number=Ticket.number)
        .returning(Ticket)
    )
    ticket: Ticket | None = taken.scalar_one_or_none()
    return ticket


async def _pages(session: AsyncSession, ticket: Ticket) -> list[Page]:
    """Those for the wish that counts."""
    of_ticket = PageSent.ticket == ticket.number
    since = PageSent.sent_at >= ticket.paging_since if ticket.paging_since else true()
    rows = await session.scalars(select(PageSent).where(of_ticket, since).order_by(PageSent.id))
    return [Page(r.responder, r.sent_at, r.acknowledged_at, r.declined_at) for r in rows]


async def _came(session: AsyncSession, ticket: Ticket) -> dict[str, datetime]:
    """Who has come into the customer's call, and when last.

    To a ticket of the operator's own there is no call: whoever has acknowledged has come.
    """
    query: Select[str, Any]
    if ticket.account == OPERATOR:
        query = (
            select(PageSent.responder, func.max(PageSent.acknowledged_at))
            .where(PageSent.ticket == ticket.number)
            .group_by(PageSent.responder)
        )
    else:
        query = (
            select(TicketEvent.who, func.max(TicketEvent.at))
            .where(TicketEvent.ticket == ticket.number, TicketEvent.kind == "joined")
            .group_by(TicketEvent.who)
        )
    return {who: at for who, at in await session.execute(query) if at}


def _hash(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()
