"""Tickets: a call in, its tickets with their clocks and who comes for each out."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agent.api.context import InContext, InSeat
from agent.api.refusals import errors
from agent.api.ticket_view import TicketView, ticket_view
from agent.service.scope import Scope

router = APIRouter(prefix="/api/calls/{call_id}/tickets")


class TicketsView(BaseModel):
    """The tickets of a call, the worst first."""

    now: datetime = Field(description="By the server's clock, which the due times go by.")
    tickets: list[TicketView]


@router.get("", responses=errors(401, 403))
async def tickets(seat: InSeat, context: InContext) -> TicketsView:
    """What happened to in this call, the resolved ones too."""
    scope = Scope(seat.principal.account, seat.call_id)
    now = datetime.now(UTC)
    return TicketsView(
        now=now,
        tickets=[
            ticket_view(
                told,
                await context.paging.pages(scope, told.ticket.number),
                await context.promises.of_ticket(scope, told.ticket.number, now),
                now,
            )
            for told in await context.tickets.of_scope(scope, now)
        ],
    )
