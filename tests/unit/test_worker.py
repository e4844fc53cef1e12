"""A worker that is told to stop lets its calls finish, and tells them until when."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any, cast

import pytest
from livekit.agents import AgentServer

from agent.call.closing import Closing
from agent.call.worker import create_server, serve
from agent.rooms.access import LiveKitAccess
from agent.settings import AgentSettings, Settings

pytestmark = pytest.mark.unit


class ScriptedServer:
    """A worker with one call that goes on until it is over or ended."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.closed = asyncio.Event()
        self.drained_for_s: float | None = None

    async def run(self) -> None:
        await self.closed.wait()

    async def drain(self, timeout: int) -> None:  # noqa: ASYNC109  # the framework's
        self.drained_for_s = timeout
        async with asyncio.timeout(timeout):
            await self.over.wait()

    async def aclose(self) -> None:
        self.closed.set()


def settings(drain_minutes: int) -> AgentSettings:
    return AgentSettings(drain_minutes=drain_minutes)


async def begin(server: ScriptedServer, closing: Closing, minutes: int) -> asyncio.Task[None]:
    serving = asyncio.create_task(serve(cast(AgentServer, server), closing, settings(minutes)))
    await asyncio.sleep(0.05)
    return serving


async def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.05)


async def test_calls_finish_before_the_worker_leaves() -> None:
    server, closing = ScriptedServer(), Closing()
    serving = await begin(server, closing, minutes=10)
    assert closing.at_s() is None
    await stop()
    at_s = closing.at_s()
    assert at_s is not None and 590 < at_s - time.monotonic() <= 600
    assert server.drained_for_s is not None and server.drained_for_s >= 600
    assert not serving.done()
    server.over.set()
    await asyncio.wait_for(serving, 5)


async def test_a_second_signal_ends_calls_at_once() -> None:
    server = ScriptedServer()
    serving = await begin(server, Closing(), minutes=10)
    await stop()
    await stop()
    await asyncio.wait_for(serving, 5)
    assert not server.over.is_set()


def _look(closing: Closing, answer: Connection, announced: Any) -> None:
    answer.send(closing.at_s())
    announced.wait(10)
    answer.send(closing.at_s())


def test_the_process_of_a_call_sees_when_its_worker_closes() -> None:
    context = multiprocessing.get_context("spawn")
    closing, announced = Closing(), context.Event()
    here, there = context.Pipe()
    process = context.Process(target=_look, args=(closing, there, announced))
    process.start()
    assert here.recv() is None
    closing.announce(60)
    announced.set()
    assert here.recv() == closing.at_s()
    process.join(10)


def test_the_process_of_a_call_has_a_limit_of_memory(monkeypatch: Any) -> None:
    access = LiveKitAccess("ws://127.0.0.1:1", "key", "secret", ours=True)
    monkeypatch.setattr("agent.call.worker.resolve_livekit", lambda _settings: access)
    server = create_server(Settings(), Closing())
    assert 0 < server._job_memory_limit_mb <= 1000
