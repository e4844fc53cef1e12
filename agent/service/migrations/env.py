"""Alembic's entry: migrates the database whose URL `agent.service.migrate` sets."""

import asyncio

from alembic import context
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import create_async_engine

import agent.service.accounts.tables
import agent.service.calls.tables
import agent.service.demo.tables
import agent.service.matters.tables
import agent.service.outbox.tables
import agent.service.paging.tables
import agent.service.quality.tables
import agent.service.retention.tables
import agent.service.summaries.tables
import agent.service.tickets.tables  # noqa: F401 - the tables make themselves known
from agent.service.database import Base


def migrate(connection: Connection) -> None:
    # Batch mode: SQLite alters a table by copying it.
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,  # SQLite, too, makes all of it or nothing
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_online() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        _begin_before_tables(engine.sync_engine)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


def _begin_before_tables(engine: Engine) -> None:
    """Else Python's driver begins a transaction before rows alone, and each table stands at once.

    Who is killed in the middle would leave tables that the next one cannot make.
    """

    @event.listens_for(engine, "connect")
    def _leave_it_to_us(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


asyncio.run(migrate_online())
