"""Domain terms: a text as Whisper heard it in, the same with terms and numbers as written out.

The terms come from what the knowledge corpus says (`wording.json`, which its build writes) and from
the operator's own list, `terms.toml`. They are shown to Whisper before it listens (`prompt`), and
what it misheard all the same is mended by sound (`mend`), without touching other words.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jieba

from agent.speech.hear.homophones import Homophones
from agent.speech.hear.spellings import Spellings, is_english
from agent.speech.say.lexicon import load_lexicon
from common.dictionary import load_dictionary
from common.errors import SetupError
from common.languages import LANGUAGES, Language
from common.numbers.digits import with_digits
from common.settings import PROJECT_ROOT, PathSettings

_FILE = Path(__file__).with_name("terms.toml")
_PROMPTS = PROJECT_ROOT / "prompts" / "hearing.toml"

#: Terms shown to Whisper; each costs about two tokens of decoding.
_SHOWN: dict[Language, int] = {"zh": 11, "en": 13}
#: A Mandarin word of the corpus that no dictionary has is a term from this many times on.
_OFTEN = 4
#: Mending may open the way for more of it; it settles in two rounds, or is left as it is.
_ROUNDS = 4

_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[.][0-9]+)?")
#: Not words, but two that often meet, have one of these: 先看, 只收, 一到.
_UNKNOWN_WORD = re.compile(
    "[^\\W一先就只再还也都又很太更最这那哪是的了在和或被把给到有没不要会能可才前后]{2,4}"
)


@dataclass(frozen=True)
class _TermList:
    """What `terms.toml` holds."""

    both: tuple[str, ...]
    own: Mapping[Language, tuple[str, ...]]
    mishearings: Mapping[Language, Mapping[str, str]]


class Terms:
    """The terms that calls are about, in both languages."""

    def __init__(self, listed: _TermList, texts: Mapping[Language, str]) -> None:
        """The operator's list, and what the corpus says, which has more."""
        self._listed = listed
        both = [*listed.both, *sorted(_abbreviations(texts["zh"] + texts["en"]))]
        mandarin = [*listed.own["zh"], *_unknown_words(texts["zh"])]
        self._homophones = Homophones(
            [*filter(_is_spelled, both), *(term for term in mandarin if not term.isascii())],
            texts["zh"],
            load_lexicon().pinyin,
        )
        self._spellings: dict[Language, Spellings] = {
            "zh": Spellings([*filter(str.isascii, mandarin), *both], "zh"),
            "en": Spellings([*listed.own["en"], *both], "en"),
        }
        self._mishearings: dict[Language, _Mishearings] = {
            "zh": _Mishearings(listed.mishearings["zh"], whole_words=False),
            "en": _Mishearings(listed.mishearings["en"], whole_words=True),
        }

    def mend(self, text: str, language: Language) -> str:
        """``text`` with misheard terms put right and numbers in digits; idempotent."""
        for _ in range(_ROUNDS):
            mended = self._mend_once(text, language)
            if mended == text:
                break
            text = mended
        return text

    def _mend_once(self, text: str, language: Language) -> str:
        text = self._spellings[language].mend(text)
        if language == "zh":
            text = self._homophones.mend(text)
        text = with_digits(text, language)
        return self._mishearings[language].mend(text)

    def prompt(self, language: Language) -> str:
        """What Whisper is told before it listens: a few words, then the first terms."""
        return _prompt_opening(language) + _enumerated(
            self._listed.own[language][: _SHOWN[language]], language
        )


class _Mishearings:
    """Replaces what the operator listed as heard by what is meant; # is a number."""

    def __init__(self, meant: Mapping[str, str], *, whole_words: bool) -> None:
        start, end = (r"(?<![A-Za-z])", r"(?![A-Za-z])") if whole_words else ("", "")
        self._meant = [
            (
                re.compile(start + re.escape(heard).replace(r"\#", r"(\d+)") + end, re.IGNORECASE),
                term,
            )
            for heard, term in sorted(meant.items(), key=lambda pair: -len(pair[0]))
        ]

    def mend(self, text: str) -> str:
        for heard, term in self._meant:
            text = heard.sub(partial(_numbered, term), text)
        return text


def _numbered(term: str, heard: re.Match[str]) -> str:
    """``term`` with the numbers that were heard in the places of its #."""
    left = iter(heard.groups())
    return re.sub("#", lambda match: next(left, match[0]), term)


def load_terms(paths: PathSettings) -> Terms:
    """The terms of this installation as they are at this moment; about a second.

    The operator's list, and what the corpus says where a build of the knowledge base has left that.
    Raises SetupError when one of the two cannot be used.
    """
    return Terms(read_list(_FILE), read_wording(paths.knowledge_dir / "wording.json"))


def read_wording(file: Path) -> dict[Language, str]:
    """What the corpus says by language; nothing without the file. SetupError when it is broken."""
    try:
        texts = json.loads(file.read_text("utf-8"))
        return {language: str(texts[language]) for language in LANGUAGES}
    except FileNotFoundError:
        return dict.fromkeys(LANGUAGES, "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"What the corpus says cannot be read from {file} ({type(error).__name__}).",
            "Write it anew: `liuke knowledge build`.",
        ) from error


def read_list(file: Path) -> _TermList:
    """The operator's list. Raises SetupError naming the file and what is wrong in it."""
    try:
        data: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
        return _TermList(
            both=_texts(data["both"]["terms"]),
            own={"zh": _texts(data["zh"]["terms"]), "en": _texts(data["en"]["terms"])},
            mishearings={
                "zh": _meanings(data["mishearings"]["zh"]),
                "en": _meanings(data["mishearings"]["en"]),
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The list of terms {file} cannot be used: {error}.",
            "Correct that entry; the comments in the file say what each table takes.",
        ) from error


def _texts(values: list[str]) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{value!r} is not a term")
    return tuple(values)


def _meanings(table: dict[str, str]) -> dict[str, str]:
    for heard, meant in table.items():
        if not isinstance(meant, str) or not heard.strip():
            raise ValueError(f"{heard!r} = {meant!r} is not a term and what it is heard as")
        if meant.count("#") > heard.count("#"):
            raise ValueError(f"{meant!r} has a number that {heard!r} has not")
    return dict(table)


# From the corpus


def _abbreviations(text: str) -> set[str]:
    """Abbreviations and names in Latin letters, with a capital behind the first letter."""
    return {
        term
        for term, times in Counter(_LATIN.findall(text)).items()
        if times >= _OFTEN
        and len(term) > 2
        and re.search("[A-Z]", term[1:])
        and not is_english(term.lower())
    }


def _unknown_words(text: str) -> set[str]:
    """Mandarin words that the corpus uses often and no dictionary has: 卡顿, 连麦."""
    load_dictionary()
    return {
        word
        for word, times in Counter(jieba.cut(text)).items()
        if times >= _OFTEN and word not in jieba.dt.FREQ and _UNKNOWN_WORD.fullmatch(word)
    }


def _is_spelled(term: str) -> bool:
    """Capitals that Mandarin speakers say letter by letter."""
    return re.fullmatch("[A-Z]{3,5}", term) is not None


# For Whisper


@cache
def _prompt_opening(language: Language) -> str:
    """The words before the terms: they set the script and the punctuation."""
    prompt: str = tomllib.loads(_PROMPTS.read_text("utf-8"))[language]["prompt"]
    opening = re.match("[^：:]*[：:]", prompt)
    return opening[0] if opening else prompt


def _enumerated(terms: Iterable[str], language: Language) -> str:
    return "、".join(terms) + "。" if language == "zh" else " " + ", ".join(terms) + "."
