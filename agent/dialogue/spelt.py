"""Spelt: the words in which something is spelt or corrected in; it, and how it is read back, out.

The words are in `prompts/spelling.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from agent.dialogue.matching import plain as plain_of
from agent.dialogue.matching import sound as sound_of
from common.errors import SetupError
from common.languages import HAN, HAN_CHARACTER, LANGUAGES, Language, language_of
from common.numbers.digits import with_digits
from common.numbers.numerals import HAN_DIGITS, ONES
from common.settings import PROJECT_ROOT

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "spelling.toml"

SpeltKind = Literal["name", "code", "mail", "phone"]

#: What each kind looks like: ITU-T E.164 has 15 digits at most; RFC 5321 254 characters.
_SHAPES: Final[Mapping[SpeltKind, re.Pattern[str]]] = {
    "name": re.compile(rf"[{HAN}]{{1,8}}|[a-z][a-z' -]{{1,63}}"),
    "code": re.compile(r"(?=.*[\da-z])[\da-z_-]{2,64}"),
    "mail": re.compile(r"[\da-z._+-]{1,64}@[\da-z-]+(?:\.[\da-z-]+)+"),
    "phone": re.compile(r"\+?\d{5,15}"),
}
_TOKEN: Final = re.compile(rf"[{HAN}]|[a-z']+|\d|[@.+_-]")
#: Letters that a recogniser joins: C-H-E-N.
_JOINED_LETTERS: Final = re.compile(r"(?<![a-z\d])(?:[a-z]-){2,}[a-z](?![a-z\d])")
#: An id as it is written, or heard as one word; what stands before it; and a mark of one.
_WRITTEN: Final = re.compile(r"[a-z\d]+(?:[_-][a-z\d]+)*(?![a-z\d])")
_IS: Final = re.compile(r"^\s*(?:is|was|[:=]|是|为|叫)?\s*")
_GOES_ON: Final = re.compile(r"[,，.。;；!！?？]|(?:and|then|for|on|in|at)\b")
_ID_MARK: Final = re.compile(r"[a-z\d_-]")
#: Characters of the shortest, words that the longest is spelt in.
_SHORTEST_ID, _LONGEST_ID = 3, 48
#: Digits that are read without a pause: a Chinese mobile number is read as 3, 4, 4.
_GROUPS: Final[Mapping[int, Sequence[int]]] = {
    11: (3, 4, 4),
    10: (3, 3, 4),
    8: (4, 4),
    7: (3, 4),
    4: (4,),
}


@dataclass(frozen=True)
class SpellingWords:
    """What `prompts/spelling.toml` says."""

    letters: Mapping[str, str]
    """By word, as are digits, signs, repeats and ordinals."""
    digits: Mapping[str, str]
    signs: Mapping[str, str]
    repeats: Mapping[str, int]
    ordinals: Mapping[str, int]
    as_in: re.Pattern[str]
    by_parts: Sequence[str]
    by_word: Sequence[str]
    around: re.Pattern[str]
    whole: frozenset[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]
    not_: str
    parts: Mapping[str, re.Pattern[str]]
    alike: Mapping[str, str]
    confused: Mapping[str, str]
    """By letter, those that an ear takes for it, the likeliest first."""
    ids: re.Pattern[str]
    said: Mapping[Language, Mapping[str, Any]]


def heard(text: str, kind: SpeltKind) -> str:
    """What is spelt in a text, in small letters but for names; empty where it is no such thing."""
    plain = plain_of(text)
    value = _han_name(plain) if kind == "name" and HAN_CHARACTER.search(plain) else ""
    value = value or _joined(plain, kind)
    is_whole = _SHAPES[kind].fullmatch(value)
    # "No, wait" is no code: one has digits, or is spelt letter by letter.
    if not is_whole or (kind == "code" and value.isalpha() and not _is_by_letters(plain, kind)):
        return ""
    return value.title() if kind == "name" else value


def identifier(text: str) -> str:
    """The id of an app, a room or a user that is told in a text; empty where none is."""
    plain = plain_of(with_digits(text, language_of(text)))
    for cue in load_spelling().ids.finditer(plain):
        rest = _IS.sub("", plain[cue.end() :], count=1)
        if _GOES_ON.match(rest):
            continue
        written = _WRITTEN.match(rest)
        if written and (one := _as_id(written[0])):
            return one
        if spelt := _spelt_id(rest):
            return spelt
    return ""


def _spelt_id(rest: str) -> str:
    """The longest beginning of a text that is spelt."""
    ends = [token.end() for token in _TOKEN.finditer(rest)][:_LONGEST_ID]
    for end in reversed(ends):
        spelt = _spelt(rest[:end], "code")
        is_said_on = rest[end:].strip(" .。,，") and spelt[-1:] in (["i"], ["a"])  # "I think"
        if all(_ID_MARK.fullmatch(mark) for mark in spelt) and not is_said_on:
            return _as_id("".join(spelt))
    return ""


def _as_id(text: str) -> str:
    """What is long enough, and has a digit: "room id of the class" is no id."""
    return text if len(text) >= _SHORTEST_ID and re.search(r"\d", text) else ""


def corrected(value: str, text: str, kind: SpeltKind) -> str:
    """A value with the part that the customer corrects, or what they spell anew; else empty."""
    words = load_spelling()
    plain = plain_of(text)
    for change in (_of_place, _of_end, _of_another, _of_sound, _of_letter):
        if new := change(value.lower(), plain, kind, words):
            fits = _SHAPES[kind].fullmatch(new)
            return (new.title() if kind == "name" else new) if fits else ""
    told = (_told(part, words) for part in re.findall(f"[{HAN}]+", plain))
    if kind == "name" and not (
        words.around.search(plain) or any(told) or _is_by_letters(plain, kind)
    ):
        return ""  # "Wait a moment" is no other name.
    return heard(text, kind)


def read_aloud(value: str, kind: SpeltKind, language: Language) -> str:
    """How it is read back: by letters, and digits in groups; a Mandarin name by its characters."""
    words = load_spelling()
    said = words.said[language]
    if kind == "name" and HAN_CHARACTER.search(value):
        return str(said["pause"].join(_telling(character, words) for character in value))
    parts = []
    for run in re.findall(r"[a-z]+|\d+|[^a-z\d]", value.lower()):
        if run.isdigit():
            parts += [_digits(group, kind, language) for group in _grouped(run)]
        elif run in words.whole:
            parts.append(run)
        elif run.isalpha():
            parts += [_letter(letter, said, words) for letter in run]
        elif run.strip():
            parts.append(said["signs"].get(run, run))
    return str(said["pause"].join(parts))


def _letter(letter: str, said: Mapping[str, Any], words: SpellingWords) -> str:
    if word := words.alike.get(letter):
        return str(said["as_in"].format(letter=letter.upper(), word=word))
    return letter.upper()


def _digits(digits: str, kind: SpeltKind, language: Language) -> str:
    if language == "en":
        return " ".join(ONES[int(digit)] for digit in digits)
    spoken = "".join(HAN_DIGITS[int(digit)] for digit in digits)
    return spoken.replace("一", "幺") if kind == "phone" else spoken


def _grouped(digits: str) -> Iterable[str]:
    sizes = _GROUPS.get(len(digits)) or [3] * (len(digits) // 3) + [len(digits) % 3]
    at = 0
    for size in filter(None, sizes):
        yield digits[at : at + size]
        at += size


# What is spelt


def _spelt(plain: str, kind: SpeltKind) -> list[str]:
    """The characters, and words that are none, of what is spelt."""
    words = load_spelling()
    plain = words.as_in.sub(lambda found: f" {_group(found, 'word')[0]} ", plain)
    if kind != "code":
        plain = _JOINED_LETTERS.sub(lambda found: found[0].replace("-", " "), plain)
    plain = words.around.sub(" ", plain)
    said = {**words.letters, **words.digits, **words.signs}
    longest = max(len(_TOKEN.findall(word)) for word in (*said, *words.repeats))
    tokens = [token for token in _TOKEN.findall(plain) if token != "'"]
    spelt = list[str]()
    times, at = 1, 0
    while at < len(tokens):
        for length in range(longest, 0, -1):
            word = _joined_words(tokens[at : at + length])
            if word in words.repeats or word in said:
                break
        at += length
        if word in words.repeats:
            times = words.repeats[word]
            continue
        mark = said.get(word, word)
        # A sentence's own full stop is no dot.
        if not (word == "." and (at >= len(tokens) or kind != "mail")):
            spelt += [mark] * times
        times = 1
    return spelt


def _joined_words(tokens: Sequence[str]) -> str:
    """Words as they are listed: with spaces in English, without in Mandarin."""
    is_latin = all(token.isascii() for token in tokens)
    return (" " if is_latin else "").join(tokens)


def _joined(plain: str, kind: SpeltKind) -> str:
    """What is spelt, as it is written."""
    if kind == "name":
        names = (_spelt(part, kind) for part in re.split("[,，]", plain))
        return " ".join(filter(None, map(_latin_name, names)))
    spelt = "".join(_spelt(plain, kind))
    if kind == "phone":
        return re.sub(r"[^\d+]", "", spelt)
    return re.sub(r"[^\x21-\x7e]", "", spelt).strip("." if kind == "mail" else "")


def _is_by_letters(plain: str, kind: SpeltKind) -> bool:
    spelt = _spelt(plain, kind)
    return len(spelt) > 1 and all(len(part) == 1 and part.isascii() for part in spelt)


def _latin_name(spelt: Sequence[str]) -> str:
    """A name that is spelt, or that is said as words."""
    if all(len(part) == 1 for part in spelt):
        return "".join(spelt)
    return " ".join(part for part in spelt if len(part) > 1)


def _han_name(plain: str) -> str:
    """A Mandarin name: its characters, each as it is told where it is told: 张，弓长张."""
    words = load_spelling()
    plain = words.around.sub(" ", plain)
    name = ""
    for part in re.findall(f"[{HAN}]+", plain):
        told = _told(part, words)
        if told is None:
            name += part
        elif name and sound_of(name[-1]) == sound_of(told):
            name = name[:-1] + told
        elif told not in name:
            name += told
    return name


def _told(part: str, words: SpellingWords) -> str | None:
    """The character that a part tells of: 弓长张, 喜悦的悦."""
    if part in words.by_parts:
        return part[-1]
    word, _, one = part.rpartition("的")
    return one if len(one) == 1 and one in word else None


def _telling(character: str, words: SpellingWords) -> str:
    """What a character is told by, when it is read back; itself where nothing is known."""
    return next(
        (told for told in (*words.by_parts, *words.by_word) if told[-1] == character), character
    )


# What is corrected


def _of_place(value: str, plain: str, kind: SpeltKind, words: SpellingWords) -> str:
    """ "The third letter is B", 第三位是八."""
    if found := words.parts["final"].search(plain):
        at = len(value)
    elif found := words.parts["one"].search(plain):
        at = words.ordinals.get(_group(found, "n"), 0)
    else:
        return ""
    new = _piece(_group(found, "rest"), kind)
    if not 0 < at <= len(value) or len(new) != 1:
        return ""
    return value[: at - 1] + new + value[at:]


def _of_end(value: str, plain: str, kind: SpeltKind, words: SpellingWords) -> str:
    """ "The last four are 8 8 3 2", 前三位是幺三八."""
    for name in ("last", "first"):
        if not (found := words.parts[name].search(plain)):
            continue
        count = words.ordinals.get(_group(found, "n"), 0)
        new = _piece(_group(found, "rest"), kind)
        if not 0 < count <= len(value) or len(new) != count:
            return ""
        return value[:-count] + new if name == "last" else new + value[count:]
    return ""


def _of_another(value: str, plain: str, kind: SpeltKind, words: SpellingWords) -> str:
    """ "M not N", 是章不是张: the one that stands there once."""
    clauses = re.split(f"[,，。.;；!！]|(?={words.not_})|(?<=[{HAN}a-z])(?=是)(?<!不)", plain)
    olds, news = list[str](), list[str]()
    for clause in filter(str.strip, clauses):
        found = re.match(rf"\s*(?:no|nope|不)?\s*(?:{words.not_})\s*(.+)", clause)
        piece = _piece(found[1] if found else clause, kind)
        if piece:
            (olds if found else news).append(piece)
    if not olds or not news or value.count(olds[0]) != 1:
        return ""
    return value.replace(olds[0], news[0])


def _of_sound(value: str, plain: str, kind: SpeltKind, words: SpellingWords) -> str:
    """月亮的月: a character that is told anew stands where one sounds like it."""
    new = _han_name(plain) if kind == "name" and HAN_CHARACTER.search(plain) else ""
    alike = [old for old in value if len(new) == 1 and sound_of(old) == sound_of(new)]
    return value.replace(alike[0], new) if len(alike) == 1 else ""


def _of_letter(value: str, plain: str, kind: SpeltKind, words: SpellingWords) -> str:
    """ "No, B as in Berlin": a letter told by a word stands where the first one stood that an ear
    takes for it; of a mail address before its domain."""
    told = [_group(found, "word")[0] for found in words.as_in.finditer(plain)]
    if len(told) != 1 or _spelt(plain, kind) != told:
        return ""
    own, at, domain = value.partition("@")
    alike = (letter for letter in words.confused.get(told[0], "") if own.count(letter) == 1)
    if old := next(alike, ""):
        return own.replace(old, told[0]) + at + domain
    return ""


def _piece(text: str, kind: SpeltKind) -> str:
    """A part of what is spelt."""
    if kind == "name" and HAN_CHARACTER.search(text):
        return _han_name(text)
    return _joined(text, "code" if kind == "name" else kind)


def _group(found: re.Match[str], name: str) -> str:
    """The one of several groups of that name that has matched."""
    named = (text for key, text in found.groupdict().items() if key.startswith(name) and text)
    return next(named, "").strip()


# The words


@cache
def load_spelling() -> SpellingWords:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        replies = words["replies"]
        as_in = "|".join(map(re.escape, words["as_in"]["words"]))
        return SpellingWords(
            letters=_by_word(words["letters"]),
            digits=_by_word(words["digits"]),
            signs=_by_word(words["signs"]),
            repeats={word: int(n) for word, n in _by_word(words["repeats"]).items()},
            ordinals={word: int(n) for word, n in _by_word(words["ordinals"]).items()},
            as_in=re.compile(
                rf"(?<![a-z])[a-z]\s*,?\s*(?:{as_in})\s*(?P<word>[a-z]{{2,}})(?:\s*的\s*[a-z](?![a-z]))?"
                r"|(?<![a-z])(?:[a-z]\s*,\s*)?(?P<word2>[a-z]{2,})\s*的\s*[a-z](?![a-z])"
            ),
            by_parts=words["characters"]["by_parts"],
            by_word=words["characters"]["by_word"],
            around=_any_of(words["around"]["words"]),
            whole=frozenset(words["whole"]["words"]),
            yes=_alone(replies["yes"]),
            no=_alone(replies["no"]),
            not_="|".join(
                rf"\b{re.escape(word)}\b" if word.isascii() else word for word in replies["not"]
            ),
            parts={name: _parts(replies[name]) for name in ("one", "last", "first", "final")},
            alike=words["alike"],
            confused=words["confused"],
            ids=_any_of(words["ids"]["words"]),
            said={language: words[language] for language in LANGUAGES},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words of spelling in {WORDS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def _by_word(lists: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {word: stands_for for stands_for, words in lists.items() for word in words}


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    whole = (
        rf"(?<![a-z']){re.escape(word)}(?![a-z'])" if word.isascii() else re.escape(word)
        for word in longest_first
    )
    return re.compile("|".join(whole))


def _alone(words: Iterable[str]) -> re.Pattern[str]:
    bare = (re.sub(r"[\W_]", "", word) for word in sorted(words, key=len, reverse=True))
    return re.compile(f"(?:{'|'.join(bare)})+")


def _parts(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern for phrases with {n} and {rest}."""
    alternatives = []
    for at, phrase in enumerate(sorted(patterns, key=len, reverse=True)):
        escaped = re.escape(phrase).replace(r"\ ", r"\s+")
        escaped = escaped.replace(r"\{n\}", rf"(?P<n{at}>[a-z\d{HAN}]+?)")
        alternatives.append(escaped.replace(r"\{rest\}", rf"(?P<rest{at}>.+)"))
    return re.compile("|".join(alternatives))
