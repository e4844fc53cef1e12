"""Dispatch: a call to which no assistant came is offered to the workers again.

LiveKit asks the workers once, as the customer enters the room. One that is full in that moment, for
a call that has just ended takes some seconds to leave it, would leave the customer alone.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp
from livekit import api

from agent.api.tokens import Seat, dispatch_metadata
from agent.host.livekit import LiveKitAccess

log = logging.getLogger(__name__)

#: Seconds between two looks, and how many there are: customers have given up by then.
_AGAIN_S = 1.5
_LOOKS = 20


async def watch(access: LiveKitAccess, seat: Seat, agent_name: str) -> None:
    """Ask for an assistant again until one has taken the call, or the customer has given up."""
    async with api.LiveKitAPI(access.url, access.api_key, access.api_secret) as livekit:
        for _ in range(_LOOKS):
            await asyncio.sleep(_AGAIN_S)
            try:
                asked = await livekit.agent_dispatch.list_dispatch(seat.room)
                if any(dispatch.state.jobs for dispatch in asked):
                    return
                if asked:  # else the customer has not entered yet
                    log.info("no worker took %s; asking again", seat.room)
                    await livekit.agent_dispatch.create_dispatch(
                        api.CreateAgentDispatchRequest(
                            agent_name=agent_name, room=seat.room, metadata=dispatch_metadata(seat)
                        )
                    )
            except (api.TwirpError, aiohttp.ClientError) as error:
                log.info("the dispatch of %s cannot be seen: %s", seat.room, error)
