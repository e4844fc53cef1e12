"""A call that no worker took is offered again; at a real LiveKit server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from livekit import api

from agent.api import dispatch
from agent.api.tokens import Seat
from agent.host.livekit import LiveKitAccess
from agent.host.livekit_build import find_livekit_server
from agent.settings import Settings

SEAT = Seat("1", "call-1", "customer-1", "zh")
SECRET = "a-secret-of-at-least-32-characters"


@pytest.fixture
async def access() -> AsyncIterator[LiveKitAccess]:
    """A LiveKit server of the test's own, without any worker."""
    program = await find_livekit_server(Settings().paths.cache_dir)
    if program is None:
        pytest.skip("the LiveKit server is not built")
    ports = [listening.getsockname()[1] for listening in [socket.create_server(("127.0.0.1", 0))]]
    process = await asyncio.create_subprocess_exec(
        program, "--bind", "127.0.0.1", "--keys", f"key: {SECRET}",
        "--config-body", f"port: {ports[0]}\nrtc: {{udp_port: {ports[0]}, tcp_port: 0}}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_it_answers(f"http://127.0.0.1:{ports[0]}")
        yield LiveKitAccess(f"ws://127.0.0.1:{ports[0]}", "key", SECRET, ours=True)
    finally:
        process.terminate()
        await process.wait()


async def test_a_call_that_no_worker_took_is_offered_again(
    access: LiveKitAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_AGAIN_S", 0.2)
    monkeypatch.setattr(dispatch, "_LOOKS", 3)
    async with api.LiveKitAPI(access.url, access.api_key, access.api_secret) as livekit:
        await dispatch.watch(access, SEAT, "liuke")  # nobody has entered: nothing to ask for
        room = api.CreateRoomRequest(
            name=SEAT.room, agents=[api.RoomAgentDispatch(agent_name="liuke")]
        )
        await livekit.room.create_room(room)
        await dispatch.watch(access, SEAT, "liuke")
        asked = await livekit.agent_dispatch.list_dispatch(SEAT.room)
    assert len(asked) >= 2
    assert any('"call_id": "1"' in one.metadata for one in asked)


async def test_a_livekit_that_is_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_AGAIN_S", 0.01)
    nowhere = LiveKitAccess("ws://127.0.0.1:9", "key", SECRET, ours=True)
    await dispatch.watch(nowhere, SEAT, "liuke")


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _until_it_answers(url: str) -> None:
    for _ in range(200):
        if await _answers(url):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(url)
