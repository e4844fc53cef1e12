"""What a grant is made of: a customer's seat in; the room's token and the call's own token out.

Both are signed, so that a customer can change neither who they are nor which call it is. The room's
token lets one identity into one room for minutes, and asks for the assistant to join it. The call's
token is for the web API: it opens what belongs to this one call, and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt
from livekit import api

from agent.rooms.access import LiveKitAccess
from agent.rooms.principal import Principal
from common.errors import InputError

#: Cards are read, and the assistant asked for again, until the end of the longest call and a while
#: after it.
CALL_TOKEN_LIFE: Final = timedelta(hours=12)
_CALL_AUDIENCE: Final = "liuke-call"
#: What the identity of a person of the operator's begins with.
HUMAN: Final = "human-"


@dataclass(frozen=True)
class Seat:
    """A customer's place in a call."""

    call_id: str
    room: str
    identity: str
    principal: Principal
    attempt: int = 1
    """How often the assistant has been asked to join, this time included."""

    def to_json(self) -> str:
        """As it travels in a dispatch or a token."""
        principal = self.principal
        return json.dumps(
            {
                "call_id": self.call_id,
                "room": self.room,
                "identity": self.identity,
                "account": principal.account,
                "contact": principal.contact,
                "language": principal.language,
                "rights": sorted(principal.rights),
                "guest": principal.guest,
                "attempt": self.attempt,
            }
        )


def read_seat(text: str) -> Seat:
    """The seat that `Seat.to_json` wrote. Raises InputError when it is none."""
    try:
        fields = json.loads(text)
        principal = Principal(
            account=fields["account"],
            contact=fields["contact"],
            language=fields["language"],
            rights=frozenset(fields["rights"]),
            guest=fields["guest"],
        )
        return Seat(
            fields["call_id"], fields["room"], fields["identity"], principal, fields["attempt"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"A dispatch does not say whose call it is: {error!r}.",
            "Let the API of the same version of Liuke dispatch the assistant.",
        ) from None


def room_token(access: LiveKitAccess, seat: Seat, agent_name: str, life: timedelta) -> str:
    """A token that lets one customer into one room, and asks for the assistant to join it."""
    dispatch = api.RoomAgentDispatch(agent_name=agent_name, metadata=seat.to_json())
    return (
        api.AccessToken(access.api_key, access.api_secret)
        .with_identity(seat.identity)
        .with_ttl(life)
        .with_grants(_speaks_in(seat.room, "screen_share"))
        .with_room_config(
            api.RoomConfiguration(
                name=seat.room, agents=[dispatch], empty_timeout=60, max_participants=4
            )
        )
        .to_jwt()
    )


def _speaks_in(room: str, *shows: str) -> api.VideoGrants:
    """Whoever joins speaks, hears and types there, and is who the token says.

    ``shows``: what else they may publish.
    """
    return api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone", *shows],
        can_subscribe=True,
        can_publish_data=True,
        can_update_own_metadata=False,
    )


def responder_identity(responder: str) -> str:
    """How a person of the operator's is known in a customer's room, each time they join it."""
    return f"{HUMAN}{hashlib.sha256(responder.encode()).hexdigest()[:12]}"


def is_responder(identity: str) -> bool:
    """Whether it is a person of the operator's: nobody else is given such an identity."""
    return identity.startswith(HUMAN)


def responder_token(access: LiveKitAccess, room: str, responder: str, life: timedelta) -> str:
    """A token that lets a person of the operator's into a customer's room, under their name."""
    return (
        api.AccessToken(access.api_key, access.api_secret)
        .with_identity(responder_identity(responder))
        .with_name(responder)
        .with_ttl(life)
        .with_grants(_speaks_in(room))
        .to_jwt()
    )


def call_token(seat: Seat, secret: str) -> str:
    """A token for what the web API keeps of this call; ``secret``: the installation's own."""
    expires = datetime.now(UTC) + CALL_TOKEN_LIFE
    claims = {"aud": _CALL_AUDIENCE, "exp": expires, "seat": seat.to_json()}
    return jwt.encode(claims, _key(secret), algorithm="HS256")


def read_call_token(token: str, secret: str) -> Seat:
    """Whose call a token opens. Raises InputError when it is none of ours, or too old."""
    try:
        claims = jwt.decode(
            token,
            _key(secret),
            algorithms=["HS256"],
            audience=_CALL_AUDIENCE,
            options={"require": ["aud", "exp", "seat"]},
        )
    except jwt.InvalidTokenError as error:
        raise InputError(
            f"The call's token is not accepted: {error}.", "Begin a new call."
        ) from None
    return read_seat(claims["seat"])


def _key(secret: str) -> bytes:
    """A key for these tokens alone, so that no other use of the secret makes one."""
    return hmac.digest(secret.encode(), b"liuke call token", hashlib.sha256)
