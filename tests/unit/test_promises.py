"""What was promised is kept with what became of it, once, for those to whom it was promised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.promises.store import Given, Promised, Promises, write_promise
from agent.service.scope import Scope
from agent.service.tickets.store import Happening, TicketStore

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
DUE = T0 + 60 * MINUTE
ACME = Scope("acme")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def promises(database: Database) -> Promises:
    return Promises(database)


async def ticket_of(database: Database) -> int:
    opening = Happening("call 1", "opened", "customer", T0, severity=1)
    return (
        await TicketStore(database, {}).open(ACME, opening, subject="down", language="zh")
    ).number


async def promise(database: Database, **changed: object) -> None:
    given = Given("one", "callback", "We call you back.", DUE, account="acme")
    async with database.transaction() as session:
        values = {**given.__dict__, **changed}
        await write_promise(session, Given(**values), T0)


async def only(promises: Promises, ticket: int, minutes: float) -> Promised:
    (promised,) = await promises.of_ticket(ACME, ticket, T0 + minutes * MINUTE)
    return promised


async def test_what_is_promised_twice_is_written_once(
    database: Database, promises: Promises
) -> None:
    number = await ticket_of(database)
    await asyncio.gather(*(promise(database, ticket=number) for _ in range(5)))
    assert (await only(promises, number, 1)).state == "open"


async def test_a_promise_that_nobody_keeps_is_broken_when_its_time_is_up(
    database: Database, promises: Promises
) -> None:
    number = await ticket_of(database)
    await promise(database, ticket=number)
    assert (await only(promises, number, 59)).state == "open"
    assert (await only(promises, number, 60)).state == "broken"
    assert await promises.keep(ACME, "one", T0 + 70 * MINUTE)
    late = await only(promises, number, 80)
    assert (late.state, late.kept_at) == ("broken", T0 + 70 * MINUTE)


@pytest.mark.parametrize("kept", [True, False])
async def test_who_says_that_it_is_over_says_so_once(
    database: Database, promises: Promises, kept: bool
) -> None:
    number = await ticket_of(database)
    await promise(database, ticket=number)
    end = promises.keep if kept else promises.withdraw
    for minutes in (10, 20):
        assert await end(ACME, "one", T0 + minutes * MINUTE)
    promised = await only(promises, number, 90)
    assert promised.state == ("kept" if kept else "withdrawn")
    assert promised.promise.kept_at in (None, T0 + 10 * MINUTE)
    assert await promises.due(T0 + 90 * MINUTE) == []


@pytest.mark.parametrize(
    ("kind", "what", "state"),
    [
        ("callback", "said", "kept"),
        ("word", "said", "kept"),
        ("word", "resolved", "kept"),
        ("word", "before", "open"),
        ("word", "assistant", "open"),
        ("callback", "joined", "kept"),
        ("word", "joined", "open"),
        ("callback", "rang", "open"),  # nobody took it
    ],
)
async def test_a_ticket_shows_that_a_promise_was_kept(
    database: Database, promises: Promises, kind: str, what: str, state: str
) -> None:
    number = await ticket_of(database)
    await promise(database, ticket=number, kind=kind)
    at = T0 if what == "before" else T0 + 5 * MINUTE
    actor = "assistant" if what == "assistant" else "human"
    told = "said" if what in ("before", "assistant") else what
    happening = Happening("k", told, actor, at)  # type: ignore[arg-type]
    await TicketStore(database, {}).add(ACME, number, happening)
    assert (await only(promises, number, 10)).state == state


async def test_one_of_many_looks_when_half_of_the_time_is_over_and_when_all_is(
    database: Database, promises: Promises
) -> None:
    await promise(database)

    async def look(minutes: float) -> list[str]:
        now = T0 + minutes * MINUTE

        async def one() -> str | None:
            async with database.transaction() as session:
                found = await promises.look(session, number, now)
                return found.state if found else None

        looked = await asyncio.gather(*(one() for _ in range(4)))
        return [state for state in looked if state]

    assert await promises.due(T0 + 29 * MINUTE) == []
    ((number),) = [one.id for one in await promises.due(T0 + 30 * MINUTE)]
    assert await look(30) == ["open"]
    assert await look(59) == []
    assert await look(60) == ["broken"]
    assert await promises.due(T0 + timedelta(days=365)) == []


async def test_a_promise_is_nobody_elses(database: Database, promises: Promises) -> None:
    now = T0 + MINUTE
    async with database.transaction() as session:
        session.add_all(
            Call(
                id=f"{account} {one}", account=account, room=f"{account} {one}", language="zh",
                identity="customer", consented_at=T0, grant_expires_at=T0,
            )
            for account in ("acme", "")
            for one in ("one", "two")
        )  # fmt: skip
    for account in ("acme", ""):
        await promise(database, key=account, account=account, call_id=f"{account} one")
    for scope in (ACME, Scope("acme", "acme one")):
        assert len(await promises.of_call(scope, "acme one", now)) == 1
    assert len(await promises.of_call(Scope("", " one"), " one", now)) == 1
    for scope in (Scope("other"), Scope(""), Scope("acme", "acme two"), Scope("", " one")):
        assert await promises.of_call(scope, "acme one", now) == []
        assert not await promises.keep(scope, "acme", now)
    assert not await promises.keep(Scope("", " two"), "", now)
    number = await ticket_of(database)
    await promise(database, key="of ticket", ticket=number)
    assert await promises.of_ticket(Scope("other"), number, now) == []
