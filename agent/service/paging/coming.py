"""Coming: a ticket with what happened to it, and who was called, in; who comes for it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.service.paging.rota import Page
from agent.service.tickets.store import Told


@dataclass(frozen=True)
class Coming:
    """Whether a person comes for a ticket, as its customer may be told.

    "here": they are in the call. "coming": they have it. "calling": people are being called to it.
    "nobody": they were, and none has it. "none": no person is called to it, or they have left it.
    """

    state: Literal["none", "calling", "coming", "here", "nobody"]
    name: str = ""
    """Of the person who is here or comes."""
    since: datetime | None = None
    """When it began to be so, where that is known."""


def who_comes(told: Told, pages: Sequence[Page]) -> Coming:
    """``pages``: those of the ticket."""
    ticket = told.ticket
    in_call = [event for event in told.events if event.kind in ("joined", "left")]
    last_call = next((e.call_id for e in reversed(told.events) if e.call_id), None)
    # Whoever came into a call before has nobody there any more, be it that it broke off.
    if in_call and in_call[-1].kind == "joined" and in_call[-1].call_id == last_call:
        return Coming("here", in_call[-1].who, in_call[-1].at)
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
