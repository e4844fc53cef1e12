"""Databases for tests: an empty one of each kind, made by our migrations; a test runs on both.

PostgreSQL is a server of its own: on loopback, in a temporary folder, ended with the tests.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import exists, select

from agent.service.database import Base, Database
from agent.service.demo.store import Demo
from agent.service.migrate import upgrade
from agent.service.quality.tables import Hour
from common.settings import PROJECT_ROOT
from eval.postgres import create_database, is_installed, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server, without a database: `{postgres}/name`."""
    if not is_installed():
        pytest.skip("PostgreSQL's programs are not installed (Debian: postgresql)")
    with postgres_server(fsync="off", shared_buffers="16MB") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with our tables, to be copied."""
    path = tmp_path_factory.mktemp("database") / "liuke.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """URL of a PostgreSQL server whose database `template` has our tables."""
    upgrade(create_database(postgres, "template"))
    return postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database with our tables, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "liuke.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        return f"sqlite+aiosqlite:///{path}"
    server = request.getfixturevalue("postgres_template")
    return create_database(server, uuid.uuid4().hex, "template")


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'bare.db'}"
    return create_database(request.getfixturevalue("postgres"), uuid.uuid4().hex)


#: When the demo's stories count back from: its rows are as old as this run.
DEMO_NOW = datetime.now(UTC)


@pytest.fixture(scope="session")
def seeded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the demo, to be copied."""
    path = tmp_path_factory.mktemp("demo") / "liuke.db"
    shutil.copy(migrated_file, path)
    asyncio.run(_seed(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def seeded_template(postgres_template: str) -> str:
    """URL of a PostgreSQL server whose database `demo` has the demo."""
    asyncio.run(_seed(create_database(postgres_template, "demo", "template")))
    return postgres_template


@pytest.fixture(params=["sqlite", "postgresql"])
def demo_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database with the demo, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "liuke.db"
        shutil.copy(request.getfixturevalue("seeded_file"), path)
        return f"sqlite+aiosqlite:///{path}"
    server = request.getfixturevalue("seeded_template")
    return create_database(server, uuid.uuid4().hex, "demo")


_SEEDING = """
import asyncio, sys
from datetime import datetime
from agent.service.database import Database
from agent.service.demo.store import Demo
asyncio.run(Demo(Database(sys.argv[1])).seed(datetime.fromisoformat(sys.argv[2])))
"""


async def _seed(url: str) -> None:
    """As where whoever seeds first dies in the middle of the quality, and another comes later."""
    arguments = "-c", _SEEDING, url, DEMO_NOW.isoformat()
    first = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=PROJECT_ROOT)
    database = Database(url)
    while not await _has(database, Hour):
        await asyncio.wait([asyncio.create_task(first.wait())], timeout=0.05)
        assert first.returncode is None, "it was over before it could be killed"
    first.kill()
    await first.wait()
    seeded = await Demo(database).seed(DEMO_NOW + timedelta(hours=3))
    assert seeded.seeded_at == DEMO_NOW and not seeded.is_whole
    await database.aclose()


async def _has(database: Database, table: type[Base]) -> bool:
    async with database.transaction() as session:
        return await session.scalar(select(exists().select_from(table))) or False
