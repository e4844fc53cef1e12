"""Incidents that people are called to: those of the moment in; a ticket for each, once, out.

An incident is computed anew by whoever looks, from minutes that may come late: it may begin sooner
than was thought, have more accounts in it, or have gone on after all. A row says which one it is.
Ticket and row are written in one transaction in which nobody else looks: so several processes open
one ticket, and people are called to it by the rota as to any other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.database import Database
from agent.service.quality.rows import minute_of
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import QUIET_MINUTES, Incident
from agent.service.scope import OPERATOR, Scope
from agent.service.tickets.store import Happening, TicketStore
from common.languages import Language

_SCOPE: Final = Scope(OPERATOR)
#: Several accounts cannot use the service: an emergency.
_SEVERITY: Final = 1
#: What was over for longer is another one, whatever comes late.
_FORGOTTEN_AFTER: Final = timedelta(hours=3)


@dataclass(frozen=True)
class Words:
    """What the operator's people read, in their language."""

    language: Language
    subject: Callable[[Incident], str]
    over: str
    """Of the ticket, once it is."""


#: Tells whoever was called that an incident is over, if the transaction of the session stands.
TellOver = Callable[[AsyncSession, IncidentSeen], Awaitable[None]]


class Incidents:
    """Incidents with their tickets, in a database."""

    def __init__(self, database: Database, tickets: TicketStore) -> None:
        self._database = database
        self._tickets = tickets

    async def note(
        self, found: Sequence[Incident], words: Words, tell_over: TellOver, now: datetime
    ) -> None:
        """``found``: those of the last hours. Open tickets for what is new, settle what is over."""
        going_on = [one for one in found if one.going_on]
        async with self._database.transaction() as session:
            if not going_on and not await _seen(session, now, unsettled=True):
                return
        async with self._database.transaction() as session:
            await self._database.write_alone(session, IncidentSeen.__tablename__)
            seen = await _seen(session, now)
            same = []
            for incident in going_on:
                known = next((one for one in seen if _is_same(one, incident)), None)
                if known is None:
                    known = await self._open(session, incident, words, now)
                await self._go_on(session, known, incident, now)
                same.append(known)
            for one in seen:
                if one not in same and one.settled_at is None and _is_over(one, now):
                    await self._settle(session, one, words, now)
                    await tell_over(session, one)

    async def of_ticket(self, number: int) -> IncidentSeen | None:
        """The incident that a ticket is of."""
        async with self._database.transaction() as session:
            query = select(IncidentSeen).where(IncidentSeen.ticket == number)
            found: IncidentSeen | None = await session.scalar(query)
            return found

    async def _open(
        self, session: AsyncSession, incident: Incident, words: Words, now: datetime
    ) -> IncidentSeen:
        key = f"incident:{incident.region}:{incident.begins.isoformat()}"
        ticket = await self._tickets.open_within(
            session,
            _SCOPE,
            Happening(key, "opened", "assistant", now, severity=_SEVERITY),
            subject=words.subject(incident),
            language=words.language,
            page_at=now,
        )
        opened = IncidentSeen(
            region=incident.region,
            begins_at=incident.begins,
            ends_at=incident.ends,
            accounts=[],
            metrics=[],
            ticket=ticket.number,
        )
        session.add(opened)
        return opened

    async def _go_on(
        self, session: AsyncSession, known: IncidentSeen, incident: Incident, now: datetime
    ) -> None:
        known.begins_at = min(known.begins_at, incident.begins)
        known.ends_at = max(known.ends_at, incident.ends)
        known.accounts = sorted({*known.accounts, *incident.accounts})
        known.metrics = sorted({*known.metrics, *incident.metrics})
        if known.settled_at:  # rows came late: it was not over
            again = Happening(f"again:{known.settled_at.isoformat()}", "reopened", "assistant", now)
            ticket = await self._tickets.add_within(session, _SCOPE, known.ticket, again)
            ticket.next_page_at = now  # who has it has it; else the next one is called
            known.settled_at = None

    async def _settle(
        self, session: AsyncSession, known: IncidentSeen, words: Words, now: datetime
    ) -> None:
        key = f"over:{known.ends_at.isoformat()}"
        over = Happening(key, "resolved", "assistant", now, text=words.over)
        await self._tickets.add_within(session, _SCOPE, known.ticket, over)
        known.settled_at = now


async def _seen(
    session: AsyncSession, now: datetime, *, unsettled: bool = False
) -> Sequence[IncidentSeen]:
    """Those that what is found now may be, the latest first."""
    going_on = IncidentSeen.settled_at.is_(None)
    lately = IncidentSeen.ends_at >= now - _FORGOTTEN_AFTER
    which = going_on if unsettled else or_(going_on, lately)
    query = select(IncidentSeen).where(which).order_by(IncidentSeen.ends_at.desc())
    return (await session.scalars(query)).all()


def _is_same(known: IncidentSeen, incident: Incident) -> bool:
    """Whether there is no quiet between the two: then they are one stretch."""
    gap = minute_of(incident.begins) - (minute_of(known.ends_at) - 1)
    return known.region == incident.region and gap <= QUIET_MINUTES


def _is_over(known: IncidentSeen, now: datetime) -> bool:
    """By the minutes that were ever seen: who has just looked at fewer does not end it."""
    return minute_of(now) - (minute_of(known.ends_at) - 1) > QUIET_MINUTES
