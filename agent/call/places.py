"""The places of a worker: its settings in; rows that tell the API how many calls fit out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from agent.call.closing import Closing
from agent.service.calls.store import CUT_OFF_AFTER_S, HEARTBEAT_S, CallStore
from agent.service.calls.workers import WorkerStore
from agent.service.database import Database
from agent.settings import Settings

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def places_shown(settings: Settings, closing: Closing) -> AsyncIterator[None]:
    """Meanwhile, and until it closes, this worker takes calls.

    It gives their end to calls that were cut off, too, whoever held them.
    """
    database = Database(settings.database_url)
    # The same after a restart: a worker that was killed is not counted beside its successor.
    name = f"{socket.gethostname()[:64]}:{settings.agent.health_port}"
    showing = asyncio.create_task(_show(database, name, settings.agent.max_calls, closing))
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.wait({showing})
        await _leave(database, name)
        await database.aclose()


async def _show(database: Database, name: str, max_calls: int, closing: Closing) -> None:
    workers, calls = WorkerStore(database), CallStore(database)
    while closing.at_s() is None:
        try:
            await workers.heartbeat(name, max_calls)
            await calls.end_interrupted_calls(timedelta(seconds=CUT_OFF_AFTER_S))
        except (SQLAlchemyError, OSError):
            log.exception("this worker cannot show that it takes calls")
        await asyncio.sleep(HEARTBEAT_S)
    await _leave(database, name)


async def _leave(database: Database, name: str) -> None:
    with contextlib.suppress(SQLAlchemyError, OSError):  # it counts as dead in seconds anyway
        await WorkerStore(database).leave(name)
