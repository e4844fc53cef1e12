"""The rota: who is on call for what in; whom to page next, or how long to wait, out.

Pure functions over what was paged so far: whoever comes by sees the same next step, also after the
process that sent the last page has died.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agent.service.tickets.business_time import BusinessHours, worked
from common.languages import Language


@dataclass(frozen=True)
class Responder:
    """A person who is paged, in the order of the rota."""

    name: str
    destination: str
    """Of the outbox."""
    severities: frozenset[int]
    languages: frozenset[Language]
    hours: BusinessHours
    """When they are on call."""


@dataclass(frozen=True)
class Page:
    """That somebody was called to a ticket."""

    responder: str
    sent_at: datetime
    acknowledged_at: datetime | None = None
    declined_at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What happens next: "page" ``responder``; "wait" until ``at``; it is "taken" by
    ``responder`` since ``at``; there is "nobody" left to page; or the ticket is "over".
    """

    kind: Literal["page", "wait", "taken", "nobody", "over"]
    responder: str = ""
    at: datetime | None = None


def on_call(
    rota: Iterable[Responder], severity: int, language: Language, now: datetime
) -> list[Responder]:
    """Who is there for it now: those who speak the customer's language first, then by the rota."""
    here = [
        responder
        for responder in rota
        if severity in responder.severities
        and worked(responder.hours, now, now + timedelta(microseconds=1))
    ]
    return sorted(here, key=lambda responder: language not in responder.languages)


def next_step(
    chain: Sequence[Responder], pages: Sequence[Page], patience: timedelta, now: datetime
) -> Step:
    """``chain``: who is on call now. ``patience``: for each page, before the next is called.

    Nobody is called twice. Whoever acknowledges has it, also after the next was called: the first
    of them.
    """
    taken = [(page.acknowledged_at, page.responder) for page in pages if page.acknowledged_at]
    if taken:
        at, responder = min(taken)
        return Step("taken", responder, at)
    waited_for = [page.sent_at + patience for page in pages if not page.declined_at]
    until = max(waited_for, default=now)
    if until > now:
        return Step("wait", at=until)
    paged = {page.responder for page in pages}
    left = (responder.name for responder in chain if responder.name not in paged)
    responder = next(left, "")
    return Step("page", responder) if responder else Step("nobody")
