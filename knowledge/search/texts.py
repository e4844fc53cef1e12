"""What an index is made of: passages of entries, ways of asking for them, and the entries whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from common.languages import Language
from knowledge.entries.entry import Entry
from knowledge.search.embedding import Role

#: What is embedded: passages of entries, ways of asking for them, and questions that none answers.
Kind = Literal["passages", "questions", "outside"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: What has a collection of its own.
Collected = tuple[Kind, Language]
#: As what each kind is embedded.
ROLE: Final[dict[Kind, Role]] = {"passages": "passage", "questions": "query", "outside": "query"}


@dataclass(frozen=True)
class PassageText:
    """A section of an entry."""

    id: str
    """ "zh/billing#2"."""
    entry_id: str
    version: int
    """Of the entry."""
    language: Language
    title: str
    section: str
    """Its heading."""
    text: str
    content: str
    """What is embedded: the text behind its title and headings."""


@dataclass(frozen=True)
class QuestionText:
    """A way of asking for an entry, or a question that none answers."""

    id: str
    """ "zh/billing?2"."""
    entry_id: str
    """Empty for a question outside."""
    content: str


IndexedText = PassageText | QuestionText


@dataclass(frozen=True)
class VersionedEntry:
    """An entry of the corpus as an index was made of it."""

    entry: Entry
    version: int


class Texts(Protocol):
    """What an index is made of. Read several times, in the same order."""

    digest: str
    """SHA-256 of everything below."""

    def passages(self, language: Language) -> Iterable[PassageText]:
        """The sections of all entries."""
        ...

    def questions(self, language: Language) -> Iterable[QuestionText]:
        """Ways of asking for them."""
        ...

    def whole(self, language: Language) -> Iterable[tuple[str, str]]:
        """Each entry's id, and all its words."""
        ...

    def entries(self) -> Iterable[VersionedEntry]:
        """Entries that the index shows by itself; sections of documents are in the library."""
        ...


def entry_of(text_id: str) -> str:
    """Id of the entry that a passage ("zh/billing#2") or a question ("zh/billing?2") belongs to."""
    return text_id.replace("?", "#").rpartition("#")[0]
