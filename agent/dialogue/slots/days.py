"""Days: a clause and the day it is said in; the day it names out.

Of what is no single day (a month, "before Christmas", 年底) it is the first that may be meant.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from agent.dialogue.slots.words import load_slot_words
from common.languages import HAN, Language
from common.numbers.numerals import english_numerals, han_value


@dataclass(frozen=True)
class Day:
    """A day, and where in the clause it is named."""

    start: int
    end: int
    day: date
    about: bool
    """It is the first of several that may be meant."""


def day_in(clause: str, today: date) -> Day | None:
    """The day that a clause names, the most exact one; None where it names none."""
    clause = _EITHER_MONTH.sub(r" \1", _ORDINAL.sub(_ordinal_in_digits, clause))
    for pattern, read in _READERS:
        for found in pattern.finditer(clause):
            try:
                read_day = read(found, today)
            except (ValueError, OverflowError):  # the 31st of a month of 30; in a million years
                continue
            if read_day:
                before = found.end("before") if found.groupdict().get("before") else found.start()
                return Day(before, found.end(), *read_day)
    holidays = _holidays(clause, today)
    return max(holidays, key=lambda day: day.end - day.start, default=None)


def undivided(text: str) -> str:
    """A text in which no mark divides a date: "Jan. 28, 2027" is "Jan 28 2027"."""
    text = _YEAR_IN_WORDS.sub(lambda said: str(2020 + _YEARS_EN[said[1].lower()]), text)
    return _BEFORE_YEAR.sub(r"\1", _ABBREVIATED.sub(r"\1", text))


def _ordinal_in_digits(found: re.Match[str]) -> str:
    """15 for fifteenth, no shorter: places in the clause stay what they are."""
    return str(_ORDINALS.index(found[0]) + 1).ljust(len(found[0]))


def said(day: date, language: Language, *, about: bool) -> str:
    """A day in words; with ``about``, that it is none exactly."""
    part = _PARTS[language].get(day.day) if about else None
    if language == "zh":
        month = f"{day.year}年{day.month}月"
        return f"{month}{part}" if part else f"{month}{day.day}日{'前后' if about else ''}"
    month = f"{calendar.month_name[day.month]} {day.year}"
    if part:
        return f"{part}{month}"
    exact = f"{calendar.month_name[day.month]} {day.day}, {day.year}"
    return f"around {exact}" if about else exact


#: What a month's part that begins on this day is called.
_PARTS: Final[Mapping[Language, Mapping[int, str]]] = {
    "zh": {1: "前后", 11: "中旬", 21: "下旬"},
    "en": {1: "around ", 11: "mid ", 21: "late "},
}

# What is read of a match: the day, and whether it is about.
_Read = tuple[date, bool] | None
_Reader = Callable[[re.Match[str], date], _Read]

_MONTHS: Final = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr)
    for number, name in enumerate(names)
    if name
} | {"sept": 9}
_WEEKDAYS: Final = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
_ENGLISH_WEEKDAYS: Final = {name.lower(): at for at, name in enumerate(calendar.day_name)}
#: The first day of a third of a month.
_THIRDS: Final = {
    **dict.fromkeys(("初", "上旬", "月初", "early", "beginning", "start", "first half"), 1),
    **dict.fromkeys(("中", "中旬", "mid", "middle", "月中"), 11),
    **dict.fromkeys(("底", "末", "下旬", "月底", "late", "end"), 21),
}
#: The month in which a part of a year begins.
_SEASONS: Final = {
    **dict.fromkeys(("spring", "春天", "春季"), 3),
    **dict.fromkeys(("summer", "夏天", "夏季"), 6),
    **dict.fromkeys(("autumn", "fall", "秋天", "秋季"), 9),
    **dict.fromkeys(("winter", "冬天", "冬季"), 12),
}
_YEAR_PARTS: Final = {
    **dict.fromkeys(("年初", "初", "上半年", "first half", "beginning", "early"), 1),
    **dict.fromkeys(("年中", "中", "middle", "mid"), 6),
    **dict.fromkeys(("下半年", "second half"), 7),
    **dict.fromkeys(("年底", "底", "末", "end", "late", "later"), 12),
}
_QUARTERS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 4}
_HAN_NUMBER: Final = "[〇零一二两三四五六七八九十]"
_YEARS_ZH: Final = {"今年": 0, "明年": 1, "后年": 2}


def _number(text: str) -> float:
    """A small number, in digits or words of either language."""
    if text.isdigit():
        return int(text)
    if text in ("a", "an"):
        return 1
    if text in ("半", "half a"):
        return 0.5
    if text in ("几", "a couple of"):
        return 2
    if text == "a few":
        return 3
    if (value := han_value(text)) is not None:
        return value
    return english_numerals(text)[0].values[0]


def _months_on(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _month(month: int, year: int | None, day: int | None, today: date) -> date:
    """A day of a month; without a year, the next that is not over."""
    if year is None:
        last = calendar.monthrange(today.year, month)[1]
        year = today.year + (date(today.year, month, min(day or last, last)) < today)
    return max(date(year, month, day or 1), today) if not day else date(year, month, day)


def _year(text: str | None, today: date) -> int | None:
    if not text:
        return None
    if text in _YEARS_ZH:
        return today.year + _YEARS_ZH[text]
    if text in ("next year", "of next year", "this year", "of this year"):
        return today.year + ("next" in text)
    digits = text.removesuffix("年")
    if digits.isdigit():
        return int(digits) + (2000 if len(digits) == 2 else 0)
    if digits[0].isdigit():
        return None  # misheard
    return int("".join(str("零一二三四五六七八九".index(c)) for c in digits.replace("〇", "零")))


def _iso(found: re.Match[str], _: date) -> _Read:
    return date(int(found[1]), int(found[2]), int(found[3])), False


def _month_zh(found: re.Match[str], today: date) -> _Read:
    month = int(_number(found["month"]))
    day = int(_number(found["day"])) if found["day"] else _THIRDS.get(found["third"] or "")
    return _month(month, _year(found["year"], today), day, today), not found["day"]


def _month_en(found: re.Match[str], today: date) -> _Read:
    groups = found.groupdict()
    number, third = groups.get("day"), groups.get("third") or ""
    if groups["month"] == "may" and not (number or third or groups["before"] or groups["year"]):
        return None
    day = int(number) if number else _THIRDS.get(third)
    return _month(_MONTHS[groups["month"]], _year(groups["year"], today), day, today), not number


def _from_now(found: re.Match[str], today: date) -> _Read:
    number, unit = _number(found["number"]), found["unit"]
    if found.groupdict().get("half"):
        number += 0.5
    if unit in ("天", "day", "days"):
        return today + timedelta(days=round(number)), False
    if unit in ("周", "星期", "礼拜", "week", "weeks"):
        return today + timedelta(weeks=number), True
    months = number * (12 if unit in ("年", "year", "years") else 1)
    if months % 1:
        return _months_on(today, int(months)) + timedelta(days=15), True
    return _months_on(today, int(months)), True


def _relative(found: re.Match[str], today: date) -> _Read:
    days = {"今天": 0, "today": 0, "明天": 1, "tomorrow": 1, "后天": 2, "day after tomorrow": 2}
    return today + timedelta(days=days[found[0]]), False


def _week(found: re.Match[str], today: date) -> _Read:
    ahead = (
        len(found["ahead"]) if found["ahead"] and "下" in found["ahead"] else bool(found["ahead"])
    )
    monday = today + timedelta(weeks=int(ahead), days=-today.weekday())
    name = found["day"]
    if not name:
        return max(monday, today), True
    day = monday + timedelta(days=_WEEKDAYS[name] if name in _WEEKDAYS else _ENGLISH_WEEKDAYS[name])
    return day if day >= today else day + timedelta(weeks=1), False


def _near_month(found: re.Match[str], today: date) -> _Read:
    """This month, the next, the one after; a third of it, or a day."""
    text = found["which"]
    months = text.count("下") or (1 if "next" in text else 0)
    first = _months_on(today.replace(day=1), months)
    groups = found.groupdict()
    if groups.get("day"):
        return first.replace(day=int(_number(groups["day"]))), False
    third = _THIRDS.get(groups.get("third") or "", 1)
    return max(first.replace(day=third), today), True


def _year_part(found: re.Match[str], today: date) -> _Read:
    return _month(_YEAR_PARTS[found["part"]], _year(found["year"], today), None, today), True


def _quarter(found: re.Match[str], today: date) -> _Read:
    quarter = _QUARTERS.get(found["part"]) or int(_number(found["part"]))
    year = _year(found["year"], today)
    if year is None:
        year = today.year + (3 * quarter < today.month)
    return max(date(year, 3 * quarter - 2, 1), today), True


def _next_quarter(_: re.Match[str], today: date) -> _Read:
    return _months_on(today.replace(day=1), 3 - (today.month - 1) % 3), True


def _season(found: re.Match[str], today: date) -> _Read:
    year = _year(found.groupdict().get("year"), today)
    return _month(_SEASONS[found["part"]], year, None, today), True


def _whole_year(found: re.Match[str], today: date) -> _Read:
    year = _year(found["year"], today)
    return (max(date(year, 1, 1), today), True) if year else None


def _holidays(clause: str, today: date) -> Iterator[Day]:
    for holiday in load_slot_words().holidays:
        if not (found := holiday.words.search(clause)):
            continue
        years = (date(year, holiday.month, holiday.day) for year in (today.year, today.year + 1))
        days = map(date.fromisoformat, holiday.days) if holiday.days else years
        if day := next((day for day in days if day >= today), None):
            yield Day(found.start(), found.end(), day, about=True)


_ZH_NUMBER: Final = rf"(?:\d{{1,3}}|{_HAN_NUMBER}+)"
_ZH_DAY: Final = (
    rf"(?:(?P<day>\d{{1,2}}|{_HAN_NUMBER}{{1,3}})(?:[号日]|(?![\d百千万亿个人家点]))"
    "|(?P<third>初|中旬?|底|末|上旬|下旬))?"
)
#: What stands behind 2020 where it is an amount and no year, misheard: 2000人明年3月.
_NO_DIGITS: Final = "年人个名位万千百明今后去每多用"
#: The last is one of which a digit was heard as something else: 2020爱替年2月.
_ZH_YEAR: Final = (
    r"(?P<year>今年|明年|后年|20\d\d年|\d\d年|[二两][〇零一二三四五六七八九]{3}年"
    rf"|20\d\d(?![{_NO_DIGITS}])[{HAN}](?![{_NO_DIGITS}])[{HAN}]?年(?=\d))"
)
_ZH_WEEK: Final = "个?(?:周|星期|礼拜)(?P<day>[一二三四五六日天])?"
_EN_NUMBER: Final = (
    r"(?P<number>\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|a couple of|a few|half a)"
)
_EN_UNIT: Final = "(?P<unit>days?|weeks?|months?|years?)"
_EN_MONTH: Final = rf"\b(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b"
_EN_DAY: Final = r"(?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)?\b *"
#: 四五月: the first of them.
_EITHER_MONTH: Final = re.compile("([一二三四五六七八九])[二三四五六七八九](?=月)")
#: In place of its digits: "the fifteenth of January".
_ORDINALS: Final = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty first", "twenty second"),
    *("twenty third", "twenty fourth", "twenty fifth", "twenty sixth", "twenty seventh"),
    *("twenty eighth", "twenty ninth", "thirtieth", "thirty first"),
)
_ORDINAL_WORD: Final = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_ORDINAL: Final = re.compile(
    rf"\b(?:{_ORDINAL_WORD})\b(?= (?:of )?{_EN_MONTH.replace('?P<month>', '?:')})"
    rf"|(?<=[a-z] )(?<!the )\b(?:{_ORDINAL_WORD})(?=$| 20\d\d$)"
)
_EN_MONTH_NAME: Final = _EN_MONTH.replace("?P<month>", "")
_ABBREVIATED: Final = re.compile(rf"{_EN_MONTH_NAME}\.(?= *\d)", re.IGNORECASE)
_BEFORE_YEAR: Final = re.compile(
    rf"({_EN_MONTH.replace('?P<month>', '?:')}(?: *(?:\d{{1,2}}(?:st|nd|rd|th)?|{_ORDINAL_WORD}))?)"
    r",(?= *20\d\d\b)",
    re.IGNORECASE,
)
_YEARS_EN: Final = {"six": 6, "seven": 7, "eight": 8, "nine": 9}
_YEAR_IN_WORDS: Final = re.compile(
    rf"\btwenty[ -]twenty[ -]({'|'.join(_YEARS_EN)})\b", re.IGNORECASE
)
_EN_THIRD: Final = r"\b(?P<third>early|beginning|start|mid|middle|late|end|first half)"
_EN_YEAR: Final = r"(?P<year>(?:of )?next year|(?:of )?this year|20\d\d)"
_EN_YEAR_BEHIND: Final = rf"(?:,? *{_EN_YEAR})?"
#: The most exact first: what it finds counts. Without a year, and where may is a verb: ``before``.
_READERS: Final[tuple[tuple[re.Pattern[str], _Reader], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"(20\d\d)[-/.](\d{1,2})[-/.](\d{1,2})", _iso),
        (
            rf"{_ZH_YEAR}?的?(?P<month>1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月(?!活)份?{_ZH_DAY}",
            _month_zh,
        ),
        (rf"(?P<before>)\b{_EN_MONTH}\.? {_EN_DAY}{_EN_YEAR_BEHIND}", _month_en),
        (rf"(?P<before>)\b{_EN_DAY}(?:of )?{_EN_MONTH}{_EN_YEAR_BEHIND}", _month_en),
        (
            rf"{_EN_THIRD}(?: of|-| in)? ?(?P<before>next |)?{_EN_MONTH}{_EN_YEAR_BEHIND}",
            _month_en,
        ),
        (
            rf"(?P<before>\b(?:in|by|next|before|from|of|until|for) )?{_EN_MONTH}{_EN_YEAR_BEHIND}",
            _month_en,
        ),
        (
            rf"(?P<number>{_ZH_NUMBER}|半|几)个?(?P<half>半)?(?P<unit>天|周|星期|礼拜|月|年)"
            "(?:之后|以后|后|内|以内|之内|左右)",
            _from_now,
        ),
        (
            rf"\b(?:in|within|about) (?:about |around |roughly )?{_EN_NUMBER} ?{_EN_UNIT}\b",
            _from_now,
        ),
        (rf"\b{_EN_NUMBER} {_EN_UNIT} from (?:now|today)\b", _from_now),
        (
            rf"^(?:大概|大约|还有|差不多)?(?P<number>{_ZH_NUMBER}|半)个?(?P<half>半)?(?P<unit>周|星期|礼拜|月)吧?$",
            _from_now,
        ),
        (rf"^(?:about |around |maybe )?{_EN_NUMBER} {_EN_UNIT}$", _from_now),
        (r"今天|明天|后天|\btoday\b|\bday after tomorrow\b|\btomorrow\b", _relative),
        (rf"(?P<ahead>下{{1,2}}){_ZH_WEEK}", _week),
        (rf"(?P<ahead>)(?:本|这){_ZH_WEEK}", _week),
        (rf"\b(?P<ahead>next )?(?P<day>{'|'.join(_ENGLISH_WEEKDAYS)})\b", _week),
        (r"\b(?P<ahead>next )week\b(?P<day>)", _week),
        (r"(?P<ahead>)\bthis week\b(?P<day>)", _week),
        (rf"(?P<which>下{{1,2}}个?月|这个月|本月){_ZH_DAY}", _near_month),
        (r"(?P<which>)(?P<third>月初|月中|月底)", _near_month),
        (
            rf"(?:{_EN_THIRD} (?:of )?)?\b(?P<which>next month|this month|the month)\b",
            _near_month,
        ),
        (r"下个?季度|next quarter", _next_quarter),
        (rf"{_ZH_YEAR}?第?(?P<part>[1-4一二三四])季度?", _quarter),
        (rf"{_ZH_YEAR}?(?<![a-z])q(?P<part>[1-4])(?![\da-z ])", _quarter),
        (rf"(?<![a-z])q(?P<part>[1-4])(?: {_EN_YEAR})?(?![\da-z])", _quarter),
        (rf"\b(?P<part>{'|'.join(_QUARTERS)}) quarter(?: {_EN_YEAR})?\b", _quarter),
        (rf"{_ZH_YEAR}(?P<part>年初|初|上半年|年中|中|下半年|年底|底|末)", _year_part),
        (r"(?P<year>)(?P<part>年初|上半年|年中|下半年|年底)", _year_part),
        (
            r"\b(?P<part>first half|second half|beginning|early|middle|mid|end|late|later)"
            rf"(?: of)?(?: the)? {_EN_YEAR}\b",
            _year_part,
        ),
        (r"(?P<year>)\b(?P<part>end|beginning|middle) of the year\b", _year_part),
        (rf"{_ZH_YEAR}?的?(?P<part>[春夏秋冬][天季])", _season),
        (
            r"\b(?:this |next |in |the |in the )(?P<part>spring|summer|autumn|fall|winter)\b"
            rf"(?! holiday| break| vacation)(?: {_EN_YEAR})?",
            _season,
        ),
        (_ZH_YEAR, _whole_year),
        (rf"\b{_EN_YEAR}\b", _whole_year),
    )
)
