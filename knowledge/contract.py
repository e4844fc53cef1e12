"""What a question to the knowledge base brings: the types that its server and all who ask it share.

They travel as JSON, field by field; `from_json` of a type is the only place that reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Self

from common.errors import InputError
from common.languages import Language

#: The tenant whose documents are for everybody: a call of nobody's sees these and the corpus.
PUBLIC: Final = ""

#: Topic of the entries for greetings and thanks: the opening is all there is to say.
SMALL_TALK: Final = "conversation"

#: Characters of a question, or of what was said before it. A spoken one has some 20 to 200.
LONGEST_QUERY: Final = 1000
#: What was said earlier than that is not of this situation any more.
MOST_BEFORE: Final = 20
#: Texts that are embedded at once.
MOST_EMBEDDED: Final = 16

#: Where a playbook may lead, beside its own steps: a person is brought in; the trouble is over; the
#: first step of another entry's playbook (entry:echo-howling, of the same language).
PERSON: Final = "person"
SOLVED: Final = "solved"
ANOTHER: Final = "entry:"

#: Names a tenant may have: they become names of folders.
_TENANT: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
#: Language and the name of a file, or of a section. It becomes a path of an address.
_ENTRY_ID: Final = re.compile(r"(?:zh|en)/(?!\.{1,2}$)[^/\\%?#\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True)
class Passage:
    """The section of an entry that is nearest to the question."""

    entry_id: str
    title: str
    language: Language
    section: str
    """Its heading."""
    text: str
    version: int
    """Of the entry, as it can be read again."""
    score: float
    """Probability that this entry is the one that answers, 0 to 1."""


@dataclass(frozen=True)
class Opening:
    """The approved first sentence of an entry."""

    entry_id: str
    text: str

    @property
    def language(self) -> Language:
        """That of its entry."""
        return language_of_entry(self.entry_id)


@dataclass(frozen=True)
class Look:
    """What the answer to a step may say, and where that leads."""

    answer: Literal["yes", "no"] | None
    """As the dialogue reads it; None: one of ``words`` is said."""
    words: tuple[str, ...]
    """In small letters. English: whole words, a star at the end stands for any ending; Mandarin:
    wherever the characters stand."""
    next: str
    """The name of a step, `PERSON`, `SOLVED`, or `ANOTHER` and the name of an entry's file."""


@dataclass(frozen=True)
class PlaybookStep:
    """One thing to do or to look at, and one question about it."""

    name: str
    say: str
    looks: tuple[Look, ...]
    """In their order: the first that fits counts."""
    otherwise: str
    """Where to go when none fits, as `Look.next`; never `SOLVED`."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError or KeyError when it is something else."""
        looks = (Look(**look | {"words": tuple(look["words"])}) for look in values["looks"])
        return cls(values["name"], values["say"], tuple(looks), values["otherwise"])


@dataclass(frozen=True)
class Playbook:
    """The steps through the trouble that an entry is about; the first is where it begins."""

    entry_id: str
    steps: tuple[PlaybookStep, ...]

    @property
    def language(self) -> Language:
        """That of its entry."""
        return language_of_entry(self.entry_id)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError or KeyError when it is something else."""
        return cls(values["entry_id"], tuple(map(PlaybookStep.from_json, values["steps"])))


@dataclass(frozen=True)
class SourceEntry:
    """An entry of the corpus, or a section of a document, as its card shows it and as it is said.

    What is said has no Markdown in it: no marks of lists and emphasis, a line for each item.
    """

    id: str
    version: int
    language: Language
    title: str
    scenario: tuple[str, ...]
    region: tuple[str, ...]
    topic: str
    product: tuple[str, ...]
    platform: tuple[str, ...]
    error_codes: tuple[str, ...]
    source: str
    opening: str
    """As it is said; empty where nobody approved one."""
    body: str
    """Markdown."""
    sections: tuple[str, ...]
    """The body as it is said, without headings, in its order."""
    steps: tuple[str, ...]
    """What to do, in its order, as it is said; empty where the entry lists nothing."""
    names: Mapping[str, Mapping[str, Mapping[Language, str]]]
    """What the values of a field are called, by field, value and language."""
    playbook: tuple[PlaybookStep, ...] = ()
    """The first step is where it begins; empty where nobody wrote one."""

    @property
    def is_small_talk(self) -> bool:
        """Whether it is manners, not knowledge: nothing is cited then."""
        return self.topic == SMALL_TALK

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError or KeyError when it is something else."""
        given: dict[str, Any] = {field.name: values[field.name] for field in fields(cls)}
        lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        playbook = tuple(map(PlaybookStep.from_json, values["playbook"]))
        return cls(**given | lists | {"playbook": playbook})


@dataclass(frozen=True)
class Retrieval:
    """What the knowledge base says about one question."""

    passages: tuple[Passage, ...]
    """Of distinct entries, best first."""
    supported: bool
    """The passages can answer; else the assistant declines."""
    opening: Opening | None
    """To be spoken at once: retrieval is sure of the entry, which is in the customer's language."""
    timings_ms: dict[str, float]
    best: SourceEntry | None = None
    """The entry of the first passage, where the passages can answer."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError or KeyError when it is something else."""
        return cls(
            passages=tuple(Passage(**passage) for passage in values["passages"]),
            supported=values["supported"],
            opening=Opening(**values["opening"]) if values["opening"] else None,
            timings_ms=values["timings_ms"],
            best=SourceEntry.from_json(values["best"]) if values["best"] else None,
        )


def language_of_entry(entry_id: str) -> Language:
    """The language that an id begins with."""
    return "zh" if entry_id.startswith("zh/") else "en"


def is_entry_id(text: str) -> bool:
    """Whether this may be the id of an entry: "zh/echo-howling"."""
    return _ENTRY_ID.fullmatch(text) is not None


def checked_tenant(name: str) -> str:
    """The name itself. Raises InputError where it cannot be a tenant's."""
    if name != PUBLIC and not _TENANT.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a tenant.",
            "Use lower-case letters, digits and hyphens, 64 at most.",
        )
    return name
