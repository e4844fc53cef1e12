"""The world of a scenario: what it says of the database before in; rows in an empty database, and
the call that is about to begin, out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from agent.duty.texts import incident_words
from agent.rooms.principal import Principal, guest
from agent.service.accounts.store import AccountStore, Statement
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.demo.store import Demo
from agent.service.matters.tables import Matter
from agent.service.quality.incidents import Incidents
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.store import QualityStore
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import Targets
from agent.service.scope import Scope
from agent.service.support import Support
from agent.service.tickets.store import Happening, TicketStore, write_past
from common.errors import InputError
from common.languages import Language
from eval.dialogue.scenario import AccountTold, MatterTold, Scenario, Stretch, TicketTold

#: The other customers of a region: enough that several in trouble are an incident.
OTHERS: Final = 4
_HOUR: Final = timedelta(hours=1)
_MILLION: Final = 1_000_000
#: Minutes are kept of the last hours alone, of hours before only their sums: so does an operator
#: who tidies up, and a scenario of days is there at once.
_MINUTES_OF: Final = 6
#: A user stays so long, minutes: so many of them join in each.
_STAY: Final = 20


def other(number: int) -> str:
    """The account of one of the other customers of a region."""
    return f"other-{number}"


class World:
    """Puts scenarios into a database."""

    def __init__(self, database: Database, support: Support, targets: Targets) -> None:
        self._database = database
        self._support = support
        self._targets = targets

    async def fill(self, scenario: Scenario, now: datetime) -> None:
        """Write what the scenario says is there.

        Raises InputError naming the scenario where the database cannot hold it.
        """
        try:
            await self._fill(scenario, now)
        except InputError as error:
            raise InputError(f"{scenario.name}: {error.message}", error.remedy) from None

    async def _fill(self, scenario: Scenario, now: datetime) -> None:
        before = scenario.before
        if before.demo:
            await Demo(self._database).seed(now)
        accounts = AccountStore(self._database)
        for account in before.accounts:
            await _put(accounts, account, now)
        if before.elsewhere:
            for number in range(OTHERS):
                await accounts.put(other(number), f"Other Customer {number}")
        mine = scenario.caller.account
        stretches = [(one.account or mine, one) for one in before.quality]
        stretches += [(other(n), one) for n in range(OTHERS) for one in before.elsewhere]
        await self._measure(stretches, now)
        async with self._database.transaction() as session:
            for number, ticket in enumerate(before.tickets):
                await _open(session, scenario, ticket, number, now)
            for matter in before.matters:
                await _remember(session, scenario, matter, now)

    async def _measure(self, stretches: Sequence[tuple[str, Stretch]], now: datetime) -> None:
        """Quality, and the incident that it makes, with people called to it as ever."""
        if not stretches:
            return
        quality = QualityStore(self._database)
        known: dict[tuple[str, str, str], int] = {}
        rows = [row for account, one in stretches for row in _rows(account, one, now)]
        first = (minute_of(now) // 60 - _MINUTES_OF) * 60
        whole = [row for row in rows if row.minute < first and row.minute % 60 == 0]
        await quality.take_in_hours(whole, known)
        await quality.take_in([row for row in rows if row.minute >= first], known)
        await roll_up(self._database)
        found = await quality.incidents(self._targets, _MINUTES_OF, now)
        tickets = TicketStore(self._database, self._support.policy)
        words = incident_words(self._support.language)
        incidents = Incidents(self._database, tickets)
        for one in found:  # somebody looked while it went on
            await incidents.note([replace(one, going_on=True)], words, _tell_nobody, one.ends)
        await incidents.note(found, words, _tell_nobody, now)


async def begin_call(
    database: Database, scenario: Scenario, now: datetime
) -> tuple[str, Principal]:
    """The record of a call that its caller has consented to, and whose it is."""
    caller, call_id = scenario.caller, str(uuid.uuid4())
    async with database.transaction() as session:
        session.add(_call(call_id, caller.account, caller.contact, scenario.language, now))
    if not caller.account:
        return call_id, guest(scenario.language)
    return call_id, Principal(
        caller.account, caller.contact, scenario.language, frozenset(), guest=False
    )


def _call(call_id: str, account: str, contact: str, language: Language, at: datetime) -> Call:
    return Call(
        id=call_id,
        account=account,
        contact=contact,
        room=f"call-{call_id}",
        identity=f"customer-{call_id[:12]}",
        language=language,
        consented_at=at,
        grant_expires_at=at + _HOUR,
    )


async def _put(accounts: AccountStore, told: AccountTold, now: datetime) -> None:
    scope = Scope(told.id)
    await accounts.put(told.id, told.name, told.owner)
    for contact in told.contacts:
        of_contact = {"name": contact.name, "email": contact.email}
        await accounts.put_contact(scope, contact.id, language=contact.language, **of_contact)
    for app in told.apps:
        await accounts.put_app(scope, app)
    for name, value in told.facts.items():
        said_at = now - 24 * _HOUR
        await accounts.state(scope, Statement(name, value, "person", said_at, who=told.owner))


def _rows(account: str, one: Stretch, now: datetime) -> Iterator[Row]:
    joins = max(round(one.users / _STAY), 1)
    joined = joins if one.join_success is None else round(joins * one.join_success)
    first = minute_of(now - one.since_h * _HOUR)
    for minute in range(first, minute_of(now - one.until_h * _HOUR)):
        yield Row(
            account,
            one.app,
            one.region,
            minute,
            one.users,
            _ppm(one.stall_rate),
            one.latency_ms,
            _ppm(one.packet_loss),
            joins,
            joined,
            one.join_ms if joined else None,
            None,
        )


def _ppm(rate: float | None) -> int | None:
    return None if rate is None else round(rate * _MILLION)


async def _tell_nobody(_session: AsyncSession, _incident: IncidentSeen) -> None:
    """Of an incident that is over: nobody was called."""


async def _open(
    session: AsyncSession, scenario: Scenario, told: TicketTold, number: int, now: datetime
) -> None:
    account = told.account or scenario.caller.account
    contact = told.contact or (scenario.caller.contact if not told.account else "")
    at = now - told.hours_ago * _HOUR
    opening = Happening(
        f"before:{number}", "opened", "customer", at, contact, told.subject, told.severity
    )
    await write_past(
        session, Scope(account), opening, [], subject=told.subject, language=scenario.language
    )


async def _remember(
    session: AsyncSession, scenario: Scenario, told: MatterTold, now: datetime
) -> None:
    account = told.account or scenario.caller.account
    contact = told.contact or (scenario.caller.contact if not told.account else "")
    at = now - told.hours_ago * _HOUR
    call = _call(str(uuid.uuid4()), account, contact, scenario.language, at)
    call.started_at, call.ended_at, call.outcome = at, at + _HOUR / 6, "left"
    session.add(call)
    await session.flush()
    session.add(
        Matter(
            key=told.subject or told.kind,
            call_id=call.id,
            account=account,
            contact=contact,
            kind=told.kind,
            subject=told.subject,
            region=told.region,
            state=told.state,
            words=told.words,
            opened_at=at,
            changed_at=at,
        )
    )
