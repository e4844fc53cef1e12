"""Databases for tests: an empty one of each kind, made by our migrations; a test runs on both.

PostgreSQL is a server of its own: on loopback, in a temporary folder, ended with the tests.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.migrate import upgrade
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
