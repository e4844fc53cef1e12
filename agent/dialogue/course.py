"""Course: where the flows of a conversation stand, from one turn to the next, and written down so
that another process can go on from there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from agent.dialogue.asked import Asked
from agent.dialogue.contract import NoteMatter
from agent.dialogue.flow import FlowName
from agent.dialogue.flows.details import Detail
from agent.dialogue.flows.ending import Ending, Happened
from agent.dialogue.flows.leaving import Leaving
from agent.dialogue.flows.onboarding import OnboardingState
from agent.dialogue.flows.troubleshooting import Trouble

log = logging.getLogger(__name__)

#: The form in which a course is written. It counts up when what is written of one comes to mean
#: something else; a field that is new, with a value for when it is missing, needs no other form.
FORM: Final = 1

#: What the customer was asked for: nothing, something, or something that is spelt.
Awaited = Literal["nothing", "reply", "spelling"]

Flow = Annotated[Trouble | OnboardingState | Leaving | Detail, Field(discriminator="flow")]


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
    asked_for: frozenset[str] = frozenset()
    """Details that were asked for, by their purpose, and codes that were read back: none is again
    in this call."""
    ending: Ending | None = None
    """Whether it is solved was just asked, before the end."""
    happened: Happened = field(default_factory=Happened)

    @property
    def under_way(self) -> FlowName | None:
        """The flow that asked last, if turns are routed to it."""
        last = self.flows[-1] if self.flows else None
        return None if last is None or isinstance(last, Detail) else last.flow

    @property
    def asks(self) -> bool:
        """Whether something was asked that waits for an answer."""
        return bool(self.flows or self.recalled or self.ending)

    @property
    def awaited(self) -> Awaited:
        """What the customer was asked for."""
        if self.flows and isinstance(self.flows[-1], Detail):
            return "spelling"
        return "reply" if self.asks else "nothing"

    def asking(self, detail: Detail, *codes: str) -> Course:
        """With a detail, or codes, asked for before whatever else goes on."""
        others = tuple(one for one in self.flows if not isinstance(one, Detail))
        asked_for = self.asked_for | {detail.purpose, *codes}
        return replace(self, flows=(*others, detail), asked_for=asked_for)


_COURSE: Final = TypeAdapter(Course)


def written(course: Course) -> dict[str, Any]:
    """A course as JSON has it."""
    # A warning of pydantic's would tell the log what was said; reading checks what is written.
    return {"form": FORM, "course": _COURSE.dump_python(course, mode="json", warnings="none")}


def read_course(given: Mapping[str, Any] | None) -> Course:
    """A course that was written; that of a call that begins where there is none, or where it
    cannot be read: another version of ours wrote it."""
    if given is None:
        return Course()
    if given.get("form") != FORM:
        log.warning("a course of form %s is not read, only %s is", given.get("form"), FORM)
        return Course()
    try:
        return _COURSE.validate_python(given.get("course"))
    except ValidationError as error:  # it has what was said in it: only where, not what
        places = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
        log.warning("a course is not read: %s", ", ".join(places))
        return Course()
