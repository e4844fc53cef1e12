"""An answer as the dialogue gives it: its text, what it wants done, and what came of that."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from agent.dialogue.wishes import Wish
from agent.service.retention.policy import Signal
from common.languages import Language

if TYPE_CHECKING:
    from agent.dialogue.course import Course


@dataclass(frozen=True)
class Citation:
    """An entry that an answer rests on."""

    id: str
    title: str
    language: Language
    version: int
    score: float


@dataclass(frozen=True)
class CallPerson:
    """What an answer wants done: a person of the operator's is called to the customer."""

    wish: Wish
    subject: str
    """What it is about, in the customer's words."""


@dataclass(frozen=True)
class StateFact:
    """What an answer wants kept: a value of a field of the account, as its contact said it."""

    field: str
    """Of `FIELDS` of accounts."""
    value: str | Sequence[str]


@dataclass(frozen=True)
class SetChecklist:
    """What an answer wants kept: what there is to do until a launch."""

    scenario: str
    items: Sequence[str]
    """In their order, in the customer's language."""


@dataclass(frozen=True)
class NoteMatter:
    """What an answer wants kept: what the call is about, and how it stands. The last word on a
    subject counts."""

    kind: Literal["trouble", "onboarding", "question"]
    subject: str
    """Stem of the entry that it is about; empty where none is."""
    state: Literal["open", "solved", "handed_over"]
    region: str = ""
    """As quality is reported for it; empty where none is concerned."""
    words: str = ""
    """The customer's own."""


@dataclass(frozen=True)
class NoteSignal:
    """What an answer wants kept: that a customer may leave, with the sentence that shows it."""

    signal: Signal
    sentence: str
    offered: str = ""
    """Name of the operator's policy that was offered; empty where none was."""


@dataclass(frozen=True)
class GivePromise:
    """What an answer wants kept: what the customer was told that somebody would do."""

    text: str
    due_at: datetime
    kind: Literal["callback", "word"] = "word"


@dataclass(frozen=True)
class KeepAddress:
    """What an answer wants kept: a mail address that the customer has confirmed, to which the
    summary of their call goes."""

    email: str = field(repr=False)


@dataclass(frozen=True)
class KeepReach:
    """What an answer wants kept: the number or mail address at which the customer, who has
    confirmed it, wants to be reached about the ticket of the call."""

    told: str = field(repr=False)


Want = (
    CallPerson
    | StateFact
    | SetChecklist
    | NoteMatter
    | NoteSignal
    | GivePromise
    | KeepAddress
    | KeepReach
)


@dataclass(frozen=True)
class PersonCalled:
    """What came of it: a ticket, to which people are called."""

    ticket: int
    severity: int
    within: timedelta | None
    """Until a person has to be there; None where the operator has set no such time."""
    is_new: bool
    """Opened for this wish; else the customer's own, still open."""
    at_once: bool
    """Somebody is on call for it now."""


@dataclass(frozen=True)
class NobodyCalled:
    """What came of it: nothing could be written down, and nobody has been told."""


Outcome = PersonCalled | NobodyCalled


@dataclass(frozen=True)
class Standing:
    """How far the calling of people to a ticket has come."""

    kind: Literal["none", "calling", "coming", "here", "nobody"]
    name: str = ""
    """Who is called, comes, or is here."""
    nth: int = 0
    """How many have been called so far."""
    within: timedelta | None = None
    """Nobody came: until somebody calls the customer back; None where that is not promised."""


@dataclass
class Answer:
    """An answer in the making; only the dialogue writes it. It does nothing but speak: what it
    wants done is data, and is done once the turn stands.

    Whoever iterates ``texts`` has it made; nothing is done by an answer that nobody hears.
    """

    question: str
    language: Language
    course_before: Course
    """Where the flows stood as it was asked."""
    texts: AsyncIterator[str] = field(init=False, repr=False)
    """Whole clauses, as they are made; to be iterated once. Raises ServiceError when the knowledge
    server is away."""
    citations: tuple[Citation, ...] = ()
    """Known before the first text, unless the model finds more to rest on."""
    declined: bool = False
    is_decided: bool = False
    """Whether ``wants`` and ``course`` are known: from the first text on."""
    wants: tuple[Want, ...] = ()
    """What is to be done, in order, once the turn stands."""
    course: Course = field(init=False)
    """Where the flows stand once the turn stands."""
    opening: str | None = None
    """The approved sentence that it begins with."""
    text: str = ""
    """What has been composed so far."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """From the beginning of the iteration: ``retrieval``, ``first_text``, ``complete``; from the
    request to the model: ``first_clause``."""

    def __post_init__(self) -> None:
        """Most answers leave the flows where they were."""
        self.course = self.course_before

    @property
    def action(self) -> CallPerson | None:
        """The call for a person, if it wants one: what came of that is said after its texts."""
        return next((want for want in self.wants if isinstance(want, CallPerson)), None)

    def note_time(self, stage: str, since: float) -> None:
        """How long a stage took, since a moment of `time.perf_counter`."""
        self.timings_ms[stage] = round((time.perf_counter() - since) * 1000, 1)

    def citations_json(self) -> list[dict[str, Any]]:
        """The citations as the room, the records and the command line show them."""
        return [asdict(citation) for citation in self.citations]
