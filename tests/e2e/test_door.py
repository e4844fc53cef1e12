"""The door, with real rooms: what a call answers to, who holds it, and what ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from livekit import api, rtc
from livekit.agents.types import TOPIC_CHAT
from livekit.rtc.rpc import RpcError

from agent.call.conversation import open_conversation
from agent.call.gate import BURST, PASTE_CHARACTERS, QUESTION_CHARACTERS
from agent.call.session import join_room
from agent.dialogue.slots.words import Slot
from agent.probe.call import (
    ASK_AGAIN_S,
    Grant,
    Line,
    ask_again,
    hear_greeting,
    joined,
    request_grant,
)
from agent.prompts import load_flow, load_onboarding, load_phrases
from agent.rooms.access import LiveKitAccess
from agent.rooms.principal import guest
from agent.rooms.tokens import Seat, room_token
from agent.settings import Settings
from common.errors import ServiceError
from tests.e2e.conftest import Installation

pytestmark = pytest.mark.e2e

PHRASES = load_phrases()["en"]
QUESTION = "My token has expired. What should I do?"


@pytest.fixture
def settings(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The installation's own."""
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.fixture
async def livekit(installation: Installation) -> AsyncIterator[api.LiveKitAPI]:
    """The API of the installation's LiveKit server, with its keys."""
    access = livekit_access(installation)
    async with api.LiveKitAPI(access.url, access.api_key, access.api_secret) as client:
        yield client


def livekit_access(installation: Installation) -> LiveKitAccess:
    keys = json.loads((installation.data_dir / "keys.json").read_text())
    url = f"ws://127.0.0.1:{installation.environment['LIVEKIT_PORT']}"
    return LiveKitAccess(url, keys["api_key"], keys["api_secret"], ours=True)


def rows(installation: Installation, query: str, *values: object) -> list[tuple[Any, ...]]:
    with sqlite3.connect(installation.data_dir / "liuke.db") as database:
        return database.execute(query, values).fetchall()


def turns(installation: Installation, grant: Grant) -> list[tuple[Any, ...]]:
    query = "SELECT number, question, closed_at FROM turns WHERE call_id = ? ORDER BY number"
    return rows(installation, query, grant.call_id)


def claimant_pid(installation: Installation, grant: Grant) -> int:
    ((claimant,),) = rows(installation, "SELECT claimant FROM calls WHERE id = ?", grant.call_id)
    return int(claimant.split(":")[1])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


async def until(condition: Callable[[], object], limit_s: float, what: str) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


async def ended(installation: Installation, grant: Grant, limit_s: float) -> None:
    query = "SELECT 1 FROM calls WHERE id = ? AND ended_at IS NOT NULL"
    await until(lambda: rows(installation, query, grant.call_id), limit_s, "it has no end")


async def type_text(line: Line, text: str) -> None:
    await line.room.local_participant.send_text(text, topic=TOPIC_CHAT)


async def ask(line: Line, text: str) -> dict[str, Any]:
    """Type a question; what the room is told of its turn when the turn is over."""
    known = len(line.observer.notices)
    await type_text(line, text)

    def answered() -> bool:
        return any("timings_ms" in n.content for n in line.observer.notices[known:])

    await line.must(answered, 120, "The question was not answered.")
    return line.observer.notices[-1].content


def bare(text: str) -> str:
    return "".join(text.split())


def shown(line: Line) -> str:
    """The assistant's captions."""
    return bare("".join(c.text for c in line.observer.captions if not c.by_customer))


def heard(line: Line, phrase: str) -> bool:
    """Whether the assistant's captions show the phrase."""
    return bare(phrase) in shown(line)


def kill(installation: Installation, grant: Grant, line: Line) -> set[str]:
    """Kill the call's process; who was in the room then."""
    before = set(line.room.remote_participants)
    os.kill(claimant_pid(installation, grant), signal.SIGKILL)
    return before


async def taken_up(grant: Grant, line: Line, before: set[str]) -> None:
    """Ask the assistant back until another one is there, as the page does."""
    for _ in range(20):
        await asyncio.sleep(ASK_AGAIN_S)
        if set(line.room.remote_participants) - before:
            return
        await ask_again(grant)
    raise AssertionError("nobody came back")


@asynccontextmanager
async def greeted(grant: Grant) -> AsyncIterator[Line]:
    async with joined(grant) as line:
        await hear_greeting(line)
        yield line


async def test_a_call_answers_to_typed_text_and_to_nothing_else(
    installation: Installation, settings: Settings, livekit: api.LiveKitAPI
) -> None:
    access = livekit_access(installation)
    token = (
        api.AccessToken(access.api_key, access.api_secret)
        .with_identity("assistant")
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room="topics", agent=True))
    )
    room = rtc.Room()
    conversation = open_conversation(settings, guest("en"))
    await room.connect(access.url, token.to_jwt())
    try:
        await join_room(conversation, room, "customer", lambda _: False)
        assert set(room._text_stream_handlers) == {TOPIC_CHAT}
        assert set(room._byte_stream_handlers) == set()
        assert set(room.local_participant._rpc_handlers) == set()
        assert not room._events.get("data_received")
    finally:
        await conversation.session.aclose()
        await conversation.aclose()
        await room.disconnect()
        await livekit.room.delete_room(api.DeleteRoomRequest(room="topics"))


async def test_nobody_can_drive_a_call_from_its_room(installation: Installation) -> None:
    async with joined(await request_grant(installation.url, "en")) as line:
        told: list[str] = []
        line.room.register_byte_stream_handler(
            "lk.agent.session", lambda _reader, identity: told.append(identity)
        )
        await hear_greeting(line)
        (assistant,) = line.room.remote_participants
        for method in ("lk.agent.get_session_state", "lk.agent.get_chat_history"):
            with pytest.raises(RpcError) as refused:
                await line.room.local_participant.perform_rpc(
                    destination_identity=assistant, method=method, payload="{}"
                )
            assert refused.value.code == RpcError.ErrorCode.UNSUPPORTED_METHOD
        assert told == []


async def test_the_first_words_say_that_it_is_an_ai(installation: Installation) -> None:
    async with greeted(await request_grant(installation.url, "en")) as line:
        first = min(line.observer.captions, key=lambda caption: caption.first_ms)
        assert first.text.strip() == PHRASES.disclosure


async def test_a_grant_that_is_used_again_continues_its_call(installation: Installation) -> None:
    grant = await request_grant(installation.url, "en")
    async with greeted(grant) as line:
        assert (await ask(line, QUESTION))["turn"] == 1
    await ended(installation, grant, 10)
    async with greeted(grant) as line:
        assert (await ask(line, "And how does cloud recording work?"))["turn"] == 2
    await ended(installation, grant, 10)
    assert [number for number, *_ in turns(installation, grant)] == [1, 2]


async def test_a_second_assistant_is_refused_and_the_first_goes_on(
    installation: Installation, livekit: api.LiveKitAPI
) -> None:
    grant = await request_grant(installation.url, "en")
    async with greeted(grant) as line:
        pid = claimant_pid(installation, grant)
        dispatch, *_ = await livekit.agent_dispatch.list_dispatch(grant.room)
        await livekit.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name=dispatch.agent_name, room=grant.room, metadata=dispatch.metadata
            )
        )
        await asyncio.sleep(5)
        assert len(line.room.remote_participants) == 1
        assert (await ask(line, QUESTION))["turn"] == 1
        assert claimant_pid(installation, grant) == pid


async def test_a_call_goes_on_after_the_death_of_its_process(installation: Installation) -> None:
    """What was open is kept; the assistant is asked back until it is there, as the page does."""
    grant = await request_grant(installation.url, "en")
    async with greeted(grant) as line:
        await type_text(line, QUESTION)
        await line.must(lambda: bool(line.observer.notices), 60, "No answer began.")
        before = kill(installation, grant, line)
        ((number, question, closed_at),) = turns(installation, grant)
        assert (number, question) == (1, QUESTION)
        assert closed_at is None
        await taken_up(grant, line, before)
        await until(lambda: turns(installation, grant)[0][2], 10, "the open turn has no end")
        await asyncio.sleep(5)  # it is in the room, and begins to listen
        await type_text(line, QUESTION)
        await until(lambda: len(turns(installation, grant)) == 2, 60, "it does not answer")
    await ended(installation, grant, 10)
    assert [number for number, *_ in turns(installation, grant)] == [1, 2]


async def test_whoever_takes_a_call_up_goes_on_with_what_was_to_be_asked_next(
    installation: Installation,
) -> None:
    grant, questions = (
        await request_grant(installation.url, "en"),
        load_onboarding()["en"].questions,
    )
    again = load_flow("greeting")["en"].fixed["again"]
    async with greeted(grant) as line:
        await ask(line, "Help us get started with live shopping.")
        await ask(line, "Shoppers in Jakarta.")
        await taken_up(grant, line, kill(installation, grant, line))

        def asked_since(slot: Slot) -> bool:
            _, _, since = shown(line).partition(bare(again))
            return any(bare(text) in since for text in questions[slot])

        await until(lambda: asked_since("pain"), 60, "it does not go on")
        assert not any(asked_since(slot) for slot in ("users", "scenario", "regions"))
        await type_text(line, "They cannot see the goods before they buy.")
        await until(lambda: asked_since("scale"), 60, "it did not hear the answer")
    await ended(installation, grant, 10)


async def test_calls_left_before_the_assistant_came_end_at_once_and_keep_no_place(
    installation: Installation, settings: Settings
) -> None:
    left = []
    for _ in range(settings.agent.max_calls + 1):
        grant = await request_grant(installation.url, "en")
        room = rtc.Room()
        await room.connect(grant.livekit_url, grant.token)
        await room.disconnect()
        left.append(grant)
        await ended(installation, grant, 10)
    async with greeted(await request_grant(installation.url, "en")) as line:
        assert line.agent_is_here()


async def test_a_flood_of_typed_texts_is_read_in_part_and_the_customer_is_told(
    installation: Installation,
) -> None:
    grant = await request_grant(installation.url, "en")
    async with greeted(grant) as line:
        for number in range(4 * BURST):
            await type_text(line, f"{QUESTION} ({number})")
        await line.must(
            lambda: heard(line, PHRASES.too_fast), 90, "Nobody said that some was not read."
        )
    await ended(installation, grant, 10)
    assert 1 <= len(turns(installation, grant)) <= BURST


async def test_a_pasted_log_is_answered_and_one_beyond_the_stated_size_is_not_read(
    installation: Installation,
) -> None:
    grant = await request_grant(installation.url, "en")
    log = [f"2026-11-30 12:00:{i % 60:02} [INFO] uid={i} rtt={40 + i % 7}ms" for i in range(350)]
    log[170] = "2026-11-30 12:02:50 [ERROR] join channel refused, token expired, code=109"
    pasted = "\n".join(["Joining fails. This is our log:", *log, QUESTION])
    assert QUESTION_CHARACTERS < len(pasted) <= PASTE_CHARACTERS
    async with greeted(grant) as line:
        turn = await ask(line, pasted)
        assert len(turn["question"]) <= QUESTION_CHARACTERS
        assert log[170] in turn["question"] and QUESTION in turn["question"]
        assert turn["citations"] or turn["declined"]
        await type_text(line, "\n".join(2 * log))
        await line.must(
            lambda: heard(line, PHRASES.too_long), 60, "Nobody said that it was not read."
        )
        assert len(turns(installation, grant)) == 1


async def test_a_worker_that_stops_says_goodbye_in_its_calls(
    installation: Installation, settings: Settings, tmp_path: Path
) -> None:
    """A second worker, so that the calls of the first go on."""
    access = livekit_access(installation)
    environment = installation.environment | access.environment()
    environment |= {
        "LIUKE_AGENT_NAME": "stopping",
        "LIUKE_AGENT_HEALTH_PORT": str(free_port()),
        "LIUKE_AGENT_MAX_CALLS": "1",
        "LIUKE_AGENT_DRAIN_MINUTES": "0",
    }
    log = tmp_path / "worker.log"
    with log.open("w") as file:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent.call.worker"), env=environment, stderr=file
        )
    try:
        await until(lambda: "registered worker" in log.read_text(), 60, "it does not register")
        seat = Seat("a-call-without-a-record", "stopping-room", "caller", guest("en"))
        token = room_token(access, seat, "stopping", timedelta(minutes=5))
        async with greeted(Grant(seat.call_id, access.url, token, seat.room)) as line:
            worker.send_signal(signal.SIGTERM)
            goodbye = PHRASES.goodbyes["closing"]
            with contextlib.suppress(ServiceError):  # the call may end first
                await line.must(lambda: heard(line, goodbye), 30, "Nobody said goodbye.")
            assert heard(line, goodbye)
        await asyncio.wait_for(worker.wait(), 40)
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
