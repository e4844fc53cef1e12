"""Calls: a customer who has agreed in, a grant out; and what becomes of it before the call."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, field_validator
from sqlalchemy.exc import SQLAlchemyError

from agent.api.context import Caller, Context, InContext, InSeat, bearer, read_principal
from agent.api.refusals import RefusedError, errors
from agent.rooms.dispatch import close_room, dispatch_again
from agent.rooms.principal import Principal
from agent.rooms.tokens import Seat, call_token, read_call_token, room_token
from agent.service.calls.tables import Call
from agent.service.paging.coming import is_rung
from agent.service.scope import Scope
from agent.service.tickets.store import Happening
from common.errors import InputError
from common.languages import Language

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/calls")

#: HTTP status of each reason for which there is no grant.
_REFUSAL_STATUS = {"busy": 503, "too_often": 429, "too_many_calls": 429}


class CallRequest(BaseModel):
    """A customer wants to call."""

    language: Language | None = Field(
        None, description="Of the page and the greeting. Left out: what the site signed, else zh."
    )
    consent: Literal[True] = Field(
        description="The customer agrees that the call is transcribed; without it there is no call."
    )
    consent_version: Annotated[str, Field(max_length=16)] = Field(
        description="Of the text that the customer read: `GET /api/consent`."
    )
    principal: Annotated[str, Field(max_length=4096)] = Field(
        "",
        description="What the operator's site signed (docs/identity.md), unless it is in the"
        " header `Authorization: Bearer`. Empty: a guest.",
    )
    answers: Annotated[str, Field(max_length=4096)] = Field(
        "",
        description="The `call_token` of an earlier call of theirs, whose page rings: somebody"
        " calls them back. They are who they were in that call.",
    )


class CallGrant(BaseModel):
    """What the browser needs to join the call."""

    call_id: str
    livekit_url: str
    token: str = Field(description="Lets into the room, for minutes.")
    call_token: str = Field(
        description="Opens what belongs to this call: `Authorization: Bearer` of its own routes."
    )
    room: str
    identity: str


class Rating(BaseModel):
    """What a customer thinks of a call."""

    rating: Annotated[int, Field(ge=1, le=5, description="1, the worst, to 5.")]
    comment: Annotated[str, Field(max_length=1000)] = ""

    @field_validator("comment")
    @classmethod
    def _storable(cls, comment: str) -> str:
        """PostgreSQL keeps no NUL."""
        return comment.replace("\0", "")


@router.post("", status_code=201, responses=errors(401, 409, 413, 422, 429, 503))
async def create_call(
    wish: CallRequest, request: Request, context: InContext, caller: Caller
) -> CallGrant:
    """A grant for one call, and a place that is kept for it half a minute."""
    ringing = await _ringing(context, wish)
    if ringing:
        known = ringing.seat.principal
        principal = replace(known, language=wish.language or known.language)
    else:
        principal = read_principal(context, wish.principal or bearer(request), wish.language)
    consent = context.consent[principal.language]
    if wish.consent_version != consent.version:
        raise RefusedError(409, "consent_changed", principal.language)
    call_id = str(uuid.uuid4())
    identity = f"customer-{uuid.uuid4().hex[:12]}"
    seat = Seat(call_id, f"call-{call_id}", identity, principal)
    life = timedelta(minutes=context.settings.api.token_minutes)
    await _admit(context, _record(seat, consent.version, life), caller, principal)
    if ringing:
        await _answer(context, ringing, seat)
    return CallGrant(
        call_id=call_id,
        livekit_url=context.settings.livekit.public_url or context.access.url,
        token=room_token(context.access, seat, context.settings.agent.name, life),
        call_token=call_token(seat, context.settings.internal_token),
        room=seat.room,
        identity=seat.identity,
    )


@router.post("/{call_id}/end", status_code=204, responses=errors(401, 403))
async def end_call(seat: InSeat, context: InContext) -> None:
    """The customer has left for good: give their place back at once."""
    try:
        await context.calls.give_back(_scope(seat), seat.call_id)
    except (SQLAlchemyError, OSError):
        log.exception("the end of call %s could not be recorded", seat.call_id)
    await close_room(context.access, seat.room)


@router.post("/{call_id}/assistant", status_code=204, responses=errors(401, 403, 429, 503))
async def ask_again(seat: InSeat, context: InContext) -> None:
    """Ask the assistant to join again, where none came or the one that was there is gone."""
    if await context.calls.is_answered(_scope(seat), seat.call_id):
        return
    if not await dispatch_again(context.access, seat, context.settings.agent.name):
        raise RefusedError(429, "enough_attempts", seat.principal.language)


@router.post("/{call_id}/rating", status_code=204, responses=errors(401, 403, 404, 422, 503))
async def rate_call(rating: Rating, seat: InSeat, context: InContext) -> None:
    """What the customer thinks of the call, during it or after; said again, the last counts."""
    language = seat.principal.language
    try:
        kept = await context.calls.rate(_scope(seat), seat.call_id, rating.rating, rating.comment)
    except (SQLAlchemyError, OSError):
        log.exception("the rating of call %s could not be recorded", seat.call_id)
        raise RefusedError(503, "unavailable", language) from None
    if not kept:
        raise RefusedError(404, "not_found", language)


@dataclass(frozen=True)
class _Ringing:
    """What a customer answers: the call that they had left, and the tickets that are about it."""

    seat: Seat
    tickets: list[int]


async def _ringing(context: Context, wish: CallRequest) -> _Ringing | None:
    """None where nothing is answered. Raises RefusedError where nothing rings."""
    if not wish.answers:
        return None
    try:
        seat = read_call_token(wish.answers, context.settings.internal_token)
        told = await context.tickets.of_scope(_scope(seat), datetime.now(UTC))
    except InputError:
        raise RefusedError(401, "not_your_call", wish.language) from None
    except (SQLAlchemyError, OSError):
        log.exception("who rings in call %s cannot be read", seat.call_id)
        raise RefusedError(503, "unavailable", wish.language) from None
    tickets = [one.ticket.number for one in told if is_rung(one)]
    if not tickets:
        raise RefusedError(409, "nobody_rings", wish.language)
    return _Ringing(seat, tickets)


async def _answer(context: Context, ringing: _Ringing, seat: Seat) -> None:
    """What the customer is called back for belongs to the new call, too."""
    answered = Happening(
        f"call:{seat.call_id}:answered",
        "answered",
        "customer",
        datetime.now(UTC),
        who=seat.principal.contact,
        call_id=seat.call_id,
    )
    try:
        for number in ringing.tickets:
            await context.tickets.add(_scope(ringing.seat), number, answered)
    except (SQLAlchemyError, OSError):  # a call that knows nothing of it is better than none
        log.exception("call %s cannot be told what it answers", seat.call_id)


async def _admit(context: Context, call: Call, caller: str, principal: Principal) -> None:
    try:
        refusal = await context.admission.admit(call, caller)
    except (SQLAlchemyError, OSError):  # a call without a record is better than no call
        log.exception("call %s could not be recorded", call.id)
        return
    if refusal:
        raise RefusedError(
            _REFUSAL_STATUS[refusal.reason],
            refusal.reason,
            principal.language,
            refusal.retry_after_s,
        )


def _record(seat: Seat, consent_version: str, life: timedelta) -> Call:
    now = datetime.now(UTC)
    return Call(
        id=seat.call_id,
        account=seat.principal.account,
        contact=seat.principal.contact,
        room=seat.room,
        identity=seat.identity,
        language=seat.principal.language,
        consented_at=now,
        consent_version=consent_version,
        grant_expires_at=now + life,
    )


def _scope(seat: Seat) -> Scope:
    return Scope(seat.principal.account, seat.call_id)
