"""How a call was, as the customer's page measured it: joining and stretches in, kept once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Annotated, Self, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from sqlalchemy.exc import SQLAlchemyError

from agent.api.context import InContext, InSeat
from agent.api.refusals import RefusedError, errors
from agent.rooms.tokens import Seat
from agent.service.quality.own_calls import Measured
from agent.service.scope import Scope

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/calls/{call_id}")

T = TypeVar("T")

_Count = Annotated[int, Field(ge=0, le=1_000_000)]


class Joining(BaseModel):
    """What became of getting into the room."""

    join_ms: float | None = Field(
        ge=0,
        le=600_000,
        allow_inf_nan=False,
        description="From asking for the call to being in its room, without the time in which the"
        " customer was asked for the microphone; null where it failed.",
    )


class Stretch(BaseModel):
    """What was measured since the last one, or since joining."""

    number: int = Field(ge=1, le=1_000, description="Counts them in this call.")
    seconds: float = Field(gt=0, le=120, allow_inf_nan=False)
    stalled_seconds: float = Field(
        ge=0,
        allow_inf_nan=False,
        description="Of these: made up by the player, or while the connection was mended.",
    )
    latency_ms: float | None = Field(
        None,
        ge=0,
        le=60_000,
        allow_inf_nan=False,
        description="Half the round trip to the server, and the wait in the player's buffer.",
    )
    packets: _Count = Field(description="Sent, in both directions.")
    packets_lost: _Count = Field(description="Of these.")

    @model_validator(mode="after")
    def _parts_of_a_whole(self) -> Self:
        if self.stalled_seconds > self.seconds or self.packets_lost > self.packets:
            raise ValueError("a part is more than the whole")
        return self


@router.post("/joining", status_code=204, responses=errors(401, 403, 404, 422, 503))
async def joining(told: Joining, seat: InSeat, context: InContext) -> None:
    """How joining went; the first word counts."""
    took = None if told.join_ms is None else round(told.join_ms)
    kept = context.own_calls.joining(_scope(seat), seat.call_id, took, datetime.now(UTC))
    if not await _kept(seat, kept):
        raise RefusedError(404, "not_found", seat.principal.language)
    context.roller.tell()


@router.post("/measurements", status_code=204, responses=errors(401, 403, 404, 422, 429, 503))
async def measured(told: Stretch, seat: InSeat, context: InContext) -> None:
    """How a stretch of the call was that has just ended; the first word on each number counts."""
    length_ms = max(1, round(told.seconds * 1000))
    one = Measured(
        told.number,
        length_ms,
        min(length_ms, round(told.stalled_seconds * 1000)),
        None if told.latency_ms is None else round(told.latency_ms),
        told.packets,
        told.packets_lost,
    )
    kept = context.own_calls.measured(_scope(seat), seat.call_id, one, datetime.now(UTC))
    outcome = await _kept(seat, kept)
    if outcome == "no_call":
        raise RefusedError(404, "not_found", seat.principal.language)
    if outcome == "too_many":
        raise RefusedError(429, "too_many_measurements", seat.principal.language, retry_after_s=60)
    context.roller.tell()


async def _kept(seat: Seat, keeping: Awaitable[T]) -> T:
    try:
        return await keeping
    except (SQLAlchemyError, OSError):
        log.exception("what the page of call %s measured cannot be kept", seat.call_id)
        raise RefusedError(503, "unavailable", seat.principal.language) from None


def _scope(seat: Seat) -> Scope:
    return Scope(seat.principal.account, seat.call_id)
