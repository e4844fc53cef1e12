"""The excerpt: what was found in, out what the model is given of it and what is said without one.

A small model takes its time to read, so it gets as much as fits a budget: of the best entry the
section nearest to the question, then what to do, then the rest; of others that may be meant, the
nearest section.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from common.languages import Language
from knowledge.contract import Passage, SourceEntry

#: Characters of a token of Qwen2.5's, measured on the corpus.
_CHARACTERS_PER_TOKEN: dict[Language, float] = {"zh": 1.4, "en": 3.9}
#: Score from which a passage beside the best one may be what the customer means.
_MAY_ANSWER = 0.1
#: Steps that are spoken where no model chooses among them: the first ones help most.
_SPOKEN_STEPS = 4


@dataclass(frozen=True)
class Excerpt:
    """What the model reads, and the passages it was taken from."""

    text: str
    passages: tuple[Passage, ...]


def excerpt(
    best: SourceEntry, passages: Sequence[Passage], language: Language, *, tokens: int
) -> Excerpt:
    """What fits about ``tokens``; ``best`` is the entry of the first of the ``passages``."""
    parts = [passages[0].text, "\n".join(best.steps), *best.sections]
    kept = [passages[0]]
    texts: list[str] = []
    room = tokens * _CHARACTERS_PER_TOKEN[language]
    for text in parts:
        if text and text not in "\n".join(texts) and (not texts or len(text) <= room):
            texts.append(text)
            room -= len(text)
    written = [f"{best.title}\n" + "\n".join(texts)]
    for passage in passages[1:]:
        if passage.score >= _MAY_ANSWER and len(passage.text) <= room:
            kept.append(passage)
            written.append(f"{passage.title}\n{passage.text}")
            room -= len(passage.text)
    return Excerpt("\n\n".join(written), tuple(kept))


def spoken_steps(best: SourceEntry, nearest: Passage) -> tuple[str, ...]:
    """The first steps of an entry; of one that has none, how its nearest section begins."""
    return (best.steps or tuple(nearest.text.splitlines()))[:_SPOKEN_STEPS]
