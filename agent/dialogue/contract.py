"""An answer as the dialogue gives it: its text as it is made, and what is known of it meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Any

from common.languages import Language


@dataclass(frozen=True)
class Citation:
    """An entry that an answer rests on."""

    id: str
    title: str
    language: Language
    version: int
    score: float


@dataclass
class Answer:
    """An answer in the making; only the dialogue writes it. It does nothing but speak.

    Whoever iterates ``texts`` has it made; nothing is done by an answer that nobody hears.
    """

    question: str
    language: Language
    texts: AsyncIterator[str] = field(init=False, repr=False)
    """Whole clauses, as they are made; to be iterated once. Raises ServiceError when the knowledge
    server is away."""
    citations: tuple[Citation, ...] = ()
    """Known before the first text, unless the model finds more to rest on."""
    declined: bool = False
    opening: str | None = None
    """The approved sentence that it begins with."""
    text: str = ""
    """What has been composed so far."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """From the beginning of the iteration: ``retrieval``, ``first_text``, ``complete``; from the
    request to the model: ``first_clause``."""

    def citations_json(self) -> list[dict[str, Any]]:
        """The citations as the room, the records and the command line show them."""
        return [asdict(citation) for citation in self.citations]
