"""What pages show of a ticket: the ticket with its clocks, and who was called, in; a view out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, Field

from agent.service.paging.coming import State, who_comes
from agent.service.paging.rota import Page
from agent.service.promises.store import Promised
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

    state: State
    name: str = Field(description="Of the person who is here, comes or rings; else empty.")
    since: datetime | None


class TicketView(BaseModel):
    """A ticket as its customer, and who is called to it, may see it."""

    number: int
    severity: Literal[1, 2, 3, 4] = Field(description="1 is the worst.")
    subject: str
    status: Literal["open", "waiting", "resolved"] = Field(description="waiting: for the customer.")
    opened_at: datetime
    clocks: list[ClockView]
    person: PersonView
    callback_at: datetime | None = Field(
        description="Until when somebody calls the customer, where that was promised."
    )
    reach: str = Field(
        description="The number or mail address at which they want to be reached; empty: not said."
    )


_OF_TICKET: Final = ("number", "severity", "subject", "status", "opened_at")


def ticket_view(
    told: Told, pages: Sequence[Page], promised: Sequence[Promised], now: datetime
) -> TicketView:
    """``pages``, ``promised``: those of the ticket."""
    person = who_comes(told, pages, now)
    calls_back = [one.promise.due_at for one in promised if one.is_open_callback]
    return TicketView.model_validate(
        {
            **{name: getattr(told.ticket, name) for name in _OF_TICKET},
            "clocks": [ClockView.model_validate(one, from_attributes=True) for one in told.clocks],
            "person": PersonView.model_validate(person, from_attributes=True),
            "callback_at": min(calls_back, default=None),
            "reach": told.reach,
        }
    )
