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

_TRAILING_OFF = re.compile(r"(?:\.\.+|…|[,，、;；:：—-])\s*$")
_QUESTION = re.compile(r"[?？]\s*$")
_COMMA = re.compile("[,，;；]")


@dataclass(frozen=True)
class TurnTaking:
    """The words, as patterns over `_bare` texts."""

    _backchannel: re.Pattern[str]
    _stop: re.Pattern[str]
    #: How the Mandarin ones among the stops sound: syllables without tones.
    _stop_sounds: frozenset[str]
    _unfinished: dict[Language, re.Pattern[str]]
    _finished: dict[Language, re.Pattern[str]]
    _condition: dict[Language, re.Pattern[str]]

    def is_backchannel(self, text: str) -> bool:
        """Nothing but "mm-hm" and the like; also where there are no words at all."""
        return self._backchannel.fullmatch(_bare(text)) is not None

    def is_stop(self, text: str) -> bool:
        """Nothing but "wait" and the like, among backchannels or not; or what sounds like it.

        So short a text has no context to be understood by: 灯一下 is 等一下.
        """
        bare = _bare(text)
        return self._stop.fullmatch(bare) is not None or _sound(bare) in self._stop_sounds

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
        bare = _spaced(text) if language == "en" else _bare(text)
        if self._finished[language].search(bare):
            return "finished"
        if _QUESTION.search(text):
            return "finished"  # "how can we fix that?", though "that" often goes on
        if self._unfinished[language].search(bare) or _TRAILING_OFF.search(text):
            return "unfinished"
        if self._condition[language].match(bare) and not _COMMA.search(text):
            return "unfinished"
        return "open"


@cache
def load_turn_taking() -> TurnTaking:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        supports = _any_of(map(_bare, words["backchannels"]))
        stops = _any_of(map(_bare, words["stops"]))
        return TurnTaking(
            _backchannel=re.compile(f"(?:{supports})*"),
            _stop=re.compile(f"(?:{supports})*(?:{stops})(?:{supports}|{stops})*"),
            _stop_sounds=frozenset(
                _sound(word) for word in words["stops"] if HAN_CHARACTER.search(word)
            ),
            _unfinished={
                "zh": re.compile(f"(?:{_any_of(map(_bare, words['unfinished']['zh']))})$"),
                "en": re.compile(
                    rf"(?:^|\s)(?:{_any_of(map(_spaced, words['unfinished']['en']))})$"
                ),
            },
            _finished={
                "zh": re.compile(
                    f"(?:{_any_of(map(_bare, words['finished']['zh']))})[啊呀呐嘛哦]?$"
                ),
                "en": re.compile(rf"(?:^|\s)(?:{_any_of(map(_spaced, words['finished']['en']))})$"),
            },
            _condition={
                "zh": re.compile(_any_of(map(_bare, words["conditions"]["zh"]))),
                "en": re.compile(
                    rf"(?:(?:and|but|so|well|um|uh) )*(?:{_any_of(words['conditions']['en'])})\s"
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
