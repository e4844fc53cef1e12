"""Room tokens: one room, one identity, a short life."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from livekit import api

from agent.rooms.access import LiveKitAccess
from common.languages import Language


@dataclass(frozen=True)
class Seat:
    """A customer's place in a call."""

    call_id: str
    room: str
    identity: str
    language: Language


def room_token(access: LiveKitAccess, seat: Seat, agent_name: str, life: timedelta) -> str:
    """A token that lets one customer into one room, and asks for the assistant to join it.

    The dispatch's metadata says which call it is; it is signed with the token, so that a customer
    cannot change it.
    """
    metadata = json.dumps(
        {"call_id": seat.call_id, "identity": seat.identity, "language": seat.language}
    )
    dispatch = api.RoomAgentDispatch(agent_name=agent_name, metadata=metadata)
    grants = api.VideoGrants(
        room_join=True,
        room=seat.room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_subscribe=True,
        can_publish_data=True,
        can_update_own_metadata=False,
    )
    return (
        api.AccessToken(access.api_key, access.api_secret)
        .with_identity(seat.identity)
        .with_ttl(life)
        .with_grants(grants)
        .with_room_config(
            api.RoomConfiguration(
                name=seat.room, agents=[dispatch], empty_timeout=60, max_participants=4
            )
        )
        .to_jwt()
    )
