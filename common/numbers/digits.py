"""Numbers of a transcript as digits: text as heard in, text with 110, 5%, 200 毫秒, 4.2 out.

Only what a support engineer would write in digits is changed: codes, ports, versions, percentages,
measures, and counts from ten. Small counts and idioms (一个, 一下, 万一, "one of them") stay words.
"""

from __future__ import annotations

import re
from typing import Final

from common.languages import Language
from common.numbers.numerals import (
    HAN_DIGITS,
    ONES,
    Numeral,
    english_numerals,
    mandarin_numerals,
)
from common.numbers.units import MEASURE_WORDS, UNITS, unit_pattern


def with_digits(text: str, language: Language) -> str:
    """``text`` with its numbers as digits; idempotent."""
    # 3,600 is two numbers to whoever searches for it; and a code comes spelled as 1-1-0.
    text = re.sub(r"(?<![\d.,])(\d{1,2}),(\d{3})(?![\d,])", r"\1\2", text)
    text = re.sub(
        r"(?<![\w-])\d(?:-\d){2,}(?![\w-])", lambda m: m[0].replace("-", ""), text, flags=re.A
    )
    return _mandarin(text) if language == "zh" else _english(text)


# Mandarin

_CODE_BEFORE: Final = re.compile(
    "(?:错误代码|错误码?|错误号|状态码|返回码?|响应码|报错码?|代码|房间号?|频道号?|工单号?|编号|端口号?"
    r"|版本号?|[Pp]ort|UDP|TCP|TLS|HTTP|SDK|iOS|安卓|报)(?:\s*(?:是|为|了|到|：|:|，|,))?\s*$"
)
_CODE_AFTER: Final = re.compile(r"\s*(?:号?端口|错误码?|[Pp](?![A-Za-z]))")
#: Units that even a small amount is measured in, and those that amounts from ten are.
_FINE: Final = [
    unit
    for unit in UNITS
    if unit.dimension in ("bits a second", "bytes", "bytes a second", "hertz", "decibels")
    or (unit.dimension == "time" and unit.factor < 1000)
]
_COUNTED: Final = [
    unit for unit in UNITS if unit.dimension not in ("share", "months", "working days", "port")
]
_FINE_UNIT_AFTER: Final = re.compile(rf"\s*(?:{unit_pattern(_FINE)}|[KGk](?![A-Za-z]))")
_UNIT_AFTER: Final = re.compile(rf"\s*(?:{unit_pattern(_COUNTED)}|[KGk](?![A-Za-z]))")
_MEASURE_AFTER: Final = re.compile(
    rf"多?\s*(?:{unit_pattern(_COUNTED)}|[KGk](?![A-Za-z])|{MEASURE_WORDS}|号|分位)"
)
#: What stands before or behind an amount, where a name (二十四史, 十一月) has something else.
_AMOUNT_BEFORE: Final = re.compile(
    "(?:到|至|是|为|给|了|成|有|从|在|只有|超过|低于|高于|大于|小于|大概|大约|差不多|约|率|迟|动)$"
)
_AMOUNT_AFTER: Final = re.compile(
    r"\s*(?:$|[，。！？、；,.!?;]|到|至|和|或|还是|左右|以上|以下|以内|之间|涨|降|掉|吗|呢|吧|了)"
)
#: Before these a number is a rank, or only a part of one (几十, 每一百).
_NO_AMOUNT: Final = re.compile("[第每几多数好上]$")


def _mandarin(text: str) -> str:
    text = re.sub(
        r"(?<![\d.])(\d{1,4})万(\d)(?![\d.万千百十])", lambda m: f"{m[1]}{m[2]}000", text
    )  # 4万8, as recognisers write 四万八
    for number in reversed(mandarin_numerals(text)):
        before, after = text[: number.start], text[number.end :]
        if number.whole == 100 and number.digits:
            text = f"{before}{number.digits}%{after}"
        elif number.digits and not number.whole and _is_code_or_amount(number, before, after):
            text = before + number.digits + after
    return text


def _is_code_or_amount(number: Numeral, before: str, after: str) -> bool:
    if "点" in number.text:
        return _is_decimal(number.text.split("点"), before, after)
    return _is_amount(number, before, after)


def _is_decimal(parts: list[str], before: str, after: str) -> bool:
    """Three parts are a version, two only with its name or a unit: 三点二十 is a time."""
    if len(parts) > 2:
        return True
    if after.startswith(("分", "半", "钟")) or any(c in "十百千万亿" for c in parts[1]):
        return False
    return bool(_CODE_BEFORE.search(before) or _UNIT_AFTER.match(after) or len(parts[1]) > 1)


def _is_amount(number: Numeral, before: str, after: str) -> bool:
    length = len(number.text)
    if length > 1 and (_CODE_BEFORE.search(before) or _CODE_AFTER.match(after)):
        return True
    if length > 1 and all(c in HAN_DIGITS + "〇幺两" for c in number.text):
        year = length == 4 and after.startswith("年")
        amount = _AMOUNT_BEFORE.search(before) and _AMOUNT_AFTER.match(after)
        spelled = any(c in "零〇幺" for c in number.text) or bool(amount)
        return year or (length > 2 and spelled)
    if _NO_AMOUNT.search(before):
        return False
    if _FINE_UNIT_AFTER.match(after):
        return True
    if number.values[0] < 10:
        return False
    if _MEASURE_AFTER.match(after):
        return True
    if length == 1:
        return False
    if _AMOUNT_AFTER.match(after):
        return True
    # A name may begin with a small number (十六国), hardly with a large one.
    return number.values[0] >= 100 and (length > 2 or bool(_AMOUNT_BEFORE.search(before)))


# English

_ENGLISH_CODE: Final = re.compile(
    r"\b(?:errors?|codes?|status|ports?|http|udp|tcp|version|returns?|number|id)"
    r"(?:\s+(?:is|code|number))?[\s:]*$",
    re.IGNORECASE,
)
_SMALL_PERCENT: Final = re.compile(rf"\b({'|'.join(ONES)}) (?:percent|per cent)\b", re.IGNORECASE)


def _english(text: str) -> str:
    for number in reversed(english_numerals(text)):
        if number.digits and _is_written(text, number):
            text = text[: number.start] + number.digits + text[number.end :]
    text = re.sub(r"(?<=\d) ?(?:percent|per cent)\b", "%", text)
    text = _SMALL_PERCENT.sub(lambda small: f"{ONES.index(small[1].lower())}%", text)
    return re.sub(r"\b(\d{3,4}) ?[pP]\b", r"\1p", text)


def _is_written(text: str, number: Numeral) -> bool:
    """Whether an engineer writes this number in digits."""
    if _ENGLISH_CODE.search(text[: number.start]):
        return True
    if all(word in ONES for word in number.words):
        return len(number.words) >= 3 and number.digits not in "123456789"
    return "." in number.digits or number.values[0] >= 10
