"""Numbers of a transcript as digits: text as heard in, text with 110, 5%, 200 毫秒, 4.2 out.

Only what a support engineer would write in digits is changed: codes, ports, versions, percentages,
measures, and counts from ten. Small counts and idioms (一个, 一下, 万一, "one of them") stay words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cn2an import cn2an
from text_to_num import find_numbers

from common.languages import Language


def with_digits(text: str, language: Language) -> str:
    """``text`` with its numbers as digits; idempotent."""
    # 3,600 is two numbers to whoever searches for it; and a code comes spelled as 1-1-0.
    text = re.sub(r"(?<![\d.,])(\d{1,2}),(\d{3})(?![\d,])", r"\1\2", text)
    text = re.sub(
        r"(?<![\w-])\d(?:-\d){2,}(?![\w-])", lambda m: m[0].replace("-", ""), text, flags=re.A
    )
    return _mandarin(text) if language == "zh" else _english(text)


def values(text: str) -> set[float]:
    """The numbers that stand in words in ``text``, of either language: 六百, "twelve"."""
    found = {value for run in _RUN.finditer(text) if (value := _value(run["number"])) is not None}
    return found | {number.value for number in _english_numbers(text)}


# Mandarin

_HAN_DIGITS = "零一二三四五六七八九"
#: 幺 is one in a code, 两 two in a count.
_READ = str.maketrans("〇幺两", "零一二")
#: 两 begins a number or stands before a unit of ten; behind one it is an ounce of silver.
_HAN = "(?:[零〇幺一二三四五六七八九十百千万亿]|两(?=[百千万亿]))"
_FIRST = f"(?:{_HAN}|(?<![一二三四五六七八九十百千万亿])两)"
_RUN = re.compile(f"(?P<percent>百分之)?(?P<number>{_FIRST}{_HAN}*(?:点{_HAN}+)*)")
_CODE_BEFORE = re.compile(
    "(?:错误代码|错误码?|错误号|状态码|返回码?|响应码|报错码?|代码|房间号?|频道号?|工单号?|编号|端口号?"
    r"|版本号?|[Pp]ort|UDP|TCP|TLS|HTTP|SDK|iOS|安卓|报)(?:\s*(?:是|为|了|到|：|:|，|,))?\s*$"
)
_CODE_AFTER = re.compile(r"\s*(?:号?端口|错误码?|[Pp](?![A-Za-z]))")
#: Units that even a small amount is measured in, and those that it is only counted in.
_FINE_UNIT = (
    "(?:毫秒|微秒|兆|分贝|赫兹|千赫|千比特|千字节"
    "|(?:[kKmMgG]?bps|[kKmMgG][bB]|ms|[kKM]?Hz|dB|fps|[KGk])(?![A-Za-z]))"
)
_UNIT = f"(?:{_FINE_UNIT}|秒|帧|字节|比特|像素|倍)"
_FINE_UNIT_AFTER = re.compile(rf"\s*{_FINE_UNIT}")
_UNIT_AFTER = re.compile(rf"\s*{_UNIT}")
_MEASURE_AFTER = re.compile(
    rf"多?\s*(?:{_UNIT}|分钟|小时|个|天|周|岁|次|人|位|路|台|条|款|种|家|份|块|元|行|层|步|项|号|页|段|组"
    "|名|部|分位|线程|核|米|公里)"
)
#: What stands before or behind an amount, where a name (二十四史, 十一月) has something else.
_AMOUNT_BEFORE = re.compile(
    "(?:到|至|是|为|给|了|成|有|从|在|只有|超过|低于|高于|大于|小于|大概|大约|差不多|约|率|迟|动)$"
)
_AMOUNT_AFTER = re.compile(
    r"\s*(?:$|[，。！？、；,.!?;]|到|至|和|或|还是|左右|以上|以下|以内|之间|涨|降|掉|吗|呢|吧|了)"
)
#: Before these a number is a rank, or only a part of one (几十, 每一百).
_NO_AMOUNT = re.compile("[第每几多数好上]$")


def _value(number: str) -> float | None:
    """The value of a number of several characters: 一百一十, 一一零, 两千五, 九十九点九.

    None where it is none, or more than one: 七八十, 万一, 一点.
    """
    number = number.translate(_READ)
    whole, dot, fraction = number.partition("点")
    if len(number) < 2 or whole[0] not in _HAN_DIGITS + "十" or (dot and not fraction):
        return None
    try:
        return float(cn2an(number, "smart"))
    except (ValueError, KeyError):  # the latter is its way of refusing 四点二十
        return None


def _mandarin(text: str) -> str:
    text = re.sub(
        r"(?<![\d.])(\d{1,4})万(\d)(?![\d.万千百十])", lambda m: f"{m[1]}{m[2]}000", text
    )  # 4万8, as recognisers write 四万八
    return _RUN.sub(_written, text)


def _written(match: re.Match[str]) -> str:
    """The number in digits, or as it stands where it is a word."""
    number, before, after = (
        match["number"],
        match.string[: match.start()],
        match.string[match.end() :],
    )
    parts = number.split("点")
    if match["percent"]:
        digits = None if number == "百" else _dotted(parts)
        return f"{digits}%" if digits else match[0]
    if len(parts) > 1:
        return (_dotted(parts) if _is_decimal(parts, before, after) else None) or match[0]
    return (_digits(number) if _is_amount(number, before, after) else None) or match[0]


def _digits(number: str) -> str | None:
    """110 for 一百一十, 一一零 and 幺幺零; 5万 for 五万, 48000 for 四万八."""
    number = number.translate(_READ)
    if all(c in _HAN_DIGITS for c in number):
        return "".join(str(_HAN_DIGITS.index(c)) for c in number)
    if len(number) > 1 and number[-1] in "万亿" and (head := _digits(number[:-1])):
        return head + number[-1]
    value = 10.0 if number == "十" else _value(number)
    return None if value is None else f"{value:.10g}"


def _dotted(parts: Sequence[str]) -> str | None:
    """4.2 for 四点二, 3.7.1 for 三点七点一."""
    digits = [_digits(part) for part in parts]
    return None if None in digits else ".".join(filter(None, digits))


def _is_decimal(parts: Sequence[str], before: str, after: str) -> bool:
    """Three parts are a version, two only with its name or a unit: 三点二十 is a time."""
    if len(parts) > 2:
        return True
    if after.startswith(("分", "半", "钟")) or any(c in "十百千万亿" for c in parts[1]):
        return False
    return bool(_CODE_BEFORE.search(before) or _UNIT_AFTER.match(after) or len(parts[1]) > 1)


def _is_amount(number: str, before: str, after: str) -> bool:
    one_by_one = all(c in _HAN_DIGITS + "〇幺两" for c in number)
    if len(number) > 1 and (_CODE_BEFORE.search(before) or _CODE_AFTER.match(after)):
        return True
    if one_by_one and len(number) > 1:
        year = len(number) == 4 and after.startswith("年")
        amount = _AMOUNT_BEFORE.search(before) and _AMOUNT_AFTER.match(after)
        spelled = any(c in "零〇幺" for c in number) or bool(amount)
        return year or (len(number) > 2 and spelled)
    if _NO_AMOUNT.search(before):
        return False
    if _FINE_UNIT_AFTER.match(after):
        return True
    value = 10.0 if number == "十" else _value(number)
    if value is None or value < 10:
        return False
    if _MEASURE_AFTER.match(after):
        return True
    if len(number) == 1:
        return False
    if _AMOUNT_AFTER.match(after):
        return True
    # A name may begin with a small number (十六国), hardly with a large one.
    return value >= 100 and (len(number) > 2 or bool(_AMOUNT_BEFORE.search(before)))


# English


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


@dataclass(frozen=True)
class _Number:
    start: int
    end: int
    digits: str
    value: float
    words: tuple[str, ...]


_ENGLISH_CODE = re.compile(
    r"\b(?:errors?|codes?|status|ports?|http|udp|tcp|version|returns?|number|id)"
    r"(?:\s+(?:is|code|number))?[\s:]*$",
    re.IGNORECASE,
)
_ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SMALL = "|".join(_ONES)
_NUMBER_WORDS = frozenset(
    (
        *_ONES,
        *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
        *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy"),
        *("eighty", "ninety", "hundred", "thousand", "million"),
    )
)


def _english(text: str) -> str:
    numbers = _join_codes(text, _english_numbers(text))
    for number in reversed(numbers):
        if _is_written(text, number):
            text = text[: number.start] + number.digits + text[number.end :]
    text = re.sub(r"(?<=\d) ?(?:percent|per cent)\b", "%", text)
    text = re.sub(rf"\b({_SMALL}) (?:percent|per cent)\b", _small_percent, text, flags=re.I)
    return re.sub(r"\b(\d{3,4}) ?[pP]\b", r"\1p", text)


def _small_percent(match: re.Match[str]) -> str:
    return str(_ONES.index(match[1].lower())) + "%"


def _english_numbers(text: str) -> list[_Number]:
    matches = list(re.finditer(r"[A-Za-z]+", text))
    if not any(m[0].lower() in _NUMBER_WORDS for m in matches):
        return []
    words: list[_Word] = []
    for i, match in enumerate(matches):
        spelling = match[0].lower()
        between = text[matches[i - 1].end() : match.start()] if i else ""
        neighbours = {m[0].lower() for m in matches[max(i - 1, 0) : i + 2]} - {spelling}
        if spelling == "oh" and neighbours and neighbours <= _NUMBER_WORDS:
            spelling = "zero"
        words.append(_Word(match, spelling, apart=not re.fullmatch(r"[ -]?", between)))
    found = [f for f in find_numbers(words, "en", threshold=0) if not f.is_ordinal]
    numbers = [_number(text, words[f.start : f.end], f.text, f.value) for f in found]
    return [number for number in numbers if number is not None]


def _number(text: str, words: list[_Word], digits: str, value: float) -> _Number | None:
    """A number with its place; None for "hundreds of", "a few hundred"."""
    start = words[0].match.start()
    if words[0].spelling.removesuffix("s") in ("hundred", "thousand", "million"):
        if len(words) == 1 or not text[:start].lower().endswith("a "):
            return None
        start -= 2  # a hundred and fifty
    return _Number(start, words[-1].match.end(), digits, value, tuple(w.spelling for w in words))


def _join_codes(text: str, numbers: Sequence[_Number]) -> list[_Number]:
    """One number where several stand for one: "one one zero", "ten eighty p", "3.7 point one"."""
    joined: list[_Number] = []
    for number in numbers:
        last = joined[-1] if joined else None
        if last and (glue := _glue(text, last, number)) is not None:
            joined[-1] = _Number(
                last.start,
                number.end,
                last.digits + glue + number.digits,
                float("nan"),
                last.words + number.words,
            )
        else:
            joined.append(number)
    return joined


def _glue(text: str, last: _Number, number: _Number) -> str | None:
    between = text[last.end : number.start]
    if between.strip().lower() == "point" and "point" in last.words:
        return "."
    if not re.fullmatch(r"[ -]", between):
        return None
    if all(w in _ONES for w in last.words + number.words):
        return ""
    # Four digits said in pairs: thirty four seventy eight; and ten eighty p, seven twenty p.
    paired = len(last.digits) == 2 and number.value >= 10
    resolution = re.match(r" ?[pP]\b", text[number.end :])
    return "" if (paired or resolution) and len(number.digits) == 2 else None


def _is_written(text: str, number: _Number) -> bool:
    """Whether an engineer writes this number in digits."""
    if _ENGLISH_CODE.search(text[: number.start]):
        return True
    if all(word in _ONES for word in number.words):
        counting = "".join(number.digits) in "123456789"
        return len(number.words) >= 3 and not counting
    return number.value >= 10 or "." in number.digits or number.value != number.value
