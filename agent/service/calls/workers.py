"""The workers that take calls: each says every ``HEARTBEAT_S`` that it lives, and for how many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete

from agent.service.calls.tables import Worker
from agent.service.database import Database

#: A row that nobody wrote for so long is of no use to anybody.
_FORGOTTEN_AFTER: Final = timedelta(days=1)


class WorkerStore:
    """Who takes calls, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def heartbeat(self, worker_id: str, max_calls: int) -> None:
        """The worker lives and takes ``max_calls`` at once."""
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            await session.merge(Worker(id=worker_id, max_calls=max_calls, heartbeat_at=now))
            await session.execute(
                delete(Worker).where(Worker.heartbeat_at < now - _FORGOTTEN_AFTER)
            )

    async def leave(self, worker_id: str) -> None:
        """The worker takes no more calls."""
        async with self._database.transaction() as session:
            await session.execute(delete(Worker).where(Worker.id == worker_id))
