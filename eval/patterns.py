"""Patterns: lines with slots in; texts drawn from them, as they are and as misheard, out.

Few people can write down in how many ways the same is said; patterns whose parts are exchanged get
further. With the same generator they are the same each time.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pypinyin import lazy_pinyin

from common.languages import HAN_CHARACTER

#: Tries for each text that is wanted, until that is given up.
_TRIES: Final = 5
#: Shares of characters that become others of their sound, of words that are dropped or misspelt.
_OTHER_CHARACTER, _DROPPED, _SWAPPED, _SHORTENED = 0.12, 0.015, 0.04, 0.03
#: Shares of texts whose marks are others, without apostrophes, written as a sentence.
_OTHER_MARKS, _NO_APOSTROPHES, _SENTENCES = 0.6, 0.3, 0.5

_SLOT: Final = re.compile(r"\{(\w+)\}")


def some(
    patterns: Sequence[str], slots: Mapping[str, Sequence[str]], count: int, rng: random.Random
) -> list[str]:
    """So many different texts, if there are."""
    found = dict[str, None]()
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        found[_filled(rng.choice(patterns), slots, rng)] = None
    return list(found)


def _filled(pattern: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    while slot := _SLOT.search(pattern):
        pattern = f"{pattern[: slot.start()]}{rng.choice(slots[slot[1]])}{pattern[slot.end() :]}"
    return re.sub(" {2,}", " ", pattern).strip(" ,，")


def sounds_of(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Characters by how they sound."""
    found: dict[str, set[str]] = {}
    for character in {character for text in texts for character in HAN_CHARACTER.findall(text)}:
        found.setdefault(_syllable(character), set()).add(character)
    return {sound: sorted(characters) for sound, characters in found.items()}


def _syllable(character: str) -> str:
    syllable: str = lazy_pinyin(character)[0]
    return syllable


def misheard(text: str, sounds: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """A text as a recogniser or a hasty hand would write it; ``sounds``: of `sounds_of`."""
    if not HAN_CHARACTER.search(text):
        return _misspelt(text, rng)
    written = "".join(
        rng.choice(sounds[_syllable(character)])
        if HAN_CHARACTER.match(character) and rng.random() < _OTHER_CHARACTER
        else character
        for character in text
    )
    if rng.random() < _OTHER_MARKS:
        written = re.sub("[，。！？]", lambda mark: rng.choice([",", "", "。", mark[0]]), written)
    return written


def _misspelt(text: str, rng: random.Random) -> str:
    words: list[str] = []
    for word in text.split():
        drawn_at, place = rng.random(), rng.randrange(1, max(2, len(word)))
        if drawn_at < _DROPPED:
            continue
        if drawn_at < _DROPPED + _SWAPPED and len(word) > 3:
            word = f"{word[: place - 1]}{word[place]}{word[place - 1]}{word[place + 1 :]}"
        elif drawn_at < _DROPPED + _SWAPPED + _SHORTENED and len(word) > 3:
            word = word[:place] + word[place + 1 :]
        words.append(word)
    written = " ".join(words)
    if rng.random() < _NO_APOSTROPHES:
        written = written.replace("'", "")
    if rng.random() < _SENTENCES:
        written = written[:1].upper() + written[1:] + rng.choice([".", "", "!"])
    return written
