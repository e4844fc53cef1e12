"""Turn-taking: what a customer said in; whether it takes the turn, supports the speaker, goes on.

Judged by the words of `prompts/turn_taking.toml`, which a support lead can change.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pypinyin import lazy_pinyin

from common.errors import SetupError
from common.languages import HAN_CHARACTER, Language
from common.settings import PROJECT_ROOT

WORDS_FILE = PROJECT_ROOT / "prompts" / "turn_taking.toml"

#: What the last words of a text say of whether it is all; most say nothing.
Ending = Literal["finished", "unfinished", "open"]

#: Words that may be a guess, at most.
_SHORT_WORDS = 3

#: Marks behind a text that is not all; the last one is a pause of two dots or more.
_TRAILING_OFF = (*"…,，、;；:：—-", "..")
_QUESTION = ("?", "？")
_COMMA = re.compile("[,，;；]")
#: What may stand behind a Mandarin ending: "谢谢啊".
_PARTICLES = tuple("啊呀呐嘛哦")


class Interjections:
    """Backchannels and stops; whether a text is nothing but them, one behind the other."""

    def __init__(self, backchannels: Iterable[str], stops: Iterable[str]) -> None:
        """Words as in `_bare` texts."""
        self._backchannels, self._stops = frozenset(backchannels), frozenset(stops)
        self._lengths = sorted({len(word) for word in self._backchannels | self._stops})

    def read(self, bare: str) -> tuple[bool, bool]:
        """Whether the text is nothing but backchannels; whether it is stops, among them or not.

        "uhhuh" is one word and two: all ways to cut the text are followed side by side, from left
        to right, so that the work grows with its length and no more.
        """
        supports, stops = {0}, set[int]()
        furthest = 0
        for start in range(len(bare)):
            if start > furthest:
                break  # something else was said
            if start not in supports and start not in stops:
                continue
            for length in self._lengths:
                word, end = bare[start : start + length], start + length
                is_stop, is_backchannel = word in self._stops, word in self._backchannels
                if start in supports and is_backchannel:
                    supports.add(end)
                if is_stop or (start in stops and is_backchannel):
                    stops.add(end)
                if is_stop or is_backchannel:
                    furthest = max(furthest, end)
        return len(bare) in supports, len(bare) in stops


@dataclass(frozen=True)
class TurnTaking:
    """The words, as they stand in `_bare` texts; English endings with a space before them."""

    _interjections: Interjections
    #: How the Mandarin ones among the stops sound: syllables without tones.
    _stop_sounds: frozenset[str]
    _longest_stop: int
    _unfinished: dict[Language, tuple[str, ...]]
    _finished: dict[Language, tuple[str, ...]]
    _condition: dict[Language, re.Pattern[str]]

    def is_backchannel(self, text: str) -> bool:
        """Nothing but "mm-hm" and the like; also where there are no words at all."""
        return self._interjections.read(_bare(text))[0]

    def is_stop(self, text: str) -> bool:
        """Nothing but "wait" and the like, among backchannels or not; or what sounds like it.

        So short a text has no context to be understood by: 灯一下 is 等一下.
        """
        bare = _bare(text)
        if self._interjections.read(bare)[1]:
            return True
        return len(bare) <= self._longest_stop and _sound(bare) in self._stop_sounds

    def is_fragment(self, text: str) -> bool:
        """Too little to take the turn from somebody, unless it is a stop.

        Of one or two syllables the recogniser hears what it likes.
        """
        return _words(text) <= 1

    def is_short(self, text: str) -> bool:
        """Few enough words for the recogniser to have guessed them at a noise."""
        return _words(text) <= _SHORT_WORDS

    def ending(self, text: str, language: Language) -> Ending:
        """Whether the end of a text shows that more will come, or that none will."""
        bare = f" {_spaced(text)}" if language == "en" else _bare(text)
        if bare.endswith(self._finished[language]):
            return "finished"
        written = text.rstrip()
        if written.endswith(_QUESTION):
            return "finished"  # "how can we fix that?", though "that" often goes on
        if bare.endswith(self._unfinished[language]) or written.endswith(_TRAILING_OFF):
            return "unfinished"
        if self._condition[language].match(bare) and not _COMMA.search(text):
            return "unfinished"
        return "open"


@cache
def load_turn_taking() -> TurnTaking:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        spoken = [word for word in words["stops"] if HAN_CHARACTER.search(word)]
        conditions = words["conditions"]
        return TurnTaking(
            _interjections=Interjections(
                map(_bare, words["backchannels"]), map(_bare, words["stops"])
            ),
            _stop_sounds=frozenset(map(_sound, spoken)),
            _longest_stop=max(map(len, spoken)),
            _unfinished={
                "zh": tuple(map(_bare, words["unfinished"]["zh"])),
                "en": tuple(f" {_spaced(word)}" for word in words["unfinished"]["en"]),
            },
            _finished={
                "zh": tuple(
                    _bare(word) + particle
                    for word in words["finished"]["zh"]
                    for particle in ("", *_PARTICLES)
                ),
                "en": tuple(f" {_spaced(word)}" for word in words["finished"]["en"]),
            },
            _condition={
                "zh": re.compile(_any_of(map(_bare, conditions["zh"]))),
                "en": re.compile(
                    rf" (?:(?:and|but|so|well|um|uh) )*(?:{_any_of(conditions['en'])})\s"
                ),
            },
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"The words of turn-taking in {WORDS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def _any_of(words: Iterable[str]) -> str:
    """A pattern for one of the words, the longest first."""
    return "|".join(map(re.escape, sorted(set(words), key=len, reverse=True)))


def _bare(text: str) -> str:
    """Letters, digits and characters only."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).lower())


def _words(text: str) -> float:
    """English words; two Mandarin characters are one."""
    bare = _bare(text)
    han = len(HAN_CHARACTER.findall(bare))
    return han / 2 if han else len(_spaced(text).split())


def _sound(bare: str) -> str:
    """Mandarin syllables without tones; empty for any other text."""
    return " ".join(lazy_pinyin(bare)) if bare and all(map(HAN_CHARACTER.match, bare)) else ""


def _spaced(text: str) -> str:
    """Words with single spaces; apostrophes stay."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return " ".join(re.findall(r"[\w']+", text))
