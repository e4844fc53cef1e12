"""Reading: the entries found in, out what the model reads of them and what is spoken without it.

Reading is what costs a small model its time, so it gets as much as fits a budget: of the best entry
the section nearest to the question, then what to do, then the rest; of others that may be meant,
the nearest section.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from common.languages import Language
from knowledge.client import Passage, SourceEntry

#: Characters of a token of Qwen2.5's, measured on the corpus.
_CHARACTERS_PER_TOKEN: dict[Language, float] = {"zh": 1.4, "en": 3.9}
#: Score from which a passage beside the best one may be what the customer means.
_MAY_ANSWER = 0.1
#: The section with the steps, third in every entry: docs/knowledge.md.
_STEPS = 2
#: Steps that are spoken where no model chooses among them: the first ones help most.
_SPOKEN_STEPS = 4

_HEADING = re.compile(r"^## .*$", re.MULTILINE)
_BULLET = re.compile(r"^(?:\d+[.)、]|[-*])\s*")
_MARKS = re.compile(r"[*`_]")


@dataclass(frozen=True)
class Reading:
    """What the model reads, and the passages it was taken from."""

    text: str
    passages: tuple[Passage, ...]


def reading(
    best: SourceEntry, passages: Sequence[Passage], language: Language, *, tokens: int
) -> Reading:
    """What fits about ``tokens``; ``best`` is the entry of the first of the ``passages``."""
    near = passages[0].text
    sections = _sections(best.body)
    steps = sections[_STEPS : _STEPS + 1]
    parts = [near, *steps, *(s for s in sections if s not in steps)]
    kept = [passages[0]]
    texts: list[str] = []
    room = tokens * _CHARACTERS_PER_TOKEN[language]
    for part in parts:
        text = _spoken(part)
        if text and text not in "\n".join(texts) and (not texts or len(text) <= room):
            texts.append(text)
            room -= len(text)
    written = [f"{best.title}\n" + "\n".join(texts)]
    for passage in passages[1:]:
        if passage.score >= _MAY_ANSWER and len(passage.text) <= room:
            kept.append(passage)
            written.append(f"{passage.title}\n{_spoken(passage.text)}")
            room -= len(passage.text)
    return Reading("\n\n".join(written), tuple(kept))


def spoken_steps(entry: SourceEntry) -> list[str]:
    """The first steps of an entry as sentences, each ended by a line break."""
    sections = _sections(entry.body)
    steps = sections[_STEPS] if len(sections) > _STEPS else sections[-1]
    return [f"{line}\n" for line in _spoken(steps).splitlines()][:_SPOKEN_STEPS]


def _sections(body: str) -> list[str]:
    return [text.strip() for text in _HEADING.split(body)[1:] or [body]]


def _spoken(text: str) -> str:
    """The lines without Markdown's marks, as they would be said."""
    lines = (_MARKS.sub("", _BULLET.sub("", line.strip())) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
