"""An incident calls people once, whoever looks how often, and calls nobody once it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from agent.duty.rounds import Rounds
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.outbox.tables import Outgoing
from agent.service.paging.store import Paging
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.store import QualityStore
from agent.service.quality.tables import IncidentSeen
from agent.service.quality.targets import Incident
from agent.service.scope import OPERATOR, Scope
from agent.service.tickets.store import TicketStore
from agent.service.tickets.tables import Ticket
from tests.unit.test_api import api
from tests.unit.test_duty import SUPPORT, sent, whom

pytestmark = pytest.mark.unit

#: Ten and a half in the morning in Shanghai, half past three in the night in Berlin.
T0 = datetime(2026, 11, 30, 2, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACCOUNTS = ("acme", "other", "third", "fourth")
OURS = Scope(OPERATOR)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    for account in ACCOUNTS:
        await AccountStore(database).put(account, account.title())
    yield database
    await database.aclose()


async def report(
    database: Database, minutes: Iterable[int], *, accounts: Iterable[str] = ACCOUNTS[:3],
    stalls: float = 0.2, region: str = "cn-east",
) -> None:  # fmt: skip
    """So much of these minutes, counted from ``T0``, stalled."""
    rows = [
        Row(
            account, "live", region, minute_of(T0) + minute, 10, round(stalls * 1e6),
            None, None, None, None, None, None,
        )
        for account in accounts
        for minute in minutes
    ]  # fmt: skip
    await QualityStore(database).take_in(rows, {})


async def look(
    database: Database, minutes: float, support: Any = SUPPORT, many: int = 3
) -> datetime:
    """Several processes that have just begun look at once."""
    now = T0 + minutes * MINUTE
    looks = [Rounds(database, support, "https://x").once(now) for _ in range(many)]
    assert all(await asyncio.gather(*looks))
    return now


async def tickets(database: Database) -> list[Ticket]:
    async with database.transaction() as session:
        return list(await session.scalars(select(Ticket).order_by(Ticket.number)))


async def seen(database: Database) -> list[IncidentSeen]:
    async with database.transaction() as session:
        return list(await session.scalars(select(IncidentSeen).order_by(IncidentSeen.id)))


async def events(database: Database, number: int) -> list[str]:
    told = await TicketStore(database, {}).read(OURS, number)
    assert told
    return [event.kind for event in told.events]


async def acknowledge(database: Database, page: Outgoing) -> None:
    _, _, link = page.message["data"]["link"].partition("#")
    paging = Paging(database, SUPPORT.rota, patience=SUPPORT.patience)
    assert await paging.acknowledge(link, T0 + MINUTE)


async def test_people_are_called_once_to_what_several_accounts_suffer(database: Database) -> None:
    await report(database, range(-5, 0))
    for minutes in (0, 0.5, 1, 2):
        await look(database, minutes)
    (page,) = await sent(database, "incident.page")
    (ticket,) = await tickets(database)
    assert (ticket.account, ticket.severity, ticket.status) == (OPERATOR, 1, "open")
    assert page.destination == "emma-phone"  # alarms are in English, and she speaks it
    link = page.message["data"]["link"]
    assert page.message["text"].splitlines() == [
        f"[Incident] 3 customers in region cn-east have trouble at once (ticket {ticket.number},"
        " severity 1): stall rate.",
        "Customers: Acme, Other, Third",
        "Since 03:25 (Europe/Berlin).",
        f"Take it, or pass it on: {link}",
    ]
    data = page.message["data"]
    assert (data["ticket"], data["region"], data["accounts"], data["metrics"]) == (
        *(ticket.number, "cn-east", ["acme", "other", "third"], ["stall_rate"]),
    )


async def test_the_page_is_in_the_language_of_whoever_is_called(database: Database) -> None:
    await report(database, range(-5, 0))
    await look(database, 0, replace(SUPPORT, rota=SUPPORT.rota[:1], language="zh"))
    (page,) = await sent(database, "incident.page")
    (ticket,) = await tickets(database)
    assert ticket.subject == "cn-east 区域有 3 个客户同时出现质量问题：卡顿率"
    assert page.message["text"].startswith("【事故】cn-east 区域有 3 个客户同时出现质量问题")
    assert "始于 10:25 (Asia/Shanghai)" in page.message["text"]


@pytest.mark.parametrize(
    "quiet",
    [
        {"accounts": ACCOUNTS[:2]},
        {"stalls": 0.001},
        {"minutes": range(-2, 0)},
        {"minutes": range(-30, -8)},
    ],
    ids=["two accounts", "within the target", "too short", "over already"],
)
async def test_what_is_no_incident_now_calls_nobody(
    database: Database, quiet: dict[str, Any]
) -> None:
    await report(database, **{"minutes": range(-5, 0)} | quiet)
    await look(database, 0)
    assert await tickets(database) == [] and await sent(database, "incident.page") == []


async def test_it_is_settled_when_it_is_over_and_calls_nobody_any_more(
    database: Database,
) -> None:
    await report(database, range(-5, 0))
    await look(database, 0)
    await report(database, range(10), stalls=0)
    await look(database, 4)
    (ticket,) = await tickets(database)
    assert ticket.status == "open"
    await look(database, 10)
    (ticket,) = await tickets(database)
    assert ticket.status == "resolved"
    assert await events(database, ticket.number) == ["opened", "resolved"]
    await look(database, 60)
    assert await whom(database, "incident.page") == ["emma-phone"]
    assert await whom(database, "incident.over") == ["emma-phone"]
    (over,) = await sent(database, "incident.over")
    assert "from 03:25 (Europe/Berlin) until 03:30 (Europe/Berlin)" in over.message["text"]
    assert await sent(database, "incident.nobody") == []


async def test_where_nobody_answers_the_next_is_called_and_then_it_is_told(
    database: Database,
) -> None:
    for minutes in range(0, 20, 5):
        await report(database, range(-5, minutes))
        await look(database, minutes)
    assert await whom(database, "incident.page") == ["emma-phone", "林-phone"]
    assert await whom(database, "incident.nobody") == ["mail", "ops"]
    assert await sent(database, "ticket.nobody") == []
    assert await sent(database, "ticket.missed") == []


async def test_whoever_takes_it_has_it(database: Database) -> None:
    """There is no call to come into: that they said so is enough."""
    await report(database, range(-5, 0))
    await look(database, 0)
    (page,) = await sent(database, "incident.page")
    await acknowledge(database, page)
    for minutes in range(5, 300, 50):
        await report(database, range(-5, minutes))
        await look(database, minutes)
    assert await whom(database, "incident.page") == ["emma-phone"]
    assert len(await tickets(database)) == 1


async def test_who_passes_it_on_is_followed_by_the_next(database: Database) -> None:
    await report(database, range(-5, 0))
    now = await look(database, 0)
    (page,) = await sent(database, "incident.page")
    (ticket,) = await tickets(database)
    _, _, link = page.message["data"]["link"].partition("#")
    paging = Paging(database, SUPPORT.rota, patience=SUPPORT.patience)
    assert await paging.decline(link, now)
    await paging.call_now(OURS, ticket.number, now)
    await look(database, 0)
    assert await whom(database, "incident.page") == ["emma-phone", "林-phone"]


async def test_one_that_goes_on_and_grows_is_the_same(database: Database) -> None:
    for minutes in (0, 20, 60, 115, 170):
        await report(database, range(minutes - 60, minutes))
        if minutes > 100:
            await report(database, range(minutes - 20, minutes), accounts=["fourth"])
        await look(database, minutes)
    await report(database, range(-70, -60))  # late: it began sooner
    await look(database, 171)
    (one,) = await seen(database)
    assert one.accounts == sorted(ACCOUNTS) and len(await tickets(database)) == 1
    assert one.begins_at <= T0 - 60 * MINUTE and one.ends_at == T0 + 170 * MINUTE


async def test_rows_that_come_late_go_on_with_it_and_call_nobody_who_has_it_again(
    database: Database,
) -> None:
    """Every ten minutes the operator reports the last ten."""
    await report(database, range(-10, 0))
    await look(database, 0)
    (page,) = await sent(database, "incident.page")
    await acknowledge(database, page)
    for minutes in (10, 20, 30):
        await look(database, minutes - 1)  # nothing for nine minutes: over, for all we know
        (ticket,) = await tickets(database)
        assert ticket.status == "resolved"
        await report(database, range(minutes - 10, minutes))
        await look(database, minutes)
        (ticket,) = await tickets(database)
        assert ticket.status == "open"
    assert await whom(database, "incident.page") == ["emma-phone"]
    assert await whom(database, "incident.over") == ["emma-phone"]


async def test_where_nobody_had_it_those_who_were_not_called_are_called_when_it_goes_on(
    database: Database,
) -> None:
    await report(database, range(-10, 0))
    await look(database, 0)
    await look(database, 9)
    await report(database, range(10))
    await look(database, 10)
    assert await whom(database, "incident.page") == ["emma-phone", "林-phone"]


async def test_another_after_a_quiet_time_calls_people_again(database: Database) -> None:
    await report(database, range(-5, 0))
    await look(database, 0)
    await look(database, 10)
    await report(database, range(15, 20))
    await look(database, 20)
    assert [one.status for one in await tickets(database)] == ["resolved", "open"]
    assert await whom(database, "incident.page") == ["emma-phone", "emma-phone"]


async def test_regions_have_incidents_of_their_own(database: Database) -> None:
    for region in ("cn-east", "eu"):
        await report(database, range(-5, 0), region=region)
    await look(database, 0)
    await report(database, range(10), region="eu")
    await look(database, 10)
    assert {one.region: one.settled_at is None for one in await seen(database)} == {
        "cn-east": False,
        "eu": True,
    }


async def test_who_saw_fewer_rows_does_not_end_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a process that read before the last rows came, and gets to write after them."""
    await report(database, range(-5, 0))
    await look(database, 0)
    rounds = Rounds(database, SUPPORT, "https://x")

    async def before(*_: object) -> list[Incident]:
        return []

    with monkeypatch.context() as patched:
        patched.setattr(rounds._quality, "incidents", before)
        assert await rounds.once(T0 + MINUTE)
    (ticket,) = await tickets(database)
    assert ticket.status == "open"


async def test_it_is_opened_with_its_ticket_or_not_at_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process died between the two."""
    await report(database, range(-5, 0))

    async def dies(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("agent.service.quality.incidents.Incidents._go_on", dies)
        assert not await Rounds(database, SUPPORT, "https://x").once(T0)
    assert await tickets(database) == [] and await seen(database) == []
    await look(database, 0)
    assert len(await tickets(database)) == len(await seen(database)) == 1


async def test_several_processes_over_a_whole_incident_call_each_person_once(
    database_url: str, database: Database
) -> None:
    databases = [Database(database_url) for _ in range(3)]
    for step in range(24):
        minutes = step / 2
        await report(database, range(-5, max(-4, int(min(minutes, 4)))))
        now = T0 + minutes * MINUTE
        looks = [Rounds(one, SUPPORT, "https://x").once(now) for one in databases * 2]
        assert all(await asyncio.gather(*looks))
    assert await whom(database, "incident.page") == ["emma-phone", "林-phone"]
    (ticket,) = await tickets(database)
    assert ticket.status == "resolved"
    assert sorted(await whom(database, "incident.over")) == ["emma-phone", "林-phone"]
    for one in databases:
        await one.aclose()


# --- what a link opens


@pytest.fixture
async def web(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)
    async with api() as http:
        yield http


async def test_a_link_shows_the_incident_and_takes_it(
    database: Database, web: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    ago = -round((T0 - now) / MINUTE)
    await report(database, range(ago - 6, ago))
    assert await Rounds(database, SUPPORT, "https://x").once(now)
    (page,) = await sent(database, "incident.page")
    _, _, link = page.message["data"]["link"].partition("#")
    shown = (await web.post("/api/pages/open", json={"link": link})).json()
    assert shown["account"] is None and shown["call"] is None and shown["ticket"]["clocks"] == []
    incident = shown["incident"]
    assert (incident["region"], incident["going_on"]) == ("cn-east", True)
    assert incident["metrics"] == ["stall_rate"]
    assert incident["accounts"] == ["Acme", "Other", "Third"]
    taken = await web.post("/api/pages/acknowledge", json={"link": link})
    assert taken.status_code == 200 and taken.json()["grant"] is None
    assert taken.json()["ticket"]["person"]["state"] == "coming"
    assert taken.json()["answer"] == "acknowledged"
