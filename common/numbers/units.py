"""The table of units: a unit as written or said in, what it measures and is worth out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from common.languages import Language

#: Words that count things in Mandarin, as alternatives of a pattern.
MEASURE_WORDS: Final = (
    "个|次|人|位|路|台|条|款|种|家|份|块|行|层|步|项|页|段|组|名|部|岁|张|套|类|轮|遍|线程|核"
)


@dataclass(frozen=True)
class Unit:
    """A unit, with the names it has in both languages."""

    dimension: str
    """What it measures. Units of one dimension can be compared."""
    factor: float
    """How many of the smallest unit of its dimension it is."""
    symbols: tuple[str, ...]
    """As written behind a number; case counts."""
    names: dict[Language, tuple[str, ...]]
    """The first is said for the symbol; in English it is for one, and the second for many."""

    def said(self, language: Language, number: str) -> str:
        """What is said for its symbol behind ``number``, which is in digits; empty for nothing."""
        names = self.names[language]
        return names[min(language == "en" and number != "1", len(names) - 1)] if names else ""


def _names(written: str) -> tuple[str, ...]:
    return tuple(filter(None, written.split("|")))


#: Dimension, factor, symbols, names in Mandarin and in English. A unit more is a line more: it is
#: then understood, compared and read aloud. No name: the symbol is not said so in that language.
UNITS: Final = tuple(
    Unit(dimension, factor, _names(symbols), {"zh": _names(zh), "en": _names(en)})
    for dimension, factor, symbols, zh, en in (
        ("time", 0.001, "", "微秒", "microsecond|microseconds"),
        ("time", 1, "ms", "毫秒", "millisecond|milliseconds"),
        ("time", 1000, "s|sec", "秒|秒钟", "second|seconds|sec|secs"),
        ("time", 60_000, "min", "分钟|分", "minute|minutes|mins"),
        ("time", 900_000, "", "刻钟", ""),
        ("time", 3_600_000, "h", "小时|钟头", "hour|hours|hr|hrs"),
        ("time", 86_400_000, "", "天", "day|days"),
        ("time", 604_800_000, "", "周|星期|礼拜", "week|weeks|wk|wks"),
        ("working days", 1, "", "工作日", "working day|working days|business day|business days"),
        ("months", 1, "", "个月", "month|months"),
        ("months", 12, "", "年", "year|years"),
        (
            "share",
            1,
            "%|％",
            "个百分点",
            "percent|percent|per cent|percentage point|percentage points",
        ),
        ("share", 0.1, "‰", "", ""),
        ("share", 10, "", "成", "tenth|tenths"),
        ("share", 20, "", "", "fifth|fifths"),
        ("share", 25, "", "", "quarter|quarters"),
        ("share", 100 / 3, "", "", "third|thirds"),
        ("times", 1, "x|X", "倍", "times|times|fold"),
        ("frames", 1, "fps|FPS", "帧每秒|帧", "frame per second|frames per second|frame|frames"),
        ("bits", 1, "bit", "比特", ""),
        ("bits a second", 1, "bps", "比特每秒", "bit per second|bits per second"),
        (
            "bits a second",
            1000,
            "kbps|Kbps|kb/s|kbit/s",
            "千比特每秒|千比特",
            "kilobit per second|kilobits per second|kilobit|kilobits",
        ),
        (
            "bits a second",
            1_000_000,
            "Mbps|Mbit/s",
            "兆比特每秒|兆比特",
            "megabit per second|megabits per second|megabit|megabits",
        ),
        ("bits a second", 1_000_000, "M", "兆", ""),
        (
            "bits a second",
            1_000_000_000,
            "Gbps",
            "吉比特每秒|吉比特",
            "gigabit per second|gigabits per second|gigabit|gigabits",
        ),
        ("bytes", 1, "B", "字节", ""),
        ("bytes", 1, "", "", "byte|bytes"),
        ("bytes", 1024, "KB", "千字节", "kilobyte|kilobytes"),
        ("bytes", 1024**2, "MB", "兆字节", "megabyte|megabytes"),
        ("bytes", 1024**3, "GB", "吉字节", "gigabyte|gigabytes"),
        ("bytes", 1024**4, "TB", "太字节", "terabyte|terabytes"),
        ("bytes a second", 1024, "KB/s", "千字节每秒", "kilobyte per second|kilobytes per second"),
        (
            "bytes a second",
            1024**2,
            "MB/s",
            "兆字节每秒",
            "megabyte per second|megabytes per second",
        ),
        ("hertz", 1, "Hz", "赫兹", "hertz|hertz"),
        ("hertz", 1000, "kHz|KHz", "千赫兹|千赫", "kilohertz|kilohertz"),
        ("hertz", 1_000_000, "MHz", "兆赫兹|兆赫", "megahertz|megahertz"),
        ("hertz", 1_000_000_000, "GHz", "吉赫兹|吉赫", "gigahertz|gigahertz"),
        ("decibels", 1, "dB", "分贝", "decibel|decibels"),
        ("decibel milliwatts", 1, "dBm", "毫瓦分贝", "decibel milliwatt|decibel milliwatts"),
        ("pixels", 1, "px", "像素", "pixel|pixels"),
        ("metres", 1, "", "米", "metre|metres|meter|meters"),
        ("metres", 1000, "km", "公里", "kilometre|kilometres|kilometer|kilometers"),
        ("degrees Celsius", 1, "℃|°C", "摄氏度", "degree Celsius|degrees Celsius"),
        ("yuan", 1, "", "元|块钱", "yuan|yuan|RMB"),
        ("dollars", 1, "", "美元|美金", "dollar|dollars"),
        ("euros", 1, "", "欧元", "euro|euros"),
        ("port", 1, "", "端口|号端口", ""),
    )
)
#: Symbol → unit.
SYMBOLS: Final = {symbol: unit for unit in UNITS for symbol in unit.symbols}
_NAMES: Final = {
    written: unit
    for unit in UNITS
    for names in unit.names.values()
    for name in names
    for written in (name, name.lower())
}
#: What must or must not follow a name, which else begins another word.
_BEHIND: Final = {
    "成": "(?![功为本员熟立不])",
    "年": "(?![级代龄轻份纪])",
    "周": "(?![年边围期])",
    "元": "(?!素)",
    "倍": "(?![频数])",
    "分": "(?=半)",
    "third": r"(?!\W?part)",
}


def unit_of(written: str) -> Unit:
    """The unit that a symbol or a name of :func:`unit_pattern` stands for."""
    name = " ".join(written.split())
    return SYMBOLS.get(name) or _NAMES.get(name) or _NAMES[name.lower()]


def unit_pattern(units: Iterable[Unit] = UNITS) -> str:
    """A pattern of all symbols and names of ``units``, the longer first."""
    units = tuple(units)
    names = {name for unit in units for names in unit.names.values() for name in names}
    written = names.union(*(unit.symbols for unit in units))
    return "|".join(map(_pattern, sorted(written, key=len, reverse=True)))


def _pattern(written: str) -> str:
    pattern = re.escape(written).replace(r"\ ", r"\s") + _BEHIND.get(written, "")
    if written[-1].isascii() and written[-1].isalpha():
        pattern += "(?![A-Za-z0-9]|-[A-Za-z])"
    return pattern if written in SYMBOLS else f"(?i:{pattern})"
