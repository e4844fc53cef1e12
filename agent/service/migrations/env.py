"""Alembic's entry: migrates the database whose URL `agent.service.migrate` sets."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import agent.service.accounts.tables
import agent.service.calls.tables
import agent.service.demo.tables
import agent.service.outbox.tables
import agent.service.paging.tables
import agent.service.quality.tables
import agent.service.tickets.tables  # noqa: F401 - the tables make themselves known
from agent.service.database import Base


def migrate(connection: Connection) -> None:
    # Batch mode: SQLite alters a table by copying it.
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


asyncio.run(migrate_online())
