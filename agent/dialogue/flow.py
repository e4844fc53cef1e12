"""Flow: what the customer says, and where a flow stands, in; what is said, and where it stands
then, out.

A flow goes on over several turns: onboarding, troubleshooting, keeping who wants to leave. A step
of it changes nothing: it may be composed for a turn that is thrown away. Where it stands then, and
what it wants done, is data, which counts once the turn stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from agent.dialogue.contract import Citation, Want
from agent.dialogue.seen import Seen
from agent.models.client import Message
from common.languages import Language

FlowName = Literal["onboarding", "trouble", "leaving"]
#: Where a flow stands: a frozen dataclass of its own.
State_co = TypeVar("State_co", covariant=True)


@dataclass(frozen=True)
class Said:
    """What a customer says in a turn."""

    text: str
    language: Language
    at: datetime
    before: Sequence[Message] = ()
    """What was said in the call before it."""
    seen: Seen | None = None
    """What stands on the screen that they share; None: they share none."""
    codes: Sequence[str] = ()
    """Codes and ids that they have just confirmed."""


@dataclass(frozen=True)
class Step(Generic[State_co]):
    """A turn of a flow."""

    texts: Sequence[str]
    """What is said, one after the other. What is said word for word as in `prompts/` is a text of
    its own: its audio is there already."""
    state: State_co | None
    """Where the flow stands then; None: it is over."""
    wants: Sequence[Want] = ()
    citations: Sequence[Citation] = ()
