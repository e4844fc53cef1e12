"""The lexicon of the voice: `lexicon.toml`, where an operator says how terms are spoken."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from common.errors import SetupError
from common.languages import Language

_FILE = Path(__file__).with_name("lexicon.toml")


@dataclass(frozen=True)
class Lexicon:
    """How terms are said. Keys are as written, values as said or, where named so, as phonemes."""

    say: Mapping[Language, Mapping[str, str]]
    #: Capitals read as a word, not letter by letter.
    words: tuple[str, ...]
    #: Mandarin word → its syllables, tone as a digit.
    pinyin: Mapping[str, tuple[str, ...]]
    #: Letter inside Mandarin → Kokoro's phonemes.
    mandarin_letters: Mapping[str, str]


@cache
def load_lexicon(file: Path = _FILE) -> Lexicon:
    """Read the lexicon once. Raises SetupError when it is unreadable or an entry is missing."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
        both = {written: said for written, said in data["say"].items() if isinstance(said, str)}
        lexicon = Lexicon(
            say={"zh": both | data["say"]["zh"], "en": both | data["say"]["en"]},
            words=tuple(data["words"]["read_as_words"]),
            pinyin={word: tuple(p.split()) for word, p in data["pinyin"].items()},
            mandarin_letters=data["mandarin_letters"],
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise SetupError(
            f"The lexicon {file} cannot be used: {error}.",
            "Correct that entry; the comments in the file say what each table takes.",
        ) from error
    for word, syllables in lexicon.pinyin.items():
        if len(syllables) != len(word) or not all(map(_is_syllable, syllables)):
            raise SetupError(
                f"The lexicon {file} gives {word!r} the reading {' '.join(syllables)!r}.",
                "Write one syllable with its tone, 1 to 5, for each character.",
            )
    return lexicon


def _is_syllable(text: str) -> bool:
    return re.fullmatch(r"[a-zü]+[1-5]", text) is not None
