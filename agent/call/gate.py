"""The gate: a customer's text, typed or heard, in; the text that the call goes on with out.

Behind it no text is longer than `QUESTION_CHARACTERS`, whatever was pasted or said: retrieval,
prompt, history and records are bounded by what comes in here. What is longer is shortened to the
parts that say most; what is too much altogether is refused, and the customer is told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

from knowledge.contract import LONGEST_QUERY

#: Retrieval takes no longer a question, characters.
QUESTION_CHARACTERS: Final = LONGEST_QUERY
#: The longest text that is read at all: a log of some two hundred lines, characters.
PASTE_CHARACTERS = 20_000
#: So many typed texts at once, and one more each so many seconds: nobody types faster for long.
BURST, PACE_S = 5, 4.0

#: The longest line or sentence of a shortened text, characters.
_PART_CHARACTERS = 200
_GAP = "…"
_SENTENCE = re.compile(r"[^。！？!?.;；\n]{1,200}[。！？!?.;；\n]*\s{0,9}|[。！？!?.;；\s]{1,200}")
#: Everything that a terminal acts on, but line breaks and tabs.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: What logs and stack traces are full of, and sentences are not.
_SYMBOL = re.compile(r"[\d_=/\\{}\[\]<>|:;@#$%^*~\"'`]|\.(?=\w)")
#: A line with this share of them is no sentence of the customer's.
_LOG_SHARE = 0.12
_TELLS_FAILURE = re.compile(
    r"error|fail|exception|fatal|panic|warn|timed? ?out|refused|denied|invalid|expired|reject"
    r"|unable|cannot|disconnect|错误|失败|异常|超时|拒绝|断开|无法|过期|失效|警告",
    re.IGNORECASE,
)


class Refusal(StrEnum):
    """Why a typed text was not read."""

    TOO_LONG = "too_long"
    TOO_FAST = "too_fast"


class TextGate:
    """The gate of one call."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """``clock``: seconds, from any beginning; the event loop's where there is none."""
        self._clock = clock or asyncio.get_running_loop().time
        self._allowance = float(BURST)
        self._counted_at = self._clock()

    def typed(self, text: str) -> str | Refusal:
        """What to go on with, or why there is nothing; empty where nothing was written."""
        now = self._clock()
        self._allowance = min(BURST, self._allowance + (now - self._counted_at) / PACE_S)
        self._counted_at = now
        if self._allowance < 1:
            return Refusal.TOO_FAST
        self._allowance -= 1
        if len(text) > PASTE_CHARACTERS:
            return Refusal.TOO_LONG
        return gist(_CONTROL.sub("", text).strip())


def gist(text: str, longest: int = QUESTION_CHARACTERS) -> str:
    """The text, or where it has more than ``longest`` characters, the parts that say most.

    Parts are lines, or sentences where there are no lines. First come the customer's own words,
    then lines that tell of a failure, then the rest; of each, what is nearest to the beginning and
    to the end. They stay in their order, "…" stands for what is left out between them, and of lines
    that differ in their digits alone the one that comes first by this rule stands for all.
    """
    if len(text) <= longest:
        return text
    lines = [" ".join(line.split())[:_PART_CHARACTERS] for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) > 1:
        return _joined(lines, _most_telling(lines, longest), "\n")
    sentences: list[str] = _SENTENCE.findall(text)
    return _joined(sentences, _most_telling(sentences, longest), "")


def _most_telling(parts: list[str], longest: int) -> list[int]:
    """The places of the parts that fit, in their order."""
    chosen: list[int] = []
    seen: set[str] = set()
    for place in sorted(range(len(parts)), key=lambda place: _rank(parts, place)):
        shape = re.sub(r"\d+", "0", parts[place])
        cost = len(parts[place]) + 2 * len(_GAP) + 1
        if shape in seen or cost > longest:
            continue
        seen.add(shape)
        chosen.append(place)
        longest -= cost
    return sorted(chosen)


def _rank(parts: list[str], place: int) -> tuple[int, int]:
    part = parts[place]
    if len(_SYMBOL.findall(part)) < _LOG_SHARE * len(part):
        kind = 0
    else:
        kind = 1 if _TELLS_FAILURE.search(part) else 2
    return kind, min(place, len(parts) - 1 - place)


def _joined(parts: list[str], places: list[int], between: str) -> str:
    def pieces() -> Iterator[str]:
        before = -1
        for place in places:
            if place > before + 1:
                yield _GAP
            yield parts[place]
            before = place
        if before < len(parts) - 1:
            yield _GAP

    return between.join(pieces())
