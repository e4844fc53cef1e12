"""Seen: the lines of text on a customer's screen in; codes, settings and trouble they tell of out.

What stands on a screen is data, whoever it speaks to: lines are compared with words and codes that
are known, and are never taken for something that the customer says.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from jellyfish import damerau_levenshtein_distance

from common.languages import HAN_CHARACTER, Language, language_of
from common.numbers.digits import with_digits
from common.numbers.figures import figures_in, said_in
from common.settings import PROJECT_ROOT

#: Codes that are given: a page of a manual lists more, and shows none of them.
_MOST_CODES: Final = 12

#: Long strings as tokens and keys are: of digits, small and large letters, or hexadecimal.
_LIKE_A_KEY: Final = re.compile(
    r"(?<!\w)(?:[0-9A-Fa-f]{32,}(?!\w)"
    r"|(?=[\w+/]*[0-9])(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[A-Za-z0-9+/_]{24,}=*)"
)
#: Stands in the place of a secret.
_LEFT_OUT: Final = "[…]"

#: What looks alike on a screen, and in its folded form is the same.
_ALIKE: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZilo|", "abcdefgh1jk1mn0pqrstuvwxyz1101")


@dataclass(frozen=True)
class Seen:
    """What a customer's screen shows."""

    codes: tuple[str, ...]
    """Error codes, as the corpus writes those that it knows; each once, from top to bottom."""
    lines: tuple[str, ...]
    """All its text, from top to bottom."""
    at: datetime
    """When it was read."""
    troubles: tuple[str, ...] = ()
    """Lines that show a code or tell of trouble."""
    settings: tuple[tuple[str, str], ...] = ()
    """Those that are known, by their names in `prompts/seen.toml`, with their values."""


@dataclass(frozen=True)
class SettingNamed:
    """A setting that a customer names, and their screen shows."""

    name: str
    """In the customer's language."""
    shown: str
    said: str = ""
    """The value that they say, where it is another one."""


def seen_on(lines: Sequence[str], known: Collection[str], at: datetime) -> Seen:
    """What the lines of a screen show; ``known``: the error codes that the corpus has."""
    codes: dict[str, None] = {}
    troubles: list[str] = []
    settings: dict[tuple[str, str], None] = {}
    for line in lines:
        found = codes_in(line, known)
        codes |= dict.fromkeys(found)
        if found or _words().trouble.search(_folded(line)):
            troubles.append(line)
        for name, setting in _words().settings.items():
            if value := setting.shown.search(unicodedata.normalize("NFKC", line)):
                settings[name, value["value"]] = None
    return Seen(tuple(codes)[:_MOST_CODES], tuple(lines), at, tuple(troubles), tuple(settings))


def codes_in(line: str, known: Collection[str]) -> list[str]:
    """The error codes of one line, as the corpus writes them, in their order."""
    plain = unicodedata.normalize("NFKC", line)
    folded = _folded(plain)
    found = [*_numbers(plain, folded, known), *_names(plain, folded, known)]
    return list(dict.fromkeys(code for _, code in sorted(found)))


def without_secrets(line: str) -> str:
    """A line as it may be kept: what is named as a secret, and what looks like one, left out."""
    return _LIKE_A_KEY.sub(_LEFT_OUT, _words().secrets.sub(rf"\g<name>{_LEFT_OUT}", line))


def points(said: str) -> bool:
    """Whether a customer points to what they show: "what does this error mean?"."""
    return _words().pointing.search(_folded(said)) is not None


def setting_named(said: str, language: Language, seen: Seen) -> SettingNamed | None:
    """The first setting that a customer names, of those that their screen shows one value of."""
    text = unicodedata.normalize("NFKC", with_digits(said, language))
    for name, setting in _words().settings.items():
        values = [value for one, value in seen.settings if one == name]
        if len(values) != 1 or not setting.words.search(text):
            continue
        (shown,) = values
        value = setting.said.search(text)
        spoken = (value["value"] or value["before"]) if value else ""
        is_other = spoken and not _is_same(spoken, shown)
        if is_other or not spoken:
            return SettingNamed(setting.names[language], shown, spoken)
    return None


def _is_same(said: str, shown: str) -> bool:
    """Whether two values are the same, however they are written: 720p and 1280x720."""
    bare = [re.sub(r"^v(?=\d)|[\s.]", "", value.lower()) for value in (said, shown)]
    figures = list(figures_in(said))
    is_version = said.count(".") > 1
    states = all(figure.is_in(said_in(shown), by_number=True) for figure in figures)
    return bare[0] == bare[1] or (bool(figures) and states and not is_version)


def differs(said: str, seen: Seen) -> tuple[str, str] | None:
    """A code that was said, and the one on the screen that was meant; None where they agree.

    "One ten", where the screen shows 109: as many digits, and one of them the same.
    """
    shown = [code.lstrip("-") for code in seen.codes if code.lstrip("-").isdigit()]
    spoken = codes_said(said)
    if not shown or any(code in shown for code in spoken):
        return None
    near = [
        (distance, code, other)
        for code in spoken
        for other in shown
        if len(code) == len(other)
        and (distance := damerau_levenshtein_distance(code, other)) < len(code)
    ]
    return min(near)[1:] if near else None


# Codes on a screen

#: A number by itself, in the folded text.
_NUMBER: Final = re.compile(r"(?<![a-z0-9._])-?[0-9]{1,5}(?![a-z0-9]|[.:][0-9])")
#: What may stand between a word and its code: "error (code) is: 109".
_BETWEEN: Final = r"[\s\"'\[(<{:=#,]*(?:(?:c0de|n0|num|1s|was|w1th|为|是)[\s\"'\[(:=#]*)?"
#: HTTP statuses that tell of trouble, with their phrases; and the others.
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus if status >= 400}
_NO_TROUBLE: Final = frozenset(HTTPStatus) - frozenset(_PHRASES)


def _numbers(plain: str, folded: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Numbers beside a word that makes them codes, with their places."""
    words = _words()
    for number in _NUMBER.finditer(folded):
        written = plain[number.start() : number.end()]
        if not any(character.isdigit() for character in written):  # "is" looks like 15
            continue
        code, start, end = number[0], *number.span()
        is_code = code in known or (len(code.lstrip("-")) >= 3 and int(code) not in _NO_TROUBLE)
        is_beside = words.before.search(folded, 0, start) or words.after.match(folded, end)
        if (is_code and is_beside) or _is_status(code, folded[end:]):
            yield start, code


def _is_status(code: str, after: str) -> bool:
    """Whether it is an HTTP status with its phrase behind it: 401 (Unauthorized)."""
    phrase = _PHRASES.get(int(code))
    return phrase is not None and after.lstrip(" (:-").startswith(_folded(phrase))


def _names(plain: str, folded: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    """Codes that are names, with their places."""
    taken: list[tuple[int, int]] = []
    for code in known:
        if code.lstrip("-").isdigit():
            continue
        for place in re.finditer(rf"(?<![a-z0-9]){re.escape(_folded(code))}(?![a-z0-9])", folded):
            taken.append(place.span())
            yield place.start(), code
    for place in _words().names.finditer(plain):
        if not any(start < place.end() and place.start() < end for start, end in taken):
            yield place.start(), place[0].replace(" ", "_")


# Codes that are said


def codes_said(said: str) -> list[str]:
    """The numbers that somebody says as codes: "error one ten", 报错幺幺零."""
    if not _words().spoken.search(_folded(said)):
        return []
    text = with_digits(said, language_of(said))
    # "One ten" is two numbers to whoever counts, and one to whoever reads a code.
    return [
        number[0].replace(" ", "")
        for number in re.finditer(r"(?<![\d.])\d+(?: \d+)*(?![\d.]*\d)", text)
        if 2 <= len(number[0].replace(" ", "")) <= 5
    ]


# Words


@dataclass(frozen=True)
class _Words:
    """What `prompts/seen.toml` says; all but ``names``, ``secrets`` and ``settings`` for
    folded text."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    trouble: re.Pattern[str]
    spoken: re.Pattern[str]
    names: re.Pattern[str]
    secrets: re.Pattern[str]
    pointing: re.Pattern[str]
    settings: Mapping[str, _Setting]


@dataclass(frozen=True)
class _Setting:
    """A setting that is known; its patterns are for text as it is, but for its width."""

    names: Mapping[Language, str]
    words: re.Pattern[str]
    shown: re.Pattern[str]
    """On a screen, with its ``value``."""
    said: re.Pattern[str]
    """By a customer: the ``value`` behind the words, or ``before`` them."""


@cache
def _words() -> _Words:
    words = tomllib.loads((PROJECT_ROOT / "prompts" / "seen.toml").read_text("utf-8"))
    beside = _any_of(words["beside"])
    return _Words(
        before=re.compile(f"{beside}{_BETWEEN}$"),
        after=re.compile(rf"[\s)\]]{{0,3}}{beside}"),
        trouble=re.compile(_any_of(words["trouble"])),
        spoken=re.compile(_any_of(words["spoken"])),
        names=re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(words['names'])})(?![A-Za-z0-9])"),
        secrets=re.compile(
            rf"(?P<name>(?:{'|'.join(map(re.escape, words['secrets']))})\s*[:：=]\s*)\S+",
            re.IGNORECASE,
        ),
        pointing=re.compile(_any_of(words["pointing"])),
        settings={name: _setting(given) for name, given in words["settings"].items()},
    )


def _setting(given: Mapping[str, Any]) -> _Setting:
    words = "|".join(re.escape(word) for word in given["words"])
    value = given["value"]
    ends = r"(?![\w.])(?!\d)"
    return _Setting(
        {"zh": given["zh"], "en": given["en"]},
        re.compile(words, re.IGNORECASE),
        re.compile(rf"(?:{words})[\s:=]{{0,4}}(?P<value>{value}){ends}", re.IGNORECASE),
        re.compile(
            rf"(?:{words})[^\d,.;?!]{{0,12}}?(?P<value>{value})(?![\da-z])"
            rf"|(?<![\w.])(?P<before>{value})[^\da-z,.;?!][^\d,.;?!]{{0,8}}?(?:{words})",
            re.IGNORECASE,
        ),
    )


def _any_of(words: Sequence[str]) -> str:
    """Mandarin anywhere, English as whole words."""
    patterns = [
        re.escape(_folded(word))
        if HAN_CHARACTER.search(word)
        else rf"(?<![a-z0-9]){re.escape(_folded(word))}(?![a-z0-9])"
        for word in sorted(words, key=len, reverse=True)
    ]
    return f"(?:{'|'.join(patterns)})"


def line_key(line: str) -> str:
    """What two readings of one line have in common: letters and digits, what looks alike the
    same."""
    return re.sub(r"[\W_]", "", _folded(unicodedata.normalize("NFKC", line)))


def _folded(text: str) -> str:
    """Small letters, in which what looks alike is the same; as long as the text."""
    return text.translate(_ALIKE)
