"""Amounts: a clause in; how many of what it says that there will be out: concurrent:5000."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pypinyin import lazy_pinyin

from agent.dialogue.slots.words import load_slot_words
from common.languages import HAN_CHARACTER, Language
from common.numbers.figures import figures_in

#: What counts where no other kind is named; and where people are counted, and not how.
_ANY: Final = "users"
UNSAID: Final = ""
_LOOSE: Final = (_ANY, UNSAID)
#: What the question about the scale asks for.
_AS_ASKED: Final = "concurrent"
#: A class has few, and so much may be said unasked; of others fewer are no scale.
_SMALL_KIND: Final = "per-room"
_LEAST_UNASKED: Final = 50
#: Characters between an amount and what it counts, where nobody asked.
_NEAR: Final = 6
#: More is a telephone number.
_MOST: Final = 10_000_000_000
_SHORT: Final = (
    (re.compile(r"(?<=\d)\s?k\b"), " thousand"),
    (re.compile(r"(?<=\d)\s?(?:m|mil|mio)\b"), " million"),
    (re.compile(r"(?<=\d)w(?![a-z])"), "万"),
    (re.compile(r"\bhalf a million\b"), "500 thousand"),
    (re.compile(r"\b(?:a|one) and a half million\b"), "1.5 million"),
    (re.compile("半个?亿"), "五千万"),
    # 三四十万
    (re.compile("([一二两三四五六七八九])([二三四五六七八九])([十百千])万"), r"\1\3万到\2\3万"),
)

_SYLLABLES: Final = {
    "er": "二",
    "liang": "两",
    "san": "三",
    "si": "四",
    "wu": "五",
    "liu": "六",
    "qi": "七",
    "ba": "八",
    "jiu": "九",
    "shi": "十",
    "bai": "百",
    "qian": "千",
    "wan": "万",
}
_SOUNDING: Final = re.compile("[二两三四五六七八九]十?[百千万]+")


@dataclass(frozen=True)
class Amount:
    """An amount, and where in the clause it stands."""

    start: int
    end: int
    value: str
    """kind:number, kind:low-high, or kind:>number; of kind `UNSAID` too, until `of_kind`."""


def spelled_out(plain: str) -> str:
    """A text in which 50k and 5w are written out: amounts are read of such a one."""
    for pattern, written in _SHORT:
        plain = pattern.sub(written, plain)
    return plain


def amounts_in(clause: str, *, asked: bool) -> list[Amount]:
    """The amounts of a clause; ``asked``: a number alone is one."""
    numbers = sorted(_numbers(clause), key=lambda number: number[0])
    kinds = _kinds(clause, [(start, end) for start, end, _ in numbers])
    found = []
    for start, end, (number, least) in numbers:
        kind, distance = kinds.get(start, (UNSAID, None))
        if load_slot_words().kinds["minutes"].words.match(clause[end:].lstrip()):
            kind, distance = "minutes", 0
        if not asked:
            few = 2 if kind == _SMALL_KIND else _LEAST_UNASKED
            if distance is None or (kind in _LOOSE and distance > _NEAR) or least < few:
                continue
            kind = kind or _ANY
        found.append(Amount(start, end, f"{kind}:{number}"))
    return found


def as_it_sounds(clause: str) -> str:
    """A clause in which what sounds like an amount is one: of 火酒万 there remains 火九万.

    For an answer in which none was heard. 一 is left out: 以前 is not a thousand.
    """
    sounding = "".join(
        _SYLLABLES.get(lazy_pinyin(sign)[0], sign) if HAN_CHARACTER.match(sign) else sign
        for sign in clause
    )
    amount = _SOUNDING.search(sounding)
    if amount is None:
        return clause
    return clause[: amount.start()] + amount[0] + clause[amount.end() :]


def of_kind(value: str, before: Sequence[str]) -> str:
    """An amount that was said without its kind, as what was counted before, or was asked for."""
    kind, _, number = value.partition(":")
    if kind != UNSAID or not number:
        return value
    kinds = {one.partition(":")[0] for one in before} & load_slot_words().kinds.keys()
    return f"{kinds.pop() if len(kinds) == 1 else _AS_ASKED}:{number}"


def said(value: str, language: Language) -> str:
    """An amount's value in words: 同时在线5万, "400,000 a day". What is none, as it is."""
    kind, _, number = value.partition(":")
    if kind not in load_slot_words().kinds:
        return value
    more = number.startswith(">")
    amount = {"zh": "到", "en": " to "}[language].join(
        _written(float(part), language) for part in number.lstrip(">").split("-")
    )
    if more:
        amount = f"{amount}以上" if language == "zh" else f"more than {amount}"
    return load_slot_words().kinds[kind].names[language].format(amount=amount)


def _numbers(clause: str) -> Iterator[tuple[int, int, tuple[str, float]]]:
    """Start, end, and how each is written, with the least that it is."""
    words = load_slot_words()
    vague = [
        (found.start(), found.end(), (f">{amount}", float(amount)))
        for amount, pattern in words.vague.items()
        for found in pattern.finditer(clause)
    ]
    vague = [
        one
        for one in vague
        if not any(o != one and o[0] <= one[0] and one[1] <= o[1] for o in vague)
    ]
    yield from vague
    for figure in figures_in(clause):
        start, end = figure.start, figure.start + len(figure.text)
        inside = any(v[0] < end and start < v[1] for v in vague)
        if (
            (figure.dimension and not _is_minutes(clause, figure.text))
            or inside
            or not 1 < max(figure.values) < _MOST
        ):
            continue
        if any(value % 1 for value in figure.values):
            continue
        low, high = min(figure.values), max(figure.values)
        end -= len(_counted_behind(figure.text))
        around = clause[max(0, start - 10) : end + 4]
        more = ">" if words.more_than.search(around) and low == high else ""
        number = f"{more}{low:.0f}" if low == high else f"{low:.0f}-{high:.0f}"
        yield start, end, (number, low)


def _is_minutes(clause: str, figure: str) -> bool:
    """Whether minutes are counted, and how many a month has: 10,000 minutes a month."""
    by_month = load_slot_words().kinds["monthly"].words
    return bool(_counted_behind(figure) and by_month.search(clause))


def _counted_behind(figure: str) -> str:
    """The word for minutes with which a figure ends; empty where it has none."""
    found = load_slot_words().kinds["minutes"].words.search(figure)
    return found[0] if found and found.end() == len(figure) else ""


def _kinds(clause: str, numbers: Sequence[tuple[int, int]]) -> dict[int, tuple[str, int]]:
    """What the number that starts there counts, and how far from it that stands."""
    words = load_slot_words()
    patterns = {kind: of.words for kind, of in words.kinds.items()} | {UNSAID: words.counted}
    pairs = []
    for kind, pattern in patterns.items():
        for found in pattern.finditer(clause):
            for start, end in numbers:
                is_before = found.end() <= start
                distance = start - found.end() if is_before else found.start() - end
                if distance >= 0:
                    pairs.append(
                        (kind in _LOOSE, distance, not is_before, found.span(), start, kind)
                    )
    taken: dict[int, tuple[str, int]] = {}
    used = set()
    for _, distance, _, span, start, kind in sorted(pairs):
        if start not in taken and span not in used:
            taken[start] = (kind, distance)
            used.add(span)
    return taken


def _written(number: float, language: Language) -> str:
    if language == "zh":
        for unit, name in ((100_000_000, "亿"), (10_000, "万")):
            if number >= unit:
                return f"{number / unit:.10g}{name}"
        return f"{number:.0f}"
    if number >= 1_000_000 and number % 100_000 == 0:
        return f"{number / 1_000_000:.10g} million"
    return f"{number:,.0f}"
