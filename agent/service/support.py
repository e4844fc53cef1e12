"""How an operator supports: who is called to what, how fast, and where messages go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent.service.outbox.forms import Destination
from agent.service.paging.rota import Responder
from agent.service.tickets.sla import Policy


@dataclass(frozen=True)
class Support:
    """What an operator has decided of it."""

    policy: Policy
    """The targets of tickets' clocks."""
    destinations: Mapping[str, Destination]
    """By name; those of responders, and those that are told of alarms."""
    rota: Sequence[Responder]
    """In the order in which they are called."""
    patience: timedelta
    """For each page, before the next is called."""
    call_back_within: timedelta
    """Where nobody came: in so much time of work somebody calls the customer."""
