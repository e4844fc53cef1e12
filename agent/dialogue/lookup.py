"""Lookup: what the customer has said so far in; what the knowledge base says about it out.

A search takes some 40 ms and could wait for the end of the turn; begun before, it tells what the
model should read ahead. What was found last serves an answer that asks the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.models.client import Message
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.contract import Retrieval

#: Passages asked for.
_PASSAGES = 4


@dataclass(frozen=True)
class _Found:
    """What was asked, in bare words, and what was found for it."""

    question: str
    before: tuple[str, ...]
    retrieval: Retrieval


class Lookup:
    """Searches for one call."""

    def __init__(self, knowledge: KnowledgeClient) -> None:
        self._knowledge = knowledge
        self._last: _Found | None = None

    async def find(
        self, question: str, language: Language, history: Sequence[Message]
    ) -> Retrieval:
        """What answers the question; at once where the same words were searched for last.

        Raises ServiceError when the knowledge server is away.
        """
        before = tuple(m.text for m in history if m.role == "user" and m.text.strip())
        words = _words(question)
        if self._last and (self._last.question, self._last.before) == (words, before):
            return self._last.retrieval
        retrieval = await self._knowledge.search(
            question, language=language, k=_PASSAGES, before=before
        )
        self._last = _Found(words, before, retrieval)
        return retrieval


def _words(text: str) -> str:
    """The text without what a recogniser may set differently the next time."""
    return re.sub(r"\W", "", text.lower())
