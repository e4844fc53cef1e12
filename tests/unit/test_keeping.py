"""What an answer wants kept is kept: once, in order, whatever goes wrong, and for nobody else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from agent.call.keeping import Keeping
from agent.dialogue.contract import (
    CallPerson,
    GivePromise,
    KeepAddress,
    KeepReach,
    NoteMatter,
    NoteSignal,
    SetChecklist,
    StateFact,
    Want,
)
from agent.screen.contract import Box, Piece
from agent.service.accounts.store import AccountStore
from agent.service.accounts.tables import Fact
from agent.service.calls.store import CallStore, Claim
from agent.service.calls.tables import Call, ScreenText
from agent.service.database import Base, Database
from agent.service.matters.store import Matters
from agent.service.matters.tables import ChecklistItem, Matter
from agent.service.promises.store import Promises
from agent.service.promises.tables import Promise
from agent.service.retention.store import Retention
from agent.service.retention.tables import SignalNoted
from agent.service.scope import Scope
from agent.service.support import default_support
from agent.service.tickets.store import Happening, TicketStore
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

DUE = datetime(2026, 12, 24, 2, tzinfo=UTC)
WANTS: list[Want] = [
    StateFact("regions", ["ID", "SG"]),
    StateFact("launch_date", "2026-12-24"),
    SetChecklist("live", ["Register", "Test under load"]),
    NoteMatter("trouble", "stall-rate", "open", "ID", "卡得厉害"),
    NoteSignal("price", "You are too expensive.", "bill-review"),
    GivePromise("Chen goes through your bill with you.", DUE),
]
KEPT = {Fact: 2, ChecklistItem: 2, Matter: 1, SignalNoted: 1, Promise: 1}


async def given_call(
    database: Database,
    call_id: str,
    account: str = "acme",
    contact: str = "wang",
) -> Claim:
    """A call that has just been answered; its customer may come back for ten minutes."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        session.add(
            Call(
                id=call_id, account=account, contact=contact, room=f"room {call_id}",
                identity="customer", language="en", consented_at=now,
                grant_expires_at=now + timedelta(minutes=10),
            )
        )  # fmt: skip
    claim = await CallStore(database).claim_call(call_id, f"process of {call_id}")
    assert claim.granted
    return claim


def keeping(
    database: Database, claim: Claim, account: str = "acme", contact: str = "wang"
) -> Keeping:
    policy = default_support().policy
    return Keeping(database, policy, account=account, contact=contact, claim=claim)


async def counted(database: Database) -> dict[type[Base], int]:
    async with database.transaction() as session:
        return {
            table: await session.scalar(select(func.count()).select_from(table)) or 0
            for table in KEPT
        }


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


async def test_everything_is_kept_with_who_said_it_and_in_which_call(database: Database) -> None:
    await AccountStore(database).put("acme", "Acme", owner="Chen")
    kept = keeping(database, await given_call(database, "1"))
    for want in WANTS:
        await kept.keep(want, "so it is", "en")
    known = await AccountStore(database).read(Scope("acme"))
    fact = known.fact("regions") if known else None
    assert fact and (fact.value, fact.source, fact.who, fact.call_id) == (
        *(["ID", "SG"], "contact", "wang", "1"),
    )
    (checklist,) = await Matters(database).checklists(Scope("acme", "1"))
    assert [item.text for item in checklist.items] == ["Register", "Test under load"]
    (matter,) = await Matters(database).of_call(Scope("acme"), "1")
    assert (matter.kind, matter.region, matter.words) == ("trouble", "ID", "卡得厉害")
    (signal,) = await Retention(database).signals(Scope("acme"))
    assert (signal.sentence, signal.contact, signal.language) == (
        *("You are too expensive.", "wang", "en"),
    )
    assert set(await Retention(database).given_before(Scope("acme"))) == {"bill-review"}
    (promised,) = await Promises(database).of_call(Scope("acme", "1"), "1")
    assert (promised.promise.owner, promised.promise.due_at) == ("Chen", DUE)


async def test_what_is_wanted_at_once_is_written_in_its_order(database: Database) -> None:
    kept = keeping(database, await given_call(database, "1"))
    noted = [
        NoteMatter("trouble", "echo", "open", words="open"),
        NoteMatter("trouble", "echo", "handed_over", words="handed over"),
        NoteMatter("trouble", "echo", "solved", words="solved"),
    ]
    first = asyncio.create_task(kept.keep(noted[0], "", "en"))
    later = [asyncio.create_task(kept.keep(one, "", "en")) for one in noted[1:]]
    await asyncio.sleep(0)
    first.cancel()  # the customer speaks over it: what was begun is written all the same
    await asyncio.wait([first, *later])
    await kept.aclose()
    (matter,) = await Matters(database).of_call(Scope("acme"), "1")
    assert (matter.state, matter.words) == ("solved", "solved")


_KEEPING = """
import asyncio, sys
from agent.service.calls.store import Claim
from agent.service.database import Database
from tests.unit.test_keeping import WANTS, keeping
async def main():
    kept = keeping(Database(sys.argv[1]), Claim("1", "process of 1", "new"))
    for want in WANTS:
        await kept.keep(want, "so it is", "en")
        print(flush=True)
asyncio.run(main())
"""


async def test_a_process_that_is_killed_and_the_one_that_takes_it_up_write_nothing_twice(
    database: Database, database_url: str
) -> None:
    claim = await given_call(database, "1")
    first = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KEEPING, database_url,
        cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert first.stdout
    for _ in WANTS[:-1]:
        assert await first.stdout.readline()
    first.kill()
    await first.wait()
    for kept in (keeping(database, claim), keeping(database, claim)):
        for want in WANTS:
            await kept.keep(want, "so it is", "en")
    assert await counted(database) == KEPT


async def test_what_a_screen_shows_is_kept_with_its_place_and_without_its_secrets(
    database: Database,
) -> None:
    kept = keeping(database, await given_call(database, "1"))
    lines = ("Error 109: token expired", "App key: 5CFd2fd1755d40ecb72977518be15d3b")
    kept.show(
        [Piece(line, Box(10, 20 * n, 300, 20 * n + 15)) for n, line in enumerate(lines, start=1)]
    )
    await kept.aclose()
    (said,) = await CallStore(database).transcript(Scope("acme"), "1")
    assert (said.speaker, said.text) == ("screen", f"{lines[0]}\nApp key: […]")
    async with database.transaction() as session:
        assert await session.scalar(select(ScreenText.part)) == [10, 20, 300, 55]


async def test_what_cannot_be_kept_ends_nothing(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    kept = keeping(database, await given_call(database, "1"))
    await kept.keep(StateFact("colour", "red"), "red", "en")
    await kept.keep(StateFact("launch_date", "soon"), "soon", "en")
    await kept.keep(StateFact("scale", "8,000 rooms"), "8,000", "en")
    known = await AccountStore(database).read(Scope("acme"))
    assert known and list(known.history) == ["scale"]
    assert len(caplog.records) == 2
    away = Database(f"sqlite+aiosqlite:////nowhere/{id(kept)}/liuke.db")
    await keeping(away, Claim("1", "process", "new")).keep(WANTS[3], "", "en")
    await away.aclose()


async def test_of_a_call_without_a_record_and_of_calling_a_person_nothing_is_kept(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for want in WANTS:
        await keeping(database, Claim("1", "process", "unrecorded")).keep(want, "", "en")
    kept = keeping(database, await given_call(database, "2"))
    await kept.keep(CallPerson("person", "echo"), "a human, please", "en")
    assert await counted(database) == dict.fromkeys(KEPT, 0)
    assert not caplog.records


async def test_a_guests_are_kept_with_their_call_alone(database: Database) -> None:
    kept = keeping(database, await given_call(database, "1", "", ""), "", "")
    await given_call(database, "2", "", "")
    for want in WANTS:
        await kept.keep(want, "", "en")
    assert await counted(database) == KEPT | {Fact: 0}
    matters, promises = Matters(database), Promises(database)
    assert await matters.of_call(Scope("", "1"), "1")
    for scope in (Scope(""), Scope("", "2"), Scope("acme")):
        assert not await matters.of_call(scope, "1")
        assert not await matters.checklists(scope)
        assert not await Retention(database).signals(scope)
        assert not await promises.of_call(scope, "1")


async def test_a_promise_is_kept_by_what_is_done_for_the_calls_ticket(database: Database) -> None:
    kept = keeping(database, await given_call(database, "1"))
    tickets, now = TicketStore(database, {}), datetime.now(UTC)
    opening = Happening("call:1", "opened", "customer", now, severity=3)
    ticket = await tickets.open(Scope("acme", "1"), opening, subject="stalls", language="en")
    await kept.keep(GivePromise("We write to you.", now + timedelta(hours=1)), "", "en")
    said = Happening("said", "said", "human", datetime.now(UTC), who="Chen")
    await tickets.add(Scope("acme"), ticket.number, said)
    (promised,) = await Promises(database).of_ticket(Scope("acme"), ticket.number)
    assert promised.state == "kept"


async def test_a_confirmed_address_is_the_contacts_and_a_guests_of_this_call_alone(
    database: Database,
) -> None:
    accounts, calls = AccountStore(database), CallStore(database)
    await accounts.put("acme", "Acme")
    for contact in ("wang", "li"):
        await accounts.put_contact(Scope("acme"), contact, name=contact.title(), language="zh")
    kept = keeping(database, await given_call(database, "1"))
    await kept.keep(KeepAddress("wang@acme.example"), "", "en")
    stranger = keeping(database, await given_call(database, "2", "new", "jo"), "new", "jo")
    await stranger.keep(KeepAddress("jo@new.example"), "", "en")
    known, new = await accounts.read(Scope("acme")), await accounts.read(Scope("new"))
    assert known and new
    told = {one.id: (one.name, one.language, one.email) for one in known.contacts}
    assert told == {"wang": ("Wang", "zh", "wang@acme.example"), "li": ("Li", "zh", "")}
    assert [(one.id, one.language, one.email) for one in new.contacts] == [
        ("jo", "en", "jo@new.example")
    ]
    guest = keeping(database, await given_call(database, "3", "", ""), "", "")
    await given_call(database, "4", "", "")
    await guest.keep(KeepAddress("jo@qq.example"), "", "en")
    found = [await calls.call(Scope("", number), number) for number in ("3", "4")]
    assert [one.email for one in found if one] == ["jo@qq.example", ""]


async def test_where_they_can_be_reached_stands_on_the_ticket_and_moves_no_clock(
    database: Database,
) -> None:
    kept = keeping(database, await given_call(database, "1"))
    tickets, now = TicketStore(database, default_support().policy), datetime.now(UTC)
    opening = Happening("call:1", "opened", "customer", now, severity=3)
    ticket = await tickets.open(Scope("acme", "1"), opening, subject="stalls", language="en")
    before = await tickets.read(Scope("acme"), ticket.number, now)
    for number in ("13800138000", "13800138002", "13800138002"):
        await kept.keep(KeepReach(number), "", "zh")
    told = await tickets.read(Scope("acme"), ticket.number, now)
    assert before and told and told.reach == "13800138002"
    assert (told.clocks, told.ticket.next_due_at) == (before.clocks, before.ticket.next_due_at)


async def test_no_log_has_an_address_that_could_not_be_kept(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    kept = keeping(database, await given_call(database, "1"))
    await kept.keep(KeepAddress("jo@nowhere"), "", "en")
    away = Database(f"sqlite+aiosqlite:////nowhere/{id(kept)}/liuke.db")
    await keeping(away, Claim("1", "process", "new")).keep(KeepReach("jo@qq.com"), "", "en")
    await away.aclose()
    assert len(caplog.records) == 2 and "jo@" not in caplog.text
