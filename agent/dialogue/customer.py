"""Customer: who calls, and what may be read of them; of anybody else nothing can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from agent.dialogue.contract import NoteMatter
from agent.service.accounts.store import AccountStore, Known
from agent.service.accounts.tables import Account
from agent.service.database import Database
from agent.service.matters.store import Matters
from agent.service.matters.tables import Matter
from agent.service.quality.targets import Targets
from agent.service.retention.policy import Offer, Signal
from agent.service.retention.store import Retention
from agent.service.scope import Scope
from agent.service.support import Support
from agent.service.tickets.business_time import due
from agent.service.tickets.store import TicketStore, Told

#: Tickets of these severities are serious.
_SERIOUS = 2
_LATELY = timedelta(days=30)


class Customer:
    """The customer of one call, by the site that signed them in; nothing is changed by it."""

    def __init__(
        self,
        database: Database,
        support: Support,
        targets: Targets,
        *,
        account: str,
        contact: str,
        call_id: str,
    ) -> None:
        """``account`` and ``contact``: empty for a guest."""
        self.database = database
        self.targets = targets
        self.scope = Scope(account) if account else Scope(account, call_id)
        self.is_guest = not account
        self._support = support
        self._contact = contact
        self._call_id = call_id
        self._accounts = AccountStore(database)
        self._matters = Matters(database)
        self._retention = Retention(database)
        self._tickets = TicketStore(database, support.policy)

    def now(self) -> datetime:
        """By the clock of the operator's office: "today" is a day there."""
        return datetime.now(self._support.hours.zone)

    async def known(self) -> Known | None:
        """The account, with nothing known of it where it has no records yet; None for a guest."""
        known = await self._accounts.read(self.scope)
        if known or self.is_guest:
            return known
        return Known(Account(id=self.scope.account, name="", owner=""), (), ())

    async def name(self) -> str:
        """Of the contact; empty where nobody has put one."""
        known = await self.known()
        people = known.contacts if known else ()
        return next((one.name for one in people if one.id == self._contact), "")

    async def email(self) -> str:
        """Of the contact; empty where none is known."""
        known = await self.known()
        people = known.contacts if known else ()
        return next((one.email for one in people if one.id == self._contact), "")

    async def reached_at(self, ticket: int) -> str:
        """Where they can be reached about a ticket: as they said, or by mail; empty: unknown."""
        told = await self._tickets.read(self.scope, ticket)
        return (told.reach if told else "") or await self.email()

    @property
    def mails_summaries(self) -> bool:
        """Whether the operator mails the summaries of calls."""
        return self._support.mails_summaries

    def may_mail(self, address: str) -> bool:
        """Whether a summary may go to an address."""
        return self._support.may_mail(address)

    async def earlier(self) -> Sequence[NoteMatter]:
        """What calls of theirs before were about, the latest last."""
        return [noted(matter) for matter in reversed(await self._remembered())]

    async def unsolved(self) -> Matter | None:
        """The trouble of an earlier call that is not known to be over."""
        troubles = [one for one in await self._remembered() if one.kind == "trouble"]
        return next((one for one in troubles if one.state != "solved"), None)

    async def _remembered(self) -> Sequence[Matter]:
        """The newest first."""
        found = await self._matters.remembered(self.scope, self._contact, besides=self._call_id)
        return found.matters

    async def serious_tickets(self, now: datetime) -> Sequence[Told]:
        """The account's own of late."""
        told = await self._tickets.of_scope(self.scope, now)
        return [
            one
            for one in told
            if one.ticket.severity <= _SERIOUS and now - one.ticket.opened_at < _LATELY
        ]

    async def offer_for(self, signal: Signal, now: datetime) -> Offer | None:
        """What the operator lets be offered to them now."""
        known = await self.known()
        plan = known.fact("plan") if known else None
        given: Mapping[str, datetime] = await self._retention.given_before(self.scope)
        name = plan.value if plan and isinstance(plan.value, str) else ""
        return self._support.retention.offer_for(signal, name, given, now)

    def due(self, since: datetime, work: timedelta) -> datetime:
        """When so much time at work is over."""
        return due(self._support.hours, since, work)


def noted(matter: Matter) -> NoteMatter:
    """A matter of the records, as the dialogue notes one."""
    return NoteMatter(matter.kind, matter.subject, matter.state, matter.region, matter.words)
