"""Matching: words of a file in `prompts/` in; a pattern that finds them in what is said out.

Both are read in small letters and simplified characters, with plain marks. Mandarin is matched as
it is written, or as it sounds: a recogniser confuses what sounds alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

from opencc import OpenCC
from pypinyin import lazy_pinyin

from common.languages import HAN_CHARACTER

SENTENCE_ENDS: Final = re.compile(r"[,.!?;:，。！？；：、…\n|]+")
_FLAT: Final = re.compile("(?<=^[zcs])h")
_NASAL: Final = re.compile("(?<=[aei])ng$")


def plain(text: str) -> str:
    """In small letters and simplified characters, marks as they are."""
    simplified: str = _simplified().convert(unicodedata.normalize("NFKC", text).lower())
    return simplified.replace("’", "'")


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of the words, the longest first: Mandarin and marks anywhere, English as
    whole words in which a star stands for any ending. For texts that `plain` has made."""
    anywhere, english = list[str](), list[str]()
    for word in sorted(words, key=len, reverse=True):
        if HAN_CHARACTER.search(word) or not word[0].isalnum():
            anywhere.append(re.escape(word))
        else:
            english.append(re.escape(word).replace(r"\*", "[a-z0-9']*").replace(r"\ ", " +"))
    whole = f"(?<![a-z0-9'])(?:{'|'.join(english)})(?![a-z0-9'])" if english else ""
    return re.compile("|".join(filter(None, [*anywhere, whole])) or "(?!)")


def sound(text: str) -> str:
    """Syllables without tones, of characters and of what is typed as it sounds; ``text``: `plain`.

    Those that speakers and recogniser confuse are one: zh and z, in and ing.
    """
    syllables = " ".join(lazy_pinyin(text)).split()
    return f" {' '.join(_NASAL.sub('n', _FLAT.sub('', one)) for one in syllables)} "


def sounds_of(words: Iterable[str], least: int) -> re.Pattern[str]:
    """A pattern for Mandarin words of so many characters and more, in what `sound` makes.

    Who types as it sounds may leave out the spaces, but for the one before a vowel: xian is 先 as
    well as 西安.
    """
    sounds = {
        re.sub(r" (?![aeo])", " ?", sound(word).strip())
        for word in words
        if len(HAN_CHARACTER.findall(word)) == len(word) >= least
    }
    return re.compile(f" (?:{'|'.join(sorted(sounds))}) " if sounds else "(?!)")


@cache
def _simplified() -> OpenCC:
    return OpenCC("t2s")
