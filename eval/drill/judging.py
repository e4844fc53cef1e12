"""Judging: what must have come of each matter, and what the rows and receivers hold, in; what was
lost and what was doubled out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Notice = tuple[str, str]
"""The type of a message, and its destination."""


@dataclass(frozen=True)
class Matter:
    """Something that people called about, and all that must have come of it in the end."""

    name: str
    keys: Sequence[str]
    """By one of these its one ticket was opened: the calls in which it was asked for."""
    asked: int
    """How often the customer wanted a person."""
    told: Mapping[Notice, int]
    promises: int = 0


@dataclass(frozen=True)
class TicketRow:
    """A ticket, with what hangs on it counted."""

    number: int
    key: str
    asked: int
    pages: int
    """Rows of whoever was called."""
    promises: int


@dataclass(frozen=True)
class MessageRow:
    """A message in the outbox. ``ticket``: which it is about; None where it is about none."""

    key: str
    destination: str
    type: str
    ticket: int | None
    has_link: bool
    delivered: bool


@dataclass(frozen=True)
class Found:
    """What is there in the end. ``bodies``: what came in, by destination and key."""

    tickets: Sequence[TicketRow]
    messages: Sequence[MessageRow]
    bodies: Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    """What is not as it must be, in words."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def compare(self, what: str, is_there: int, must_be: int) -> None:
        """Fewer than must be are lost, more are doubled."""
        short = must_be - is_there
        words = f"{what}: {is_there} instead of {must_be}"
        self.lost.extend([words] * max(short, 0))
        self.doubled.extend([words] * max(-short, 0))


def judge(matter: Matter, found: Found) -> Verdict:
    """What came of one matter, beside what must have."""
    verdict = Verdict()
    mine = [ticket for ticket in found.tickets if ticket.key in matter.keys]
    verdict.compare(f"{matter.name}: tickets", len(mine), 1)
    asked = sum(ticket.asked for ticket in mine)
    verdict.compare(f"{matter.name}: wishes for a person", asked, matter.asked)
    promises = sum(ticket.promises for ticket in mine)
    verdict.compare(f"{matter.name}: promises", promises, matter.promises)
    numbers = {ticket.number for ticket in mine}
    messages = [message for message in found.messages if message.ticket in numbers]
    told = Counter((message.type, message.destination) for message in messages)
    for notice in sorted({*told, *matter.told}):
        what = f"{matter.name}: {notice[0]} to {notice[1]}"
        verdict.compare(what, told[notice], matter.told.get(notice, 0))
    with_link = sum(message.has_link for message in messages)
    pages = sum(ticket.pages for ticket in mine)
    verdict.compare(f"{matter.name}: pages that can be answered", with_link, pages)
    return verdict


def judge_deliveries(found: Found) -> Verdict:
    """Whether each message arrived as one: again with the same key is no second one."""
    verdict = Verdict()
    written: dict[tuple[str, str], MessageRow] = {}
    for message in found.messages:
        address = message.destination, message.key
        written[address] = message
        bodies = set(found.bodies.get(address, ()))
        verdict.compare(f"{message.key} at {message.destination}", len(bodies), 1)
        if bodies and not message.delivered:
            verdict.lost.append(f"that {message.key} is at {message.destination}")
    for destination, key in found.bodies:
        if (destination, key) not in written:
            verdict.doubled.append(f"{key} at {destination}: nobody wrote it")
    return verdict


def repeated(bodies: Mapping[tuple[str, str], Sequence[str]]) -> int:
    """How often a receiver got what it had: known again by the key."""
    return sum(len(each) - 1 for each in bodies.values())


def by_address(got: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    """Destination, key and body of what came in; the bodies by the first two."""
    bodies: dict[tuple[str, str], list[str]] = defaultdict(list)
    for destination, key, body in got:
        bodies[destination, key].append(body)
    return dict(bodies)
