"""Rooms from outside: a seat in; the assistant asked to join again, or the room closed.

LiveKit hands a dispatch to a worker once. One that is given while no worker is registered waits for
ever, and so does the job of a worker that died: then somebody must ask again.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import aiohttp
from livekit import api

from agent.rooms.access import CHECK_TIMEOUT_S, LiveKitAccess
from agent.rooms.tokens import Seat
from common.errors import ServiceError

log = logging.getLogger(__name__)

#: How often the assistant is asked into one room.
MOST_ATTEMPTS: Final = 5


async def dispatch_again(access: LiveKitAccess, seat: Seat, agent_name: str) -> bool:
    """Ask the assistant to join. False: it has been asked ``MOST_ATTEMPTS`` times already.

    Raises ServiceError when the LiveKit server is away or knows no such room.
    """
    async with _client(access) as livekit:
        asked = await livekit.agent_dispatch.list_dispatch(seat.room)
        if len(asked) >= MOST_ATTEMPTS:
            return False
        again = replace(seat, attempt=len(asked) + 1)
        await livekit.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(
                agent_name=agent_name, room=seat.room, metadata=again.to_json()
            )
        )
        return True


async def close_room(access: LiveKitAccess, room: str) -> None:
    """Send everybody out of a room; without effect where there is none or the server is away."""
    try:
        async with _client(access) as livekit:
            await livekit.room.delete_room(api.DeleteRoomRequest(room=room))
    except ServiceError as error:
        log.info("%s", error.message)


@asynccontextmanager
async def _client(access: LiveKitAccess) -> AsyncIterator[api.LiveKitAPI]:
    timeout = aiohttp.ClientTimeout(total=CHECK_TIMEOUT_S)
    try:
        async with api.LiveKitAPI(
            access.url, access.api_key, access.api_secret, timeout=timeout
        ) as livekit:
            yield livekit
    except (api.TwirpError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceError(
            f"The LiveKit server at {access.url} did not do what it was asked: {error!r}.",
            "See its log.",
            retryable=True,
        ) from None
