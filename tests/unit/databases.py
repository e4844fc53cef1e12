"""Databases for tests: an empty one of each kind, made by our migrations; a test runs on both.

PostgreSQL is a server of its own: on loopback, in a temporary folder, ended with the tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agent.service.migrate import upgrade

#: Debian keeps the server's programs out of PATH.
_DEBIAN = "/usr/lib/postgresql"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server, without a database: `{postgres}/name`."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="liuke-postgres-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "nobody", "nogroup")
        data = str(folder / "data")
        _run(folder, programs / "initdb", "-D", data, "-U", "liuke", "-A", "trust", "-E", "UTF8")
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB"
            f" -c unix_socket_directories={folder}"
        )
        log = str(folder / "log")
        _run(folder, programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)
        try:
            yield f"postgresql+asyncpg://liuke@127.0.0.1:{port}"
        finally:
            _run(folder, programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path(_DEBIAN).glob("*/bin/pg_ctl"))
    return versions[-1].parent if versions else None


def _run(folder: Path, program: Path, *arguments: str) -> None:
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        timeout=60,
        **user,
    )


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with our tables, to be copied."""
    path = tmp_path_factory.mktemp("database") / "liuke.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """URL of a PostgreSQL server whose database `template` has our tables."""
    upgrade(_create_database(postgres, "template"))
    return postgres


def _create_database(server: str, name: str, template: str = "template0") -> str:
    """The URL of a new database on a server."""
    address = urlsplit(server)
    programs = _programs()
    assert programs is not None
    place = ("-h", "127.0.0.1", "-p", str(address.port), "-U", "liuke")
    subprocess.run([programs / "createdb", *place, "-T", template, name], check=True, timeout=60)
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database with our tables, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "liuke.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        return f"sqlite+aiosqlite:///{path}"
    server = request.getfixturevalue("postgres_template")
    return _create_database(server, uuid.uuid4().hex, "template")


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'bare.db'}"
    return _create_database(request.getfixturevalue("postgres"), uuid.uuid4().hex)
