"""Mandarin terms that were heard as other characters of the same sound: 丢暴律 in, 丢包率 out.

A sentence is cut into the words that make it likeliest, as a segmenter does, where besides the
dictionary's words each term may stand wherever something is written that sounds like it, at a price
for the change and for the distance of the sound. So rare characters in a row give way to a term,
and ordinary words do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import jieba
from pypinyin import Style, lazy_pinyin

#: Of all words in a call to support, the share of each term: natural logarithm.
_TERM = math.log(1 / 1000)
#: Price of any change, and of a whole different initial or final; natural logarithms too.
_CHANGE = 3.0
_SOUND = 6.0
#: Highest distance of a term's sound, in initials and finals per syllable.
_MOST_PER_SYLLABLE = 0.35
#: Particles and pronouns: what has one is no term, unless the term has it too.
_FUNCTION = frozenset("的了吗呢吧啊呀嘛是我你您他她它们这那哪就也都还很")
#: A dictionary word at least this frequent is not taken for a term, whatever it sounds like:
#: occurrences in the sixty million words that jieba's dictionary was counted in.
_ORDINARY = 10

_HAN = re.compile(r"[\u3400-\u9fff]")
_SPAN = re.compile(r"[\u3400-\u9fff]|[A-Za-z]+")
_SEGMENT = re.compile(r"[\u3400-\u9fffA-Za-z ]+")

#: Initials and finals that recognisers and speakers from many regions mix up, by their distance.
_NEAR_INITIALS = {
    0.15: "z-zh c-ch s-sh",
    0.3: "n-l f-h l-r b-p d-t g-k j-q z-c zh-ch",
    0.5: "m-n j-zh q-ch x-sh x-q s-c sh-ch b-d p-t zh-d g-d h-k",
}
_NEAR_FINALS = {
    0.15: "an-ang en-eng in-ing uo-o ian-iang uan-uang",
    0.3: "eng-ong en-un un-uan e-uo i-v u-v ou-u ei-i u-uo ie-ian ing-ong",
    0.5: (
        "a-an ai-ei ai-an ao-ou e-ei en-ei a-ia i-ie ang-ong iao-ao ua-a un-ong ian-an iang-ang "
        "uan-an in-en ing-eng i-e"
    ),
}

#: How letters come out when a Mandarin speaker's are written as characters, A to Z.
_LETTER_SOUNDS = (
    "ei, bi, xi, di, yi, ai fu, ji, ai chi, ai, jie, kai, ai lu, ai mu, en, ou, pi, kiu, a, ai si, "
    "ti, you, wei, da bu liu, ai ke si, wai, zei"
)
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTER_SOUNDS.split(", "), strict=True))


@dataclass
class _Node:
    """A place in the tree of the terms' syllables."""

    after: dict[str, _Node] = field(default_factory=dict)
    terms: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Unit:
    """A character or a letter of the sentence, and the syllables it is said with."""

    start: int
    end: int
    syllables: tuple[str, ...]


class Homophones:
    """Finds terms by their sound in Mandarin sentences."""

    def __init__(self, terms: Iterable[str]) -> None:
        """Terms in characters, in capital letters, or both (TCP中转)."""
        jieba.initialize()
        self._words: Mapping[str, int] = jieba.dt.FREQ
        self._log_total = math.log(jieba.dt.total)
        self._root = _Node()
        self._terms = frozenset(terms)
        for term in sorted(self._terms):
            syllables = [s for unit in _units(term) for s in unit.syllables]
            if len(syllables) < 2:
                continue
            node = self._root
            for syllable in syllables:
                node = node.after.setdefault(syllable, _Node())
            node.terms.append(term)

    def mend(self, text: str) -> str:
        """``text`` with what sounds like a term written as that term."""
        return _SEGMENT.sub(lambda m: self._mend_segment(m[0]), text)

    def _mend_segment(self, text: str) -> str:
        units = _units(text)
        if len(units) < 2:
            return text
        syllables = [s for unit in units for s in unit.syllables]
        first = [0]
        for unit in units:
            first.append(first[-1] + len(unit.syllables))
        unit_at = {position: i for i, position in enumerate(first)}
        # Likeliest cut of the units up to each one: (score, unit it comes from, term put there).
        best: list[tuple[float, int, str | None]] = [(-math.inf, 0, None)] * (len(units) + 1)
        best[0] = (0.0, 0, None)
        for i, unit in enumerate(units):
            score = best[i][0]
            for end, gain in self._dictionary_words(text, units, i):
                if score + gain > best[end][0]:
                    best[end] = (score + gain, i, None)
            for term, length, distance in self._terms_at(syllables, first[i]):
                to = unit_at.get(first[i] + length)
                if to is None:
                    continue
                surface = text[unit.start : units[to - 1].end]
                gain = self._term_gain(term, surface, distance)
                if score + gain > best[to][0]:
                    best[to] = (score + gain, i, term)
        return _rewrite(text, units, best)

    def _dictionary_words(
        self, text: str, units: list[_Unit], i: int
    ) -> Iterable[tuple[int, float]]:
        """The words that begin with unit ``i``: (unit behind, natural logarithm of the share)."""
        unit = units[i]
        yield i + 1, self._log_share(self._words.get(text[unit.start : unit.end], 0))
        for j in range(i + 1, min(i + 5, len(units))):
            if units[j].start != units[j - 1].end:
                return
            word = text[unit.start : units[j].end]
            if word not in self._words:
                return
            if count := self._words[word]:
                yield j + 1, self._log_share(count)

    def _log_share(self, count: int) -> float:
        return math.log(count or 1) - self._log_total

    def _terms_at(self, syllables: list[str], start: int) -> Iterable[tuple[str, int, float]]:
        """Terms that sound like what begins at ``start``: (term, syllables, distance)."""
        paths = [(self._root, 0.0)]
        for length in range(1, len(syllables) - start + 1):
            near = _near(syllables[start + length - 1])
            paths = [
                (node.after[syllable], distance + more)
                for node, distance in paths
                for syllable, more in near.items()
                if syllable in node.after
            ]
            if not paths:
                return
            for node, distance in paths:
                if distance <= _MOST_PER_SYLLABLE * length:
                    for term in node.terms:
                        yield term, length, distance

    def _term_gain(self, term: str, surface: str, distance: float) -> float:
        if surface == term:
            return _TERM
        if surface in self._terms or self._words.get(surface, 0) >= _ORDINARY:
            return -math.inf
        if not _FUNCTION.intersection(surface) <= set(term):
            return -math.inf
        return _TERM - _CHANGE - _SOUND * distance


def _units(text: str) -> list[_Unit]:
    """Characters with their readings, and letters; words in small letters have no syllables."""
    units: list[_Unit] = []
    readings = iter(lazy_pinyin(_HAN.findall(text), style=Style.NORMAL, v_to_u=False))
    for match in _SPAN.finditer(text):
        if _HAN.match(match[0]):
            units.append(_Unit(match.start(), match.end(), (next(readings),)))
        elif match[0].isupper():
            units += [
                _Unit(match.start() + k, match.start() + k + 1, tuple(_LETTERS[c].split()))
                for k, c in enumerate(match[0])
            ]
        else:
            units.append(_Unit(match.start(), match.end(), (match[0].lower(),)))
    return units


def _rewrite(text: str, units: list[_Unit], best: list[tuple[float, int, str | None]]) -> str:
    end = len(units)
    while end:
        _, start, term = best[end]
        if term is not None:
            text = text[: units[start].start] + term + text[units[end - 1].end :]
        end = start
    return text


# Sounds


@cache
def _near(syllable: str) -> dict[str, float]:
    """The syllables that may be meant by this one, with their distance."""
    initial, final = _split(syllable)
    initials = {initial: 0.0} | _neighbours(initial, _NEAR_INITIALS)
    finals = {final: 0.0} | _neighbours(final, _NEAR_FINALS)
    return {
        _join(i, f): di + df
        for i, di in initials.items()
        for f, df in finals.items()
        if di + df <= 0.8
    }


def _neighbours(sound: str, table: Mapping[float, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for distance, pairs in table.items():
        for a, b in (pair.split("-") for pair in pairs.split()):
            if sound in (a, b):
                found.setdefault(b if sound == a else a, distance)
    return found


_INITIAL = re.compile("zh|ch|sh|[bpmfdtnlgkhjqxrzcs]")
#: Finals that are written otherwise where no initial stands before them.
_ALONE = {
    "i": "yi", "u": "wu", "v": "yu", "ia": "ya", "ie": "ye", "iao": "yao", "iu": "you",
    "ian": "yan", "in": "yin", "iang": "yang", "ing": "ying", "iong": "yong", "ua": "wa",
    "uo": "wo", "uai": "wai", "ui": "wei", "uan": "wan", "un": "wen", "uang": "wang",
    "ong": "weng", "ve": "yue", "van": "yuan", "vn": "yun",
}
_FINALS = {syllable: final for final, syllable in _ALONE.items()}


def _split(syllable: str) -> tuple[str, str]:
    """Initial and final in their plain form: xu is x and v, yan is ian without initial."""
    if syllable in _FINALS:
        return "", _FINALS[syllable]
    match = _INITIAL.match(syllable)
    initial = match[0] if match else ""
    final = syllable[len(initial) :]
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    return initial, final


def _join(initial: str, final: str) -> str:
    if not initial:
        return _ALONE.get(final, final)
    if initial in ("j", "q", "x") and final.startswith("v"):
        return initial + "u" + final[1:]
    return initial + final
