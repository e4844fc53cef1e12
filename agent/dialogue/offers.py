"""Offers: what was said before, and what the customer says to it, in; whether they accept it, or
refuse, out.

Where the assistant cannot help it offers a colleague, and where it is in doubt it asks. A "yes" to
that is a wish, though "yes" alone is none, and elsewhere no more than support for whoever speaks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agent.dialogue.matching import SENTENCE_ENDS, any_of, plain
from agent.dialogue.replies import load_replies
from agent.dialogue.wishes import Wish
from agent.models.client import Message
from agent.prompts import load_escalation, load_phrases
from common.languages import HAN_CHARACTER

#: No longer text is only a "yes" or a "no", characters.
_LONGEST_YES: Final = 40
#: So many characters behind a "yes" may be the rest of it, misheard: 好转单 for 好，转吧.
_MISHEARD: Final = 3
_ASKING: Final = ("?", "？", "吗", "呢", "么")


class Offers:
    """The offers of a colleague, and how they are accepted, in both languages."""

    def __init__(self) -> None:
        self._offers: dict[str, Wish] = {}
        for language, said in load_escalation().items():
            offering = load_phrases()[language]
            for text in (said.ask_person, offering.declined, offering.not_working):
                self._offers[text] = "person"
            self._offers[said.ask_emergency] = "emergency"
        words = {_bare(word) for said in load_escalation().values() for word in said.accepted}
        self._no = any_of(word for said in load_escalation().values() for word in said.refused)
        longest_first = sorted(words, key=len, reverse=True)
        self._yes = re.compile(f"(?:{'|'.join(map(re.escape, longest_first))})+")
        self._replies = load_replies()

    def offered(self, history: Sequence[Message]) -> Wish | None:
        """What the assistant has just offered to call a colleague for."""
        said = [message for message in history if message.role == "assistant" and message.text]
        last = said[-1].text.rstrip() if said else ""
        return next((wish for text, wish in self._offers.items() if last.endswith(text)), None)

    def accepted(self, said: str, history: Sequence[Message]) -> Wish | None:
        """What the customer says "yes" to, and nothing else."""
        return self.offered(history) if self._is_yes(said) else None

    def _is_yes(self, said: str) -> bool:
        bare = _bare(said)
        yes = self._yes.match(bare) if len(said) <= _LONGEST_YES else None
        if yes is None:
            return False
        rest = bare[yes.end() :]
        if not rest:
            return True
        is_clear = not said.rstrip().endswith(_ASKING) and self._replies.read(rest) is None
        return is_clear and HAN_CHARACTER.fullmatch(rest[0]) is not None and len(rest) <= _MISHEARD

    def refused(self, said: str, history: Sequence[Message]) -> bool:
        """Whether the customer says "no" to it, and nothing else."""
        parts = [part for part in SENTENCE_ENDS.split(plain(said)) if part.strip()]
        is_no = len(said) <= _LONGEST_YES and all(self._no.search(part) for part in parts)
        return bool(parts) and is_no and self.offered(history) is not None


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())
