"""Who comes for a ticket follows from who was called and what happened to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.service.paging.coming import Coming, who_comes
from agent.service.paging.rota import Page
from agent.service.tickets.store import Told
from agent.service.tickets.tables import Ticket, TicketEvent

pytestmark = pytest.mark.unit

T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def ticket(
    *came: tuple[float, str],
    next_page: float | None = None,
    wanted: bool = False,
    status: str = "open",
    calls_again: bool = False,
) -> Told:
    """What happened: who came into its call, "" where they left, "rang" and "answered"."""
    events = [TicketEvent(at=T0, kind="opened", actor="customer", call_id="1")]
    events += [
        TicketEvent(at=at(m), kind=_kind(w), actor="human", who=w and "zhao", call_id="1")
        for m, w in came
    ]
    if calls_again:
        events.append(TicketEvent(at=at(20), kind="said", actor="customer", call_id="2"))
    kept = Ticket(
        status=status,
        next_page_at=None if next_page is None else at(next_page),
        paging_since=T0 if wanted else None,
    )
    return Told(kept, events, [])


def _kind(what: str) -> str:
    return {"": "left", "zhao": "joined"}.get(what, what)


LIN, ZHAO = Page("lin", at(1)), Page("zhao", at(6))
HAS_IT = Page("zhao", at(6), acknowledged_at=at(7))


@pytest.mark.parametrize(
    ("told", "pages", "coming"),
    [
        (ticket(), [], Coming("none")),
        (ticket(next_page=0), [], Coming("calling")),
        (ticket(next_page=6), [LIN], Coming("calling", since=at(1))),
        (ticket(next_page=11), [LIN, ZHAO], Coming("calling", since=at(1))),
        (ticket(wanted=True), [], Coming("nobody")),  # nobody was on call
        (ticket(wanted=True), [LIN, ZHAO], Coming("nobody")),
        (ticket(wanted=True), [Page("lin", at(1), declined_at=at(2))], Coming("nobody")),
        (ticket(next_page=11), [LIN, HAS_IT], Coming("coming", "zhao", at(7))),
        (
            ticket(),
            [Page("lin", at(1), acknowledged_at=at(8)), HAS_IT],
            Coming("coming", "zhao", at(7)),
        ),
        (ticket((9, "zhao")), [LIN, HAS_IT], Coming("here", "zhao", at(9))),
        (ticket((9, "zhao"), status="resolved"), [HAS_IT], Coming("here", "zhao", at(9))),
        (ticket((9, "zhao"), (12, "")), [LIN, HAS_IT], Coming("none")),
        (ticket((9, "zhao"), (12, "")), [HAS_IT, Page("lin", at(13), at(14))], None),
        # The call to which they came broke off, and the customer has called again.
        (ticket((9, "zhao"), calls_again=True), [LIN, HAS_IT], Coming("none")),
        (
            ticket((9, "zhao"), calls_again=True, next_page=21),
            [LIN],
            Coming("calling", since=at(1)),
        ),
        (ticket(status="resolved", next_page=5), [LIN], Coming("none")),
        (ticket((19, "rang")), [HAS_IT], Coming("ringing", "zhao", at(19))),
        (ticket((9, "zhao"), (12, ""), (19, "rang")), [HAS_IT], Coming("ringing", "zhao", at(19))),
        (ticket((18, "rang")), [HAS_IT], Coming("coming", "zhao", at(7))),  # nobody answered
        (
            ticket((9, "zhao"), (12, ""), (19, "rang"), (19.5, "answered")),
            [HAS_IT],
            Coming("coming", "zhao", at(19)),
        ),
        (ticket((19, "rang"), (19.5, "zhao")), [HAS_IT], Coming("here", "zhao", at(19.5))),
    ],
)
def test_who_comes(told: Told, pages: list[Page], coming: Coming | None) -> None:
    assert who_comes(told, pages, at(20)) == (coming or Coming("coming", "lin", at(14)))
