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
from agent.rooms.principal import Principal, sign
from agent.rooms.tokens import Seat, room_token
from agent.settings import Settings
from common.settings import PROJECT_ROOT
from eval.installation import liuke_roots, shared_roots, stop, wait_until_up
from eval.voice.rows import Row
from eval.voice.scores import StackName
from eval.voice.stock import agent_name

_STOCK_START_TIMEOUT_S: Final = 120.0
#: A signature is for the call that begins now.
_SIGNED_FOR: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Stack:
    """A running assistant: how to call it, and the processes that started all others of it."""

    name: StackName
    grant: Callable[[Principal], Awaitable[Grant]]
    roots: tuple[psutil.Process, ...]


@contextlib.asynccontextmanager
async def liuke_stack(settings: Settings) -> AsyncIterator[Stack]:
    """The running installation; whoever is no guest is signed in as by its site."""

    async def grant(caller: Principal) -> Grant:
        signed, language = "", caller.language
        if not caller.guest:
            secret = settings.api.site_secret.get_secret_value()
            signed = sign(caller.account, caller.contact, language, secret, _SIGNED_FOR)
        return await request_grant(settings.api.url_here, language, signed)

    yield Stack("liuke", grant, await asyncio.to_thread(liuke_roots, settings))


@contextlib.asynccontextmanager
async def stock_stack(settings: Settings, row: Row) -> AsyncIterator[Stack]:
    """The stock worker on the running installation's servers, until the end of the block.

    ``row``: for which it has the means.
    """
    access = resolve_livekit(settings)

    async def grant(caller: Principal) -> Grant:
        call = uuid.uuid4().hex
        seat = Seat(call, f"stock-{call}", f"customer-{call[:12]}", caller)
        token = room_token(access, seat, agent_name(row), timedelta(minutes=10))
        return Grant(call, access.url, token, seat.room)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = settings.paths.data_dir / "log" / "stock.log"
    log = await asyncio.to_thread(log_path.open, "wb")
    with log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "eval.voice.stock"),
            *("--health-port", str(port), "--row", row),
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
