"""Calls and turns are kept, by every process that writes them, in a database made by migrations."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

import agent.service.accounts.tables
import agent.service.matters.tables
import agent.service.outbox.tables
import agent.service.paging.tables
import agent.service.promises.tables
import agent.service.quality.tables
import agent.service.retention.tables
import agent.service.summaries.tables
import agent.service.tickets.tables  # noqa: F401 - compared, too
from agent.service.calls.store import DEAD_AFTER_S, MOST_SCREEN_CHARACTERS, CallStore, Claim
from agent.service.calls.tables import Call, ScreenText
from agent.service.database import Base, Database
from agent.service.migrate import upgrade
from agent.service.scope import Scope
from common.errors import ServiceError, SetupError

pytestmark = pytest.mark.unit

MINUTES = timedelta(minutes=1)
CITED = {"id": "zh/echo-howling", "version": 1, "score": 0.9}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def store(database: Database) -> CallStore:
    return CallStore(database)


async def given_grant(database: Database, account: str = "", life: timedelta = 10 * MINUTES) -> str:
    call_id = str(uuid.uuid4())
    now = datetime.now(UTC)
    async with database.transaction() as session:
        session.add(
            Call(
                id=call_id,
                account=account,
                room=f"call-{call_id}",
                identity="customer",
                language="zh",
                consented_at=now,
                grant_expires_at=now + life,
            )
        )
    return call_id


async def ask(store: CallStore, claim: Claim, number: int) -> None:
    await store.open_turn(
        claim, number, asked_at=datetime.now(UTC), language="zh", question="有回声怎么办"
    )


async def answer(store: CallStore, claim: Claim, number: int, **changed: Any) -> None:
    values: dict[str, Any] = {
        "question": "有回声怎么办",
        "answer": "先打开回声消除。",
        "declined": False,
        "interrupted": False,
        "citations": [CITED],
        "timings_ms": {"retrieval": 12.5},
    }
    await store.close_turn(claim, number, **(values | changed))


async def silent_since(database: Database, call_id: str, seconds: float) -> None:
    """As if whoever holds the call had not been seen for so long."""
    seen = datetime.now(UTC) - timedelta(seconds=seconds)
    async with database.transaction() as session:
        await session.execute(update(Call).where(Call.id == call_id).values(heartbeat_at=seen))


async def grant_ran_out(database: Database, call_id: str) -> None:
    past = datetime.now(UTC) - MINUTES
    async with database.transaction() as session:
        await session.execute(update(Call).where(Call.id == call_id).values(grant_expires_at=past))


async def test_a_call_is_kept_with_its_turns_in_order(database: Database, store: CallStore) -> None:
    call_id = await given_grant(database)
    claim = await store.claim_call(call_id, "one")
    assert claim.outcome == "new" and claim.next_turn == 1
    for number in (1, 2):
        await ask(store, claim, number)
        await answer(store, claim, number)
    await store.end_call(claim)
    scope = Scope("", call_id)
    kept = await store.call(scope, call_id)
    assert kept is not None
    assert kept.started_at is not None and kept.started_at.tzinfo is not None
    assert kept.ended_at is not None and kept.ended_at >= kept.started_at
    turns = await store.turns(scope, call_id)
    assert [turn.number for turn in turns] == [1, 2]
    assert turns[0].citations == [CITED] and turns[0].closed_at is not None


async def test_only_one_of_many_processes_gets_a_call(
    database_url: str, database: Database, store: CallStore
) -> None:
    call_id = await given_grant(database)
    databases = [Database(database_url) for _ in range(8)]
    claims = await asyncio.gather(
        *(CallStore(each).claim_call(call_id, f"process {n}") for n, each in enumerate(databases))
    )
    assert sorted(claim.outcome for claim in claims) == ["held"] * 7 + ["new"]
    for each in databases:
        await each.aclose()


async def test_a_customer_who_comes_back_goes_on_in_the_same_call(
    database: Database, store: CallStore
) -> None:
    call_id = await given_grant(database)
    first = await store.claim_call(call_id, "one")
    await ask(store, first, 1)
    await answer(store, first, 1)
    await store.end_call(first)
    again = await store.claim_call(call_id, "two")
    assert again.outcome == "rejoined" and again.next_turn == 2
    await ask(store, again, again.next_turn)
    kept = await store.call(Scope("", call_id), call_id)
    assert kept is not None and kept.ended_at is None
    assert [turn.number for turn in await store.turns(Scope("", call_id), call_id)] == [1, 2]


async def test_a_call_that_is_over_is_not_begun_again(database: Database, store: CallStore) -> None:
    call_id = await given_grant(database)
    first = await store.claim_call(call_id, "one")
    await store.end_call(first)
    await grant_ran_out(database, call_id)
    assert (await store.claim_call(call_id, "two")).outcome == "over"
    late = await given_grant(database, life=-MINUTES)
    assert (await store.claim_call(late, "three")).outcome == "over"


async def test_a_call_whose_process_died_is_taken_over_and_the_dead_write_no_more(
    database: Database, store: CallStore
) -> None:
    call_id = await given_grant(database)
    first = await store.claim_call(call_id, "one")
    await ask(store, first, 1)
    await store.extend_turn(first, 1, answer="先打开", citations=[CITED])
    await grant_ran_out(database, call_id)  # the customer is in the room all the same
    assert (await store.claim_call(call_id, "two")).outcome == "held"
    await silent_since(database, call_id, DEAD_AFTER_S + 1)
    second = await store.claim_call(call_id, "two")
    assert second.outcome == "rejoined" and second.next_turn == 2
    assert not await store.heartbeat(first) and await store.heartbeat(second)
    with pytest.raises(ServiceError):
        await answer(store, first, 1)
    with pytest.raises(ServiceError):
        await ask(store, first, 2)
    await store.end_call(first)
    kept = await store.call(Scope("", call_id), call_id)
    assert kept is not None and kept.ended_at is None
    (turn,) = await store.turns(Scope("", call_id), call_id)
    assert (turn.question, turn.answer, turn.interrupted) == ("有回声怎么办", "先打开", True)


async def test_calls_that_were_cut_off_get_their_end_and_keep_their_open_turn(
    database: Database, store: CallStore
) -> None:
    cut_off, alive, unused = [await given_grant(database) for _ in range(3)]
    claim = await store.claim_call(cut_off, "one")
    await ask(store, claim, 1)
    await store.extend_turn(claim, 1, answer="先打开", citations=[CITED])
    await store.claim_call(alive, "two")
    await silent_since(database, cut_off, 3600)
    await grant_ran_out(database, unused)
    assert await store.end_interrupted_calls(timedelta(seconds=DEAD_AFTER_S)) == 1
    ends = {}
    for call_id in (cut_off, alive, unused):
        call = await store.call(Scope("", call_id), call_id)
        assert call is not None
        ends[call_id] = call.ended_at
        if call_id == cut_off:
            assert call.ended_at == call.heartbeat_at
    assert ends[cut_off] and ends[unused] and not ends[alive]
    (turn,) = await store.turns(Scope("", cut_off), cut_off)
    assert (turn.answer, turn.interrupted, turn.citations) == ("先打开", True, [CITED])
    assert turn.closed_at is not None
    assert await store.end_interrupted_calls(timedelta(seconds=DEAD_AFTER_S)) == 0


async def test_how_a_call_came_out_is_what_whoever_holds_it_said_last(
    database: Database, store: CallStore
) -> None:
    call_id = await given_grant(database)
    claim = await store.claim_call(call_id, "one")

    async def outcome() -> str:
        call = await store.call(Scope("", call_id), call_id)
        assert call is not None
        return call.outcome

    assert await outcome() == ""
    for said in ("handed_over", "confirmed"):
        await store.conclude(claim, said)
        assert await outcome() == said
    await silent_since(database, call_id, DEAD_AFTER_S + 1)
    await store.claim_call(call_id, "two")
    with pytest.raises(ServiceError):
        await store.conclude(claim, "left")
    assert await outcome() == "confirmed"
    await store.conclude(await store.claim_call("never written", "one"), "left")


async def test_a_customer_rates_their_own_call_and_the_last_word_counts(
    database: Database, store: CallStore
) -> None:
    call_id = await given_grant(database, account="acme")
    for rating in (2, 5):
        assert await store.rate(Scope("acme", call_id), call_id, rating, "很有帮助")
    for scope in (Scope("", call_id), Scope("acme", "another"), Scope("other")):
        assert not await store.rate(scope, call_id, 1, "")
    call = await store.call(Scope("acme"), call_id)
    assert call is not None and (call.rating, call.comment) == (5, "很有帮助")


async def test_a_number_is_given_to_one_turn_only(database: Database, store: CallStore) -> None:
    claim = await store.claim_call(await given_grant(database), "one")
    await ask(store, claim, 1)
    with pytest.raises(IntegrityError):
        await ask(store, claim, 1)


async def test_a_first_part_is_forgotten(database: Database, store: CallStore) -> None:
    call_id = await given_grant(database)
    claim = await store.claim_call(call_id, "one")
    await ask(store, claim, 1)
    await store.drop_turn(claim, 1)
    await ask(store, claim, 2)
    assert [turn.number for turn in await store.turns(Scope("", call_id), call_id)] == [2]


async def test_a_call_without_a_record_is_answered_and_leaves_none(store: CallStore) -> None:
    claim = await store.claim_call("never written", "one")
    assert claim.outcome == "unrecorded" and claim.granted
    await ask(store, claim, 1)
    await answer(store, claim, 1)
    assert await store.heartbeat(claim)
    await store.end_call(claim)
    assert await store.call(Scope("", claim.call_id), claim.call_id) is None


async def test_a_database_that_is_away_silences_nobody(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'liuke.db'}")
    claim = await CallStore(database).claim_call("a", "one")
    assert claim.outcome == "unrecorded" and claim.granted
    await database.aclose()


@pytest.mark.parametrize(
    "scope",
    [
        Scope("acme", "another"),
        Scope("acne"),
        Scope("acne", "its own"),
        Scope(""),
        Scope("", "its own"),
    ],
)
async def test_nobody_reads_an_accounts_call_from_outside(
    database: Database, store: CallStore, scope: Scope
) -> None:
    call_id = await given_grant(database, account="acme")
    claim = await store.claim_call(call_id, "one")
    await ask(store, claim, 1)
    if scope.call_id == "its own":
        scope = Scope(scope.account, call_id)
    assert await store.call(scope, call_id) is None
    assert list(await store.turns(scope, call_id)) == []
    for own in (Scope("acme"), Scope("acme", call_id)):
        assert await store.call(own, call_id) is not None
        assert len(await store.turns(own, call_id)) == 1


async def test_guests_are_not_one_account(database: Database, store: CallStore) -> None:
    mine, theirs = await given_grant(database), await given_grant(database)
    assert await store.call(Scope("", mine), mine) is not None
    assert await store.call(Scope("", mine), theirs) is None
    assert await store.call(Scope(""), mine) is None


async def test_two_processes_write_at_once(
    database_url: str, database: Database, store: CallStore
) -> None:
    other_database = Database(database_url)
    stores = (store, CallStore(other_database))
    calls = [await given_grant(database) for _ in stores]
    claims = [await store.claim_call(call_id, call_id) for call_id in calls]
    await asyncio.gather(
        *(
            ask(each, claim, n)
            for n in range(20)
            for each, claim in zip(stores, claims, strict=True)
        )
    )
    for call_id in calls:
        assert len(await store.turns(Scope("", call_id), call_id)) == 20
    await other_database.aclose()


async def test_migrations_make_exactly_the_tables_of_the_models(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    engine = create_async_engine(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_an_older_database_keeps_its_calls(bare_database_url: str) -> None:
    """From before calls were claimed: one call joined twice, whose numbers repeat, and cut off."""
    await asyncio.to_thread(upgrade, bare_database_url, "0001")
    engine = create_async_engine(bare_database_url)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO calls (id, room, identity, language, consented_at, started_at)"
                " VALUES ('a', 'call-a', 'c', 'zh', '2026-01-01 10:00', '2026-01-01 10:01')"
            )
        )
        for number, minute in ((1, 2), (2, 3), (1, 5), (2, 6)):
            await connection.execute(
                text(
                    "INSERT INTO turns (call_id, number, asked_at, language, question, answer,"
                    " declined, interrupted, citations, timings_ms) VALUES ('a', :number,"
                    f" '2026-01-01 10:0{minute}', 'zh', :question, '', false, false, '[]', '{{}}')"
                ),
                {"number": number, "question": f"at {minute}"},
            )
    await engine.dispose()
    await asyncio.to_thread(upgrade, bare_database_url)
    database = Database(bare_database_url)
    store = CallStore(database)
    turns = await store.turns(Scope("", "a"), "a")
    assert [(turn.number, turn.question) for turn in turns] == [
        (1, "at 2"),
        (2, "at 3"),
        (3, "at 5"),
        (4, "at 6"),
    ]
    assert await store.end_interrupted_calls(timedelta(minutes=1)) == 1
    call = await store.call(Scope("", "a"), "a")
    assert call is not None and call.ended_at == turns[-1].asked_at
    await database.aclose()


#: Migrates, and dies as soon as the database has been told to make tickets.
DIES = """
import os, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from agent.service.migrate import upgrade

@event.listens_for(Engine, "after_cursor_execute")
def _die(connection, cursor, statement, *others):
    if "CREATE TABLE tickets" in statement:
        os._exit(9)

upgrade(sys.argv[1])
"""


async def test_a_migration_that_is_killed_is_made_anew(bare_database_url: str) -> None:
    await asyncio.to_thread(upgrade, bare_database_url, "0002")
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES, bare_database_url)
    assert await killed.wait() == 9
    await asyncio.to_thread(upgrade, bare_database_url)


async def test_a_newer_database_is_named_as_such(database_url: str) -> None:
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(SetupError, match="newer version of Liuke"):
        await asyncio.to_thread(upgrade, database_url)


async def test_a_database_without_tables_is_named_with_the_remedy(bare_database_url: str) -> None:
    database = Database(bare_database_url)
    with pytest.raises(ServiceError, match="liuke setup"):
        await database.check()
    await database.aclose()


async def test_a_database_server_that_is_away_is_named() -> None:
    database = Database("postgresql+asyncpg://liuke@127.0.0.1:9/liuke")
    with pytest.raises(ServiceError, match="LIUKE_DATABASE_URL"):
        await database.check()
    await database.aclose()


def test_a_database_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match="LIUKE_DATABASE_URL"):
        upgrade(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'liuke.db'}")


# --- what a screen showed


PART = (0, 20, 640, 60)


async def test_what_a_screen_showed_is_in_the_transcript_of_its_call_alone(
    store: CallStore, database: Database
) -> None:
    claim = await store.claim_call(await given_grant(database, "acme"), "one")
    another = await store.claim_call(await given_grant(database, "beta"), "two")
    await ask(store, claim, 1)
    await store.write_screen(claim, PART, "Error 109: token expired")
    said = await store.transcript(Scope("acme"), claim.call_id)
    assert [(one.speaker, one.text) for one in said] == [
        ("customer", "有回声怎么办"),
        ("screen", "Error 109: token expired"),
    ]
    assert await store.transcript(Scope("beta"), claim.call_id) == []
    assert await store.transcript(Scope("beta"), another.call_id) == []


async def test_of_a_screen_so_much_is_kept_and_no_more(
    store: CallStore, database: Database
) -> None:
    claim = await store.claim_call(await given_grant(database, "acme"), "one")
    for page in ("a" * (MOST_SCREEN_CHARACTERS - 10), "b" * 30, "c"):
        await store.write_screen(claim, PART, page)
    said = await store.transcript(Scope("acme"), claim.call_id)
    assert sum(len(one.text) for one in said) == MOST_SCREEN_CHARACTERS
    assert said[-1].text == "b" * 10


async def test_what_a_screen_showed_goes_with_its_call_and_nobody_else_writes_any(
    store: CallStore, database: Database
) -> None:
    claim = await store.claim_call(await given_grant(database, "acme"), "one")
    await store.write_screen(claim, PART, "Error 109")
    await store.end_call(claim)
    with pytest.raises(ServiceError):
        await store.write_screen(claim, PART, "Error 110")
    async with database.transaction() as session:
        await session.execute(delete(Call).where(Call.id == claim.call_id))
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(ScreenText)) == 0
