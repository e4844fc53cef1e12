"""LiveKit's access: whose server, which keys, who may read them, and what a refusal is called."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from livekit import api

from agent.host.livekit_server import write_server_config
from agent.rooms.access import (
    LiveKitAccess,
    check_livekit,
    ensure_keys,
    resolve_livekit,
)
from agent.settings import Settings
from common.errors import ServiceError, SetupError

pytestmark = pytest.mark.unit

VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
THEIRS = dict(zip(VARIABLES, ("wss://rtc.example.com", "their-key", "their-secret"), strict=True))


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")  # hides an .env of the checkout
    return tmp_path


async def test_keys_are_made_once_for_this_user_alone(installation: Path) -> None:
    await ensure_keys(Settings())
    first = resolve_livekit(Settings())
    await ensure_keys(Settings())
    assert resolve_livekit(Settings()) == first
    assert first.ours and first.url == "ws://127.0.0.1:7880"
    assert len(first.api_secret) >= 32 and "devkey" not in first.api_key
    assert stat.S_IMODE((installation / "keys.json").stat().st_mode) == 0o600
    assert first.api_secret not in repr(first)


async def test_two_installations_have_different_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("one", "two"):
        monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path / name))
        await ensure_keys(Settings())
        found.append(resolve_livekit(Settings()))
    assert found[0].api_key != found[1].api_key
    assert found[0].api_secret != found[1].api_secret


def test_without_keys_the_remedy_is_to_set_up() -> None:
    with pytest.raises(SetupError, match="liuke up"):
        resolve_livekit(Settings())


def test_unreadable_keys_are_named(installation: Path) -> None:
    (installation / "keys.json").write_text("{")
    with pytest.raises(SetupError, match=r"keys\.json cannot be read"):
        resolve_livekit(Settings())


def test_a_server_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in THEIRS.items():
        monkeypatch.setenv(variable, value)
    access = resolve_livekit(Settings())
    assert access == LiveKitAccess(*THEIRS.values(), ours=False)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("missing", VARIABLES)
def test_half_a_server_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for variable, value in THEIRS.items():
        monkeypatch.setenv(variable, "" if variable == missing else value)
    with pytest.raises(SetupError) as caught:
        resolve_livekit(Settings())
    assert caught.value.message.startswith(f"{missing} missing")


async def test_what_we_start_knows_that_the_server_is_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await ensure_keys(Settings())
    access = resolve_livekit(Settings())
    for variable, value in access.environment().items():
        monkeypatch.setenv(variable, value)
    assert resolve_livekit(Settings()) == access


async def test_our_server_listens_on_loopback_with_our_keys() -> None:
    await ensure_keys(Settings())
    access = resolve_livekit(Settings())
    path = await write_server_config(Settings(), access)
    config = json.loads(path.read_text())
    assert config["bind_addresses"] == ["127.0.0.1"]
    assert config["rtc"]["udp_port"] == 7882
    assert config["rtc"]["node_ip"] == "127.0.0.1"
    assert config["keys"] == {access.api_key: access.api_secret}
    assert config["webhook"]["api_key"] == access.api_key
    assert config["webhook"]["urls"] == ["http://127.0.0.1:8900/v1/livekit"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.glob(".*")] == []


async def test_an_absent_server_is_not_a_wrong_key() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(ServiceError, match="cannot be reached"):
        await check_livekit(LiveKitAccess(url, "key", "s" * 32, ours=False))


async def test_a_wrong_key_is_not_an_absent_server() -> None:
    """Against a server that checks the token's signature as LiveKit does."""
    secret = "s" * 32

    async def list_rooms(request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        try:
            jwt.decode(token, secret, algorithms=["HS256"])
        except jwt.InvalidSignatureError:
            body = {"code": "unauthenticated", "msg": "invalid token"}
            return web.json_response(body, status=401)
        answer = api.ListRoomsResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/protobuf")

    app = web.Application()
    app.router.add_post("/twirp/livekit.RoomService/ListRooms", list_rooms)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        url = f"ws://{host}:{port}"
        await check_livekit(LiveKitAccess(url, "key", secret, ours=False))
        with pytest.raises(SetupError, match="refuses the key key"):
            await check_livekit(LiveKitAccess(url, "key", "t" * 32, ours=False))
    finally:
        await runner.cleanup()
