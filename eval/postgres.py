"""A PostgreSQL server of one's own: on loopback, in a temporary folder, ended with its user."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.errors import SetupError

#: Debian keeps the server's programs out of PATH.
_DEBIAN = "/usr/lib/postgresql"


def is_installed() -> bool:
    """Whether the server's programs are on this machine."""
    return _programs() is not None


@contextmanager
def postgres_server(**options: str) -> Iterator[str]:
    """URL of a server with these settings, without a database: `{url}/name`. Raises SetupError."""
    programs = _installed()
    folder = Path(tempfile.mkdtemp(prefix="liuke-postgres-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "nobody", "nogroup")
        data = str(folder / "data")
        _run(folder, programs / "initdb", "-D", data, "-U", "liuke", "-A", "trust", "-E", "UTF8")
        given = {"listen_addresses": "127.0.0.1", "unix_socket_directories": folder, **options}
        settings = " ".join(f"-c {name}={value}" for name, value in given.items())
        log = str(folder / "log")
        start = ("start", "-w", "-D", data, "-l", log, "-o", f"-p {port} {settings}")
        _run(folder, programs / "pg_ctl", *start)
        try:
            yield f"postgresql+asyncpg://liuke@127.0.0.1:{port}"
        finally:
            _run(folder, programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_database(server: str, name: str, template: str = "template0") -> str:
    """The URL of a new database on a server."""
    place = ("-h", "127.0.0.1", "-p", str(urlsplit(server).port), "-U", "liuke")
    program = _installed() / "createdb"
    subprocess.run([program, *place, "-T", template, name], check=True, timeout=60)
    return f"{server}/{name}"


def _installed() -> Path:
    programs = _programs()
    if programs is None:
        raise SetupError(
            "PostgreSQL's programs are not installed.", "Debian: sudo apt-get install postgresql."
        )
    return programs


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
