"""Numerals: text in, the numbers in it with place and value out: 600, 六百, "twelve"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Final

from cn2an import cn2an
from text_to_num import find_numbers


@dataclass(frozen=True)
class Numeral:
    """A number, and where in a text it stands."""

    start: int
    end: int
    text: str
    digits: str
    """In digits: 110, 4.2, 5万; empty where it is not written so: 万一, 七八十, "a hundred"."""
    values: tuple[float, ...]
    """One; two where people mean about (七八十); none of a version. A fraction of ``whole``."""
    whole: float = 0
    """100 of 百分之五, 4 of 四分之一; 0 without such."""
    words: tuple[str, ...] = ()
    """Of an English one that is in words."""


def numerals(text: str) -> list[Numeral]:
    """All numerals of ``text``, whatever its language."""
    digits_and_han = [_read(match) for match in _NUMERAL.finditer(text)]
    return sorted((*digits_and_han, *english_numerals(text)), key=lambda found: found.start)


def mandarin_numerals(text: str) -> list[Numeral]:
    """Those in Chinese characters."""
    return [_read(match) for match in _NUMERAL.finditer(text) if match["han"]]


# Digits and Mandarin

HAN_DIGITS: Final = "零一二三四五六七八九"
#: 〇 and 幺 are digits of a code, 两 is two in a count.
_READ: Final = str.maketrans("〇幺两", "零一二")
#: Behind a ten 两 is an ounce of silver; 千 may begin a unit.
_HAN: Final = (
    "(?:[零〇幺一二三四五六七八九十百万亿]|(?<![十百千万亿])两|两(?=[百千万亿])|千(?!赫|比特|字节))"
)
_TENS: Final = {"十": 10.0, "百": 100.0, "千": 1000.0, "万": 10_000.0}
SCALES: Final = {
    "万": 1e4,
    "亿": 1e8,
    "hundred": 100,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
}
_NUMERAL: Final = re.compile(
    r"(?P<arabic>(?<!\d)(?<!\d\.)\d+(?:,\d{3})*(?:\.\d+)?)(?:\s?(?P<scale>[万亿]|(?:thousand|[mb]illion)\b))?"
    rf"|(?:(?P<whole>{_HAN}+)分之)?(?P<han>{_HAN}+(?:点{_HAN}+)*)"
)


def _read(match: re.Match[str]) -> Numeral:
    start, end, text = match.start(), match.end(), match[0]
    if arabic := match["arabic"]:
        value = float(arabic.replace(",", "")) * SCALES.get(match["scale"], 1)
        return Numeral(start, end, text, text, (value,))
    han, whole = match["han"].translate(_READ), match["whole"] or ""
    parts = [_digits(part) for part in han.split("点")]
    values = _values(han)
    if han in _TENS and (whole == han or match.string.endswith("每", 0, start)):
        values = (_TENS[han],)  # 百分之百, 每千人
    about = len(values) > 1 and han[-1] in _TENS
    digits = ".".join(parts) if all(parts) and not about else ""
    return Numeral(start, end, text, digits, values, _TENS.get(whole) or han_value(whole) or 0)


def _digits(number: str) -> str:
    """110 for 一百一十 and 一一零, 5万 for 五万, 48000 for 四万八."""
    if all(character in HAN_DIGITS for character in number):
        return "".join(str(HAN_DIGITS.index(character)) for character in number)
    if len(number) > 1 and number[-1] in "万亿" and (head := _digits(number[:-1])):
        return head + number[-1]
    value = han_value(number)
    return "" if value is None or value == inf else f"{value:.10g}"


def _values(number: str) -> tuple[float, ...]:
    digit = f"[{HAN_DIGITS[1:]}]"
    if about := re.fullmatch(f"({digit})({digit})([十百千万]?)", number):
        return (*_values(about[1] + about[3]), *_values(about[2] + about[3]))
    value = han_value(number)
    return () if value is None else (value,)


@lru_cache(maxsize=4096)
def han_value(number: str) -> float | None:
    """The value of 一百一十, 一一零, 两千五, 九十九点九; None for 万一, 七八十, 一点."""
    number = number.translate(_READ)
    if not number or number[0] not in HAN_DIGITS + "十":
        return None
    try:
        return float(cn2an(number, "smart"))
    except OverflowError:
        return inf
    except (ValueError, KeyError):  # the latter is its way of refusing 四点二十
        return None


# English

ONES: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBER_WORDS: Final = frozenset(
    (
        *ONES,
        *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
        *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy"),
        *("eighty", "ninety", "hundred", "thousand", "million", "billion"),
    )
)


@dataclass(frozen=True)
class _Word:
    """A word with its place, as ``find_numbers`` wants it."""

    match: re.Match[str]
    spelling: str
    #: Whether a mark stands between it and the word before.
    apart: bool

    def text(self) -> str:
        return self.spelling

    def nt_separated(self, previous: object) -> bool:
        return self.apart

    def not_a_number_part(self) -> bool:
        return False


def english_numerals(text: str) -> list[Numeral]:
    """Those in English words; codes said in parts ("one one zero") are one."""
    matches = list(re.finditer(r"[A-Za-z]+", text))
    spellings = [match[0].lower() for match in matches]
    words: list[_Word] = []
    numbers = [i for i, spelling in enumerate(spellings) if spelling in _NUMBER_WORDS]
    around = {j for i in numbers for j in range(max(i - 2, 0), min(i + 3, len(matches)))}
    for i in sorted(around):
        match, spelling = matches[i], spellings[i]
        near = set(spellings[max(i - 1, 0) : i + 2]) - {"oh"}
        if spelling == "oh" and near and near <= _NUMBER_WORDS:
            spelling = "zero"
        between = text[matches[i - 1].end() : match.start()] if i else ""
        words.append(_Word(match, spelling, apart=not re.fullmatch(r"[ -]?", between)))
    joined: list[Numeral] = []
    for number in find_numbers(words, "en", threshold=0):
        found = _numeral(text, words[number.start : number.end], number.text, number.value)
        if number.is_ordinal or not found:
            continue
        last = joined[-1] if joined else None
        if last and (glue := _glue(text, last, found)) is not None:
            joined[-1] = _join(text, last, glue, found)
        else:
            joined.append(found)
    return joined


_ONE_BEFORE: Final = re.compile(r"\b(?:(?P<a>a)|per|each|every) $", re.IGNORECASE)


def _numeral(text: str, words: Sequence[_Word], digits: str, value: float) -> Numeral | None:
    """A number with its place; None for "hundreds of", "a few hundred"."""
    start, end = words[0].match.start(), words[-1].match.end()
    if words[0].spelling.removesuffix("s") in ("hundred", "thousand", "million", "billion"):
        one = _ONE_BEFORE.search(text, 0, start)
        if not one or words[0].spelling.endswith("s"):
            return None
        start = one.start("a") if one["a"] else start
        digits = digits if len(words) > 1 else ""  # a hundred users
    spellings = tuple(word.spelling for word in words)
    return Numeral(start, end, text[start:end], digits, (value,), words=spellings)


def _glue(text: str, last: Numeral, number: Numeral) -> str | None:
    """What joins two numbers that are one: "one one zero", "ten eighty p", "3.7 point one"."""
    between = text[last.end : number.start]
    if between.strip().lower() == "point" and "point" in last.words:
        return "."
    if not re.fullmatch(r"[ -]", between):
        return None
    if all(word in ONES for word in last.words + number.words):
        return ""
    # Four digits said in pairs: thirty four seventy eight; and ten eighty p, seven twenty p.
    paired = len(last.digits) == 2 and number.values[0] >= 10
    resolution = re.match(r" ?[pP]\b", text[number.end :])
    return "" if (paired or resolution) and len(number.digits) == 2 else None


def _join(text: str, last: Numeral, glue: str, number: Numeral) -> Numeral:
    digits = last.digits + glue + number.digits
    values = () if digits.count(".") > 1 else (float(digits),)
    whole = text[last.start : number.end]
    return Numeral(last.start, number.end, whole, digits, values, words=last.words + number.words)
