"""Rounds: what is due in the records in; pages, alarms, promises, summaries and outreach out.

Incidents are looked for, too, as nothing but the minutes themselves says that there is one.

Whoever comes by does what is due, be it one process or several: each thing is looked at again in
the transaction in which something is done about it, so that it is done once, and by the next one
where the first died in the middle.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.duty import texts
from agent.duty.outreach import letter
from agent.duty.summing_up import SummingUp
from agent.duty.texts import Reader
from agent.service.accounts.tables import Account, Contact
from agent.service.database import Database
from agent.service.outbox.forms import Message
from agent.service.outbox.store import Taken, write_down
from agent.service.paging.rota import Responder, on_call
from agent.service.paging.store import Paging, write_page
from agent.service.promises.store import Given, Promises, open_callback, write_promise
from agent.service.promises.tables import Promise
from agent.service.quality.incidents import Incidents
from agent.service.quality.store import QualityStore
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import DEFAULT_TARGETS, Targets
from agent.service.retention.store import Retention
from agent.service.retention.tables import SignalNoted
from agent.service.scope import OPERATOR, Scope
from agent.service.support import Support
from agent.service.tickets.business_time import due
from agent.service.tickets.store import TicketStore, last_call, scope_of
from agent.service.tickets.tables import Ticket
from common.languages import LANGUAGES, Language

log = logging.getLogger(__name__)

#: So often somebody looks whether something is due, seconds. A page waits so long at most.
LOOKS_EVERY_S: Final = 0.5
#: After something could not be done: the database is away, say. Seconds.
_LOOKS_AGAIN_AFTER_S: Final = 5.0

#: So often each process looks for incidents, and in the minutes of so many hours of the clock: an
#: incident that began before goes on in them.
_WATCHES_EVERY: Final = timedelta(seconds=20)
_WATCHED_HOURS: Final = 2

T = TypeVar("T")


class Rounds:
    """Does what is due. ``pages_url``: where the pages are, for whoever is sent a link."""

    def __init__(
        self,
        database: Database,
        support: Support,
        pages_url: str,
        targets: Targets = DEFAULT_TARGETS,
    ) -> None:
        """``targets``: of quality; where several accounts miss them at once, people are called."""
        self._database = database
        self._support = support
        self._pages_url = pages_url
        self._paging = Paging(database, support.rota, patience=support.patience)
        self._tickets = TicketStore(database, support.policy)
        self._promises = Promises(database)
        self._quality = QualityStore(database)
        self._targets = targets
        self._incidents = Incidents(database, self._tickets)
        self._watched_at: datetime | None = None
        self._summing_up = SummingUp(database, support)
        self._retention = Retention(database)

    async def run(self, written: Callable[[], None]) -> None:
        """Look again and again, until cancelled; after each time, ``written``."""
        while True:
            well = await self.once(datetime.now(UTC))
            written()
            await asyncio.sleep(LOOKS_EVERY_S if well else _LOOKS_AGAIN_AFTER_S)

    async def once(self, now: datetime) -> bool:
        """Do what is due ``now``; False where some of it could not be done."""
        watched = await self._watch(now)
        paged = await self._do_all(self._paging.due, self._page, now)
        told = await self._do_all(self._tickets.overdue, self._tell_missed, now)
        minded = await self._do_all(self._promises.due, self._mind_promise, now)
        summed_up = await self._do_all(self._summing_up.due, self._summing_up.sum_up, now)
        drafted = await self._do_all(self._retention.due, self._draft_outreach, now)
        return watched and paged and told and minded and summed_up and drafted

    def given_up(self, taken: Taken, problem: str) -> tuple[Sequence[str], Message]:
        """Whom to tell, and what, of a message that never arrived: all but its own destination.

        Nobody is told of one that tells of another, or two that are away would go on for ever.
        """
        others = [name for name in self._support.alarms if name != taken.destination]
        message = texts.undelivered(self._support.language, taken, problem)
        return ([] if taken.message.type == texts.UNDELIVERED else others), message

    async def _do_all(
        self,
        find: Callable[[datetime], Awaitable[Sequence[T]]],
        do: Callable[[T, datetime], Awaitable[None]],
        now: datetime,
    ) -> bool:
        well = True
        try:
            found = await find(now)
        except Exception:  # whatever it is, the other duties are done, and this one later
            log.exception("what is due cannot be read")
            return False
        for one in found:
            try:
                await do(one, now)
            except Exception:  # likewise
                log.exception("what is due cannot be done: %s", do.__name__)
                well = False
        return well

    # --- people are called

    async def _page(self, ticket: Ticket, now: datetime) -> None:
        incident = await self._incidents.of_ticket(ticket.number)
        if incident:
            await self._page_incident(ticket, incident, now)
            return
        name = await self._name(ticket.account)
        async with self._database.transaction() as session:
            call_id = await last_call(session, ticket.number)
        told = await self._tickets.read(scope_of(ticket, call_id), ticket.number, now)
        clocks = told.clocks if told else []

        def message(responder: Responder, link: str) -> Message:
            return texts.page(
                _reader(responder, ticket.language), ticket, name, clocks, self._link(link), now
            )

        async def nobody(session: AsyncSession, ticket: Ticket) -> None:
            await self._promise_callback(session, ticket, call_id, name, now)

        language = _language(ticket.language)
        step = await self._paging.step(ticket.number, language, message, now, nobody)
        log.info("ticket %s: %s %s", ticket.number, step.kind, step.responder)

    async def _promise_callback(
        self, session: AsyncSession, ticket: Ticket, call_id: str | None, name: str, now: datetime
    ) -> None:
        """Nobody is left to call: the customer is called back, and somebody is told.

        Both once for each wish for a person: a promise that is still open stands for a later one,
        one that was kept or broken does not.
        """
        support, wish = self._support, _wish(ticket)
        until = due(support.hours, now, support.call_back_within)
        customer = Reader(_language(ticket.language), support.hours.zone)
        given = Given(
            f"callback:{wish}",
            "callback",
            texts.callback(customer, until, now),
            until,
            ring_at=due(support.hours, now, support.call_back_within / 2),
            ticket=ticket.number,
            call_id=call_id,
            account=ticket.account,
            contact=ticket.contact,
        )
        standing = await open_callback(session, ticket.number, now)
        if standing is None:
            await write_promise(session, given, now)
        by = standing.due_at if standing else until
        message = texts.nobody(self._alarmed(), ticket, name, by, now)
        await self._alarm(session, f"nobody:{wish}", message, now)

    # --- incidents

    async def _watch(self, now: datetime) -> bool:
        """Look now and then whether there is an incident; people are called to its ticket."""
        if self._watched_at and now - self._watched_at < _WATCHES_EVERY:
            return True
        words = texts.incident_words(self._support.language)
        try:
            found = await self._quality.incidents(self._targets, _WATCHED_HOURS, now)
            await self._incidents.note(found, words, partial(self._tell_over, now), now)
        except Exception:  # whatever it is, the other duties are done, and this one later
            log.exception("incidents cannot be looked for")
            return False
        self._watched_at = now
        return True

    async def _page_incident(self, ticket: Ticket, incident: IncidentSeen, now: datetime) -> None:
        names = await self._names(incident.accounts)

        def message(responder: Responder, link: str) -> Message:
            reader = _reader(responder, ticket.language)
            return texts.incident(reader, incident, names, self._link(link), now)

        async def nobody(session: AsyncSession, ticket: Ticket) -> None:
            told = texts.incident_nobody(self._alarmed(), incident, names, now)
            await self._alarm(session, f"nobody:{ticket.number}", told, now)

        language = _language(ticket.language)
        step = await self._paging.step(ticket.number, language, message, now, nobody)
        log.info("incident, ticket %s: %s %s", ticket.number, step.kind, step.responder)

    async def _tell_over(
        self, now: datetime, session: AsyncSession, incident: IncidentSeen
    ) -> None:
        """Whoever was called is told once, also where it goes on again later."""
        names = await self._names(incident.accounts)
        pages = await self._paging.pages(Scope(OPERATOR), incident.ticket, now)
        called = {page.responder for page in pages}
        for responder in (one for one in self._support.rota if one.name in called):
            reader = _reader(responder, self._support.language)
            told = texts.incident_over(reader, incident, names, now)
            key = f"incident-over:{incident.id}"
            await write_down(session, key, [responder.destination], told, now)

    # --- clocks

    async def _tell_missed(self, overdue: Ticket, now: datetime) -> None:
        """Each clock that was missed is told once, also where what it waited for came late."""
        name = await self._name(overdue.account)
        async with self._database.transaction() as session:
            told = await self._tickets.look(session, overdue.number, now)
            if told is None:
                return
            ticket = told.ticket
            for clock in told.clocks:
                if clock.missed_at:
                    message = texts.clock_missed(self._alarmed(), ticket, name, clock, now)
                    began = clock.started_at.isoformat()
                    key = f"missed:{ticket.number}:{clock.clock.replace(' ', '-')}:{began}"
                    await self._alarm(session, key, message, now, also=ticket.assignee)

    # --- promises

    async def _mind_promise(self, due: Promise, now: datetime) -> None:
        """Remind somebody of a promise; tell that it was broken when its time is up."""
        name = await self._name(due.account)
        async with self._database.transaction() as session:
            promised = await self._promises.look(session, due.id, now)
            if promised is None:
                return
            promise = promised.promise
            if promised.state == "open":
                await self._ring(session, promise, name, now)
            elif promised.state == "broken":
                message = texts.promise(self._alarmed(), "broken", promise, name, "", now)
                key = f"broken:{promise.id}"
                await self._alarm(session, key, message, now, also=promise.owner)

    async def _ring(
        self, session: AsyncSession, promise: Promise, name: str, now: datetime
    ) -> None:
        """The owner is reminded, or who is on call first; where nobody is, whoever hears alarms."""
        ticket = await session.get(Ticket, promise.ticket) if promise.ticket else None
        responder = self._whom(promise, ticket, now)

        def message(responder: Responder, link: str) -> Message:
            reader = _reader(responder, ticket.language if ticket else "")
            link = self._link(link) if link else ""
            return texts.promise(reader, "due", promise, name, link, now)

        if responder and ticket:
            await write_page(session, ticket.number, responder, message, now)
            return
        key = f"promise:{promise.id}"
        if responder:
            told = message(responder, "")
            await write_down(session, key, [responder.destination], told, now)
        else:
            told = texts.promise(self._alarmed(), "due", promise, name, "", now)
            await self._alarm(session, key, told, now)

    def _whom(self, promise: Promise, ticket: Ticket | None, now: datetime) -> Responder | None:
        rota = self._support.rota
        owner = next((one for one in rota if one.name == promise.owner), None)
        if owner:
            return owner
        severity = ticket.severity if ticket else _ORDINARY
        language = _language(ticket.language if ticket else "")
        return next(iter(on_call(rota, severity, language, now)), None)

    # --- customers who may leave

    async def _draft_outreach(self, account: str, now: datetime) -> None:
        """An account whose signals reach the threshold gets a letter drafted; its owner is told."""
        async with self._database.transaction() as session:
            known = await session.get(Account, account)
            contacts = select(Contact).where(Contact.account == account)
            names = {one.id: one.name for one in await session.scalars(contacts)}
        name, owner = (known.name, known.owner) if known else (account, "")
        policy = self._support.retention

        def draft(signals: Sequence[SignalNoted]) -> str:
            return letter(signals, names.get(signals[0].contact, ""), owner, policy.offers)

        async with self._database.transaction() as session:
            drafted = await self._retention.look(session, account, policy.outreach, draft, now)
            if drafted:
                message = texts.outreach(self._alarmed(), drafted, name)
                await self._alarm(session, f"outreach:{drafted.id}", message, now, also=owner)

    # --- who is told

    async def _alarm(
        self, session: AsyncSession, key: str, message: Message, now: datetime, also: str = ""
    ) -> None:
        """Tell those who hear alarms, and a responder besides, once for each ``key``."""
        theirs = [one.destination for one in self._support.rota if one.name == also]
        whom = sorted({*self._support.alarms, *theirs})
        if not whom:
            log.warning("an alarm reaches nobody (%s): %s", key, message.type)
        await write_down(session, key, whom, message, now)

    def _alarmed(self) -> Reader:
        return Reader(self._support.language, self._support.hours.zone)

    async def _name(self, account: str) -> str:
        """As the operator calls it; the site's own name for it where nobody has given one."""
        async with self._database.transaction() as session:
            known = await session.get(Account, account) if account else None
            return known.name if known else account

    async def _names(self, accounts: Sequence[str]) -> list[str]:
        return [await self._name(account) for account in accounts]

    def _link(self, secret: str) -> str:
        """What no server logs: a fragment stays in the browser."""
        return f"{self._pages_url}/join.html#{secret}"


#: The severity of a promise without a ticket.
_ORDINARY: Final = 3


def _language(text: str) -> Language:
    """A customer's, as it is kept."""
    return next((language for language in LANGUAGES if language == text), LANGUAGES[0])


def _wish(ticket: Ticket) -> str:
    """Names the wish for a person to which people are being called."""
    since = f":{ticket.paging_since.timestamp():.3f}" if ticket.paging_since else ""
    return f"{ticket.number}{since}"


def _reader(responder: Responder, customer: str) -> Reader:
    return Reader(texts.spoken_by(responder.languages, customer), responder.hours.zone)
