"""A call's process: which calls it takes, when it leaves, and whom it leaves in the room."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import api, rtc
from livekit.agents import JobContext
from sqlalchemy import update

from agent.call.closing import Closing
from agent.call.conversation import Conversation, open_conversation
from agent.call.history import spoken
from agent.call.session import hold_call
from agent.dialogue.course import Course, written
from agent.dialogue.flows.troubleshooting import Trouble
from agent.rooms.principal import guest
from agent.rooms.tokens import Seat
from agent.service.calls.store import CallStore
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.scope import Scope
from agent.service.summaries.store import Summaries
from tests.unit.test_presence import livekit
from tests.unit.test_records import given_grant

pytestmark = pytest.mark.unit

CUSTOMER = "customer-1"


@dataclass
class Job:
    """What the framework gives to a call's process, without a room behind it."""

    call_id: str
    api: api.LiveKitAPI
    room: rtc.Room = field(default_factory=rtc.Room)
    connected: bool = False
    deleted: bool = False
    over: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    callbacks: list[Callable[[str], Awaitable[None]]] = field(default_factory=list)

    @property
    def job(self) -> SimpleNamespace:
        seat = Seat(self.call_id, f"call-{self.call_id}", CUSTOMER, guest("en"))
        return SimpleNamespace(metadata=seat.to_json())

    @property
    def proc(self) -> SimpleNamespace:
        return SimpleNamespace(userdata={Closing: Closing()})

    async def connect(self, **_: object) -> None:
        self.connected = True
        nobody_listens = asyncio.Event()
        self.room._local_participant = cast(
            rtc.LocalParticipant,
            SimpleNamespace(identity="assistant", publish_track=lambda *_: nobody_listens.wait()),
        )

    async def delete_room(self) -> None:
        self.deleted = True

    def shutdown(self, reason: str) -> None:
        if not self.over.done():
            self.over.set_result(reason)

    def add_shutdown_callback(self, callback: Callable[[str], Awaitable[None]]) -> None:
        self.callbacks.append(callback)

    async def hold(self) -> str:
        """Hold the call until the process would end; why it does."""
        await hold_call(cast(JobContext, self))
        reason = await asyncio.wait_for(self.over, 20)
        for callback in self.callbacks:
            await callback(reason)
        return reason


@pytest.fixture
async def database(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """The one that the process finds by its settings."""
    shutil.copy(migrated_file, tmp_path / "liuke.db")
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_LLM_MODEL", "none")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'liuke.db'}")
    yield database
    await database.aclose()


async def ended_at(database: Database, call_id: str) -> datetime | None:
    call = await CallStore(database).call(Scope("", call_id), call_id)
    assert call
    return call.ended_at


async def test_a_call_left_before_the_assistant_came_ends_at_once(database: Database) -> None:
    call_id = await given_grant(database)
    async with livekit(knows_customer=False) as client:
        job = Job(call_id, client)
        assert "left" in await job.hold()
    assert job.deleted
    assert await ended_at(database, call_id) is not None
    assert await Summaries(database).read(Scope("", call_id), call_id)


async def test_a_call_that_another_process_holds_is_left_to_it(database: Database) -> None:
    call_id = await given_grant(database)
    await CallStore(database).claim_call(call_id, "another")
    async with livekit(knows_customer=True) as client:
        job = Job(call_id, client)
        assert await job.hold() == "held"
    assert not job.connected and not job.deleted
    assert await ended_at(database, call_id) is None


async def test_a_customer_whose_grant_has_run_out_is_not_left_alone_in_a_room(
    database: Database,
) -> None:
    call_id = await given_grant(database, life=timedelta(minutes=-1))
    async with livekit(knows_customer=True) as client:
        job = Job(call_id, client)
        assert await job.hold() == "over"
    assert job.deleted and not job.connected


async def test_a_call_that_is_taken_up_goes_on_where_it_stood(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Conversation] = []

    def noted(*given: Any) -> Conversation:
        opened.append(open_conversation(*given))
        return opened[-1]

    monkeypatch.setattr("agent.call.session.open_conversation", noted)
    monkeypatch.setattr("agent.call.session.HEARTBEAT_S", 0.2)
    call_id, store = await given_grant(database), CallStore(database)
    before = await store.claim_call(call_id, "before")
    await store.open_turn(
        before, 1, asked_at=datetime.now(UTC), language="zh", question="用户进房间报错了"
    )
    await store.extend_turn(before, 1, answer="具体是什么情况？", citations=[])
    asked = "具体是什么情况？是没声音、没画面、进不来，还是卡？"
    course = Course((Trouble("用户进房间报错了", waits_for="what", question=asked),))
    await store.keep_course(before, written(course))
    await store.end_call(before)
    async with livekit(knows_customer=True) as client:
        job = Job(call_id, client)
        holding = asyncio.create_task(job.hold())
        for _ in range(400):
            await asyncio.sleep(0.05)
            if opened and opened[0].agent.language == "zh":  # its page speaks English
                break
        agent = opened[0].agent
        assert [one.text_content for one in spoken(agent.chat_ctx)] == [
            "用户进房间报错了",
            "具体是什么情况？",
        ]
        async with database.transaction() as session:
            await session.execute(update(Call).where(Call.id == call_id).values(claimant="another"))
        await asyncio.wait_for(holding, 30)


async def test_a_process_that_lost_its_call_leaves_the_customer_to_the_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.call.session.HEARTBEAT_S", 0.2)
    call_id = await given_grant(database)
    async with livekit(knows_customer=True) as client:
        job = Job(call_id, client)
        holding = asyncio.create_task(job.hold())
        await asyncio.sleep(0.5)
        async with database.transaction() as session:
            await session.execute(update(Call).where(Call.id == call_id).values(claimant="another"))
        await asyncio.wait_for(holding, 30)
    assert not job.deleted
    assert await ended_at(database, call_id) is None
