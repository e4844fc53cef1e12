"""The rota: who is on call for what in; whom to page next, or how long to wait, out.

Pure functions over what was paged so far: whoever comes by sees the same next step, also after the
process that sent the last page has died.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Final, Literal

from agent.service.tickets.business_time import BusinessHours, worked
from common.languages import Language

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


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

    @property
    def taken_at(self) -> datetime | None:
        """When the responder acknowledged it, unless they have given it up."""
        return None if self.declined_at else self.acknowledged_at


@dataclass(frozen=True)
class Step:
    """What happens next: "page" ``responder``; "wait" until ``at``; it is "taken" by
    ``responder`` since ``at``; there is "nobody" left to page; or the ticket is "over".
    """

    kind: Literal["page", "wait", "taken", "nobody", "over"]
    responder: str = ""
    at: datetime | None = None
    until: datetime | None = None
    """When to look again."""


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


def settled(
    pages: Sequence[Page], patience: timedelta, came: Mapping[str, datetime], now: datetime
) -> list[Page]:
    """The pages; who acknowledged one, and has not come within ``patience``, has given it up.

    ``came``: who has come into the customer's call, and when last.
    """
    gave_up: dict[Page, datetime] = {}
    holder_until: datetime | None = None  # from when on another may have it
    for at, page in sorted(_taken(pages), key=itemgetter(0)):
        if holder_until and at < holder_until:
            continue
        has_come = page.responder in came and came[page.responder] >= at
        holder_until = _NEVER if has_come else at + patience
        if holder_until <= now:
            gave_up[page] = holder_until
    return [replace(page, declined_at=gave_up.get(page, page.declined_at)) for page in pages]


def _taken(pages: Sequence[Page]) -> list[tuple[datetime, Page]]:
    return [(page.taken_at, page) for page in pages if page.taken_at]


def next_step(
    chain: Sequence[Responder],
    pages: Sequence[Page],
    patience: timedelta,
    now: datetime,
    came: Mapping[str, datetime] | None = None,
) -> Step:
    """``chain``: who is on call now. ``patience``: for each page, before the next is called, and
    for whoever has acknowledged one to come. ``came``: as in `settled`.

    Nobody is called twice. Whoever acknowledges has it, also after the next was called: the first
    of them who comes, or may still do so.
    """
    came = came or {}
    pages = settled(pages, patience, came, now)
    if taken := _taken(pages):
        at, page = min(taken, key=itemgetter(0))
        has_come = page.responder in came and came[page.responder] >= at
        return Step("taken", page.responder, at, until=None if has_come else at + patience)
    waited_for = [page.sent_at + patience for page in pages if not page.declined_at]
    until = max(waited_for, default=now)
    if until > now:
        return Step("wait", at=until, until=until)
    paged = {page.responder for page in pages}
    left = (responder.name for responder in chain if responder.name not in paged)
    responder = next(left, "")
    return Step("page", responder) if responder else Step("nobody")
