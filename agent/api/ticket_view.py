"""What pages show of a ticket: the ticket with its clocks, and who was called, in; a view out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from agent.service.paging.coming import who_comes
from agent.service.paging.rota import Page
from agent.service.tickets.sla import Clock
from agent.service.tickets.store import Told


class ClockView(BaseModel):
    """A promise of so much time, as it stands."""

    clock: Clock
    state: Literal["met", "missed", "paused", "running"]
    due_at: datetime | None = Field(description="None while it stands still.")
    met_at: datetime | None = Field(description="When what it waits for happened.")


class PersonView(BaseModel):
    """Whether a person comes for the ticket."""

    state: Literal["none", "calling", "coming", "here", "nobody"]
    name: str = Field(description="Of the person who is here or comes; else empty.")
    since: datetime | None


class TicketView(BaseModel):
    """A ticket as its customer, and who is called to it, may see it."""

    number: int
    severity: int = Field(description="1, the worst, to 4.")
    subject: str
    status: str = Field(description="open, waiting (for the customer) or resolved.")
    opened_at: datetime
    clocks: list[ClockView]
    person: PersonView
    callback_at: datetime | None = Field(
        description="Until when somebody calls the customer, where that was promised."
    )


def ticket_view(told: Told, pages: Sequence[Page]) -> TicketView:
    """``pages``: those of the ticket."""
    ticket, person = told.ticket, who_comes(told, pages)
    return TicketView(
        number=ticket.number,
        severity=ticket.severity,
        subject=ticket.subject,
        status=ticket.status,
        opened_at=ticket.opened_at,
        clocks=[
            ClockView(clock=one.clock, state=one.state, due_at=one.due_at, met_at=one.met_at)
            for one in told.clocks
        ],
        person=PersonView(state=person.state, name=person.name, since=person.since),
        callback_at=None,
    )
