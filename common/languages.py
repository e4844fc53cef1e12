"""Our two languages, and which of them a text is in."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

#: Chinese characters, as the inside of a character class.
HAN: Final = "\u3400-\u9fff"

HAN_CHARACTER: Final = re.compile(f"[{HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")


def language_of(text: str) -> Language:
    """The language of the sentence: terms like SDK or token inside Mandarin do not make it English.

    A Mandarin word is about two characters, which is what the comparison counts.
    """
    han = len(HAN_CHARACTER.findall(text))
    return "zh" if han and han / 2 >= len(_LATIN_WORD.findall(text)) / 2 else "en"


def spoken_length(text: str, language: Language) -> int:
    """Length as the ear counts it: letters and digits without punctuation, or English words."""
    if language == "en":
        return len(text.split())
    return sum(character.isalnum() for character in text)


def join_utterances(text: str) -> str:
    """Mend the spaces that joining parts of one utterance puts between Mandarin characters."""
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) +(?=[\u3000-\u9fff\uff00-\uffef])", "", text)
