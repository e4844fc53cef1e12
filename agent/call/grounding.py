"""Grounding: whether the figures a text states stand in the sources it claims to rest on."""

from __future__ import annotations

import re

_ARABIC = re.compile(r"\d+(?:\.\d+)?")
_HAN_NUMBER = re.compile(r"[零〇一二两三四五六七八九十百千万亿点]{2,}")
_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ENGLISH_SMALL = {word: float(value) for value, word in enumerate(_SMALL_WORDS.split())}
_ENGLISH_TENS = {word: 10.0 * tens for tens, word in enumerate(_TENS_WORDS.split(), 2)}
_ENGLISH_UNITS = {"hundred": 100.0, "thousand": 1000.0, "million": 1_000_000.0}


def unsupported_figures(text: str, sources: str) -> set[str]:
    """The figures in ``text`` that ``sources`` do not have, in whatever way they are written.

    Small counts (one to three) are ordinary words and need no source.
    """
    known = figures(sources)
    return {f"{value:g}" for value in figures(text) - known if value > 3}


def figures(text: str) -> set[float]:
    """The numbers that a text states: 600, 六百, twelve."""
    found = {float(match) for match in _ARABIC.findall(text)}
    found |= {value for match in _HAN_NUMBER.findall(text) if (value := _han(match)) is not None}
    return found | _english(re.findall(r"[a-z]+", text.lower()))


def _english(words: list[str]) -> set[float]:
    """The values of runs of number words: "six hundred", "twenty five"."""
    found: set[float] = set()
    value: float | None = None
    for word in [*words, ""]:
        if word in _ENGLISH_UNITS and value is not None:
            value *= _ENGLISH_UNITS[word]
        elif word in _ENGLISH_TENS or word in _ENGLISH_SMALL:
            number = _ENGLISH_TENS.get(word, _ENGLISH_SMALL.get(word, 0.0))
            follows = value is not None and value >= 20 and number < 10 and value % 10 == 0
            if value is not None and not follows:
                found.add(value)
            value = value + number if value is not None and follows else number
        elif value is not None:
            found.add(value)
            value = None
    return found


def _han(number: str) -> float | None:
    """The value of a number in Mandarin characters, None when they are none (一点, 万一)."""
    whole, _, fraction = number.partition("点")
    if not whole or whole[0] not in _HAN_DIGITS | {"十": 10}:
        return None
    if all(c in _HAN_DIGITS for c in whole):
        total = float("".join(str(_HAN_DIGITS[c]) for c in whole))
    else:
        total, section, digit = 0.0, 0, 0
        for character in whole:
            if character in _HAN_DIGITS:
                digit = _HAN_DIGITS[character]
            elif (unit := _HAN_UNITS[character]) < 10_000:
                section += (digit or 1) * unit
                digit = 0
            else:
                total = (total + section + digit) * unit
                section = digit = 0
        total += section + digit
    if fraction:
        if not all(c in _HAN_DIGITS for c in fraction):
            return None
        total += float("0." + "".join(str(_HAN_DIGITS[c]) for c in fraction))
    return total
