"""Course: where the flows of a conversation stand, from one turn to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.dialogue.asked import Asked
from agent.dialogue.contract import NoteMatter
from agent.dialogue.flow import FlowName
from agent.dialogue.flows.ending import Ending, Happened
from agent.dialogue.flows.leaving import Leaving
from agent.dialogue.flows.onboarding import OnboardingState
from agent.dialogue.flows.troubleshooting import Trouble

Flow = Trouble | OnboardingState | Leaving
#: The flow that a state is of.
NAMES: dict[type[Flow], FlowName] = {
    Trouble: "trouble",
    OnboardingState: "onboarding",
    Leaving: "leaving",
}


@dataclass(frozen=True)
class Course:
    """Where a conversation stands."""

    flows: tuple[Flow, ...] = ()
    """Those that have been begun and are not over; the last is under way, and comes back to the one
    before it when it is over."""
    figures: Asked | None = None
    """What was asked last of the account's own figures: "and last week?"."""
    recalled: NoteMatter | None = None
    """The trouble of an earlier call, of which was just asked whether it is solved."""
    ending: Ending | None = None
    """Whether it is solved was just asked, before the end."""
    happened: Happened = field(default_factory=Happened)

    @property
    def under_way(self) -> FlowName | None:
        """The flow that asked last."""
        return NAMES[type(self.flows[-1])] if self.flows else None

    @property
    def asks(self) -> bool:
        """Whether something was asked that waits for an answer."""
        return bool(self.flows or self.recalled or self.ending)
