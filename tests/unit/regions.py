"""A small operator's world for tests: five accounts in five regions, and what was wrong where.

Acme's stalls in South-East Asia are its own, since Tuesday; in the Middle East everybody has them;
in Japan and Korea there are too few others to compare with; in Latin America Beta is nearly all.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from agent.duty.rounds import Rounds
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import Row, minute_of
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.tables import IncidentSeen
from agent.service.scope import Scope
from eval.postgres import create_database
from tests.unit.test_duty import SUPPORT

#: A Thursday.
NOW: Final = datetime(2026, 12, 3, 12, 30, tzinfo=UTC)
#: On Tuesday, when Acme's stalls in South-East Asia began.
ONSET: Final = datetime(2026, 12, 1, 9, tzinfo=UTC)
ACME, BETA = Scope("acme"), Scope("beta")
DAY: Final = Span("hours", 24)
NAMES: Final = {"acme": "Acme", "beta": "Beta Live", "carp": "Carp", "dace": "Dace", "idle": "Idle"}
_DAYS: Final = 5

#: Region → account → stall rate in millionths, and users.
_STALLS: Final = {
    "sea": {"acme": (38_000, 90), "beta": (5_000, 90), "carp": (7_000, 90), "dace": (9_000, 90)},
    "eu": {"acme": (6_000, 90), "beta": (6_000, 90), "carp": (6_000, 90), "dace": (6_000, 90)},
    "mena": {"acme": (30_000, 9), "beta": (28_000, 9), "carp": (29_000, 9), "dace": (30_000, 9)},
    "jp-kr": {"acme": (20_000, 9), "beta": (4_000, 9), "carp": (4_000, 9)},
    "latam": {"acme": (5_000, 9), "beta": (123_000, 900), "carp": (4_000, 9), "dace": (4_000, 9)},
}


@pytest.fixture(scope="session")
def regions_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with that world, to be copied."""
    path = tmp_path_factory.mktemp("regions") / "liuke.db"
    shutil.copy(migrated_file, path)
    asyncio.run(_build(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def regions_template(postgres_template: str) -> str:
    """URL of a PostgreSQL server whose database `regions` has that world."""
    asyncio.run(_build(create_database(postgres_template, "regions", "template")))
    return postgres_template


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def regions_url(request: pytest.FixtureRequest) -> str:
    """URL of a database with that world, of each kind in turn; only to be read."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{request.getfixturevalue('regions_file')}"
    server = request.getfixturevalue("regions_template")
    return create_database(server, "regions_read", "regions")


@pytest.fixture(scope="session")
async def regions(regions_url: str) -> AsyncIterator[Database]:
    """That database; only to be read."""
    database = Database(regions_url)
    yield database
    await database.aclose()


@pytest.fixture(params=["sqlite", "postgresql"])
def own_regions_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of such a database of the test's own, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "liuke.db"
        shutil.copy(request.getfixturevalue("regions_file"), path)
        return f"sqlite+aiosqlite:///{path}"
    server = request.getfixturevalue("regions_template")
    return create_database(server, uuid.uuid4().hex, "regions")


@pytest.fixture
async def own_regions(own_regions_url: str) -> AsyncIterator[Database]:
    """That database, to be written."""
    database = Database(own_regions_url)
    yield database
    await database.aclose()


async def _build(url: str) -> None:
    database = Database(url)
    for account, name in NAMES.items():
        await AccountStore(database).put(account, name)
    last = minute_of(NOW) // 60
    rows = [
        _row(account, region, hour * 60, stalls, users)
        for region, reported in _STALLS.items()
        for account, (stalls, users) in reported.items()
        for hour in range(last - _DAYS * 24, last)
    ]
    await QualityStore(database).take_in_hours(rows, {})
    await database.aclose()


def _row(account: str, region: str, minute: int, stalls: int, users: int) -> Row:
    if (account, region) == ("acme", "sea") and minute < minute_of(ONSET):
        stalls = 3_000
    return Row(account, "live", region, minute, users, stalls, 200, 10_000, 10, 9, 300, None)


async def break_out(database: Database, region: str = "sea") -> IncidentSeen:
    """Three accounts' stalls of this very moment, and the incident that duty makes of them."""
    rows = [
        _row(account, region, minute_of(NOW) - ago, 200_000, 100)
        for account in ("acme", "beta", "carp")
        for ago in range(1, 6)
    ]
    await QualityStore(database).take_in(rows, {})
    await roll_up(database)
    assert await Rounds(database, SUPPORT, "https://x").once(NOW)
    async with database.transaction() as session:
        seen = await session.get(IncidentSeen, 1)
    assert seen is not None
    return seen


def ago(hours: float) -> datetime:
    """So many hours before now."""
    return NOW - timedelta(hours=hours)
