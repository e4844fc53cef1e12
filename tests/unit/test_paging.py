"""Pages are sent once, with their message, and answered by whoever was called, by their link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.service.database import Database
from agent.service.outbox.forms import Message
from agent.service.outbox.store import Outbox
from agent.service.paging.rota import Responder
from agent.service.paging.store import LINK_LIFE, Answered, Paging
from agent.service.scope import Scope
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.store import Happening, TicketStore

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
PATIENCE = 5 * MINUTE
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
ROTA = [
    Responder(name, f"{name}'s telephone", frozenset({1}), frozenset({"zh", "en"}), ALWAYS)
    for name in ("lin", "zhao")
]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def paging(database: Database) -> Paging:
    return Paging(database, ROTA, patience=PATIENCE)


@pytest.fixture
async def ticket(database: Database) -> int:
    opening = Happening("call 1", "opened", "customer", T0, severity=1)
    store = TicketStore(database, {})
    return (await store.open(Scope("acme"), opening, subject="down", language="zh")).number


def told(responder: Responder, link: str) -> Message:
    return Message("page", f"{responder.name}: {link}", {"link": link})


async def step(paging: Paging, ticket: int, minutes: float) -> tuple[str, str]:
    done = await paging.step(ticket, "zh", told, T0 + minutes * MINUTE)
    return done.kind, done.responder


async def links(database: Database) -> dict[str, str]:
    """What was sent so far, by destination."""
    found = {}
    while taken := await Outbox(database).take(T0 + timedelta(days=1)):
        found[taken.destination] = taken.message.data["link"]
        await Outbox(database).delivered(taken, T0)
    return found


async def test_the_chain_goes_on_until_somebody_has_it(
    database: Database, paging: Paging, ticket: int
) -> None:
    assert await step(paging, ticket, 0) == ("page", "lin")
    assert await step(paging, ticket, 1) == ("wait", "")
    assert await step(paging, ticket, 5) == ("page", "zhao")
    sent = await links(database)
    assert set(sent) == {"lin's telephone", "zhao's telephone"}
    link = sent["zhao's telephone"]
    for minutes in (6, 7):  # pressed twice
        answered = await paging.acknowledge(link, T0 + minutes * MINUTE)
        assert answered == Answered(ticket, "zhao")
    assert await step(paging, ticket, 10) == ("taken", "zhao")
    await happens(database, ticket, "joined", 10, "zhao")
    assert await step(paging, ticket, 30) == ("taken", "zhao")
    assert (await paging.step(ticket, "zh", told, T0 + 31 * MINUTE)).at == T0 + 6 * MINUTE
    assert await links(database) == {}


async def test_who_has_it_and_does_not_come_gives_way(
    database: Database, paging: Paging, ticket: int
) -> None:
    await step(paging, ticket, 0)
    first = (await links(database))["lin's telephone"]
    assert await paging.acknowledge(first, T0 + MINUTE)
    assert await step(paging, ticket, 5) == ("taken", "lin")
    assert await step(paging, ticket, 6) == ("page", "zhao")
    second = (await links(database))["zhao's telephone"]
    assert await paging.acknowledge(second, T0 + 7 * MINUTE)
    assert await step(paging, ticket, 8) == ("taken", "zhao")
    pages = await paging.pages(Scope("acme"), ticket, T0 + 8 * MINUTE)
    assert [(page.responder, page.taken_at is not None) for page in pages] == [
        *(("lin", False), ("zhao", True)),
    ]


async def test_who_is_wanted_again_is_called_anew(
    database: Database, paging: Paging, ticket: int
) -> None:
    await step(paging, ticket, 0)
    old = (await links(database))["lin's telephone"]
    await paging.acknowledge(old, T0 + MINUTE)
    for kind, minute in (("joined", 2), ("left", 9)):
        await happens(database, ticket, kind, minute, "lin")
    assert await step(paging, ticket, 20) == ("taken", "lin")
    await paging.call_again(Scope("acme"), ticket, T0 + 30 * MINUTE)
    assert [one.number for one in await paging.due(T0 + 30 * MINUTE)] == [ticket]
    assert await step(paging, ticket, 30) == ("page", "lin")
    assert await paging.opened(old, T0 + 30 * MINUTE) is None
    (again,) = (await links(database)).values()
    assert await paging.opened(again, T0 + 30 * MINUTE)
    await paging.call_again(Scope("acme"), ticket, T0 + 31 * MINUTE)  # while it goes on: nothing
    assert await step(paging, ticket, 31) == ("wait", "")


async def happens(database: Database, ticket: int, kind: str, minutes: float, who: str) -> None:
    at = T0 + minutes * MINUTE
    came = Happening(f"{kind} {minutes}", kind, "human", at, who)  # type: ignore[arg-type]
    await TicketStore(database, {}).add(Scope("acme"), ticket, came)


async def test_who_declines_is_followed_at_once(
    database: Database, paging: Paging, ticket: int
) -> None:
    await step(paging, ticket, 0)
    (link,) = (await links(database)).values()
    assert await paging.decline(link, T0 + MINUTE) == Answered(ticket, "lin")
    assert await paging.acknowledge(link, T0 + MINUTE) is None
    assert await step(paging, ticket, 1) == ("page", "zhao")


async def test_many_who_look_at_once_call_one(
    database: Database, paging: Paging, ticket: int
) -> None:
    steps = await asyncio.gather(*(step(paging, ticket, 0) for _ in range(6)))
    assert sorted(steps) == [("page", "lin")] + [("wait", "")] * 5
    assert len(await links(database)) == 1


async def test_a_link_that_is_old_or_nobodys_answers_nothing(
    database: Database, paging: Paging, ticket: int
) -> None:
    await step(paging, ticket, 0)
    (link,) = (await links(database)).values()
    assert await paging.acknowledge("somebody-else", T0 + MINUTE) is None
    assert await paging.acknowledge("", T0 + MINUTE) is None
    assert await paging.acknowledge(link, T0 + LINK_LIFE) is None
    assert await step(paging, ticket, 1) == ("wait", "")
