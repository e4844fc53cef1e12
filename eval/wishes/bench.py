"""`make eval-wishes`: how many wishes for a person and emergencies are missed, how many invented.

Utterances that took no part in making words and weights: those of `eval/wishes/held_out.jsonl`, of
which the spoken ones are read as our recogniser heard them, and all questions of `eval/questions`,
which wish for neither, but for those that `eval/wishes/asked.jsonl` names. The real embedding, in
this process. The last line of stdout is JSON: shares in %, of wishes that are missed and of others
that raise a false alarm, in all, by language and by source; `confused`: wishes taken for the other
kind, no miss; `words_alone`: the same while the knowledge server is away; `ms`: of one reading.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from agent.cli.output import print_json
from agent.dialogue.reading import texts_of
from agent.dialogue.wishes import Heard, Reader, Wish, load_reader
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from eval.retrieval.asked import QUESTIONS
from eval.wishes.utterances import ASKED, HELD_OUT, load
from knowledge.config import embedding_folder
from knowledge.search.embedding import E5Model

#: In `asked.jsonl`, of what people would not agree on.
_OPEN: Final = "open"


@dataclass(frozen=True)
class Case:
    """What reaches us, and what it should be read as."""

    text: str
    language: Language
    wish: Wish | None
    source: str


@dataclass(frozen=True)
class Judged:
    """A case, and what it was read as."""

    case: Case
    read: Heard | None
    ms: float


def held_out() -> list[Case]:
    """All cases; a text that is there twice counts once."""
    return list({case.text: case for case in (*_utterances(), *_questions())}.values())


def _utterances() -> Iterator[Case]:
    for one in load(HELD_OUT):
        if one.heard or not one.is_spoken:  # of what nothing is heard nothing reaches us
            yield Case(one.heard or one.text, one.language, one.wish, one.source)


def _questions() -> Iterator[Case]:
    asked = {row["text"]: row["wish"] for row in _rows(ASKED.read_text("utf-8"))}
    for path in sorted(QUESTIONS.glob("*.jsonl")):
        for row in _rows(path.read_text("utf-8")):
            wish = asked.get(row["text"])
            if wish != _OPEN:
                text = row.get("heard", row["text"])
                yield Case(text, row["language"], wish, f"questions {path.stem}")


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def judge(cases: Sequence[Case], reader: Reader, model: E5Model | None) -> list[Judged]:
    """Reads each as a call does; ``model`` None: with words alone."""
    judged: list[Judged] = []
    for case in cases:
        started = time.perf_counter()
        definite = reader.definite(case.text)
        read = Heard(definite, is_sure=True) if definite else None
        if read is None and model:
            texts = texts_of(case.text)
            read = reader.likely(texts, model.embed(texts, "query"))
        judged.append(Judged(case, read, (time.perf_counter() - started) * 1000))
    return judged


def scores(judged: Sequence[Judged]) -> dict[str, Any]:
    """Shares in %, and of how many."""
    wishes = [one for one in judged if one.case.wish]
    others = [one for one in judged if not one.case.wish]
    return {
        "missed": _percent(wishes, lambda one: one.read is None),
        "confused": _percent(wishes, _is_confused),
        "wishes": len(wishes),
        "false_alarms": _percent(others, lambda one: one.read is not None),
        "called_at_once": _percent(wishes, _calls),
        "called_for_nothing": _percent(others, _calls),
        "others": len(others),
    }


def _is_confused(one: Judged) -> bool:
    return one.read is not None and one.read.wish != one.case.wish


def _calls(one: Judged) -> bool:
    """Whether people are called without a question."""
    return one.read is not None and one.read.is_sure


def _percent(judged: Sequence[Judged], holds: Callable[[Judged], bool]) -> float | None:
    if not judged:
        return None
    return round(100 * sum(map(holds, judged)) / len(judged), 2)


def measure() -> dict[str, Any]:
    """All figures."""
    cases, reader = held_out(), load_reader()
    judged = judge(cases, reader, E5Model(embedding_folder(Settings().paths)))
    return {
        **scores(judged),
        "by_language": {
            language: scores([one for one in judged if one.case.language == language])
            for language in LANGUAGES
        },
        "by_source": {
            source: scores([one for one in judged if one.case.source == source])
            for source in sorted({case.source for case in cases})
        },
        "confusion": _confusion(judged),
        "ms": {
            f"p{share}": round(float(np.percentile([one.ms for one in judged], share)), 1)
            for share in (50, 95)
        },
        "words_alone": scores(judge(cases, reader, None)),
    }


def _confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """How often what should be read as one thing (outside) was read as another (inside)."""
    counts: dict[str, dict[str, int]] = {}
    for one in judged:
        of = counts.setdefault(one.case.wish or "neither", {})
        read = one.read.wish if one.read else "neither"
        of[read] = of.get(read, 0) + 1
    return counts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


async def bench(_arguments: argparse.Namespace) -> None:
    """Measure and print."""
    print_json(measure())
