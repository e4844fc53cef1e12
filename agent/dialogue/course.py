"""Course: where the flows of a conversation stand, from one turn to the next."""

from __future__ import annotations

from dataclasses import dataclass

from agent.dialogue.flow import FlowName


@dataclass(frozen=True)
class Course:
    """Which flow is under way, and where each stands that has been begun and is not over."""

    under_way: FlowName | None = None
    """The one that asked last: what is said next answers it, if anything."""
