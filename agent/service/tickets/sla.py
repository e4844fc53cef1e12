"""Service levels: what happened to a ticket, and its targets, in; its clocks out.

Nothing is counted up and stored: whoever reads a ticket gets its clocks from its events, so that
they are right after a restart, and after an event that came late.

- *first response*: from the opening to the first word to the customer, whoever says it.
- *human response*: from the opening to the first word of a person. What is resolved before needs
  none.
- *next response*: from a customer's word that nobody has answered to the answer.
- *restoration*: until the service works again, be it by a workaround.
- *resolution*: until the cause is gone.
- *word*: since the last word to the customer, as long as the ticket is open: nobody is left alone.

Clocks of restoration and resolution stand still while the customer has to do something, and while a
ticket is resolved; reopened, they go on where they stood. The others never stand still. (Compare
Plain, "SLAs"; Zendesk, "ticket metric events".)

A target is one of a severity, and counts from when the ticket has been at least so severe without a
break: what becomes an emergency has the whole time of one from then on, and what turns out to be
none is no later than it would have been from the start. What was missed under one severity stays
missed under another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from agent.service.tickets.business_time import BusinessHours, due, worked

Kind = Literal[
    "opened", "reopened", "restored", "resolved", "said", "waiting", "resumed", "severity"
]
Actor = Literal["customer", "assistant", "human"]
Clock = Literal[
    "first response", "human response", "next response", "restoration", "resolution", "word"
]


@dataclass(frozen=True)
class Event:
    """Something that happened to a ticket."""

    at: datetime
    kind: Kind
    actor: Actor
    severity: int | None = None
    """Of "opened" and "severity": 1, the worst, to 4."""


@dataclass(frozen=True)
class Target:
    """So much time, counted in these hours."""

    amount: timedelta
    hours: BusinessHours


#: By severity; a clock without a target is not kept.
Policy = Mapping[int, Mapping[Clock, Target]]


@dataclass(frozen=True)
class ClockState:
    """A clock of a ticket, as it stands."""

    clock: Clock
    started_at: datetime
    due_at: datetime | None
    """None while it stands still."""
    missed_at: datetime | None
    """When its time was up the first time, unanswered."""
    met_at: datetime | None
    """When what it waits for happened; None while it goes on."""

    @property
    def state(self) -> Literal["met", "missed", "paused", "running"]:
        """What to show of it: missed stays missed, also once the thing has happened."""
        if self.missed_at:
            return "missed"
        if self.met_at:
            return "met"
        return "running" if self.due_at else "paused"


def clocks(events: Iterable[Event], policy: Policy, now: datetime) -> list[ClockState]:
    """The clocks of a ticket, by their beginnings; every answer and every word has one of its own.

    ``events``: as they were written down, the first of them "opened"; one whose time lies before
    the one before it happened then, as clocks of hosts differ. None after ``now`` counts.
    """
    story = _in_order(event for event in events if event.at <= now)
    severities = _severities(story)
    found = [
        _state(clock, run, severities, policy, now)
        for clock, runs in _runs(story).items()
        for run in runs
        if any(clock in policy.get(severity, {}) for _, severity in severities)
    ]
    return sorted(found, key=lambda state: state.started_at)


def _in_order(events: Iterable[Event]) -> list[Event]:
    story: list[Event] = []
    for event in events:
        at = max(event.at, story[-1].at) if story else event.at
        story.append(replace(event, at=at))
    return story


def _severities(story: Sequence[Event]) -> list[tuple[datetime, int]]:
    """Each severity with when it began."""
    return [(event.at, event.severity) for event in story if event.severity is not None]


# When each clock runs


@dataclass
class _Run:
    """A run of a clock: the stretches that count, and what ended it."""

    stretches: list[tuple[datetime, datetime | None]]
    """None: still going on."""
    met_at: datetime | None = None

    def goes(self, runs: bool, at: datetime) -> None:
        """It runs from now on, or stands still."""
        since, until = self.stretches[-1]
        if runs and until is not None:
            self.stretches.append((at, None))
        elif not runs and until is None:
            self.stretches[-1] = (since, at)

    def ends(self, at: datetime) -> None:
        """What it waits for has happened."""
        self.goes(runs=False, at=at)
        self.met_at = self.met_at or at

    def goes_on(self) -> None:
        """It has not happened after all."""
        self.met_at = None


def _runs(story: Sequence[Event]) -> dict[Clock, list[_Run]]:
    runs: dict[Clock, list[_Run]] = (
        {
            clock: [_Run([(story[0].at, None)])]
            for clock in ("first response", "human response", "restoration", "resolution", "word")
        }
        if story
        else {}
    )
    runs["next response"] = []
    waiting = False
    for event in story:
        at, answered = event.at, event.kind == "said" and event.actor != "customer"
        waiting = event.kind == "waiting" or (waiting and not _is_back(event))
        if answered or event.kind == "resolved":
            runs["first response"][0].ends(at)
        if (answered and event.actor == "human") or event.kind == "resolved":
            runs["human response"][0].ends(at)
        _hold_work_clocks(runs, event, waiting=waiting)
        _begin_and_end_answers(runs, event, answered=answered)
    return runs


def _is_back(event: Event) -> bool:
    return event.kind in ("resumed", "reopened") or (
        event.kind == "said" and event.actor == "customer"
    )


def _hold_work_clocks(runs: Mapping[Clock, Sequence[_Run]], event: Event, *, waiting: bool) -> None:
    for clock, ends in _ENDS.items():
        (run,) = runs[clock]
        if event.kind in ends:
            run.ends(event.at)
        elif event.kind == "reopened":
            run.goes_on()
        if run.met_at is None:
            run.goes(runs=not waiting, at=event.at)


#: What ends the clocks of work.
_ENDS: Final[Mapping[Clock, tuple[Kind, ...]]] = {
    "restoration": ("restored", "resolved"),
    "resolution": ("resolved",),
}


def _begin_and_end_answers(
    runs: Mapping[Clock, list[_Run]], event: Event, *, answered: bool
) -> None:
    """The clocks that begin anew with each word."""
    asked = event.kind == "said" and event.actor == "customer"
    words: tuple[tuple[Clock, object, bool], ...] = (
        ("next response", asked and runs["first response"][0].met_at, answered),
        ("word", answered or event.kind == "reopened", answered),
    )
    for clock, begins, ends in words:
        mine = runs[clock]
        if mine and mine[-1].met_at is None and (ends or event.kind == "resolved"):
            mine[-1].ends(event.at)
        if begins and (not mine or mine[-1].met_at is not None):
            mine.append(_Run([(event.at, None)]))


# What is due when


def _state(
    clock: Clock,
    run: _Run,
    severities: Sequence[tuple[datetime, int]],
    policy: Policy,
    now: datetime,
) -> ClockState:
    stops = run.met_at or now
    missed_at = due_at = None
    for number, (begins, severity) in enumerate(severities):
        target = policy.get(severity, {}).get(clock)
        since = _so_severe_since(severities, number)
        due_at = _time_up(run, since, target) if target else None
        is_last = number + 1 == len(severities)
        until = stops if is_last else min(stops, severities[number + 1][0])
        if due_at and missed_at is None and max(due_at, begins) < until:
            missed_at = max(due_at, begins)
    running = run.stretches[-1][1] is None
    return ClockState(
        clock, run.stretches[0][0], due_at if running else None, missed_at, run.met_at
    )


def _so_severe_since(severities: Sequence[tuple[datetime, int]], number: int) -> datetime:
    since, severity = severities[number]
    for began, was in reversed(severities[:number]):
        if was > severity:
            break
        since = began
    return since


def _time_up(run: _Run, since: datetime, target: Target) -> datetime | None:
    """When the target's time is over; None where the clock stands still before."""
    left = target.amount
    for begins, ends in run.stretches:
        begins = max(begins, since)
        if ends is None:
            return due(target.hours, begins, left)
        counted = worked(target.hours, begins, max(begins, ends))
        if counted >= left:
            return due(target.hours, begins, left)
        left -= counted
    return None
