"""The words of slots: `prompts/slots.toml` and the vocabulary in; names and patterns out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args

from agent.dialogue.matching import any_of, sounds_of
from agent.dialogue.matching import plain as plain_of
from common.errors import SetupError
from common.languages import HAN, LANGUAGES, Language
from common.settings import PROJECT_ROOT
from knowledge.entries.vocabulary import Vocabulary

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "slots.toml"

Slot = Literal[
    "users",
    "pain",
    "scenario",
    "regions",
    "scale",
    "platforms",
    "business_model",
    "compliance",
    "launch_date",
]
#: As a consultant asks for them.
SLOTS: Final[tuple[Slot, ...]] = get_args(Slot)
#: Those whose values are known by words, and which field of the vocabulary has them.
_VALUED: Final[Mapping[Slot, str]] = {
    "scenario": "scenario",
    "regions": "region",
    "platforms": "platform",
    "business_model": "",
    "compliance": "",
}
#: Those that are kept in the customer's own words.
OWN: Final[tuple[Slot, ...]] = ("users", "pain")

#: Mandarin of so many characters is told by its sound, too: anywhere, and where it is asked for.
_SOUND, _SOUND_ASKED = 3, 2
#: Letters from which a Latin word is told though a letter or two are wrong.
_SHORTEST_LATIN: Final = 5
_LATIN: Final = re.compile("[a-z]+")
_MANDARIN: Final = re.compile(f"[{HAN}]+")
_BESIDE_HAN: Final = re.compile(rf" +(?=[{HAN}])|(?<=[{HAN}]) +")
#: In small letters it would be the other "us".
_STATES: Final = re.compile(r"\bUS\b")
_HYPHEN: Final = re.compile("(?<=[a-z])-(?=[a-z])")


@dataclass(frozen=True)
class Meaning:
    """A value that a slot may have."""

    of: str
    """The value of the vocabulary that it is, or is a kind of."""
    names: Mapping[Language, str]
    entry: str
    """File of the knowledge base that is about it; empty where none is."""
    launch: str
    """File of the one with what to do until a launch."""
    written: tuple[re.Pattern[str], ...]
    places: re.Pattern[str]
    """Names of what lies in it: they are kept beside it, as they were called."""
    asked: re.Pattern[str]
    """Words that count in the answer to the question alone."""
    sounds: re.Pattern[str]
    sounds_asked: re.Pattern[str]
    latin: frozenset[str]
    """Its single words in Latin letters."""
    mandarin: tuple[str, ...]
    """Its Mandarin words."""


@dataclass(frozen=True)
class Kind:
    """What an amount may count."""

    names: Mapping[Language, str]
    words: re.Pattern[str]


@dataclass(frozen=True)
class Holiday:
    """A day that people name a launch after."""

    words: re.Pattern[str]
    month: int
    day: int
    days: tuple[str, ...]
    """ISO days, where it is not the same in every year."""


@dataclass(frozen=True)
class SlotWords:
    """What `prompts/slots.toml` says, over texts as `as_read` makes them."""

    values: Mapping[Slot, Mapping[str, Meaning]]
    sure: float
    """Probability from which what the knowledge base finds is the scenario that is meant."""
    kinds: Mapping[str, Kind]
    counted: re.Pattern[str]
    vague: Mapping[int, re.Pattern[str]]
    more_than: re.Pattern[str]
    holidays: tuple[Holiday, ...]
    launch: re.Pattern[str]
    launch_sounds: re.Pattern[str]
    begin_sounds: re.Pattern[str]
    """How to begin, as it sounds."""
    begin_last: re.Pattern[str]
    """The same in Mandarin, as written, at the end of what is said."""
    no_first: re.Pattern[str]
    """A "no" in Mandarin that something follows."""
    no_sounds: re.Pattern[str]
    """The same of two characters, as it sounds."""
    makes_sounds: re.Pattern[str]
    """That they make something, as it sounds."""
    live: re.Pattern[str]
    beside: re.Pattern[str]
    """What may stand beside a day that is the whole answer."""
    unnamed: re.Pattern[str]
    """What tells a region, and is no name of a place."""
    small: re.Pattern[str]
    """What may stand beside places, and says nothing."""
    place: re.Pattern[str]
    """The whole of what names a place that no list has, as it is written."""
    people: re.Pattern[str]
    served: re.Pattern[str]
    """Who a product is for, in what somebody opens with; the group that has matched."""
    users: re.Pattern[str]
    """Who uses it, said in passing; the group that has matched."""
    pained: re.Pattern[str]
    """Signs that something is told that bothers people."""
    own: Mapping[Slot, re.Pattern[str]]
    made: re.Pattern[str]
    """What they make, said as they come; the group that has matched."""
    leading: re.Pattern[str]
    trailing: re.Pattern[str]
    topics: Mapping[Slot, re.Pattern[str]]
    replies: Mapping[str, re.Pattern[str]]
    """Patterns to be looked for."""
    alone: Mapping[str, re.Pattern[str]]
    """The same, for a text that says nothing else but courtesies."""


@cache
def load_slot_words() -> SlotWords:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        replies = words["replies"]
        courtesies = replies.pop("courtesies")
        people = any_of(words["people"]["words"])
        return SlotWords(
            values={slot: _meanings(words[slot], field) for slot, field in _VALUED.items()},
            sure=words["search"]["sure"],
            kinds={
                kind: Kind(_names(of), any_of(_plain(of))) for kind, of in words["scale"].items()
            },
            counted=any_of(words["counted"]["words"]),
            vague={int(amount): any_of(_plain(of)) for amount, of in words["vague"].items()},
            more_than=any_of(words["more_than"]["words"]),
            holidays=tuple(map(_holiday, words["holidays"].values())),
            launch=any_of(words["launch"]["words"]),
            launch_sounds=sounds_of(words["launch"]["words"], _SOUND_ASKED),
            begin_sounds=sounds_of(replies["begin"], _SOUND),
            begin_last=_last(replies["begin"]),
            no_first=_first(replies["no"]),
            no_sounds=sounds_of((word for word in replies["no"] if len(word) == _SOUND_ASKED), 2),
            makes_sounds=sounds_of(replies.pop("makes"), 1),
            live=any_of(words["launch"]["live"]),
            beside=any_of(words["launch"]["beside"]),
            unnamed=any_of(_plain(words["places"]["unnamed"])),
            small=any_of(words["places"]["small"]),
            place=_place(words["places"]),
            people=people,
            served=_served(people),
            users=_users(people),
            pained=any_of(words["people"]["pained"]),
            own={slot: _own(words["own"][slot]) for slot in OWN},
            made=_own(words["own"]["scenario"]),
            leading=_around(words["own"]["leading"], r"(?:\s*(?:{})[\s,，]*)+"),
            trailing=_around(words["own"]["trailing"], r"(?:[\s,，]*(?:{}))+$"),
            topics={slot: any_of(_plain(words["topics"][slot])) for slot in SLOTS},
            replies={name: any_of(of) for name, of in replies.items()},
            alone={name: _alone(of, courtesies) for name, of in replies.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words of slots in {WORDS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


@cache
def load_vocabulary() -> Vocabulary:
    """The values that entries may have, read once. Raises SetupError when it cannot be used."""
    return Vocabulary.load()


def _meanings(added: Mapping[str, Mapping[str, Any]], field: str) -> dict[str, Meaning]:
    """The values of a slot: those of the vocabulary's field, and those of the file."""
    known = load_vocabulary().names[field] if field else {}
    calls = load_vocabulary().calls[field] if field else {}
    meanings = {}
    for value in {**known, **added}:
        of = added.get(value, {})
        names = known.get(value) or _names(of)
        if of.get("of", value) not in known and field:
            raise KeyError(f"{value}: of")
        words = _plain(of)
        named = [as_read(name) for name in names.values()] if value in calls else []
        places = any_of(_plain(of, "places"))
        asked = [*words, *_plain(of, "asked")]
        meanings[value] = Meaning(
            of=of.get("of", value),
            names=names,
            entry=of.get("entry", ""),
            launch=of.get("launch", ""),
            written=tuple(filter(None, (any_of(words), places, calls.get(value)))),
            places=re.compile(
                "|".join(of.pattern for of in (places, calls.get(value)) if of), re.IGNORECASE
            ),
            asked=any_of(asked),
            sounds=sounds_of([*words, *named], _SOUND),
            sounds_asked=sounds_of([*asked, *named], _SOUND_ASKED),
            latin=frozenset(_long_latin([*words, *named])),
            mandarin=tuple(word for word in words if _MANDARIN.fullmatch(word)),
        )
    return meanings


def _names(of: Mapping[str, Any]) -> dict[Language, str]:
    return {language: of[language] for language in LANGUAGES}


def _plain(of: Mapping[str, Any] | Iterable[str], key: str = "words") -> list[str]:
    words = of.get(key, []) if isinstance(of, Mapping) else of
    return [as_read(word) for word in words]


def _long_latin(words: Iterable[str]) -> Iterable[str]:
    single = (word.rstrip("*") for word in words)
    return (word for word in single if len(word) >= _SHORTEST_LATIN and _LATIN.fullmatch(word))


def _holiday(of: Mapping[str, Any]) -> Holiday:
    days = tuple(of.get("days", ()))
    return Holiday(any_of(_plain(of)), of.get("month", 1), of.get("day", 1), days)


def _place(places: Mapping[str, list[str]]) -> re.Pattern[str]:
    """A pattern for Mandarin with what places end with, and for English names beside small words.

    A name has a capital letter: as typed, or as a recogniser writes it.
    """
    small = "|".join(map(re.escape, places["small"]))
    ends = "|".join(map(re.escape, places["ends"]))
    one = rf"(?:[A-Z][\w'.-]+|(?i:{small}))"
    return re.compile(
        rf"(?=.*[A-Z]\w)(?:{one}[\s,&]*)+|[{HAN}、和]{{1,10}}(?:{ends})(?:[{HAN}]{{0,4}})"
    )


def _served(people: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(
        rf"\bfor ((?:[\w'-]+ ){{0,2}}?{people.pattern}"
        r"(?: (?:in|from|who|aged|with|over|under|across|at) .+?)?)"
        r"(?= and (?:we|want|need|would|plan|are|have)\b|$)"
        rf"|(?:做|给|为|帮)([^的做给为帮]{{0,4}}{people.pattern})(?:的|用|提供|做|上|看)"
        rf"|({people.pattern})都?在"
    )


def _users(people: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(
        rf"((?:[\w'-]+ ){{0,2}}?{people.pattern}) (?:will |would |can |mostly )?"
        r"(?:use|watch|play|join|open) (?:it|them|this)\b"
        rf"|({people.pattern})(?:们)?(?:在用|会用|用它|来用|在看|来看|[{HAN}]{{0,2}}用的)"
    )


def _own(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for phrases with a star, which is the group that has matched."""
    patterns = []
    for word in sorted(map(plain_of, words), key=len, reverse=True):
        before, _, behind = word.partition("*")
        kept = "(.{2,}?)" if behind else "(.{2,})"
        start = r"(?<![a-z'])" if before[:1].isascii() else ""
        patterns.append(start + re.escape(before).replace(r"\ ", " +") + kept + re.escape(behind))
    return re.compile("|".join(patterns))


def _first(words: Iterable[str]) -> re.Pattern[str]:
    mandarin = [word for word in words if _MANDARIN.fullmatch(word) and len(word) > 1]
    return re.compile(rf"\W*(?:这个|这)?(?:{'|'.join(mandarin)})(?=\w)")


def _last(words: Iterable[str]) -> re.Pattern[str]:
    mandarin = sorted(filter(_MANDARIN.fullmatch, words), key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(mandarin)})\W*$")


def _around(words: Iterable[str], pattern: str) -> re.Pattern[str]:
    longest_first = sorted(map(plain_of, words), key=len, reverse=True)
    parts = (rf"\b{re.escape(w)}\b" if w[-1].isascii() else re.escape(w) for w in longest_first)
    return re.compile(pattern.format("|".join(parts)), re.IGNORECASE)


def _alone(words: Iterable[str], courtesies: Iterable[str]) -> re.Pattern[str]:
    """A pattern for a text without marks and spaces that has one of the words, and no others."""
    says, polite = (
        "|".join(re.escape(_bare(word)) for word in sorted(of, key=len, reverse=True))
        for of in (words, courtesies)
    )
    return re.compile(rf"(?:{polite})*(?:(?:{says})(?:{polite})*)+")


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", plain_of(text))


def as_read(text: str) -> str:
    """In small letters and simplified characters, without spaces beside Mandarin and hyphens."""
    plain = plain_of(_STATES.sub("USA", text))
    return _HYPHEN.sub(" ", _BESIDE_HAN.sub("", plain))


def bare(plain: str) -> str:
    """Letters, digits and characters alone, without spaces: what patterns of ``alone`` are for."""
    return re.sub(r"[\W_]", "", plain)
