"""Processes on duty die in the middle and others go on: nothing is lost, nothing is said anew."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import func, select

from agent.api.app import create_app
from agent.rooms.access import LiveKitAccess
from agent.service.database import Database
from agent.service.outbox.tables import Outgoing
from agent.service.paging.tables import PageSent
from agent.service.promises.tables import Promise
from agent.service.scope import Scope
from agent.service.support import default_policy
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.store import Happening, TicketStore
from agent.settings import Settings
from common.settings import PROJECT_ROOT
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

KILLS = 4
#: Opened before each of them.
TICKETS_EACH = 3
TICKETS = KILLS * TICKETS_EACH
#: A process on duty as it is, but for shorter waits.
ON_DUTY = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from agent.duty.duty import keep_duty
from agent.service.database import Database
from agent.service.outbox import courier, store
from agent.service.support import read_support

courier.ANSWER_WITHIN_S = 1.0
store.LEASE = timedelta(seconds=2)
store.WAITS = (timedelta(seconds=0.2),) * 40
print("on duty", flush=True)
asyncio.run(keep_duty(Database(sys.argv[1]), read_support(Path(sys.argv[2])), "http://pages", {}))
"""


class Receiver:
    """Takes every third message, fails and hangs on the others."""

    def __init__(self) -> None:
        self.tried: dict[str, set[bytes]] = defaultdict(set)
        self.taken: set[tuple[str, str]] = set()
        self.count = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.count += 1
        key = request.headers["webhook-id"]
        body = json.loads(await request.read())
        self.tried[key].add(json.dumps(body["data"], sort_keys=True).encode())
        if self.count % 3 == 1:
            return web.Response(status=500)
        if self.count % 9 == 2:
            await asyncio.sleep(30)
        self.taken.add((request.path, key))
        return web.Response()


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{name}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


def support_file(folder: Path, url: str, patience_minutes: float = 0.02) -> Path:
    lines = [f"patience_minutes = {patience_minutes}", 'alarms = ["ops", "desk"]']
    for name in ("lin", "emma", "ops", "desk"):
        lines += [f"[destinations.{name}]", 'form = "webhook"', f'url = "{url}/{name}"']
    for name in ("lin", "emma"):
        lines += ["[[rota]]", f'name = "{name}"', f'destination = "{name}"']
    file = folder / "support.toml"
    file.write_text("\n".join(lines), "utf-8")
    return file


async def open_tickets(database: Database, numbers: range) -> None:
    """For which a person is late by an hour, and people are to be called."""
    now = datetime.now(UTC)
    store = TicketStore(database, default_policy(ALWAYS))
    for one in numbers:
        opened_at = now - timedelta(hours=1.25)
        opening = Happening(f"call {one}", "opened", "customer", opened_at, severity=1)
        await store.open(Scope("acme"), opening, subject="down", language="en", page_at=now)


async def counted(database: Database) -> dict[str, int]:
    async with database.transaction() as session:
        pages = await session.scalar(select(func.count()).select_from(PageSent))
        promises = await session.scalar(select(func.count()).select_from(Promise))
        found = {"pages": pages or 0, "promises": promises or 0}
        types = await session.scalars(select(Outgoing.message))
        for message in types:
            found[message["type"]] = found.get(message["type"], 0) + 1
        waiting = select(func.count()).where(Outgoing.delivered_at.is_(None))
        return found | {"waiting": await session.scalar(waiting) or 0}


async def test_processes_that_are_killed_lose_and_double_nothing(
    database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    receiver, database = Receiver(), Database(database_url)
    async with receiving(receiver) as url:
        file = support_file(tmp_path, url)

        async def begin() -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", ON_DUTY, database_url, str(file)),
                cwd=PROJECT_ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout and await process.stdout.readline() == b"on duty\n"
            return process

        running = [await begin() for _ in range(2)]
        try:
            for kill in range(KILLS):
                first = kill * TICKETS_EACH
                await open_tickets(database, range(first, first + TICKETS_EACH))
                await asyncio.sleep(chance.uniform(0.2, 2.5))
                killed = running.pop(0)
                killed.kill()
                await killed.wait()
                running.append(await begin())
            wanted = {
                "pages": 2 * TICKETS, "ticket.page": 2 * TICKETS, "promises": TICKETS,
                "ticket.nobody": 2 * TICKETS, "ticket.missed": 2 * TICKETS, "waiting": 0,
            }  # fmt: skip
            async with asyncio.timeout(120):
                while await counted(database) != wanted:  # noqa: ASYNC110 - other processes write it
                    await asyncio.sleep(0.5)
            await asyncio.sleep(2)
            assert await counted(database) == wanted
        finally:
            for process in running:
                process.kill()
                await process.wait()
    assert len(receiver.taken) == 6 * TICKETS
    assert all(len(bodies) == 1 for bodies in receiver.tried.values())
    await database.aclose()


async def test_where_the_api_runs_people_are_called(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url:
        file = support_file(tmp_path, url, patience_minutes=5)
        for variable, value in {
            "LIUKE_DATA_DIR": str(tmp_path),
            "LIUKE_DATABASE_URL": database_url,
            "LIUKE_SUPPORT_FILE": str(file),
            "LIUKE_API_PUBLIC_URL": "https://support.example.com/",
        }.items():
            monkeypatch.setenv(variable, value)
        nowhere = LiveKitAccess("ws://127.0.0.1:9", "key", "secret" * 6, ours=True)
        database = Database(Settings().database_url)
        async with serve(create_app(Settings(), nowhere)):
            await open_tickets(database, range(1))
            async with asyncio.timeout(30):
                while ("/lin", "page:1") not in receiver.taken:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        (told,) = receiver.tried["page:1"]
        link = json.loads(told)["link"]
        assert link.startswith("https://support.example.com/join.html#")
        await database.aclose()
