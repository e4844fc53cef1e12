"""Follow-up: a call in; its written summary and its checklists out, and what its customer ticks."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from agent.api.context import InContext, InSeat
from agent.api.refusals import RefusedError, errors
from agent.rooms.tokens import Seat
from agent.service.scope import Scope
from common.languages import Language

log = logging.getLogger(__name__)

#: As databases number rows.
Item = Annotated[int, Path(ge=1, le=2**31 - 1)]

router = APIRouter(prefix="/api/calls/{call_id}")


class SectionView(BaseModel):
    """A part of a summary."""

    heading: str
    lines: list[str]


class SummaryView(BaseModel):
    """The written summary of a call."""

    model_config = ConfigDict(from_attributes=True)

    language: Language
    sections: list[SectionView] = Field(description="None where nothing was said.")
    written_at: datetime
    mailed_at: datetime | None = Field(description="None where it was not sent to the customer.")


class SummaryOfCall(BaseModel):
    """What there is of it."""

    summary: SummaryView | None = Field(description="None until the call has ended.")


class ItemView(BaseModel):
    """One thing to do."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    text: str
    done_at: datetime | None


class ChecklistView(BaseModel):
    """What there is to do until a launch."""

    model_config = ConfigDict(from_attributes=True)

    scenario: str
    items: list[ItemView] = Field(description="In their order.")


class ChecklistsView(BaseModel):
    """The checklists that were set in a call."""

    checklists: list[ChecklistView]


class Tick(BaseModel):
    """Whether something is done."""

    done: bool


@router.get("/summary", responses=errors(401, 403))
async def summary(seat: InSeat, context: InContext) -> SummaryOfCall:
    """The call in writing: what it was about, what was agreed, what is open."""
    found = await context.summaries.read(_scope(seat), seat.call_id)
    return SummaryOfCall(summary=SummaryView.model_validate(found) if found else None)


@router.get("/checklist", responses=errors(401, 403))
async def checklist(seat: InSeat, context: InContext) -> ChecklistsView:
    """What there is to do, as far as it was set in this call."""
    found = await context.matters.checklists(_scope(seat))
    return ChecklistsView(checklists=[ChecklistView.model_validate(one) for one in found])


@router.put("/checklist/{item}", status_code=204, responses=errors(401, 403, 404, 422, 503))
async def tick(item: Item, tick: Tick, seat: InSeat, context: InContext) -> None:
    """The customer has done it, or has not; said again, the last counts."""
    language = seat.principal.language
    done_at = datetime.now(UTC) if tick.done else None
    try:
        is_theirs = await context.matters.tick(_scope(seat), item, done_at)
    except (SQLAlchemyError, OSError):
        log.exception("what is done in call %s could not be recorded", seat.call_id)
        raise RefusedError(503, "unavailable", language) from None
    if not is_theirs:
        raise RefusedError(404, "not_found", language)


def _scope(seat: Seat) -> Scope:
    return Scope(seat.principal.account, seat.call_id)
