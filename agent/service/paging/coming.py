"""Coming: a ticket with what happened to it, and who was called, in; who comes for it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from agent.service.paging.rota import Page
from agent.service.tickets.store import Told
from agent.service.tickets.tables import TicketEvent

#: A customer's page rings for so long. A browser lets a page that is hidden look once a minute.
RINGS_FOR: Final = timedelta(seconds=90)

State = Literal["none", "calling", "coming", "here", "nobody", "ringing"]


@dataclass(frozen=True)
class Coming:
    """Whether a person comes for a ticket, as its customer may be told.

    "here": they are in the call. "coming": they have it. "calling": people are being called to it.
    "nobody": they were, and none has it. "none": no person is called to it, or they have left it.
    "ringing": they call the customer back, who has left the call.
    """

    state: State
    name: str = ""
    """Of the person who is here, comes or rings."""
    since: datetime | None = None
    """When it began to be so, where that is known."""


def _met(told: Told) -> list[TicketEvent]:
    """What brought customer and person together, and apart."""
    return [event for event in told.events if event.kind in ("joined", "left", "rang", "answered")]


def is_rung(told: Told) -> bool:
    """Somebody has called the customer back last, who may answer, also where they wait no more."""
    return [event.kind for event in _met(told)][-1:] == ["rang"]


def who_comes(told: Told, pages: Sequence[Page], now: datetime) -> Coming:
    """``pages``: those of the ticket."""
    ticket = told.ticket
    met = _met(told)
    in_call = [event for event in met if event.kind in ("joined", "left")]
    if met and met[-1].kind == "rang" and now - met[-1].at < RINGS_FOR:
        return Coming("ringing", met[-1].who, met[-1].at)
    last_call = next((e.call_id for e in reversed(told.events) if e.call_id), None)
    # Whoever came into a call before has nobody there any more, be it that it broke off.
    if met and met[-1].kind == "joined" and met[-1].call_id == last_call:
        return Coming("here", met[-1].who, met[-1].at)
    if met and met[-1].kind == "answered":
        rang = next(event for event in reversed(met) if event.kind == "rang")
        return Coming("coming", rang.who, rang.at)
    if ticket.status == "resolved":
        return Coming("none")
    taken = [(page.taken_at, page.responder) for page in pages if page.taken_at]
    left_at = in_call[-1].at if in_call else None
    coming = [(at, responder) for at, responder in taken if left_at is None or at > left_at]
    if coming:
        at, responder = min(coming)
        return Coming("coming", responder, at)
    if taken:
        return Coming("none")
    if ticket.next_page_at:
        return Coming("calling", since=min((page.sent_at for page in pages), default=None))
    return Coming("nobody" if ticket.paging_since else "none")
