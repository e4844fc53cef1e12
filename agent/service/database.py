"""The database of an installation: a URL in, transactions out; and what all tables share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from common.errors import ServiceError


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times on every database; SQLite itself forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Base(DeclarativeBase):
    """All tables."""


class Database:
    """The database behind one SQLAlchemy URL (an async driver)."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url, hide_parameters=True)  # what was said is in them
        self._session = async_sessionmaker(self._engine, expire_on_commit=False)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _share_between_processes)

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """What is written in it stands when it ends, or nothing of it does."""
        return self._session.begin()

    async def write_alone(self, session: AsyncSession, table: str) -> None:
        """Let nobody else write ``table`` until the transaction of ``session`` ends."""
        if self._engine.dialect.name == "sqlite":  # it has one writer at a time in any case
            await session.execute(text("BEGIN IMMEDIATE"))
        else:
            await session.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    async def check(self) -> None:
        """Raises ServiceError when the database is away or has no tables."""
        try:
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1 FROM workers LIMIT 1"))
        except (SQLAlchemyError, OSError) as error:
            raise ServiceError(
                f"The database at {self._engine.url!r} is not usable: {type(error).__name__}.",
                "Run `liuke setup`, or check LIUKE_DATABASE_URL.",
                retryable=True,
            ) from error


async def write_once(
    session: AsyncSession, table: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write rows, but none whose key is there: also where another transaction writes the same."""
    insert = _INSERTS[session.get_bind().dialect.name]
    if rows:
        await session.execute(insert(table).values(rows).on_conflict_do_nothing())


#: Of the databases that we know, each says "unless it is there" in its own way.
_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _share_between_processes(connection: Any, _record: Any) -> None:
    """SQLite as several processes need it: readers do not block the writer, writers wait."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
