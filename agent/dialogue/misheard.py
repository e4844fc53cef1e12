"""Misheard: what a customer says in; the names in it that were heard, or typed, as something else,
out.

Mandarin is compared by its syllables: without tones where a name has three or more, or is one that
much is asked about. A short one counts only where a place would stand, for any two syllables are
some word. English is compared letter by letter, of words long enough to be no other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from jellyfish import damerau_levenshtein_distance
from pypinyin import Style, lazy_pinyin

from agent.dialogue.matching import any_of, sound
from common.languages import HAN

_HAN_RUN: Final = re.compile(f"[{HAN}]+")
_HAN_NAME: Final = re.compile(f"[{HAN}]{{2,}}")
_WORD: Final = re.compile(r"[a-z]+")
#: A name of so many syllables is no other word, wherever it stands.
_LONG: Final = 3
#: Letters of an English name that is compared, and from which two may be wrong instead of one.
_LETTERS, _MANY_LETTERS = 6, 9


class Misheard:
    """Finds names that were misheard, in texts of `plain`."""

    def __init__(
        self,
        names: Iterable[str],
        asked_most: Collection[str],
        before: Sequence[str],
        after: Sequence[str],
        never: Collection[str],
    ) -> None:
        """``names``: in either language. ``asked_most``: those that count whatever their tones.
        ``before`` and ``after``: words beside which a short name may stand. ``never``: English
        words that are no name."""
        known = list(names)
        self._syllables: dict[tuple[str, ...], str] = {}
        for name in known:
            if _HAN_NAME.fullmatch(name):
                is_plain = len(name) >= _LONG or name in asked_most
                self._syllables.setdefault(_syllables(name, tones=not is_plain), name)
        self._lengths = sorted({len(one) for one in self._syllables}, reverse=True)
        self._before = re.compile(f"(?:^|{any_of(before).pattern})$")
        self._after = any_of(after)
        words = (name.removesuffix("*") for name in known)
        self._words = [w for w in words if _WORD.fullmatch(w) and len(w) >= _LETTERS]
        self._never = any_of(never)

    def find(self, text: str) -> Iterator[str]:
        """The names that may be meant, in their order."""
        for run in _HAN_RUN.finditer(text):
            yield from self._in_mandarin(run[0])
        for word in _WORD.finditer(text):
            if name := self._in_english(word[0]):
                yield name

    def _in_mandarin(self, run: str) -> Iterator[str]:
        toneless, toned = (_syllables(run, tones=tones) for tones in (False, True))
        at = 0
        while at < len(run):
            for length in self._lengths:
                end = at + length
                found = [self._syllables.get(of[at:end]) for of in (toneless, toned)]
                name = next(filter(None, found), None)
                if name and (length >= _LONG or self._stands(run, at, end)):
                    yield name
                    at = end
                    break
            else:
                at += 1

    def _stands(self, run: str, at: int, end: int) -> bool:
        """Whether a place would stand there."""
        is_behind = self._before.search(run[:at]) is not None
        return is_behind and (end == len(run) or self._after.match(run, end) is not None)

    def _in_english(self, word: str) -> str | None:
        if len(word) < _LETTERS - 1 or self._never.fullmatch(word):
            return None
        for name in self._words:
            most = 1 if len(name) < _MANY_LETTERS else 2
            is_near = word[0] == name[0] and abs(len(word) - len(name)) <= most
            if is_near and damerau_levenshtein_distance(word, name) <= most:
                return name
        return None


def _syllables(text: str, *, tones: bool) -> tuple[str, ...]:
    """One for each character; without tones, also what speakers confuse is one."""
    if not tones:
        return tuple(sound(text).split())
    return tuple(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True))
