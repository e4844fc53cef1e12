"""`POST /v1/qos`: whoever has a key reports rows; however many, the process lives on as before."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from agent.api.app import create_app
from agent.api.routers.qos import MOST_BYTES, MOST_ROWS
from agent.rooms.access import LiveKitAccess
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.quality.rows import LONGEST_LINE
from agent.service.quality.store import QualityStore, Span
from agent.service.scope import Scope
from agent.settings import Settings
from common.errors import SetupError
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

ACCESS = LiveKitAccess("ws://127.0.0.1:9", "key", "secret-of-at-least-32-characters-x", ours=True)
OLD, NEW = "the-old-key-of-the-operator-0123456789", "the-new-key-of-the-operator-0123456789"
JSON_LINES = "application/x-ndjson"


@pytest.fixture
async def environment(
    database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """An installation that has an account and takes two keys."""
    for variable, value in {
        "LIUKE_DATA_DIR": str(tmp_path),
        "LIUKE_DATABASE_URL": database_url,
        "LIUKE_QOS_KEYS": f"{OLD}, {NEW}",
        "OPENAI_API_KEY": "",
    }.items():
        monkeypatch.setenv(variable, value)
    database = Database(database_url)
    await AccountStore(database).put("acme", "Acme")
    await database.aclose()
    return monkeypatch


@asynccontextmanager
async def api() -> AsyncIterator[httpx.AsyncClient]:
    """The real application behind a real server."""
    async with (
        serve(create_app(Settings(), ACCESS)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=120) as http,
    ):
        http.headers["Authorization"] = f"Bearer {NEW}"
        yield http


def line(number: int = 0, **changed: Any) -> bytes:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=number)
    fields = {"account": "acme", "app": "live", "region": "cn", "minute": minute.isoformat()}
    return json.dumps(fields | {"users": 5} | changed).encode() + b"\n"


async def post(
    http: httpx.AsyncClient, content: Any, form: str = JSON_LINES, **headers: str
) -> httpx.Response:
    return await http.post("/v1/qos", content=content, headers={"Content-Type": form, **headers})


async def test_rows_go_in_once_and_are_rolled_up(environment: pytest.MonkeyPatch) -> None:
    body = line(0) + line(1) + line(2, users="many") + line(3, account="nobody")
    async with api() as http:
        first, again = [(await post(http, body)).json() for _ in range(2)]
        assert (first["accepted"], first["unchanged"], first["refused_count"]) == (2, 0, 2)
        assert [one["line"] for one in first["refused"]] == [3, 4]
        assert (again["accepted"], again["unchanged"], again["refused_count"]) == (0, 2, 2)
        database = Database(Settings().database_url)
        store = QualityStore(database)
        while await store.stale(Scope("acme")):  # noqa: ASYNC110 - the application's own task works it off
            await asyncio.sleep(0.05)
        (said,) = await store.read(Scope("acme"), "region", Span("days", 2), datetime.now(UTC))
        assert (said.minutes, said.user_minutes) == (2, 10)
        await database.aclose()


async def test_csv_goes_in_by_its_header(environment: pytest.MonkeyPatch) -> None:
    minute = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    rows = f"account,app,region,minute,users\nacme,live,cn,{minute},7\n"
    async with api() as http:
        answer = await post(http, rows, "text/csv; charset=utf-8")
        assert answer.status_code == 200 and answer.json()["accepted"] == 1
        unreadable = await post(http, "account;app\n", "text/csv")
        assert unreadable.status_code == 422
        assert unreadable.json()["error"]["code"] == "wrong_form"
        assert "'account;app'" in unreadable.json()["problem"]


async def test_only_who_has_a_key_reports(environment: pytest.MonkeyPatch) -> None:
    async with api() as http:
        assert (await post(http, line(), Authorization=f"Bearer {OLD}")).status_code == 200
        for given in ("", "Bearer", f"Bearer {OLD[:-1]}", f"Bearer {OLD}, {NEW}", f"Basic {OLD}"):
            answer = await post(http, line(5), Authorization=given)
            assert answer.status_code == 401, given
            assert answer.json()["error"]["code"] == "wrong_key"
    environment.setenv("LIUKE_QOS_KEYS", "")
    async with api() as http:
        answer = await post(http, line(), Authorization="Bearer")
        assert answer.status_code == 404
        assert "LIUKE_QOS_KEYS" in answer.json()["error"]["remedy"]


@pytest.mark.parametrize("keys", ["short", f"{OLD},short"])
def test_a_key_that_can_be_guessed_is_no_key(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_QOS_KEYS", keys)
    with pytest.raises(SetupError, match="LIUKE_QOS_KEYS") as raised:
        Settings()
    assert keys not in raised.value.message


async def test_what_is_in_no_known_form_is_refused(environment: pytest.MonkeyPatch) -> None:
    async with api() as http:
        for form in ("application/json", "text/plain", ""):
            assert (await post(http, line(), form)).status_code == 415
        packed = await post(http, gzip.compress(line()), **{"Content-Encoding": "gzip"})
        assert packed.status_code == 415
        assert (await post(http, b"")).json()["accepted"] == 0


async def test_two_million_rows_in_one_request_leave_the_process_as_it_was(
    environment: pytest.MonkeyPatch,
) -> None:
    """It keeps what comes before the limit, says so, and answers others meanwhile."""
    thousand = b"".join(line(number) for number in range(1000))

    async def rows() -> AsyncIterator[bytes]:
        for _ in range(2000):
            yield thousand

    async with api() as http:
        tracemalloc.start()
        posting = asyncio.create_task(post(http, rows()))
        for _ in range(5):
            assert (await http.get("/healthz")).status_code == 200
        assert not posting.done()
        answer = await posting
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 413
        told = answer.json()
        assert told["error"]["code"] == "too_many_rows" and "kept" in told["error"]["message"]
        assert (told["accepted"], told["unchanged"]) == (1000, MOST_ROWS - 1000)
        assert told["most_rows"] == MOST_ROWS
        assert peak < 50 * 1024 * 1024 < 2000 * len(thousand)
        assert (await post(http, thousand)).json()["unchanged"] == 1000


@pytest.mark.parametrize("declared", [True, False])
async def test_of_a_body_that_is_too_long_what_came_before_is_kept(
    environment: pytest.MonkeyPatch, declared: bool
) -> None:
    """One whose header says so is not begun."""
    filled = line(region="cn") + b"\n" * 1024 * 1023

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // len(filled) + 2):
            yield filled

    length = {"Content-Length": str((MOST_BYTES // len(filled) + 2) * len(filled))}
    async with api() as http:
        answer = await post(http, pieces(), **(length if declared else {}))
        assert answer.status_code == 413
        assert answer.json()["accepted"] == (0 if declared else 1)


async def test_a_line_that_never_ends_is_one_refused_row(environment: pytest.MonkeyPatch) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"[" * 64 * 1024
        yield b"\n" + line()

    async with api() as http:
        told = (await post(http, pieces())).json()
    assert (told["accepted"], told["refused_count"]) == (1, 1)
    assert told["refused"] == [{"line": 1, "reason": f"longer than {LONGEST_LINE} bytes"}]
