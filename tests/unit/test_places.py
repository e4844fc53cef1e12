"""A worker's places: the API counts on them while the worker takes calls, and no longer."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from agent.call import places
from agent.call.closing import Closing
from agent.service.calls.tables import Worker
from agent.service.database import Database
from agent.settings import Settings

pytestmark = pytest.mark.unit


async def shown(url: str) -> list[int]:
    database = Database(url)
    async with database.transaction() as session:
        found = list(await session.scalars(select(Worker.max_calls)))
    await database.aclose()
    return found


async def until(url: str, expected: list[int]) -> None:
    async with asyncio.timeout(5):
        while await shown(url) != expected:  # noqa: ASYNC110  # another connection writes it
            await asyncio.sleep(0.02)


async def test_a_worker_shows_its_places_until_it_closes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "HEARTBEAT_S", 0.05)
    monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)
    monkeypatch.setenv("LIUKE_AGENT_MAX_CALLS", "3")
    closing = Closing()
    async with places.places_shown(Settings(), closing):
        await until(database_url, [3])
        closing.announce(60)  # its calls go on for a minute, new ones find no place here
        await until(database_url, [])
    async with places.places_shown(Settings(), Closing()):
        await until(database_url, [3])
    assert await shown(database_url) == []


async def test_a_worker_whose_database_is_away_goes_on(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "HEARTBEAT_S", 0.05)
    monkeypatch.setenv("LIUKE_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/none/liuke.db")
    async with places.places_shown(Settings(), Closing()):
        await asyncio.sleep(0.2)
