"""How a call on our own server was is in the quality of its account: told by server and page."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from playwright.async_api import expect

from tests.e2e.browser import browser_page, microphone
from tests.e2e.conftest import SITE_SECRET, Installation

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def signed(account: str) -> str:
    now = datetime.now(UTC)
    claims = {"aud": "liuke", "iat": now, "exp": now + timedelta(minutes=5), "sub": "wang"}
    return jwt.encode(claims | {"account": account}, SITE_SECRET, "HS256")


async def test_a_call_leaves_minutes_of_quality(installation: Installation, tmp_path: Path) -> None:
    done = installation.liuke("accounts", "put", "acme", "--name", "Acme")
    assert done.returncode == 0, done.stderr
    file = microphone(tmp_path, 60.0)
    url = f"{installation.url}/#principal={signed('acme')}"
    async with browser_page(url, file, "en") as page:
        await page.get_by_test_id("start-call").click()
        state = page.get_by_test_id("agent-state")
        await expect(state).to_have_attribute("data-state", "speaking", timeout=60_000)
        await page.wait_for_timeout(12_000)
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("call-summary")).to_be_visible()
        call_id, left_reason = await asyncio.to_thread(_visit, installation)
        assert left_reason == "CLIENT_INITIATED"
    said = await asyncio.to_thread(_said, installation)
    assert said["group"] == "liuke" and said["user_minutes"] >= 1
    assert (said["join_attempts"], said["join_success"]) == (1, 1.0)
    assert said["join_ms"] > 0 and said["latency_ms"] > 0
    assert 0 <= said["packet_loss"] < 0.5 and 0 <= said["stall_rate"] < 1
    of_call = f"SELECT number, packets FROM measurements WHERE call_id = '{call_id}'"
    ((number, packets),) = _rows(installation, of_call)
    assert number == 1 and packets > 100  # of both directions, in more than ten seconds


def _visit(installation: Installation) -> tuple[str, str]:
    """What the LiveKit server told of the customer's stay, once it was over."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = _rows(
            installation,
            "SELECT visits.call_id, visits.reason FROM visits JOIN calls ON calls.id = call_id"
            " WHERE calls.account = 'acme' AND left_at IS NOT NULL",
        )
        if found:
            return str(found[0][0]), str(found[0][1])
        time.sleep(0.2)
    raise AssertionError("the LiveKit server told of no stay")


def _said(installation: Installation) -> dict[str, Any]:
    """What `liuke qos` shows, once both have told and it is rolled up."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        groups = installation.report("qos", "show", "acme", "--by", "app")["groups"]
        if groups and groups[0]["latency_ms"] is not None and groups[0]["join_ms"] is not None:
            return dict(groups[0])
        time.sleep(0.2)
    raise AssertionError(f"quality is not whole: {groups}")


def _rows(installation: Installation, query: str) -> list[Any]:
    with sqlite3.connect(installation.data_dir / "liuke.db") as database:
        return database.execute(query).fetchall()
