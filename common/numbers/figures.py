"""Figures: text in, its numbers with what they measure out: 15分钟, fifteen minutes, 2 GB.

What is written in either language, in digits or words, in one unit or another, is the same figure
if it is the same amount: 120 minutes, 两小时, "two hours".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from common.numbers.numerals import SCALES, Numeral, numerals
from common.numbers.units import MEASURE_WORDS, unit_of, unit_pattern

#: The number of a step, which is no figure.
LIST_NUMBER: Final = re.compile(r"^[ \t]*(\d{1,2})[.、)）][ \t]*(?!\d)", re.MULTILINE)

#: Counts up to this are ordinary words where no unit follows: "three things", 两种.
SMALL_COUNT: Final = 3


@dataclass(frozen=True)
class Said:
    """All that a text states in figures."""

    amounts: frozenset[tuple[str, float]]
    """What has a unit, by dimension and amount."""
    bare: frozenset[float]
    """The numbers without a unit."""
    numbers: frozenset[float]
    """All numbers, whatever they measure, and those of steps."""


@dataclass(frozen=True)
class Figure:
    """An amount, a range of amounts, or a choice of them."""

    text: str
    start: int
    values: tuple[float, ...]
    """As written: one, or the ends of a range."""
    dimension: str
    """What it measures, of `units.py`; empty where no unit says it."""
    factor: float
    """How many of the dimension's smallest unit its unit is."""
    about: bool
    """One of the values is meant: 一两秒, "one or two seconds"."""

    @property
    def amounts(self) -> tuple[float, ...]:
        """The values in the smallest unit of the dimension."""
        return tuple(round(value * self.factor, 6) for value in self.values)

    def is_in(self, said: Said, *, by_number: bool = False) -> bool:
        """Whether a text states it: with its unit, or, where it has none, with any.

        ``by_number``: a number without a unit is enough ("400 is the limit").
        """
        if by_number and said.bare.issuperset(self.values):
            return True
        if not self.dimension:
            return said.numbers.issuperset(self.values)
        return said.amounts.issuperset((self.dimension, amount) for amount in self.amounts)


def said_in(text: str) -> Said:
    """The figures of a text, as what others are compared with."""
    figures = figures_in(text)
    stated = [*figures, *_elided(text, figures)]
    amounts = {(f.dimension, amount) for f in stated if f.dimension for amount in f.amounts}
    for found in _ONE_OF_A_UNIT.finditer(text):
        unit = unit_of(found["unit"])
        amounts.add((unit.dimension, round(unit.factor * (1.5 if found["half"] else 1), 6)))
    if _HALF.search(text):
        amounts.add(("share", 50))
    steps = {float(step[1]) for step in LIST_NUMBER.finditer(text)}
    return Said(
        frozenset(amounts),
        frozenset(value for f in figures if not f.dimension for value in f.values),
        frozenset(steps.union(*(f.values for f in figures))),
    )


def _elided(text: str, figures: Sequence[Figure]) -> Iterator[Figure]:
    """Those that leave out the unit said before: "150 milliseconds is good, 400 the limit"."""
    last: Figure | None = None
    for figure in figures:
        if last and not figure.dimension and max(figure.values) > SMALL_COUNT:
            counted = _COUNTED_AFTER.match(text, figure.start + len(figure.text))
            if not counted and not _SENTENCE_END.search(text, last.start, figure.start):
                figure = replace(figure, dimension=last.dimension, factor=last.factor)
                yield figure
        last = figure if figure.dimension else None


def figures_in(text: str) -> list[Figure]:
    """The figures of a text, without the numbers of its lists."""
    text = LIST_NUMBER.sub(lambda number: " " * len(number[0]), text)
    figures = [figure for group in _groups(text) if (figure := _figure(text, group))]
    figures += [
        Figure(found[0], found.start(), (2.0,), "times", 1, about=False)
        for found in _DOUBLE.finditer(text)
    ]
    return sorted(figures, key=lambda figure: figure.start)


_SENTENCE_END: Final = re.compile(r"[。！？；!?;\n]|\.\s")
#: A thing that is counted, which is no elided unit: 5 个, "5 platforms".
_COUNTED_AFTER: Final = re.compile(rf"\s*(?:{MEASURE_WORDS})|\s+(?!is\b|as\b|was\b)[a-z]+s\b")

# Which numbers belong together

_UNIT: Final = unit_pattern()
_OR: Final = re.compile(r"或者?|\bor\b", re.IGNORECASE)
_BETWEEN: Final = re.compile(
    r"\s*(?:或者?|\bor\b|到|至|和|与|、|[/~～–—-]|\bto\b|\band\b)\s*", re.IGNORECASE
)
_PART: Final = re.compile(
    r"(?P<half>(?<![倍天年周])半(?!年)|\bhalf(?:\s+an?)?\b)|\b(?P<quarters>an?|one|three)[\s-]quarters?\s+of\s+an?\b",
    re.IGNORECASE,
)
_AND_A_HALF: Final = re.compile(r"个半|\sand\sa\shalf", re.IGNORECASE)
#: One of a unit: behind a limit it is a figure; "24 hours a day" is a rate.
_ONE: Final = re.compile(
    r"\b(?i:within|under|after|than|least|most|nearly|almost|about|takes?|in)\s+(?P<one>(?i:an?|(?<=within\s)the))"
    rf"(?=\s(?!second\s(?!of\b|or\b)[a-z])(?:{_UNIT}))"
)
_ONE_OF_A_UNIT: Final = re.compile(
    rf"(?:\b(?i:an?|per|every|each)\s|每)(?P<unit>{_UNIT})(?P<half>(?i:\sand\sa\shalf))?"
)
_HALF: Final = re.compile(r"一半|\bhalf\b(?!\s+an?\b)", re.IGNORECASE)
_DOUBLE: Final = re.compile(
    r"翻倍|双倍|翻了?一[倍番]|\bdouble[sd]\b|\btwice\s(?:as|the)\b", re.IGNORECASE
)


def _groups(text: str) -> Iterator[list[Numeral]]:
    """Numbers that share what stands before and behind them: 15到30分钟, "8 or 16 kilohertz"."""
    group: list[Numeral] = []
    for numeral in sorted((*numerals(text), *_parts(text)), key=lambda n: (n.start, -n.end)):
        if group and numeral.start < group[-1].end:  # "three quarters of an" holds "three"
            continue
        if group and _AND_A_HALF.fullmatch(text, group[-1].end, numeral.end):
            numeral = _and_a_half(group.pop(), numeral)
        elif group and not _BETWEEN.fullmatch(text, group[-1].end, numeral.start):
            yield group
            group = []
        group.append(numeral)
    if group:
        yield group


def _parts(text: str) -> Iterator[Numeral]:
    for found in _PART.finditer(text):
        quarters = 0.75 if found["quarters"] == "three" else 0.25
        yield _numeral(found, 0, 0.5 if found["half"] else quarters)
    for found in _ONE.finditer(text):
        yield _numeral(found, "one", 1)


def _and_a_half(whole: Numeral, half: Numeral) -> Numeral:
    values = tuple(value + 0.5 for value in whole.values)
    return Numeral(whole.start, half.end, whole.text + half.text, "", values)


def _numeral(found: re.Match[str], group: str | int, value: float) -> Numeral:
    return Numeral(*found.span(group), found[group], "", (value,))


# What they measure

_PORT_BEFORE: Final = re.compile(r"(?:端口(?:号|范围)?|\bports?|\bUDP|\bTCP)\s*$", re.IGNORECASE)
_MONEY_BEFORE: Final = {"$": "dollars", "¥": "yuan", "￥": "yuan", "€": "euros"}
_UNIT_AFTER: Final = re.compile(
    rf"[\s+-]*(?:[多余]|odd\s)?(?P<count>个)?(?P<unit>{_UNIT})(?P<half>半(?!天)|(?i:\sand\sa\shalf))?"
)
_MEASURE_WORD_AFTER: Final = re.compile(rf"\s*(?:{MEASURE_WORDS}|[点折月日号])")
#: Before 十 and 百 that nobody counted (几十, 上百); before 一 which one it is (同一天).
_SOME_BEFORE: Final = re.compile("[几数上]$")
_SAME_BEFORE: Final = re.compile("[上下前后同某每那这另]$")
#: Of which parts are percent, whatever stands behind.
_SHARES_OF: Final = (100, 1000, 10_000)


def _figure(text: str, group: Sequence[Numeral]) -> Figure | None:
    first, last = group[0], group[-1]
    before = text[max(0, first.start - 12) : first.start]
    values = tuple(value / (n.whole or 1) for n in group for value in n.values)
    if len(group) == 2 and len(last.words) == 2 and len(first.words) == 1 and values[0] < 10:
        values = (values[0] * SCALES.get(last.words[1], 1), values[1])  # one or two hundred
    unit = _UNIT_AFTER.match(text, last.end)
    if not values or _is_word(text, before, group, measured=unit is not None):
        return None
    dimension, factor = _dimension(before, max(values), unit)
    if any(numeral.whole in _SHARES_OF for numeral in group):
        values = tuple(v * 100 / (n.whole or 100) for n in group for v in n.values)
        dimension, factor, unit = "share", 1, None
    elif first.whole and not dimension:
        dimension, factor = "share", 100
    if unit and dimension and unit["half"]:
        values = (*values[:-1], values[-1] + 0.5)
    end = unit.end() if unit and dimension else last.end
    between = (text[a.end : b.start] for a, b in pairwise(group))
    about = any(len(n.values) > 1 for n in group) or any(map(_OR.search, between))
    return Figure(text[first.start : end].strip(), first.start, values, dimension, factor, about)


def _is_word(text: str, before: str, group: Sequence[Numeral], *, measured: bool) -> bool:
    """Whether it is an ordinary word: 一起, 四处, 十几个, 同一天."""
    first, end = group[0].text, group[-1].end
    if text.startswith("几", end) or (first[0] in "十百千万" and _SOME_BEFORE.search(before)):
        return True
    if first == "一" and measured and _SAME_BEFORE.search(before):
        return True
    if before.endswith("周") and text.startswith("周", end):  # 周五周六
        return True
    characters = all(len(n.text) == 1 and not n.text.isascii() for n in group)
    return characters and not measured and not _MEASURE_WORD_AFTER.match(text, end)


def _dimension(before: str, value: float, after: re.Match[str] | None) -> tuple[str, float]:
    """What a number measures and in what; nothing where it only looks like a measure."""
    if before.endswith("第"):  # 第四周
        return "", 1
    if after and not re.search(r"[A-Za-z]\Z", before):  # B2B
        unit = unit_of(after["unit"])
        year = after["unit"] == "年" and value >= 1000
        still = unit.dimension == "frames" and value < 4  # 两帧之间
        ports = unit.dimension == "port" and after["count"]
        return ("", 1) if year or still or ports else (unit.dimension, unit.factor)
    if money := _MONEY_BEFORE.get(before[-1:]):
        return money, 1
    return ("port", 1) if _PORT_BEFORE.search(before) else ("", 1)
