"""Rooms from outside, with a real LiveKit server: an assistant asked for again, a room closed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from livekit import api, rtc

from agent.host.livekit_build import find_livekit_server
from agent.rooms.access import LiveKitAccess, check_livekit
from agent.rooms.dispatch import MOST_ATTEMPTS, close_room, dispatch_again
from agent.rooms.principal import Principal
from agent.rooms.tokens import Seat, read_seat, room_token
from agent.settings import Settings
from common.errors import ServiceError

pytestmark = pytest.mark.unit

KEY, SECRET = "key", "secret-of-at-least-32-characters-x"
WANG = Principal("acme", "wang", "zh", frozenset({"calls:read"}), guest=False)
SEAT = Seat("one", "call-one", "customer-1", WANG)


@pytest.fixture(scope="module")
async def access(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveKitAccess]:
    program = await find_livekit_server(Settings().paths.cache_dir)
    if program is None:
        pytest.skip("the LiveKit server is not built; `make test` builds it")
    port, udp_port = _free_ports()
    config = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": 0,
            "udp_port": udp_port,
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
            "ips": {"includes": ["127.0.0.0/8"]},
        },
        "keys": {KEY: SECRET},
    }
    path = tmp_path_factory.mktemp("livekit") / "livekit.yaml"
    path.write_text(json.dumps(config))
    access = LiveKitAccess(f"ws://127.0.0.1:{port}", KEY, SECRET, ours=False)
    process = await asyncio.create_subprocess_exec(
        program,
        "--config",
        path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _await_server(access)
        yield access
    finally:
        process.terminate()
        await process.wait()


def _free_ports() -> tuple[int, int]:
    with (
        socket.socket() as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind(("127.0.0.1", 0))
        udp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1], udp.getsockname()[1]


async def _await_server(access: LiveKitAccess) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await check_livekit(access)
            except ServiceError:
                await asyncio.sleep(0.1)


async def joined(access: LiveKitAccess, seat: Seat) -> rtc.Room:
    room = rtc.Room()
    await room.connect(access.url, room_token(access, seat, "liuke", timedelta(minutes=1)))
    return room


async def test_an_assistant_that_did_not_come_is_asked_again_for_the_same_seat(
    access: LiveKitAccess,
) -> None:
    room = await joined(access, SEAT)
    try:
        assert await dispatch_again(access, SEAT, "liuke")
        async with api.LiveKitAPI(access.url, KEY, SECRET) as livekit:
            first, again = await livekit.agent_dispatch.list_dispatch(SEAT.room)
        seats = sorted(
            (read_seat(first.metadata), read_seat(again.metadata)), key=lambda seat: seat.attempt
        )
        assert [seat.attempt for seat in seats] == [1, 2]
        assert all(seat.principal == WANG and seat.call_id == "one" for seat in seats)
        asked = [await dispatch_again(access, SEAT, "liuke") for _ in range(MOST_ATTEMPTS)]
        assert asked.count(True) == MOST_ATTEMPTS - 2 and not asked[-1]
    finally:
        await room.disconnect()


async def test_nobody_is_asked_into_a_room_that_is_not_there(access: LiveKitAccess) -> None:
    with pytest.raises(ServiceError):
        await dispatch_again(access, Seat("two", "call-two", "customer-2", WANG), "liuke")


async def test_a_room_that_is_closed_sends_its_customer_out(access: LiveKitAccess) -> None:
    seat = Seat("three", "call-three", "customer-3", WANG)
    room = await joined(access, seat)
    gone = asyncio.Event()
    room.on("disconnected", lambda *_: gone.set())
    await close_room(access, seat.room)
    await asyncio.wait_for(gone.wait(), 10)
    await close_room(access, seat.room)  # there is none any more


async def test_a_server_that_is_away_keeps_nobody_from_leaving(tmp_path: Path) -> None:
    nowhere = LiveKitAccess("ws://127.0.0.1:9", KEY, SECRET, ours=False)
    await close_room(nowhere, "call-one")
    with pytest.raises(ServiceError):
        await dispatch_again(nowhere, SEAT, "liuke")
