"""Presence: the events of a room in; that its customer has left for good out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import aiohttp
from livekit import api, rtc

#: After any other reason they may come back: the server closes the room when they do not.
_LEFT_FOR_GOOD: Final = (
    rtc.DisconnectReason.CLIENT_INITIATED,
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.USER_REJECTED,
)
#: Who is in the room and whose connection is still being made is waited for this long, seconds.
_CONNECTED_WITHIN_S = 10.0


class Presence:
    """Watches for one customer in a room that has been joined."""

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self._room = room
        self._identity = identity
        self._came = asyncio.Event()
        self._gone = asyncio.Event()
        room.on("participant_connected", self._on_connected)
        room.on("participant_disconnected", self._on_disconnected)
        if identity in room.remote_participants:
            self._came.set()

    async def gone(self, livekit: Callable[[], api.LiveKitAPI]) -> None:
        """Wait until the customer has left for good; they may have before anybody watched.

        ``livekit`` is asked for where they are not to be seen: a client takes its time to make.
        """
        if not self._came.is_set() and not await self._comes(livekit()):
            return
        await self._gone.wait()

    async def _comes(self, livekit: api.LiveKitAPI) -> bool:
        """Whether the customer is in the room, by what the server knows, and will be seen."""
        who = api.RoomParticipantIdentity(room=self._room.name, identity=self._identity)
        try:
            await livekit.room.get_participant(who)
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return self._came.is_set()
        except (aiohttp.ClientError, OSError):
            pass  # the room itself will tell
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONNECTED_WITHIN_S):
                await self._came.wait()
        return self._came.is_set()

    def _on_connected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity:
            self._came.set()

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if (
            participant.identity == self._identity
            and participant.disconnect_reason in _LEFT_FOR_GOOD
        ):
            self._gone.set()
