"""The demo: a whole operator's world on both databases; it calls nobody, and leaves no trace."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from agent.duty.rounds import Rounds
from agent.service.accounts.store import FIELDS, AccountStore
from agent.service.calls.tables import Call, Turn
from agent.service.database import Base, Database
from agent.service.demo.quality import DAYS, hours, minutes
from agent.service.demo.store import Demo
from agent.service.demo.stories import accounts, world
from agent.service.demo.tables import DemoAccount
from agent.service.outbox.forms import Message
from agent.service.outbox.store import write_down
from agent.service.outbox.tables import Outgoing
from agent.service.paging.store import Paging
from agent.service.paging.tables import PageSent
from agent.service.promises.store import Promises
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.tables import Day, Hour, Minute, Series, Stale
from agent.service.quality.targets import DEFAULT_TARGETS
from agent.service.scope import Scope
from agent.service.tickets.store import Happening, TicketStore, Told
from common.errors import InputError
from common.languages import LANGUAGES
from common.settings import PROJECT_ROOT
from tests.unit.databases import DEMO_NOW
from tests.unit.test_duty import SUPPORT

pytestmark = pytest.mark.unit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GUEST = Scope("", "11111111-1111-1111-1111-111111111111")


@pytest.fixture
async def demo(demo_url: str) -> AsyncIterator[Database]:
    database = Database(demo_url)
    yield database
    await database.aclose()


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


async def count(database: Database, table: type[Base]) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def everything(database: Database) -> dict[str, Any]:
    """All rows of all tables; of those of quality how many there are."""
    async with database.transaction() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(table))
            if name.startswith("quality_")
            else sorted(tuple(map(str, row)) for row in await session.execute(select(table)))
            for name, table in Base.metadata.tables.items()
        }


async def tickets(database: Database) -> list[Told]:
    store = TicketStore(database, SUPPORT.policy)
    scopes = [Scope(account.id) for account in accounts()]
    return [told for scope in scopes for told in await store.of_scope(scope, DEMO_NOW)]


def guest_call() -> Call:
    assert GUEST.call_id
    return Call(
        id=GUEST.call_id, room="call-guest", identity="customer-guest", language="en",
        consented_at=DEMO_NOW, grant_expires_at=DEMO_NOW + HOUR,
    )  # fmt: skip


async def page_somebody(database: Database, scope: Scope, call: Call) -> None:
    """Somebody asks for a person in a call, and somebody is called."""
    async with database.transaction() as session:
        session.add(call)
    opening = Happening(f"call:{call.id}", "opened", "customer", DEMO_NOW, severity=1)
    store = TicketStore(database, SUPPORT.policy)
    await store.open(
        Scope(scope.account, call.id), opening, subject="?", language="en", page_at=DEMO_NOW
    )
    assert await Rounds(database, SUPPORT, "https://liuke.example.com").once(DEMO_NOW)


# --- what is there


async def test_there_are_forty_accounts_with_people_apps_owners_and_what_is_known_of_them(
    demo: Database,
) -> None:
    store = AccountStore(demo)
    every = await store.every()
    assert len(every) == 40 and all(account.owner for account in every)
    for account in every:
        known = await store.read(Scope(account.id))
        assert known and known.contacts and known.apps
        assert known.history.keys() <= FIELDS.keys() and known.fact("renewal_date")
        assert {facts[0].source for facts in known.history.values()} > {"import", "contact"}
        said = [fact.said_at for facts in known.history.values() for fact in facts]
        assert account.created_at <= min(said) and max(said) < DEMO_NOW


async def test_seeding_again_adds_nothing_also_after_one_that_was_cut_off(demo: Database) -> None:
    """The fixture cuts its first seeding off."""
    before = await everything(demo)
    seeded = await Demo(demo).seed(DEMO_NOW + DAY)
    assert seeded.is_whole and (seeded.accounts, seeded.seeded_at) == (40, DEMO_NOW)
    assert await everything(demo) == before
    story = accounts(), world(), DEMO_NOW
    assert await count(demo, Minute) == len(list(minutes(*story)))
    rolled = {(row.account, row.app, row.region, row.minute // 60) for row in minutes(*story)}
    assert await count(demo, Hour) == len(list(hours(*story))) + len(rolled)
    assert await count(demo, Stale) == 0


def test_the_same_moment_makes_the_same_story() -> None:
    story = accounts()[:3], world(), DEMO_NOW
    assert list(minutes(*story)) == list(minutes(*story))
    assert list(hours(*story)) == list(hours(*story))
    assert not {row[:4] for row in minutes(*story)} & {
        (*row[:3], row.minute + past) for row in hours(*story) for past in range(60)
    }


async def test_quality_is_there_for_all_days_and_people_work_in_the_week(demo: Database) -> None:
    store = QualityStore(demo)
    meet = Scope("demo-mortise")
    (summary,) = await store.read(Scope("demo-hemu"), "app", Span("days", DAYS), DEMO_NOW)
    assert summary.minutes >= (DAYS - 1) * 24 * 60 and summary.stall_rate
    assert 0.98 < (summary.join_success or 0) < 1
    async with demo.transaction() as session:
        series = select(Series.id).where(Series.account == meet.account)
        query = (
            select(Day.day, func.sum(Day.user_minutes))
            .where(Day.series.in_(series))
            .group_by(Day.day)
        )
        users = {day: int(total) for day, total in await session.execute(query)}
    by_weekday = Counter[int]()
    for day in sorted(users)[1:-2]:
        by_weekday[(day + 3) % 7] += users[day]
    assert 3 * max(by_weekday[5], by_weekday[6]) < min(by_weekday[day] for day in range(5))


async def test_who_is_in_trouble_is_to_be_seen(demo: Database) -> None:
    store = QualityStore(demo)
    today = await store.incidents(DEFAULT_TARGETS, 24, DEMO_NOW)
    assert [incident.region for incident in today] == ["sea"] and len(today[0].accounts) >= 5
    ever = await store.incidents(DEFAULT_TARGETS, DAYS * 24, DEMO_NOW)
    assert Counter(one.region for one in ever) == {"sea": 1, "mena": 1, "cn-east": 1}

    starisle = Scope("demo-starisle")
    now = {s.group: s for s in await store.read(starisle, "region", Span("days", 3), DEMO_NOW)}
    ever_ = {s.group: s for s in await store.read(starisle, "region", Span("days", 90), DEMO_NOW)}
    assert (now["sea"].stall_rate or 0) > 1.5 * (ever_["sea"].stall_rate or 1)
    assert (now["cn-east"].stall_rate or 1) < 0.005
    missed = await store.crossings(starisle, DEFAULT_TARGETS, 24, DEMO_NOW)
    assert {(one.metric, one.region) for one in missed} >= {("stall_rate", "sea")}
    for well in ("demo-hongqiao", "demo-northlight", "demo-andes"):
        assert not await store.crossings(Scope(well), DEFAULT_TARGETS, 24, DEMO_NOW)


async def test_tickets_promises_and_calls_went_well_and_badly(demo: Database) -> None:
    all_tickets = await tickets(demo)
    assert {told.ticket.status for told in all_tickets} == {"open", "waiting", "resolved"}
    assert {told.ticket.severity for told in all_tickets} == {1, 2, 3, 4}
    assert any(event.kind == "reopened" for told in all_tickets for event in told.events)
    assert all(event.at <= DEMO_NOW for told in all_tickets for event in told.events)
    missed = {
        clock.clock for told in all_tickets for clock in told.clocks if clock.state == "missed"
    }
    assert missed >= {"human response", "restoration", "next response", "word"}
    unharmed = [t for t in all_tickets if not any(c.missed_at for c in t.clocks)]
    assert len(unharmed) > len(all_tickets) / 4

    promises = Promises(demo)
    kept = Counter[str]()
    for told in all_tickets:
        scope, number = Scope(told.ticket.account), told.ticket.number
        kept.update(one.state for one in await promises.of_ticket(scope, number, DEMO_NOW))
    assert kept["kept"] >= 2 and kept["broken"] >= 3 and kept["open"] >= 1

    async with demo.transaction() as session:
        calls = (await session.scalars(select(Call))).all()
        cited = [turn.citations for turn in await session.scalars(select(Turn))]
    assert len(calls) > 150 and all(call.ended_at and call.ended_at < DEMO_NOW for call in calls)
    assert {call.outcome for call in calls} == {"confirmed", "left", "handed_over"}
    assert {call.rating for call in calls} == {None, 1, 2, 3, 4, 5}
    for citation in (one for citations in cited for one in citations):
        language, _, name = citation["id"].partition("/")
        (entry,) = (PROJECT_ROOT / "knowledge" / "corpus" / language).glob(f"*/{name}.md")
        assert re.search(rf"^id: {citation['id']}$", entry.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_newcomer_may_call_as_any_of_them_those_in_trouble_first(
    demo: Database, language: Any
) -> None:
    callers = await Demo(demo).callers(language)
    assert callers[0].account == "demo-starisle"
    assert {caller.account for caller in callers} == {account.id for account in accounts()}
    han = re.compile(r"[\u4e00-\u9fff]")
    assert all(caller.name and caller.company and caller.story for caller in callers)
    assert all(bool(han.search(caller.story)) == (language == "zh") for caller in callers)


# --- nobody is called to it


async def test_the_rounds_call_nobody_and_send_nothing_for_it(demo: Database) -> None:
    pages = await count(demo, PageSent)
    rounds = Rounds(demo, SUPPORT, "https://liuke.example.com")
    for days in (0, 0.01, 1, 3, 40):
        assert await rounds.once(DEMO_NOW + days * DAY)
    assert await count(demo, Outgoing) == 0 and await count(demo, PageSent) == pages > 0
    assert await Paging(demo, SUPPORT.rota, patience=HOUR).unanswered(DEMO_NOW) == []


async def test_who_calls_as_one_of_them_gets_a_person_as_ever(demo: Database) -> None:
    call = guest_call()
    call.account, call.contact = "demo-starisle", "zhao-lei"
    await page_somebody(demo, Scope("demo-starisle"), call)
    async with demo.transaction() as session:
        (message,) = await session.scalars(select(Outgoing.message))
    assert message["type"] == "ticket.page" and message["data"]["account"] == "demo-starisle"


# --- it goes, and does not come where others are


async def test_clearing_removes_it_all_and_nothing_else(
    demo: Database, migrated_file: Path, tmp_path: Path
) -> None:
    other = Database(f"sqlite+aiosqlite:///{shutil.copy(migrated_file, tmp_path / 'other.db')}")
    await page_somebody(other, GUEST, guest_call())
    expected = await everything(other)
    await other.aclose()
    call = guest_call()
    call.id, call.room, call.account = "2" * 36, "call-2", "demo-starisle"
    await page_somebody(demo, Scope("demo-starisle"), call)
    async with demo.transaction() as session:
        dead = await session.scalar(select(Outgoing.id))
        told = Message("outbox.undelivered", "…", {"message": dead, "destination": "ops"})
        await write_down(session, f"undelivered:{dead}", ["mail"], told, DEMO_NOW)
    await page_somebody(demo, GUEST, guest_call())
    assert await Demo(demo).clear() == 40
    left = await everything(demo)
    numbered = {"tickets", "ticket_events", "pages", "outbox"}  # their numbers went on
    assert {name: rows for name, rows in left.items() if name not in numbered} == {
        name: rows for name, rows in expected.items() if name not in numbered
    }
    assert all(len(left[name]) == len(expected[name]) > 0 for name in numbered)
    assert await Demo(demo).clear() == 0


async def test_it_is_not_seeded_where_there_are_customers(empty: Database) -> None:
    await AccountStore(empty).put("acme", "Acme")
    before = await everything(empty)
    with pytest.raises(InputError, match="not the demo's"):
        await Demo(empty).seed(DEMO_NOW)
    assert await everything(empty) == before


async def test_it_is_not_seeded_where_customers_call_that_nobody_has_put_down(
    empty: Database,
) -> None:
    """A site may sign in customers of whom there is no account here."""
    assert await Demo(empty).is_empty()
    call = guest_call()
    call.account = "acme"
    async with empty.transaction() as session:
        session.add(call)
    assert not await Demo(empty).is_empty()
    with pytest.raises(InputError, match="not the demo's"):
        await Demo(empty).seed(DEMO_NOW)


async def test_nobody_is_offered_any_more_once_there_is_a_customer(demo: Database) -> None:
    async with demo.transaction() as session:
        session.add(guest_call())
    assert await Demo(demo).callers("en")
    await AccountStore(demo).put("acme", "Acme")
    assert await Demo(demo).callers("en") == []
    assert await Demo(demo).clear() == 40
    assert [account.id for account in await AccountStore(demo).every()] == ["acme"]
    assert await count(demo, DemoAccount) == 0
