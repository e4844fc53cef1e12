"""Figures in spoken text: 15分钟, fifteen minutes, 百分之五 in; numbers with their kind out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cn2an import cn2an
from text_to_num import text2num

#: The number of a step, which is no figure.
LIST_NUMBER: Final = re.compile(r"^[ \t]*\d{1,2}[.、)）][ \t]*(?!\d)", re.MULTILINE)

#: How units are written, by what they measure and how many of its smallest unit they are.
_UNITS: Final = {
    ("share", 1): "%|％|percent|per cent|个百分点|percentage point",
    ("share", 10): "成|tenth",
    ("share", 20): "fifth",
    ("time", 1): "ms|毫秒|millisecond",
    ("time", 1000): "s|sec|秒|second",
    ("time", 60_000): "min|分钟|minute",
    ("time", 3_600_000): "h|小时|hour",
    ("time", 24 * 3_600_000): "天|day",
    ("time", 7 * 24 * 3_600_000): "周|星期|week",
    ("working days", 1): "工作日|working day|business day",
    ("months", 1): "个月|month",
    ("months", 12): "年|year",
    ("frames", 1): "fps|帧|frame",
    ("bits a second", 1): "kbps|kbit/s|千比特|kilobit",
    ("bits a second", 1000): "mbps|mbit/s|兆比特|megabit",
    ("bytes", 1): "kb|千字节|kilobyte",
    ("bytes", 1024): "mb|兆字节|megabyte",
    ("bytes", 1024 * 1024): "gb|吉字节|gigabyte",
    ("hertz", 1): "hz|赫兹|hertz",
    ("hertz", 1000): "khz|千赫|kilohertz",
    ("decibels", 1): "db|分贝|decibel",
    ("port", 1): "端口|号端口",
}
_UNIT_OF: Final = {name: unit for unit, names in _UNITS.items() for name in names.split("|")}
_TIMES: Final = {"万": 1e4, "亿": 1e8, "thousand": 1e3, "million": 1e6}

_SMALL = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_HAN_DIGITS = "零〇一二两三四五六七八九"
_NUMBER = (
    r"(?:\d+(?:,\d{3})*(?:\.\d+)?(?:[万亿]|\s(?:thousand|million)\b)?"
    rf"|(?<!个)半|[{_HAN_DIGITS}十百千万]+(?:点[{_HAN_DIGITS}]+)?"
    rf"|\bhalf(?:\s+an?)?\b"
    rf"|\b(?:(?:{_SMALL})\b|a\b(?=\s(?:hundred|thousand)))"
    rf"(?:(?:[ -]|\sand\s)(?:{_SMALL}|hundred|thousand|million)\b)*)"
)
_UNIT = "|".join(
    re.escape(name) + (r"s?(?![a-z])" if re.search(r"[a-z]$", name) else "")
    for name in sorted(_UNIT_OF, key=len, reverse=True)
).replace("成", "成(?![功为本员熟立])")
_FIGURE = re.compile(
    r"(?:(?P<percent>百分之)|(?P<port>(?:端口号?|\bports?|\bUDP|\bTCP)\s*)|(?P<rank>第)"
    rf"|(?<![\d.A-Za-z-])(?![{_HAN_DIGITS}十百千万])|(?<![之几数上])(?=[{_HAN_DIGITS}十百千万]))"
    rf"(?P<first>{_NUMBER})"
    rf"(?:\s*(?:到|至|~|～|-|–|—|\bto\b|\band\b|(?P<about>或|\bor\b))\s*(?P<second>{_NUMBER}))?"
    rf"(?:[\s-]*多?个?(?P<unit>{_UNIT}))?",
    re.IGNORECASE,
)
_ONE_UNIT = re.compile(rf"(?:\b(?:an?|per|every|each|the)\s|每)(?P<unit>{_UNIT})", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A number and what it measures."""

    text: str
    start: int
    number: float
    kind: str
    """Empty where no unit says it."""
    times: float

    @property
    def value(self) -> float:
        """In the smallest unit of its kind."""
        return round(self.number * self.times, 6)

    def is_in(self, said: frozenset[tuple[str, float]]) -> bool:
        """Whether a text says it, with its unit or ("400 is the limit") without."""
        if not self.kind:
            return ("any", self.number) in said
        return (self.kind, self.value) in said or ("", self.number) in said


def said_in(text: str) -> frozenset[tuple[str, float]]:
    """The figures of a text by kind and value, and its numbers, of any kind."""
    figures = figures_in(text)
    return frozenset(
        (
            *((figure.kind, figure.value) for figure in figures),
            *(("any", figure.number) for figure in figures),
            *(_unit_of(found["unit"]) for found in _ONE_UNIT.finditer(text)),
        )
    )


def figures_in(text: str) -> list[Figure]:
    """The figures of a text, without the numbers of its lists."""
    text = LIST_NUMBER.sub(lambda number: " " * len(number[0]), text)
    figures: list[Figure] = []
    for found in _FIGURE.finditer(text):
        for values in filter(None, (_values(found["first"]), _values(found["second"] or ""))):
            kind, times = _kind(found, values)
            figures += [Figure(found[0].strip(), found.start(), v, kind, times) for v in values]
    return figures


def _kind(found: re.Match[str], values: Sequence[float]) -> tuple[str, float]:
    """What the number measures, and in what; nothing where it only looks like a measure."""
    unit, value = found["unit"], max(values)
    if found["port"]:
        return "port", 1
    kind, times = ("share", 1) if found["percent"] else _unit_of(unit) if unit else ("", 1)
    loose = (
        found["rank"]  # 第四周
        or found["about"]  # one or two seconds
        or len(values) > 1  # 一两秒
        or (unit == "年" and not 1 <= value < 1000)  # 2026年, 半年一次
        or (unit == "帧" and value < 4)  # 两帧之间
        or (kind == "share" and value == 100)  # 百分之百: every one
    )
    return ("", 1) if loose else (kind, times)


def _unit_of(unit: str) -> tuple[str, float]:
    unit = unit.lower()
    return _UNIT_OF.get(unit) or _UNIT_OF[unit.removesuffix("s")]


def _values(number: str) -> tuple[float, ...]:
    """The value: two where people mean about (七八十), none where it is no number."""
    number = number.lower()
    if about := re.fullmatch(f"([{_HAN_DIGITS}])([{_HAN_DIGITS}])([十百千万]?)", number):
        first, second, tens = about.groups()
        return (*_values(first + tens), *_values(second + tens))
    if arabic := re.fullmatch(r"([\d,.]+)\s?(\D*)", number):
        return (float(arabic[1].replace(",", "")) * _TIMES.get(arabic[2], 1),)
    if number.startswith(("半", "half")):
        return (0.5,)
    if number == "百":
        return (100.0,)
    try:
        if number.isascii():
            return (float(text2num(re.sub(r"^a\s", "one ", number), "en")),)
        return (float(cn2an(number, "smart")),)
    except (ValueError, KeyError):
        return ()
