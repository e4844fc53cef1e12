"""The web API: consent, tokens, cards, and errors that say what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import jwt
import pytest

from agent.api.app import create_app, describe
from agent.rooms.access import LiveKitAccess
from agent.service.migrate import upgrade
from agent.settings import Settings
from common.settings import PROJECT_ROOT

ACCESS = LiveKitAccess("ws://127.0.0.1:9", "key", "secret-of-at-least-32-characters-x", ours=True)


@pytest.fixture
async def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_KNOWLEDGE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LIUKE_SPEECH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("LIUKE_LLM_MODEL", "none")
    monkeypatch.setenv("LIUKE_AGENT_HEALTH_PORT", "9")
    settings = Settings()
    await asyncio.to_thread(upgrade, settings.database_url)
    transport = httpx.ASGITransport(create_app(settings, ACCESS))
    async with httpx.AsyncClient(transport=transport, base_url="http://liuke") as client:
        yield client


async def test_a_customer_who_consents_gets_a_seat_in_one_room(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/calls", json={"language": "zh", "consent": True})
    assert answer.status_code == 201
    ticket = answer.json()
    claims = jwt.decode(ticket["token"], ACCESS.api_secret, algorithms=["HS256"])
    assert claims["sub"] == ticket["identity"]
    assert claims["video"]["room"] == ticket["room"] and claims["video"]["roomJoin"]
    assert not claims["video"].get("roomAdmin")
    assert claims["exp"] - claims["nbf"] <= 10 * 60
    (dispatch,) = claims["roomConfig"]["agents"]
    assert dispatch["agentName"] == "liuke"
    assert json.loads(dispatch["metadata"])["call_id"] == ticket["call_id"]


async def test_two_customers_never_share_a_room(web: httpx.AsyncClient) -> None:
    body = {"language": "en", "consent": True}
    first, second = [(await web.post("/api/calls", json=body)).json() for _ in range(2)]
    assert first["room"] != second["room"] and first["identity"] != second["identity"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"language": "zh", "consent": False}, "consent"),
        ({"language": "zh"}, "consent"),
        ({"language": "fr", "consent": True}, "language"),
        ([], "body"),
    ],
)
async def test_a_request_that_cannot_be_used_names_the_field(
    web: httpx.AsyncClient, body: object, field: str
) -> None:
    answer = await web.post("/api/calls", json=body)
    assert answer.status_code == 422
    assert field in answer.json()["error"]["message"]


async def test_a_knowledge_server_that_is_away_is_a_clear_error(web: httpx.AsyncClient) -> None:
    answer = await web.get("/api/entries/zh/echo-howling")
    assert answer.status_code == 503
    assert "LIUKE_KNOWLEDGE_URL" in answer.json()["error"]["remedy"]


async def test_readiness_names_each_part_that_is_away(web: httpx.AsyncClient) -> None:
    assert (await web.get("/healthz")).status_code == 200
    answer = await web.get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["database"]["ok"]
    for name in ("livekit", "speech", "knowledge", "worker"):
        assert not parts[name]["ok"] and parts[name]["remedy"]


def test_the_pages_are_built_against_this_very_api(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    described = describe(create_app(Settings(), ACCESS))
    kept = json.loads((PROJECT_ROOT / "web" / "openapi.json").read_text("utf-8"))
    assert kept == described, "run: python -m agent.api.app openapi > web/openapi.json"
