"""Mandarin terms that were heard as other characters of the same sound: 丢暴律 in, 丢包率 out.

A sentence is cut into the words that make it likeliest, as a segmenter does, where besides the
dictionary's words each term may stand wherever something is written that sounds like it, at a price
for the change and for the distance of the sound; the price rises where the sentence is not about
what the corpus is about. So rare characters in a row give way to a term, and ordinary words do not.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import jieba
from pypinyin import Style, lazy_pinyin

from common.dictionary import load_dictionary
from common.languages import HAN, HAN_CHARACTER

#: Of all words in a call to support, the share of each term: natural logarithm.
_TERM = math.log(1 / 1000)
#: Price of any change, and of a whole different initial or final; natural logarithms too.
_CHANGE = 3.0
_SOUND = 14.0
#: Distance of two syllables that differ in tone alone.
_TONE = 0.1
#: Highest distance of a term's sound, in initials and finals per syllable.
_MOST_PER_SYLLABLE = 0.25
#: Particles, pronouns, conjunctions: what has one is no term, unless the term has it too.
_FUNCTION = frozenset("的了吗呢吧啊呀嘛是我你您他她它们这那哪就也都还很和或与及把被给")
#: A dictionary word at least this frequent is not taken for a term, whatever it sounds like:
#: occurrences in the sixty million words that jieba's dictionary was counted in.
_ORDINARY = 10
#: Each word tells for or against a call to support by this much at most, natural logarithm. The
#: corpus is small: as if this many words of general Mandarin were in it too.
_MOST_PER_WORD = 2.0
_GENERAL_WORDS = 2000

_SPAN = re.compile(f"[{HAN}]|[A-Za-z]+")
_SEGMENT = re.compile(f"[{HAN}A-Za-z ]+")

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

#: Behind 百分之 nothing but a number can be: the numerals by their sound.
_PERCENTAGE = re.compile("(?<=百分之)[^零一二两三四五六七八九十百千\\W]")
_NUMERALS = {"yi": "一", "er": "二", "san": "三", "si": "四", "wu": "五", "liu": "六", "qi": "七"}
_NUMERALS |= {"ba": "八", "jiu": "九", "shi": "十", "ling": "零"}

#: How letters come out when a Mandarin speaker's are written as characters, A to Z.
_LETTER_SOUNDS = (
    "ei, bi, xi, di, yi, ai fu, ji, ai chi, ai, jie, kai, ai lu, ai mu, en, ou, pi, kiu, a, ai si, "
    "ti, you, wei, da bu liu, ai ke si, wai, zei"
)
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTER_SOUNDS.split(", "), strict=True))


@dataclass(frozen=True)
class _Sound:
    """A term and its tones, 0 where there is none to compare."""

    term: str
    tones: tuple[int, ...]


@dataclass
class _Node:
    """A place in the tree of the terms' syllables."""

    after: dict[str, _Node] = field(default_factory=dict)
    sounds: list[_Sound] = field(default_factory=list)


@dataclass(frozen=True)
class _Unit:
    """A character or a letter of the sentence, and how it is said."""

    start: int
    end: int
    syllables: tuple[str, ...]
    tone: int
    #: Whether a term may not begin here: inside a run of letters.
    inside: bool


@dataclass(frozen=True)
class _Cut:
    """The likeliest way to cut a sentence up to a unit: its last word, and the term put there."""

    score: float
    start: int = 0
    term: str | None = None


class Homophones:
    """Finds terms by their sound in Mandarin sentences."""

    def __init__(
        self, terms: Iterable[str], corpus: str, pinyin: Mapping[str, tuple[str, ...]]
    ) -> None:
        """``terms``: in characters, in capitals, or both (TCP中转). ``corpus``: its Mandarin text.

        ``pinyin``: words whose readings must be told, a syllable with its tone per character.
        """
        load_dictionary()
        self._words: Mapping[str, int] = jieba.dt.FREQ
        self._log_total = math.log(jieba.dt.total)
        self._corpus = corpus
        self._topic = _Topic(corpus)
        self._ordinary = frozenset(pinyin)
        self._terms = frozenset(terms)
        self._root = _Node()
        for term in sorted(self._terms):
            for units in {_units(term), _units(term, pinyin)}:
                self._add(term, units)

    def _add(self, term: str, units: tuple[_Unit, ...]) -> None:
        node = self._root
        for syllable in (s for unit in units for s in unit.syllables):
            node = node.after.setdefault(syllable, _Node())
        tones = tuple(unit.tone for unit in units for _ in unit.syllables)
        if len(tones) > 1:
            node.sounds.append(_Sound(term, tones))

    def mend(self, text: str) -> str:
        """``text`` with what sounds like a term written as that term."""
        if not HAN_CHARACTER.search(text):
            return text
        text = _PERCENTAGE.sub(lambda m: _NUMERALS.get(_reading(m[0])[:-1], m[0]), text)
        off_topic = self._topic.off_topic(text)
        return _SEGMENT.sub(lambda m: self._mend_segment(m[0], off_topic), text)

    def _mend_segment(self, text: str, off_topic: float) -> str:
        units = _units(text)
        syllables = [s for unit in units for s in unit.syllables]
        tones = [unit.tone for unit in units for _ in unit.syllables]
        first = [0]
        for unit in units:
            first.append(first[-1] + len(unit.syllables))
        unit_at = {position: i for i, position in enumerate(first)}
        best = [_Cut(0.0), *(_Cut(-math.inf) for _ in units)]
        for i, unit in enumerate(units):
            score = best[i].score
            for end, gain in self._dictionary_words(text, units, i):
                if score + gain > best[end].score:
                    best[end] = _Cut(score + gain, i)
            if unit.inside:
                continue
            for sound, length, distance in self._sounds_at(syllables, first[i]):
                end = unit_at.get(first[i] + length, 0)
                if not end or (end < len(units) and units[end].inside):
                    continue
                surface = text[unit.start : units[end - 1].end]
                for heard, meant in zip(tones[first[i] :], sound.tones, strict=False):
                    distance += _TONE * (heard != meant and 0 not in (heard, meant))
                gain = self._gain(sound.term, surface, distance) + off_topic * (
                    surface != sound.term
                )
                if score + gain > best[end].score:
                    best[end] = _Cut(score + gain, i, sound.term)
        return _rewrite(text, units, best)

    def _dictionary_words(
        self, text: str, units: tuple[_Unit, ...], i: int
    ) -> Iterator[tuple[int, float]]:
        """The words that begin with unit ``i``: (unit behind, natural logarithm of the share)."""
        unit = units[i]
        yield i + 1, self._log_share(self._words.get(text[unit.start : unit.end], 0))
        for j in range(i + 1, min(i + 5, len(units))):
            word = text[unit.start : units[j].end]
            if word not in self._words:  # the beginnings of words are in it too, with count 0
                return
            if count := self._words[word]:
                yield j + 1, self._log_share(count)

    def _log_share(self, count: int) -> float:
        return math.log(count or 1) - self._log_total

    def _sounds_at(self, syllables: list[str], start: int) -> Iterator[tuple[_Sound, int, float]]:
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
                    for sound in node.sounds:
                        yield sound, length, distance

    def _gain(self, term: str, surface: str, distance: float) -> float:
        """Natural logarithm of the share of ``term`` written as ``surface``."""
        if surface == term:
            return _TERM
        is_word = self._words.get(surface, 0) >= _ORDINARY or surface in self._ordinary
        if surface in self._terms or is_word or surface in self._corpus:
            return -math.inf
        if not _FUNCTION.intersection(surface) <= set(term):
            return -math.inf
        has_letters, is_acronym = re.search("[A-Za-z]", surface), term.isascii()
        # Letters do not become characters; characters alone spell an acronym only exactly.
        if (has_letters and not re.search("[A-Z]", term)) or surface.isascii():
            return -math.inf
        if is_acronym and not has_letters and distance > 0:
            return -math.inf
        return _TERM - _CHANGE - _SOUND * distance


class _Topic:
    """Whether a sentence is about what the corpus is about."""

    def __init__(self, corpus: str) -> None:
        self._counts = Counter(_content_words(corpus))
        self._total = self._counts.total()
        self._general: Mapping[str, int] = jieba.dt.FREQ
        self._log_general = math.log(jieba.dt.total)

    def off_topic(self, text: str) -> float:
        """How much the words of ``text`` speak against it: natural logarithm, 0 or less."""
        return min(sum(map(self._evidence, _content_words(text))), 0.0)

    def _evidence(self, word: str) -> float:
        general = math.exp(math.log(max(self._general.get(word, 0), 1)) - self._log_general)
        expected = _GENERAL_WORDS * general
        share = (self._counts[word] + expected) / (self._total + _GENERAL_WORDS)
        return min(max(math.log(share / general), -_MOST_PER_WORD), _MOST_PER_WORD)


def _content_words(text: str) -> Iterator[str]:
    """Words of two characters and more: single ones say little about the subject."""
    return (
        word for word in jieba.cut(text, HMM=False) if len(word) > 1 and HAN_CHARACTER.match(word)
    )


def _units(text: str, pinyin: Mapping[str, tuple[str, ...]] | None = None) -> tuple[_Unit, ...]:
    """Characters with their readings, and letters; a word in small letters is one unit.

    ``pinyin``: words that are read otherwise than their characters by themselves.
    """
    told = {
        match.start() + k: syllable
        for word, syllables in (pinyin or {}).items()
        for match in re.finditer(word, text)
        for k, syllable in enumerate(syllables)
    }
    units: list[_Unit] = []
    for match in _SPAN.finditer(text):
        start = match.start()
        if HAN_CHARACTER.match(match[0]):
            reading = told.get(start) or _reading(match[0])
            tone = int(reading[-1]) % 5 if reading[-1].isdigit() else 0
            units.append(_Unit(start, start + 1, (reading.rstrip("12345"),), tone, False))
        elif match[0].isupper():
            units += [
                _Unit(start + k, start + k + 1, tuple(_LETTERS[c].split()), 0, k > 0)
                for k, c in enumerate(match[0])
            ]
        else:
            units.append(_Unit(start, match.end(), (match[0].lower(),), 0, False))
    return tuple(units)


@cache
def _reading(character: str) -> str:
    """The usual syllable of a character, with its tone: what is written may be wrong, and says
    nothing about how its neighbour is read."""
    return str(lazy_pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)[0])


def _rewrite(text: str, units: tuple[_Unit, ...], best: list[_Cut]) -> str:
    end = len(units)
    while end:
        cut = best[end]
        if cut.term is not None:
            text = text[: units[cut.start].start] + cut.term + text[units[end - 1].end :]
        end = cut.start
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
    "i": "yi",
    "u": "wu",
    "v": "yu",
    "ia": "ya",
    "ie": "ye",
    "iao": "yao",
    "iu": "you",
    "ian": "yan",
    "in": "yin",
    "iang": "yang",
    "ing": "ying",
    "iong": "yong",
    "ua": "wa",
    "uo": "wo",
    "uai": "wai",
    "ui": "wei",
    "uan": "wan",
    "un": "wen",
    "uang": "wang",
    "ong": "weng",
    "ve": "yue",
    "van": "yuan",
    "vn": "yun",
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
