"""From streamed text to clauses that can be spoken at once: text deltas in, clauses out.

Each clause ends at a mark (or a line's end), and where it ends depends on nothing but its own text.
So a clause that is split again stays whole, and the streamed answer and the cached phrase are cut
alike: that is what lets the speech cache find them.
"""

from __future__ import annotations

import re

from common.languages import HAN

#: Length is counted in syllables: a Mandarin character or a digit is one, a Latin letter a quarter.
#: Shorter clauses are joined to the next, for a voice that stops every second word sounds choppy;
#: the end of a sentence may come sooner than a comma.
_MIN_AT_STOP = 3.0
_MIN_AT_COMMA = 6.0
#: About 7 s of speech. A longer clause is cut between words.
_MAX = 32.0

_STOPS = "。！？…!?\n"
_COMMAS = "，、；：,;:"
#: These may stand inside a number, a time, a name or an address: then something follows at once.
_AMBIGUOUS = ".,:;!?"
_ABBREVIATIONS = re.compile(
    r"(?:^|[^A-Za-z])(?:[A-Za-z]|e\.g|i\.e|etc|vs|approx|Art|Dr|Mr|Mrs|Ms|No|St)$"
)
#: Where a clause without marks may be cut: before a joining word, else at a space, else after Han.
_JOINTS = (
    re.compile(
        r"(?<=\S)(?=并且|而且|以及|或者|因为|所以|如果|但是|然后|同时)|\s(?=(?:and|or|but|because|so|which|that|if|when)\s)"
    ),
    re.compile(r"\s(?=\S)"),
    re.compile(rf"(?<=[{HAN}])(?=[{HAN}])"),
)


class ClauseSplitter:
    """Takes an answer's text as it is written, gives its clauses as soon as they are complete."""

    def __init__(self) -> None:
        self._text = ""

    def push(self, text: str) -> list[str]:
        """Add text; the clauses that it completes."""
        self._text += text
        clauses = []
        while clause := self._next(final=False):
            clauses.append(clause)
        return clauses

    def flush(self) -> list[str]:
        """The rest, at the end of the text. The splitter is empty after it."""
        clauses = []
        while clause := self._next(final=True):
            clauses.append(clause)
        if re.search(r"\w", self._text):
            clauses.append(self._text)
        self._text = ""
        return clauses

    def _next(self, *, final: bool) -> str | None:
        """Take the first complete clause off the text."""
        end = _end_of_clause(self._text, final=final)
        if end is None:
            return None
        clause, self._text = self._text[:end], self._text[end:]
        return clause


def split_clauses(text: str) -> list[str]:
    """The clauses of a whole text."""
    splitter = ClauseSplitter()
    return splitter.push(text) + splitter.flush()


def _end_of_clause(text: str, *, final: bool) -> int | None:
    length = 0.0
    for index, mark in enumerate(text):
        length += syllables(mark)
        if length > _MAX:
            return _cut(text[:index])
        if mark not in _STOPS and mark not in _COMMAS and mark != ".":
            continue
        if mark in _AMBIGUOUS and not final and index + 1 == len(text):
            return None
        if _ends_clause(text, index, length):
            return index + 1
    return None


def _ends_clause(text: str, index: int, length: float) -> bool:
    mark, before, after = text[index], text[:index], text[index + 1 : index + 2]
    if mark in _AMBIGUOUS and after and not re.match(rf"[\s{HAN}]", after):
        return False
    if mark == "." and (_ABBREVIATIONS.search(before) or re.search(r"(?:^|\n)\s*\d+$", before)):
        return False
    return length >= (_MIN_AT_COMMA if mark in _COMMAS else _MIN_AT_STOP)


def syllables(character: str) -> float:
    """How long a character takes to say: a Mandarin character or a digit is 1."""
    if not character.isalnum():
        return 0.25 if character == " " else 0.0
    return 0.25 if character.isascii() and character.isalpha() else 1.0


def _cut(text: str) -> int:
    """Where to cut a text that has no mark: in its second half, at the best joint there is."""
    for joint in _JOINTS:
        ends = [match.end() for match in joint.finditer(text) if match.end() > len(text) // 2]
        if ends:
            return ends[-1]
    return len(text)
