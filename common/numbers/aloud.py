"""Numbers read aloud: text with 600 ms, 443, 10:30 in, with 六百毫秒, "port four four three" out.

English cardinals may stay digits, which a voice reads itself. Numbers that identify (error codes,
ports, resolutions, accounts) are read digit by digit, with 一 for 1: 幺 belongs to telephone
numbers, and is taken for 要 or 腰 behind words like 错误码. A port that is a round thousand or has
two digits at most is read as a number: 端口四千.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable

from cn2an import an2cn

from common.languages import Language
from common.numbers.numerals import HAN_DIGITS, ONES
from common.numbers.units import MEASURE_WORDS, SYMBOLS, UNITS

Rules = list[tuple[str, Callable[[re.Match[str]], str]]]

#: \b takes Mandarin characters for letters; these do not.
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d.]*\d)"
_SEPARATOR = r"\s*(?:[、,，/和或与至到~～–-]|and|or|to)\s*"
_RANGE = r"\s*(?:[~～–—-]|至|到|to)\s*"
_AFTER_PORT = r"\s*(?:号|为|是|：|:|number)?\s*"


def aloud(text: str, language: Language) -> str:
    """``text`` with its numbers and their units as they are said in ``language``."""
    text = _apply(_CODES_ZH if language == "zh" else _CODES_EN, text)
    text = _say_units(text, language)
    text = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", " ", text)
    return _apply(_NUMBERS_ZH if language == "zh" else _NUMBERS_EN, text)


def _apply(rules: Rules, text: str) -> str:
    for pattern, say in rules:
        text = re.sub(pattern, say, text)
    return text


def _one_by_one(number: str, language: Language) -> str:
    """一一零, "one one zero" for 110."""
    if language == "en":
        return " ".join(ONES[int(digit)] for digit in number)
    return number.translate(str.maketrans("0123456789", HAN_DIGITS))


def _cardinal(number: str) -> str:
    """四千 for 4000; what is longer than any amount, or begins with 0, digit by digit."""
    plain = number.replace(",", "")
    whole = plain.partition(".")[0]
    if len(whole) > 9 or (len(whole) > 1 and whole[0] == "0"):
        return _one_by_one(plain, "zh").replace(".", "点")
    return re.sub(r"^二(?=[百千万亿])", "两", str(an2cn(plain, "low")))


def _is_round(port: str) -> bool:
    return len(port) <= 2 or port.endswith("000")


def _port(port: str, language: Language) -> str:
    if not _is_round(port):
        return _one_by_one(port, language)
    return _cardinal(port) if language == "zh" else port


def _ports(text: str, language: Language) -> str:
    """One port, a list of them or a range."""
    to = "到" if language == "zh" else " to "
    text = re.sub(r"(?<=\d)\s*[-–~～]\s*(?=\d)", to, text)
    text = re.sub(r"(?<=\d)\s*/\s*(?=\d)", "、" if language == "zh" else ", ", text)
    return re.sub(r"\d+", lambda m: _port(m[0], language), text)


def _time_zh(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if not minute:
        return f"{_hour_zh(hour)}点"
    return f"{_hour_zh(hour)}点{'零' if minute < 10 else ''}{_cardinal(str(minute))}分"


def _hour_zh(hour: int) -> str:
    return "两" if hour == 2 else _cardinal(str(hour))


def _time_en(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if not minute:
        return f"{hour} o'clock"
    return f"{hour} oh {minute}" if minute < 10 else f"{hour} {minute}"


def _date_en(match: re.Match[str]) -> str:
    return f"{calendar.month_name[int(match[2])]} {int(match[3])}, {match[1]}"


def _resolution_en(match: re.Match[str]) -> str:
    """ten eighty P for 1080p, seven twenty P for 720p."""
    number = match[1]
    return f"{number[:-2]} {number[-2:]} P" if number[-2:] != "00" else f"{number} P"


_CODE_WORD_ZH = (
    "(?:错误码|错误代码|错误号|错误|状态码|返回码|报错|代码|房间号|频道号|工单号|编号|报|返回"
    "|HTTP|RFC|[Ee]rror|I-D|ID)"
)
_CODE_WORD_EN = r"(?:[Ee]rror|[Cc]ode|[Ss]tatus|HTTP|RFC|[Rr]oom|[Tt]icket|I-D|ID)"
_DATE = r"(?<!\d)(20\d{2}|19\d{2})[-/.](0?[1-9]|1[0-2])[-/.](0?[1-9]|[12]\d|3[01])(?!\d)"
_TIME = r"(?<![\d:])([01]?\d|2[0-3])[:：]([0-5]\d)(?![\d:])"
_IP = r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.]*\d)"
_VERSION = r"(?<![\d.])(\d+(?:\.\d+){2,})(?![\d.]*\d)"
_CODEC = _START + r"([HG])\.(\d{3})(?:\.(\d))?" + _END
_PORT_LIST = rf"\d{{2,5}}(?:{_SEPARATOR}\d{{2,5}})*(?![\d.]*\d|\s*(?:ms|毫秒|%))"
_COUNTED_ZH = "|".join(
    [MEASURE_WORDS, "兆|千|吉", *(n for u in UNITS for n in u.names["zh"] if u.dimension != "port")]
)

#: A share is said before its number in Mandarin, and by a rule of its own.
_SYMBOLS = "|".join(
    re.escape(symbol)
    for symbol in sorted(SYMBOLS, key=len, reverse=True)
    if SYMBOLS[symbol].dimension != "share"
)

#: Before the units: numbers that stand for a thing, and would be torn apart as amounts.
_CODES_ZH: Rules = [
    (_DATE, lambda m: f"{m[1]}年{int(m[2])}月{int(m[3])}日"),
    (r"(?<!\d)(\d{4})\s*(?=年)", lambda m: _one_by_one(m[1], "zh")),
    (_TIME, _time_zh),
    (_IP, lambda m: _one_by_one(m[1], "zh").replace(".", "点")),
    (r"(?<![A-Za-z])[vV]?" + _VERSION, lambda m: "点".join(map(_cardinal, m[1].split(".")))),
    (
        _CODEC,
        lambda m: (
            f"{m[1]} {_one_by_one(m[2], 'zh')}" + (f"点{_one_by_one(m[3], 'zh')}" if m[3] else "")
        ),
    ),
    (
        r"(?<!\d)(\d{3,4})\s*[x×*]\s*(\d{3,4})(?!\d)",
        lambda m: f"{_one_by_one(m[1], 'zh')}乘{_one_by_one(m[2], 'zh')}",
    ),
    (r"(?<!\d)(\d{3,4})\s*[pP]" + _END, lambda m: f"{_one_by_one(m[1], 'zh')} P"),
    (r"(?<!\d)(?:24/7|24\s*[x×*]\s*7|7\s*[x×*]\s*24)(?!\d)", lambda m: "七乘二十四"),
    (
        rf"({_CODE_WORD_ZH}\s*(?:为|是|：|:)?\s*)(\d{{3,}}+)(?!\s*(?:[行次个条路%.]|{_COUNTED_ZH}|[A-Za-z]))",
        lambda m: m[1] + _one_by_one(m[2], "zh"),
    ),
    (r"(?<!\d)(\d{3})(?=\s*(?:错误|报错|状态码))", lambda m: _one_by_one(m[1], "zh")),
    (
        rf"((?:端口|[Pp]orts?|UDP|TCP|TLS){_AFTER_PORT})({_PORT_LIST})",
        lambda m: m[1] + _ports(m[2], "zh"),
    ),
    (rf"(?<![\d.])({_PORT_LIST})(?=\s*(?:号)?(?:端口|[Pp]ort))", lambda m: _ports(m[1], "zh")),
]
_CODES_EN: Rules = [
    (_DATE, _date_en),
    (_TIME, _time_en),
    (_IP, lambda m: " dot ".join(_one_by_one(part, "en") for part in m[1].split("."))),
    (r"(?<![A-Za-z])[vV]?" + _VERSION, lambda m: m[1].replace(".", " point ")),
    (
        _CODEC,
        lambda m: (
            f"{m[1]} {_one_by_one(m[2], 'en')}"
            + (f" point {_one_by_one(m[3], 'en')}" if m[3] else "")
        ),
    ),
    (r"(?<!\d)(\d{3,4})\s*[x×*]\s*(\d{3,4})(?!\d)", lambda m: f"{m[1]} by {m[2]}"),
    (r"(?<!\d)(\d{3,4})\s*[pP]" + _END, _resolution_en),
    (r"(?<!\d)(?:24/7|24\s*[x×*]\s*7|7\s*[x×*]\s*24)(?!\d)", lambda m: "24 7"),
    (
        rf"({_CODE_WORD_EN}(?:\s+(?:code|number))?\s*(?:is|:)?\s*)(\d{{3,}}+)(?!%|\.\d)",
        lambda m: m[1] + _one_by_one(m[2], "en"),
    ),
    (
        rf"((?:[Pp]orts?|UDP|TCP|TLS){_AFTER_PORT})({_PORT_LIST})",
        lambda m: m[1] + _ports(m[2], "en"),
    ),
]

_NUMBERS_ZH: Rules = [
    (r"(?:<=|≤)\s*(?=\d)", lambda m: "不超过"),
    (r"(?:>=|≥)\s*(?=\d)", lambda m: "不低于"),
    (r"<\s*(?=\d)", lambda m: "小于"),
    (r">\s*(?=\d)", lambda m: "大于"),
    (r"[~～≈]\s*(?=\d)", lambda m: "约"),
    (r"(?<![A-Za-z0-9)\]%])[-−](?=\d)", lambda m: "负"),
    (rf"({_NUMBER})\s*%?{_RANGE}({_NUMBER})\s*%", lambda m: f"百分之{m[1]}到百分之{m[2]}"),
    (rf"({_NUMBER})\s*%", lambda m: f"百分之{m[1]}"),
    (rf"({_NUMBER})\s*‰", lambda m: f"千分之{m[1]}"),
    (r"(?<![\d/])(\d{1,2})/(\d{1,3})(?![\d/])", lambda m: f"{m[2]}分之{m[1]}"),
    (rf"({_NUMBER}){_RANGE}(?={_NUMBER})", lambda m: f"{m[1]}到"),
    (r"(?<=\d)\s*[:：]\s*(?=\d)", lambda m: "比"),
    (r"(?<=\d)\s*[x×*]\s*(?=\d)", lambda m: "乘"),
    (rf"\$\s*({_NUMBER})", lambda m: f"{m[1]}美元"),
    (rf"[¥￥]\s*({_NUMBER})", lambda m: f"{m[1]}元"),
    (
        rf"(?<![\d.第])(?<!第 )2(?=(?:到{_NUMBER})?\s*(?:{_COUNTED_ZH})(?!月份|年级))",
        lambda m: "两",
    ),
    (rf"({_NUMBER})\+", lambda m: f"{_cardinal(m[1])}多"),
    (_NUMBER, lambda m: _cardinal(m[0])),
    (r"\d+", lambda m: _one_by_one(m[0], "zh")),
]
_NUMBERS_EN: Rules = [
    (rf"({_NUMBER})\s*%?{_RANGE}({_NUMBER})\s*%", lambda m: f"{m[1]} to {m[2]} percent"),
    (r"\s*%", lambda m: " percent"),
    (rf"({_NUMBER})\s*[~～–—-]\s*(?={_NUMBER})", lambda m: f"{m[1]} to "),
    (r"(?<=\d)\s*:\s*(?=\d)", lambda m: " to "),
    (r"(?<=\d)\s*[×*]\s*(?=\d)", lambda m: " times "),
    (r"(?:<=|≤)\s*(?=\d)", lambda m: "at most "),
    (r"(?:>=|≥)\s*(?=\d)", lambda m: "at least "),
    (r"<\s*(?=\d)", lambda m: "less than "),
    (r">\s*(?=\d)", lambda m: "more than "),
    (r"[~～≈]\s*(?=\d)", lambda m: "about "),
    (rf"\$\s*({_NUMBER})", lambda m: f"{m[1]} dollars"),
    (rf"€\s*({_NUMBER})", lambda m: f"{m[1]} euros"),
    (r"(?<![A-Za-z0-9)\]%])[-−](?=\d)", lambda m: "minus "),
    (rf"({_NUMBER})\+", lambda m: f"more than {m[1]}"),
    (r"(?<=\d),(?=\d{3})", lambda m: ""),
    # espeak swallows the word "point" of a number.
    (r"(\d)\.(\d+)", lambda m: f"{m[1]} point {_one_by_one(m[2], 'en')}"),
    (r"(?<!\d)(\d{10,})(?!\d)", lambda m: _one_by_one(m[1], "en")),
]


def _say_units(text: str, language: Language) -> str:
    """600ms → 600毫秒, 600 milliseconds."""
    space = " " if language == "en" else ""

    def say(match: re.Match[str]) -> str:
        said = SYMBOLS[match[2]].said(language, match[1])
        return match[1] + space + said if said else match[0]

    return re.sub(rf"(?<![A-Za-z\d.])({_NUMBER})\s*({_SYMBOLS}){_END}", say, text)
