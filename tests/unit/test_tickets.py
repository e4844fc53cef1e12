"""Tickets are kept with all that happened to them, once, for those whose they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.scope import Scope
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.sla import Actor, Policy, Target
from agent.service.tickets.store import Happening, TicketStore
from common.errors import InputError

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
POLICY: Policy = {
    1: {
        "human response": Target(15 * MINUTE, ALWAYS),
        "restoration": Target(120 * MINUTE, ALWAYS),
    },
    3: {"human response": Target(480 * MINUTE, ALWAYS)},
}
ACME, OTHER = Scope("acme"), Scope("other")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[TicketStore]:
    database = Database(database_url)
    yield TicketStore(database, POLICY)
    await database.aclose()


def happened(
    kind: str, minutes: float, *, actor: Actor = "human", severity: int | None = None, who: str = ""
) -> Happening:
    at = T0 + minutes * MINUTE
    return Happening(f"{kind} {minutes}", kind, actor, at, who, severity=severity)  # type: ignore[arg-type]


async def opened(store: TicketStore, severity: int = 1, scope: Scope = ACME) -> int:
    opening = happened("opened", 0, actor="customer", severity=severity, who="wang")
    ticket = await store.open(scope, opening, subject="Nobody can join.", language="en")
    return ticket.number


async def test_a_ticket_is_read_with_its_clocks(store: TicketStore) -> None:
    number = await opened(store)
    told = await store.read(ACME, number, T0 + 5 * MINUTE)
    assert told
    assert (told.ticket.subject, told.ticket.contact, told.ticket.status) == (
        *("Nobody can join.", "wang", "open"),
    )
    assert told.ticket.next_due_at == T0 + 15 * MINUTE
    due = {clock.clock: clock.due_at for clock in told.clocks}
    assert due == {"human response": T0 + 15 * MINUTE, "restoration": T0 + 120 * MINUTE}


async def test_what_is_told_twice_is_written_once(store: TicketStore) -> None:
    number = await opened(store)
    assert await opened(store) == number
    said = happened("said", 3)
    for _ in range(2):
        told = await store.add(ACME, number, said)
    assert [event.kind for event in told.events] == ["opened", "said"]


async def test_many_who_write_at_once_write_everything_once(store: TicketStore) -> None:
    numbers = await asyncio.gather(*(opened(store) for _ in range(5)))
    assert len(set(numbers)) == 1
    written = [happened("said", minute) for minute in range(1, 9)]
    await asyncio.gather(*(store.add(ACME, numbers[0], said) for said in (*written, *written)))
    told = await store.read(ACME, numbers[0])
    assert told and len(told.events) == 9


async def test_events_make_severity_status_assignee_and_what_is_due_next(
    store: TicketStore,
) -> None:
    number = await opened(store, severity=3)

    async def after(happening: Happening) -> tuple[int, str, str, datetime | None]:
        ticket = (await store.add(ACME, number, happening)).ticket
        return ticket.severity, ticket.status, ticket.assignee, ticket.next_due_at

    assert await after(happened("severity", 10, severity=1)) == (1, "open", "", T0 + 25 * MINUTE)
    assert await after(happened("assigned", 11, who="lin")) == (1, "open", "lin", T0 + 25 * MINUTE)
    assert await after(happened("said", 12)) == (1, "open", "lin", T0 + 130 * MINUTE)
    assert await after(happened("waiting", 20)) == (1, "waiting", "lin", None)
    back = happened("said", 50, actor="customer")
    assert await after(back) == (1, "open", "lin", T0 + 160 * MINUTE)
    assert await after(happened("resolved", 60)) == (1, "resolved", "lin", None)
    assert await store.unresolved(ACME) == []


async def test_a_ticket_is_nobody_elses(store: TicketStore) -> None:
    number = await opened(store)
    assert await store.read(OTHER, number) is None
    assert await store.read(Scope(""), number) is None
    assert await store.unresolved(OTHER) == []
    with pytest.raises(InputError, match=f"no ticket {number}"):
        await store.add(OTHER, number, happened("said", 1))
    assert await store.read(ACME, number)


@pytest.mark.parametrize("account", ["acme", ""])
async def test_a_calls_own_scope_sees_the_tickets_of_that_call_alone(
    store: TicketStore, database_url: str, account: str
) -> None:
    """A guest has no other."""
    await calls_of(database_url, account, "one", "two")
    mine = Scope(account, "one")
    opening = happened("opened", 0, actor="customer", severity=1)
    number = (await store.open(mine, opening, subject="down", language="en")).number
    assert (await store.open(mine, opening, subject="down", language="en")).number == number
    assert [t.number for t in await store.unresolved(mine)] == [number]
    for scope in (Scope(account, "two"), Scope("other", "one"), Scope("")):
        assert await store.read(scope, number) is None
        assert await store.unresolved(scope) == []
        with pytest.raises(InputError, match="no ticket"):
            await store.add(scope, number, happened("said", 1))


async def calls_of(database_url: str, account: str, *ids: str) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        session.add_all(
            Call(
                id=one,
                account=account,
                room=one,
                identity="customer",
                language="en",
                consented_at=T0,
                grant_expires_at=T0,
            )
            for one in ids
        )
    await database.aclose()


async def test_a_severity_that_is_none_is_refused(store: TicketStore) -> None:
    for severity in (0, 5, None):
        opening = happened("opened", 0, actor="customer", severity=severity)
        with pytest.raises(InputError, match="severity"):
            await store.open(ACME, opening, subject="x", language="en")
    number = await opened(store)
    for kind, severity in (("severity", 9), ("severity", None), ("said", 1)):
        with pytest.raises(InputError, match="severity"):
            await store.add(ACME, number, happened(kind, 1, severity=severity))
