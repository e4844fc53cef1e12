"""Writing and reading the records of calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from agent.service.calls.tables import Call, Turn
from common.errors import ServiceError


class RecordStore:
    """The records behind one SQLAlchemy URL (an async driver)."""

    def __init__(self, database_url: str) -> None:
        self._engine = create_async_engine(database_url)
        self._session = async_sessionmaker(self._engine, expire_on_commit=False)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _share_between_processes)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    async def check(self) -> None:
        """Raises ServiceError when the database is away or has no tables."""
        try:
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1 FROM calls LIMIT 1"))
        except SQLAlchemyError as error:
            raise ServiceError(
                f"The database at {self._engine.url!r} is not usable: {type(error).__name__}.",
                "Run `liuke setup`, or check LIUKE_DATABASE_URL.",
                retryable=True,
            ) from error

    async def create_call(self, call: Call) -> None:
        """Record that a customer consented and was given a room."""
        async with self._session.begin() as session:
            session.add(call)

    async def call_of_room(self, room: str) -> Call | None:
        """The call held in ``room``, without its turns."""
        async with self._session() as session:
            found: Call | None = await session.scalar(select(Call).where(Call.room == room))
            return found

    async def start_call(self, call_id: str) -> None:
        """The assistant has joined."""
        await self._set(call_id, started_at=datetime.now(UTC))

    async def end_call(self, call_id: str) -> None:
        """The customer or the assistant has left."""
        await self._set(call_id, ended_at=datetime.now(UTC))

    async def add_turn(self, turn: Turn) -> None:
        """Record one question and its answer."""
        async with self._session.begin() as session:
            session.add(turn)

    async def turns(self, call_id: str) -> Sequence[Turn]:
        """The turns of a call, in order."""
        async with self._session() as session:
            query = select(Turn).where(Turn.call_id == call_id).order_by(Turn.number)
            return (await session.scalars(query)).all()

    async def _set(self, call_id: str, **values: Any) -> None:
        async with self._session.begin() as session:
            await session.execute(update(Call).where(Call.id == call_id).values(**values))


def _share_between_processes(connection: Any, _record: Any) -> None:
    """SQLite as several processes need it: readers do not block the writer, writers wait."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
