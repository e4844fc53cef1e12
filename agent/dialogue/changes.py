"""Changes: what a customer says that they changed, and what was found for it, in; which kind of
change it is, and the playbook that it leads to, out.

The kinds are in `prompts/troubleshooting.toml`. Words decide; where none is there, the meaning, by
the first entry found that is about one of the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.dialogue.matching import any_of, plain
from knowledge.contract import Retrieval


@dataclass(frozen=True)
class Change:
    """A kind of change."""

    name: str
    """Of its words to the customer: `changed_` and this."""
    leads: Mapping[str, str]
    """From the entry on the trouble to the one that is walked first."""


class Changes:
    """The kinds of changes of a file."""

    def __init__(self, given: Sequence[Mapping[str, Any]]) -> None:
        """``given``: `[[changes]]`, the most telling first."""
        self._kinds = [
            (any_of(one["words"]), frozenset(one["entries"]), Change(one["name"], one["leads"]))
            for one in given
        ]

    def told(self, said: str) -> Change | None:
        """The kind that words tell."""
        return next((kind for words, _, kind in self._kinds if _in(words, said)), None)

    def meant(self, found: Retrieval) -> Change | None:
        """The kind that what was found for a text is about."""
        for passage in found.passages:
            stem = passage.entry_id.partition("/")[2]
            for _, entries, kind in self._kinds:
                if stem in entries:
                    return kind
        return None


def _in(words: re.Pattern[str], said: str) -> bool:
    return words.search(plain(said)) is not None
