"""A customer who leaves for good is noticed at once, also before anybody watched for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from livekit import api, rtc

from agent.call.presence import Presence
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

CUSTOMER = "customer-1"
Reason = rtc.DisconnectReason


@asynccontextmanager
async def livekit(*, knows_customer: bool) -> AsyncIterator[api.LiveKitAPI]:
    """The API of a LiveKit server that has the customer in its room, or has not."""
    app = FastAPI()

    @app.post("/twirp/livekit.RoomService/GetParticipant")
    async def get_participant() -> Response:
        if knows_customer:
            body = api.ParticipantInfo(identity=CUSTOMER).SerializeToString()
            return Response(body, media_type="application/protobuf")
        return JSONResponse({"code": "not_found", "msg": "no such participant"}, status_code=404)

    async with serve(app) as url, api.LiveKitAPI(url, "key", "secret" * 6) as client:
        yield client


def participant(identity: str, reason: int = Reason.UNKNOWN_REASON) -> SimpleNamespace:
    return SimpleNamespace(identity=identity, disconnect_reason=reason)


async def test_who_left_before_anybody_watched_is_gone_at_once() -> None:
    async with livekit(knows_customer=False) as client, asyncio.timeout(5):
        await Presence(rtc.Room(), CUSTOMER).gone(lambda: client)


async def test_who_is_still_connecting_is_waited_for() -> None:
    async with livekit(knows_customer=True) as client:
        room = rtc.Room()
        gone = asyncio.create_task(Presence(room, CUSTOMER).gone(lambda: client))
        await asyncio.sleep(0.3)
        room.emit("participant_connected", participant(CUSTOMER))
        await asyncio.sleep(0.1)
        assert not gone.done()
        room.emit("participant_disconnected", participant(CUSTOMER, Reason.CLIENT_INITIATED))
        await asyncio.wait_for(gone, 5)


@pytest.mark.parametrize(
    "leaving",
    [
        participant(CUSTOMER, Reason.SIGNAL_CLOSE),
        participant(CUSTOMER, Reason.DUPLICATE_IDENTITY),
        participant("somebody-else", Reason.CLIENT_INITIATED),
    ],
    ids=["connection lost", "joined again", "another"],
)
async def test_who_may_come_back_is_not_gone(leaving: SimpleNamespace) -> None:
    async with livekit(knows_customer=True) as client:
        room = rtc.Room()
        gone = asyncio.create_task(Presence(room, CUSTOMER).gone(lambda: client))
        await asyncio.sleep(0.1)
        room.emit("participant_connected", participant(CUSTOMER))
        room.emit("participant_disconnected", leaving)
        await asyncio.sleep(0.1)
        assert not gone.done()
        gone.cancel()
