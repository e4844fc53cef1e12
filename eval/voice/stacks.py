"""The stacks that `make bench-voice` calls: settings in; one that runs, and how to call it, out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import psutil

from agent.probe.call import Grant, request_grant
from agent.rooms.access import resolve_livekit
from agent.rooms.principal import guest
from agent.rooms.tokens import Seat, room_token
from agent.settings import Settings
from common.languages import Language
from common.settings import PROJECT_ROOT
from eval.installation import liuke_roots, shared_roots, stop, wait_until_up
from eval.voice.scores import StackName
from eval.voice.stock import AGENT_NAME as STOCK_NAME

_STOCK_START_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True)
class Stack:
    """A running assistant: how to call it, and the processes that started all others of it."""

    name: StackName
    grant: Callable[[Language], Awaitable[Grant]]
    roots: tuple[psutil.Process, ...]


@contextlib.asynccontextmanager
async def liuke_stack(settings: Settings) -> AsyncIterator[Stack]:
    """The running installation."""

    async def grant(language: Language) -> Grant:
        return await request_grant(settings.api.url_here, language)

    yield Stack("liuke", grant, await asyncio.to_thread(liuke_roots, settings))


@contextlib.asynccontextmanager
async def stock_stack(settings: Settings, *, calls_people: bool = False) -> AsyncIterator[Stack]:
    """The stock worker on the running installation's servers, until the end of the block.

    ``calls_people``: it has a function tool for that.
    """
    access = resolve_livekit(settings)

    async def grant(language: Language) -> Grant:
        call = uuid.uuid4().hex
        seat = Seat(call, f"stock-{call}", f"customer-{call[:12]}", guest(language))
        token = room_token(access, seat, STOCK_NAME, timedelta(minutes=10))
        return Grant(call, access.url, token, seat.room)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = settings.paths.data_dir / "log" / "stock.log"
    log = await asyncio.to_thread(log_path.open, "wb")
    with log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "eval.voice.stock", "--health-port", str(port)),
            *(["--calls-people"] if calls_people else []),
            cwd=PROJECT_ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        await wait_until_up(
            process,
            f"http://127.0.0.1:{port}/",
            name=f"The stock stack (log: {log_path})",
            timeout_s=_STOCK_START_TIMEOUT_S,
        )
        shared = await asyncio.to_thread(shared_roots, settings)
        yield Stack("stock", grant, (psutil.Process(process.pid), *shared))
    finally:
        await stop(process)
