"""Local agreement: successive readings of one utterance in, the text that no longer changes out.

Each partial hears the whole utterance again, with a little more speech. What two of them in a row
say alike, from the beginning on, is confirmed: whole English words or Mandarin characters, without
the tail, which the next sound may still change.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import NamedTuple

from common.languages import HAN, Language

#: Held back at the end of a reading: its last sounds may be half of something else.
_HELD_BACK: dict[Language, int] = {"zh": 2, "en": 1}

_WORD = re.compile(rf"([{HAN}]|[^\W{HAN}]+(?:['’.,-][^\W{HAN}]+)*%?)([\W_]*)")
#: More digits may follow: 一百 may become 110, and so may "one hundred".
_NUMERAL = re.compile(
    r"\d.*|[零〇幺两一二三四五六七八九十百千万亿点百分之]"
    r"|(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty"
    r"|hundred|thousand|million|point)",
    re.IGNORECASE,
)


class _Word(NamedTuple):
    spoken: str
    #: Punctuation and space behind it.
    marks: str


class Agreement:
    """What successive readings of one utterance agree on."""

    def __init__(self) -> None:
        #: The text that no longer changes; every reading from now on must begin with it.
        self.confirmed = ""
        self._last: list[_Word] = []

    def hear(self, text: str, language: Language | None) -> bool:
        """Compare a new reading with the one before; whether ``confirmed`` has grown.

        Nothing is confirmed while the language is not sure (None).
        """
        last, words = self._last, _words(text)
        self._last = words
        if language is None:
            return False
        agreed = _common(last, words)[: max(len(words) - _HELD_BACK[language], 0)]
        while agreed and _NUMERAL.fullmatch(agreed[-1].spoken):
            agreed.pop()
        # The marks behind the last word are the first thing that more speech changes.
        confirmed = "".join(w.spoken + w.marks for w in agreed[:-1])
        confirmed += agreed[-1].spoken if agreed else ""
        if len(confirmed) <= len(self.confirmed) or not text.startswith(confirmed):
            return False
        self.confirmed = confirmed
        return True


def _words(text: str) -> list[_Word]:
    return [_Word(*match.groups()) for match in _WORD.finditer(text)]


def _common(earlier: list[_Word], later: list[_Word]) -> list[_Word]:
    """The words of ``later`` that ``earlier`` has too; marks may differ behind the last alone."""
    pairs = zip(earlier, later, strict=False)
    alike = [word for _, word in takewhile(lambda p: p[0].spoken == p[1].spoken, pairs)]
    whole = sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(earlier, alike, strict=False)))
    return alike[: whole + 1]
