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
#: Characters from which a text is a story: its vector would be about all of it, and nothing.
_STORY = 400
_SENTENCE = re.compile(r"[^。！？!?.\n]+[。！？!?.\n]*")
_ASKS = re.compile(
    r"[?？]|怎么|如何|为什么|为啥|什么原因|怎样|能不能|可不可以|想问|想知道"
    r"|\b(?:how|why|what (?:should|do|can)|can you|could you|would like to know|my question)\b"
)


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
        retrieval = await self._search(the_point(question), language, before)
        if not retrieval.supported and (asked := _asked_alone(question)):
            alone = await self._search(asked, language, before)
            retrieval = alone if alone.supported else retrieval
        self._last = _Found(words, before, retrieval)
        return retrieval

    async def _search(self, text: str, language: Language, before: Sequence[str]) -> Retrieval:
        return await self._knowledge.search(text, language=language, k=_PASSAGES, before=before)


def the_point(text: str) -> str:
    """What a long story comes to, as far as it can be searched for: the last sentence that asks
    something, with the one before it; or the last two."""
    if len(text) <= _STORY:
        return text
    sentences = [one for one in _SENTENCE.findall(text) if one.strip()]
    asking = [place for place, one in enumerate(sentences) if _ASKS.search(one.lower())]
    last = asking[-1] if asking else len(sentences) - 1
    return "".join(sentences[max(0, last - 1) : last + 1]).strip()[-_STORY:]


def _asked_alone(text: str) -> str:
    """The last sentence that asks, where others stand beside it: "sorry, I was away. How …"."""
    sentences = [one for one in _SENTENCE.findall(text) if one.strip()]
    asking = [one for one in sentences if _ASKS.search(one.lower())]
    return asking[-1].strip() if asking and len(sentences) > 1 else ""


def _words(text: str) -> str:
    """The text without what a recogniser may set differently the next time."""
    return re.sub(r"\W", "", text.lower())
