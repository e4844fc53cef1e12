"""Clocks whose times are counted out by hand: what happened to a ticket, and when each was up.

All of it is long past, so that whoever reads it finds the same. The policy is `support.toml`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.tickets.sla import Actor, Clock, Event, Kind, Policy, clocks
from agent.service.tickets.tables import Ticket, TicketEvent

_SECOND: Final = timedelta(seconds=1)
_ACCOUNT: Final = "clocks"


@dataclass(frozen=True)
class Story:
    """What happened, in the order of time, and when each clock of it was up."""

    name: str
    events: Sequence[tuple[str, Kind, Actor, int | None]]
    up: Mapping[Clock, str]

    @property
    def key(self) -> str:
        """Of its ticket."""
        return f"clock:{self.name}"

    def happened(self) -> list[Event]:
        """As the clocks go by it."""
        return [
            Event(datetime.fromisoformat(at), kind, actor, severity)
            for at, kind, actor, severity in self.events
        ]

    def wrong(self, policy: Policy) -> list[str]:
        """Each clock that is up a second too early or too late, in words."""
        found = []
        for clock, at in self.up.items():
            up = datetime.fromisoformat(at)
            for now, missed in ((up, None), (up + _SECOND, up)):
                (state,) = (c for c in clocks(self.happened(), policy, now) if c.clock == clock)
                if (state.due_at, state.missed_at) != (up, missed):
                    found.append(
                        f"{self.name}: {clock} at {now}: due {state.due_at},"
                        f" missed {state.missed_at}"
                    )
        return found


STORIES: Final = (
    # 00:30:07 CET; at 02:00 it is 03:00. Two hours on it is 03:30:07 CEST.
    Story(
        "clocks put forward",
        [("2025-03-30T00:30:07+01:00", "opened", "customer", 2)],
        {"human response": "2025-03-30T03:30:07+02:00"},
    ),
    # 01:30:07 CEST; at 03:00 it is 02:00 again. Two hours on it is 02:30:07 CET.
    Story(
        "clocks put back",
        [("2025-10-26T01:30:07+02:00", "opened", "customer", 2)],
        {"human response": "2025-10-26T02:30:07+01:00"},
    ),
    # Saturday 17:00:05 to 18:00, 59:55; Sunday, with one hour less, is free; the rest of eight
    # hours, 7:00:05, on Monday from 09:00.
    Story(
        "a weekend with the change in it",
        [("2025-03-29T17:00:05+01:00", "opened", "customer", 4)],
        {"human response": "2025-03-31T16:00:05+02:00"},
    ),
    # Sixteen hours. Tuesday 16:00 to 17:00, 1 h. The customer is waited for over the holidays of 1
    # to 8 October, until Friday 10:30:20: 1:29:40 before noon and 5 h after. Saturday the 11th is
    # worked for the holidays, 8 h. The rest, 30:20, on Monday from 09:00.
    Story(
        "holidays inside a pause",
        [
            ("2025-09-30T16:00:00+08:00", "opened", "customer", 3),
            ("2025-09-30T17:00:00+08:00", "waiting", "human", None),
            ("2025-10-10T10:30:20+08:00", "said", "customer", None),
        ],
        {"resolution": "2025-10-13T09:30:20+08:00"},
    ),
    # Tuesday 17:00 to 18:00, 1 h; nothing until the 9th, with or without the pause; that day 8 h,
    # on the 10th 3 h before noon and 4 h after.
    Story(
        "a pause inside holidays",
        [
            ("2025-09-30T17:00:00+08:00", "opened", "customer", 3),
            ("2025-10-03T12:00:00+08:00", "waiting", "human", None),
            ("2025-10-06T09:00:00+08:00", "resumed", "human", None),
        ],
        {"resolution": "2025-10-10T17:00:00+08:00"},
    ),
    # 45:30 of two hours, then 1:14:30 from 13:00:10. A person was due after two minutes.
    Story(
        "an emergency reopened",
        [
            ("2025-06-02T10:00:00+00:00", "opened", "customer", 1),
            ("2025-06-02T10:45:30+00:00", "resolved", "human", None),
            ("2025-06-02T13:00:10+00:00", "reopened", "customer", None),
        ],
        {
            "human response": "2025-06-02T10:02:00+00:00",
            "restoration": "2025-06-02T14:14:40+00:00",
        },
    ),
    # Tuesday 09:00 to 11:00, 2 h; from Thursday 13:30 4:30, Friday 8 h, Monday 1:30.
    Story(
        "reopened two days later",
        [
            ("2025-06-03T09:00:00+08:00", "opened", "customer", 3),
            ("2025-06-03T11:00:00+08:00", "resolved", "human", None),
            ("2025-06-05T13:30:00+08:00", "reopened", "customer", None),
        ],
        {"resolution": "2025-06-09T10:30:00+08:00"},
    ),
    # Two minutes, and two hours, from when it turned out to be an emergency.
    Story(
        "an emergency understood late",
        [
            ("2025-06-04T10:00:00+00:00", "opened", "customer", 4),
            ("2025-06-04T11:07:13+00:00", "severity", "customer", 1),
        ],
        {
            "human response": "2025-06-04T11:09:13+00:00",
            "restoration": "2025-06-04T13:07:13+00:00",
        },
    ),
)


async def write(session: AsyncSession, story: Story) -> int:
    """Its ticket, of which nobody has looked at a clock yet; the number."""
    events = story.happened()
    ticket = Ticket(
        key=story.key,
        account=_ACCOUNT,
        contact="ann",
        language="en",
        subject=story.name,
        severity=next(e.severity for e in reversed(events) if e.severity),
        status="open",
        opened_at=events[0].at,
        next_due_at=events[0].at,
    )
    session.add(ticket)
    await session.flush()
    for nth, event in enumerate(events):
        session.add(
            TicketEvent(
                ticket=ticket.number,
                key=f"{story.key}:{nth}",
                at=event.at,
                kind=event.kind,
                actor=event.actor,
                severity=event.severity,
            )
        )
        await session.flush()
    return ticket.number
