"""Calls and turns are kept, by every process that writes them, in a database made by migrations."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from agent.service.calls.store import RecordStore
from agent.service.calls.tables import Base, Call, Turn
from agent.service.migrate import upgrade
from common.errors import ServiceError, SetupError


@pytest.fixture
async def url(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path / 'records' / 'liuke.db'}"
    await asyncio.to_thread(upgrade, url)
    return url


def call(call_id: str) -> Call:
    return Call(
        id=call_id,
        room=f"call-{call_id}",
        identity="customer",
        language="zh",
        consented_at=datetime.now(UTC),
    )


def turn(call_id: str, number: int) -> Turn:
    return Turn(
        call_id=call_id,
        number=number,
        asked_at=datetime.now(UTC),
        language="zh",
        question="有回声怎么办",
        answer="先打开回声消除。",
        declined=False,
        interrupted=False,
        citations=[{"id": "zh/echo-howling", "score": 0.9}],
        timings_ms={"retrieval": 12.5},
        confidence=0.8,
    )


async def test_a_call_is_kept_with_its_turns_in_order(url: str) -> None:
    store = RecordStore(url)
    await store.create_call(call("a"))
    await store.start_call("a")
    await store.add_turn(turn("a", 2))
    await store.add_turn(turn("a", 1))
    await store.end_call("a")
    kept = await store.call_of_room("call-a")
    assert kept is not None
    assert kept.started_at is not None and kept.started_at.tzinfo is not None
    assert kept.ended_at is not None and kept.ended_at >= kept.started_at
    turns = await store.turns("a")
    assert [t.number for t in turns] == [1, 2]
    assert turns[0].citations == [{"id": "zh/echo-howling", "score": 0.9}]
    assert await store.call_of_room("elsewhere") is None
    await store.aclose()


async def test_two_processes_write_at_once(url: str) -> None:
    first, second = RecordStore(url), RecordStore(url)
    await first.create_call(call("a"))
    await asyncio.gather(
        *(store.add_turn(turn("a", n)) for n in range(20) for store in (first, second))
    )
    assert len(await first.turns("a")) == 40
    await first.aclose()
    await second.aclose()


async def test_migrations_make_exactly_the_tables_of_the_models(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_a_database_without_tables_is_named_with_the_remedy(tmp_path: Path) -> None:
    store = RecordStore(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(ServiceError, match="liuke setup"):
        await store.check()
    await store.aclose()


def test_a_database_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SetupError, match="LIUKE_DATABASE_URL"):
        upgrade(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'liuke.db'}")
