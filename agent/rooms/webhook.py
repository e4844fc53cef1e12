"""What a LiveKit server tells of its rooms: a request's body and signature in; a visit out.

It tells again what was not answered with success, 0, 1, 3, 7 and 15 seconds later, and then never;
events of a room wait for the one before. What it sends has the key of its TURN server in it, and is
written to no log.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from google.protobuf.json_format import ParseError
from livekit import api
from livekit.protocol.models import DisconnectReason, ParticipantInfo

from agent.rooms.access import LiveKitAccess
from agent.service.quality.own_calls import Visited
from common.errors import InputError

#: Where our server is told to send them, and others may.
PATH: Final = "/v1/livekit"
#: Of what happens in a room, that which we keep.
EVENTS: Final = ("participant_joined", "participant_left", "participant_connection_aborted")


def read_visit(body: bytes, signature: str, access: LiveKitAccess) -> Visited | None:
    """What an event says of a participant; None where it is of something else.

    Raises InputError where it was not signed with our key, or cannot be read.
    """
    receiver = api.WebhookReceiver(api.TokenVerifier(access.api_key, access.api_secret))
    try:
        event = receiver.receive(body.decode(), signature)
    except ParseError:
        raise _refused("it is none of its events") from None
    except Exception as error:  # what it raises for a hash that differs has no class of its own
        raise _refused(str(error)) from None
    who = event.participant
    if event.event not in EVENTS or not 0 < len(who.sid) <= _LONGEST_SID:
        return None
    told_at = datetime.fromtimestamp(event.created_at, UTC)
    if event.event == "participant_joined":
        return Visited(who.sid, event.room.name, who.identity, _joined_at(who) or told_at)
    joined_at = _joined_at(who) or told_at if event.event == "participant_left" else None
    return Visited(
        who.sid,
        event.room.name,
        who.identity,
        joined_at,
        # It is told to the second, and the beginning to the millisecond.
        left_at=max(told_at, joined_at or told_at),
        reason=_reason(who.disconnect_reason),
    )


_LONGEST_SID: Final = 64


def _joined_at(who: ParticipantInfo) -> datetime | None:
    milliseconds = who.joined_at_ms or who.joined_at * 1000
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _reason(number: DisconnectReason) -> str:
    """Its name; empty for one that a newer server has."""
    return DisconnectReason.Name(number) if number in DisconnectReason.values() else ""


def _refused(why: str) -> InputError:
    return InputError(
        f"What came for a LiveKit server is not taken: {why}.",
        "Let it sign its webhooks with LIVEKIT_API_KEY: docs/support.md.",
    )
