"""The pages: places inside the console lead to it, what is missing says so, headers everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from agent.api import app as api
from agent.rooms.access import LiveKitAccess
from agent.settings import Settings

pytestmark = pytest.mark.unit

ACCESS = LiveKitAccess("ws://127.0.0.1:7880", "key", "secret-of-at-least-32-characters-x", True)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An installation with pages."""
    pages = tmp_path / "dist"
    (pages / "assets").mkdir(parents=True)
    for name in (
        "index.html",
        "join.html",
        "console.html",
        "404.html",
        "favicon.svg",
        "assets/a-1.js",
    ):
        (pages / name).write_text(f"this is {name}")
    monkeypatch.setattr(api, "WEB_DIST", pages)
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIVEKIT_PUBLIC_URL", "")
    return monkeypatch


@pytest.fixture
async def web(environment: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api.create_app(Settings(), ACCESS))
    async with httpx.AsyncClient(transport=transport, base_url="http://liuke") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "file"),
    [
        ("/", 200, "index.html"),
        ("/join.html", 200, "join.html"),
        ("/favicon.svg", 200, "favicon.svg"),
        ("/assets/a-1.js", 200, "assets/a-1.js"),
        ("/console", 200, "console.html"),
        ("/console/", 200, "console.html"),
        ("/console/calls/7a/turns", 200, "console.html"),
        ("/console/missing.js", 404, "404.html"),
        ("/consoles", 404, "404.html"),
        ("/nowhere/at/all", 404, "404.html"),
        ("/assets/b-2.js", 404, "404.html"),
    ],
)
async def test_each_path_has_its_page(
    web: httpx.AsyncClient, path: str, status: int, file: str
) -> None:
    answer = await web.get(path)
    assert (answer.status_code, answer.text) == (status, f"this is {file}")


async def test_a_path_of_the_api_is_no_page(web: httpx.AsyncClient) -> None:
    answer = await web.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_what_has_its_hash_in_its_name_is_kept_and_pages_are_asked_for_again(
    web: httpx.AsyncClient,
) -> None:
    assert "immutable" in (await web.get("/assets/a-1.js")).headers["Cache-Control"]
    for path in ("/", "/console/calls", "/assets/b-2.js"):
        assert (await web.get(path)).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/console", "/nowhere", "/healthz", "/api/nothing"])
async def test_every_answer_says_what_a_page_may_do(web: httpx.AsyncClient, path: str) -> None:
    headers = (await web.get(path)).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert policy["connect-src"].split() == [
        "'self'",
        "ws://127.0.0.1:7880",
        "http://127.0.0.1:7880",
    ]
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "microphone=(self), display-capture=(self)" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


async def test_the_rooms_server_and_the_sites_that_embed_are_the_operators_choice(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LIVEKIT_PUBLIC_URL", "wss://rooms.example")
    environment.setenv("LIUKE_API_FRAME_SITES", "https://shop.example")
    environment.setenv("LIUKE_API_TRUSTED_PROXIES", "127.0.0.1")
    transport = httpx.ASGITransport(api.create_app(Settings(), ACCESS))
    async with httpx.AsyncClient(transport=transport, base_url="http://liuke") as client:
        answer = await client.get("/", headers={"X-Forwarded-Proto": "https"})
    policy = answer.headers["Content-Security-Policy"]
    assert "connect-src 'self' wss://rooms.example https://rooms.example;" in policy
    assert policy.endswith("frame-ancestors https://shop.example")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
