"""The drill's Liuke: a database's kind in; a whole installation with two people on call out.

Its periods are short: whoever is called has half a minute, a person is due after two minutes,
a call back within one. Nothing in it is made for the drill. It runs without a language
model: no word of what is drilled is written by one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import jwt

from agent.cli.output import err
from agent.probe.audio import Clip, load_clip
from agent.probe.call import Grant, request_grant
from agent.service.database import Database
from agent.settings import Settings
from common.errors import ServiceError
from common.languages import Language
from common.settings import PROJECT_ROOT
from eval.drill.people import until
from eval.drill.receiver import Got, Receiver
from eval.drill.records import Records
from eval.installation import (
    LIUKE,
    listener,
    new_installation,
    reuse_facts,
    set_up,
    started_stack,
)
from eval.postgres import create_database, postgres_server
from eval.speaking import CUSTOMERS, Studio

Kind = Literal["sqlite", "postgresql"]

#: Who is called, in this order; their destinations have their names.
ON_CALL: Final = ("lin", "emma")
#: Who hears alarms.
ALARMS: Final = ("ops", "desk")
_SUPPORT: Final = Path(__file__).with_name("support.toml")
_AWAY_S: Final = 60.0


@dataclass(frozen=True)
class Installation:
    """A running Liuke, its receivers, and what it has written."""

    settings: Settings
    receivers: Mapping[str, Receiver]
    database: Database
    records: Records

    @property
    def url(self) -> str:
        """Of its API."""
        return self.settings.api.url_here

    @property
    def got(self) -> list[Got]:
        """All that the receivers got."""
        return [one for receiver in self.receivers.values() for one in receiver.got]

    async def grant(self, account: str = "", language: Language = "en") -> Grant:
        """A call of a guest's, or of an account's one customer, as soon as there is a place."""
        found: Grant | None = None

        async def given() -> bool:
            nonlocal found
            try:
                signed = self._signed(account) if account else ""
                found = await request_grant(self.url, language, signed)
            except ServiceError as error:
                if not error.retryable:
                    raise
            return found is not None

        await until(given, "there is a place for a call")
        assert found
        return found

    def _signed(self, account: str) -> str:
        now = int(time.time())
        claims = {"aud": "liuke", "iat": now, "exp": now + 300, "account": account, "sub": "ann"}
        return jwt.encode(
            claims, self.settings.api.site_secret.get_secret_value(), algorithm="HS256"
        )

    async def spoken(self, text: str, speaker: int = 0) -> Clip:
        """A sentence in English, as one of two speakers says it."""
        studio = Studio(self.settings)
        return await load_clip(
            await asyncio.to_thread(studio.record, text, "en", CUSTOMERS[speaker])
        )

    async def kill_api(self) -> None:
        """End the API's process without warning; the supervisor starts another."""
        process = await asyncio.to_thread(listener, self.settings.api.port)
        if process is None:
            raise ServiceError("The API does not run.", "See its log.", retryable=True)
        process.kill()

    async def api_is_back(self) -> None:
        """Wait until there is an API again."""
        await until(self._api_listens, "the API is started again", _AWAY_S)

    async def _api_listens(self) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", self.settings.api.port)
            writer.close()
            return True
        return False

    async def kill_holder(self, call_id: str) -> None:
        """End the process that holds a call without warning."""
        os.kill(await self.records.holder(call_id), signal.SIGKILL)

    async def liuke(self, *arguments: str) -> Any:
        """What a command says with `--json`. Raises ServiceError where it fails."""
        process = await asyncio.create_subprocess_exec(
            *(*LIUKE, *arguments, "--json"), cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise ServiceError(
                f"`liuke {' '.join(arguments)}` failed.", "It says why above.", retryable=False
            )
        return json.loads(said)


@contextlib.asynccontextmanager
async def drilled(kind: Kind, keep: bool) -> AsyncIterator[Installation]:
    """A Liuke on ports and in a folder of its own. ``keep``: leave a copy of its logs."""
    facts = Settings().paths.data_dir
    with new_installation("drill") as settings, _database(kind, settings.paths.data_dir) as url:
        folder = settings.paths.data_dir
        await asyncio.to_thread(reuse_facts, facts, folder)
        secret = f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"
        receivers = {name: Receiver(name, secret, _free_port()) for name in (*ON_CALL, *ALARMS)}
        support = folder / "support.toml"
        addresses = {name: receiver.url for name, receiver in receivers.items()}
        support.write_text(support_text(addresses), "utf-8")
        os.environ.update(
            LIUKE_DATABASE_URL=url,
            LIUKE_SUPPORT_FILE=str(support),
            LIUKE_API_SITE_SECRET=secrets.token_hex(32),
            LIUKE_LLM_MODEL="none",
            LIUKE_AGENT_NAME="liuke-drill",
            DRILL_SECRET=secret,
        )
        settings = Settings()
        await set_up()
        database = Database(settings.database_url)
        try:
            async with contextlib.AsyncExitStack() as stack:
                for receiver in receivers.values():
                    await stack.enter_async_context(receiver.open())
                await stack.enter_async_context(started_stack(settings))
                yield Installation(settings, receivers, database, Records(database))
        finally:
            await database.aclose()
            if keep:
                await asyncio.to_thread(_keep_logs, folder, facts / "bench" / "drill")


def support_text(addresses: Mapping[str, str]) -> str:
    """The drill's `support.toml`; ``addresses``: of the destinations, by name."""
    return _SUPPORT.read_text("utf-8") % addresses


def _keep_logs(folder: Path, where: Path) -> None:
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(folder / "log", where)
    err.print(f"logs: {where}", highlight=False)


@contextlib.contextmanager
def _database(kind: Kind, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'liuke.db'}"
        return
    with postgres_server() as server:
        url = create_database(server, "drill")
        yield url.replace("+asyncpg", "")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
