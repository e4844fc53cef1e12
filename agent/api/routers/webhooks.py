"""What the LiveKit server tells of its rooms: who came and went in, kept before it is answered."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError

from agent.api.context import InContext
from agent.api.refusals import RefusedError, errors
from agent.rooms.webhook import PATH, read_visit
from common.errors import InputError

log = logging.getLogger(__name__)

router = APIRouter()


@router.post(PATH, status_code=204, responses=errors(401, 503))
async def take_event(request: Request, context: InContext) -> None:
    """Take an event that the server signed with our key; told again, it changes nothing.

    What cannot be kept is answered with 503, so that it is told again. Events of rooms that are no
    calls of ours are taken, too, and forgotten.
    """
    signature = request.headers.get("authorization", "")
    try:
        visit = read_visit(await request.body(), signature, context.access)
    except InputError as error:
        log.warning("%s", error.message)
        raise RefusedError(401, "event_refused") from None
    if visit is None:
        return
    try:
        kept = await context.own_calls.visited(visit, datetime.now(UTC))
    except (SQLAlchemyError, OSError):
        log.exception("who was in room %s when cannot be kept", visit.room)
        raise RefusedError(503, "unavailable") from None
    if kept:
        context.roller.tell()
