"""Who gets a grant: as many as live workers have places for, and no caller all of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from agent.service.calls.admission import RESERVED_S, Admission, Limits, Refusal
from agent.service.calls.store import DEAD_AFTER_S, CallStore
from agent.service.calls.tables import Call, Grant, Worker
from agent.service.calls.workers import WorkerStore
from agent.service.database import Database
from agent.service.scope import Scope

pytestmark = pytest.mark.unit

LIMITS = Limits(caller_grants=50, account_grants=50, account_calls=50)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


def call(account: str = "") -> Call:
    now = datetime.now(UTC)
    call_id = str(uuid.uuid4())
    return Call(
        id=call_id,
        account=account,
        room=f"call-{call_id}",
        identity="customer",
        language="zh",
        consented_at=now,
        grant_expires_at=now + timedelta(minutes=10),
    )


async def ages(database: Database, call_id: str, seconds: float) -> None:
    """As if the grant had been given that long ago."""
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    async with database.transaction() as session:
        await session.execute(update(Call).where(Call.id == call_id).values(consented_at=then))
        await session.execute(update(Grant).where(Grant.call_id == call_id).values(given_at=then))


async def test_there_are_as_many_grants_as_places(database: Database) -> None:
    workers, admission = WorkerStore(database), Admission(database, LIMITS)
    assert await admission.admit(call(), "a") == Refusal("busy", RESERVED_S)
    await workers.heartbeat("one", 2)
    await workers.heartbeat("two", 1)
    assert [await admission.admit(call(), "a") for _ in range(3)] == [None] * 3
    assert await admission.admit(call(), "a") == Refusal("busy", RESERVED_S)
    await workers.heartbeat("two", 2)
    assert await admission.admit(call(), "a") is None


async def test_whoever_is_refused_leaves_no_trace(database: Database) -> None:
    refused = call()
    assert await Admission(database, LIMITS).admit(refused, "a")
    async with database.transaction() as session:
        assert list(await session.scalars(select(Call))) == []
        assert list(await session.scalars(select(Grant))) == []


async def test_a_dead_worker_has_no_places(database: Database) -> None:
    workers, admission = WorkerStore(database), Admission(database, LIMITS)
    await workers.heartbeat("one", 1)
    dead = datetime.now(UTC) - timedelta(seconds=DEAD_AFTER_S + 1)
    async with database.transaction() as session:
        await session.execute(update(Worker).values(heartbeat_at=dead))
    assert await admission.admit(call(), "a")
    await workers.heartbeat("one", 1)
    await workers.leave("one")
    assert await admission.admit(call(), "a")


async def test_several_processes_never_give_the_last_place_twice(
    database_url: str, database: Database
) -> None:
    await WorkerStore(database).heartbeat("one", 3)
    processes = [Database(database_url) for _ in range(8)]
    outcomes = await asyncio.gather(
        *(Admission(each, LIMITS).admit(call(), f"caller {n}") for n, each in enumerate(processes))
    )
    assert outcomes.count(None) == 3
    for each in processes:
        await each.aclose()


async def test_a_place_is_kept_for_half_a_minute_and_held_while_the_call_lives(
    database: Database,
) -> None:
    store, admission = CallStore(database), Admission(database, LIMITS)
    await WorkerStore(database).heartbeat("one", 1)
    unused = call()
    assert await admission.admit(unused, "a") is None
    assert await admission.admit(call(), "a")
    await ages(database, unused.id, RESERVED_S + 1)
    used = call()
    assert await admission.admit(used, "a") is None
    claim = await store.claim_call(used.id, "process")
    await ages(database, used.id, 3600)
    assert await admission.admit(call(), "a")
    await store.end_call(claim)
    assert await admission.admit(call(), "a") is None


async def test_a_grant_that_is_given_back_frees_its_place_at_once(database: Database) -> None:
    store, admission = CallStore(database), Admission(database, LIMITS)
    await WorkerStore(database).heartbeat("one", 1)
    left = call("acme")
    assert await admission.admit(left, "a") is None
    await store.give_back(Scope("acne", left.id), left.id)  # not theirs
    assert await admission.admit(call(), "a")
    await store.give_back(Scope("acme", left.id), left.id)
    assert await admission.admit(call(), "a") is None
    assert (await store.claim_call(left.id, "late")).outcome == "over"
    kept = await store.call(Scope("acme"), left.id)
    assert kept is not None and kept.ended_at is not None


async def test_one_address_cannot_take_all_grants(database: Database) -> None:
    admission = Admission(database, Limits(2, 50, 50))
    await WorkerStore(database).heartbeat("one", 50)
    first = call()
    assert await admission.admit(first, "a") is None
    await ages(database, first.id, 20)
    assert await admission.admit(call(), "a") is None
    refusal = await admission.admit(call(), "a")
    assert refusal is not None and refusal.reason == "too_often"
    assert 30 < refusal.retry_after_s <= 40  # the first of the two is then a minute old
    assert await admission.admit(call(), "b") is None
    await ages(database, first.id, 61)
    assert await admission.admit(call(), "a") is None


async def test_one_account_cannot_take_all_grants(database: Database) -> None:
    admission = Admission(database, Limits(50, 1, 50))
    await WorkerStore(database).heartbeat("one", 50)
    assert await admission.admit(call("acme"), "a") is None
    refusal = await admission.admit(call("acme"), "b")
    assert refusal is not None and refusal.reason == "too_often"
    assert await admission.admit(call("acne"), "a") is None
    # Guests are no account: only their addresses are counted.
    assert await admission.admit(call(), "a") is None
    assert await admission.admit(call(), "b") is None


async def test_one_account_holds_so_many_calls_at_once(database: Database) -> None:
    store, admission = CallStore(database), Admission(database, Limits(50, 50, 2))
    await WorkerStore(database).heartbeat("one", 50)
    first = call("acme")
    assert await admission.admit(first, "a") is None
    claim = await store.claim_call(first.id, "process")
    assert await admission.admit(call("acme"), "a") is None
    refusal = await admission.admit(call("acme"), "a")
    assert refusal is not None and refusal.reason == "too_many_calls"
    assert await admission.admit(call("acne"), "a") is None
    await store.end_call(claim)
    assert await admission.admit(call("acme"), "a") is None
