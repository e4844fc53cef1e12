"""Guessing: an answer that was not understood, and the slot it was asked for, in; the value that
sounds most like it out.

It is a guess: whoever makes it asks whether that was said. Names of places and amounts alone are
guessed, for they are known, and are often all that is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Final

from jellyfish import damerau_levenshtein_distance

from agent.dialogue.matching import plain, sound
from agent.dialogue.slots.amounts import amounts_in
from agent.dialogue.slots.words import Slot, load_slot_words
from common.languages import HAN

_HAN_RUN: Final = re.compile(f"[{HAN}]+")
_WORD: Final = re.compile("[a-z]{5,}")
_NASAL: Final = re.compile("(?<=[aeiouv])ng?$")
#: More than any name has syllables.
_NONE: Final = 99
#: Of so many syllables of a place one may be wrong.
_PLACE: Final = 3
#: How alike an English word and a name must be.
_ALIKE: Final = 0.7
_DIGITS: Final = "一二两三四五六七八九"
_UNITS: Final = "百千万"
#: Five thousand, ninety thousand: what is guessed of amounts.
_AMOUNTS: Final = tuple(f"{d}{ten}{u}" for d in _DIGITS for ten in ("", "十") for u in _UNITS)


def guess(asked: Slot, text: str) -> str | None:
    """The value that may be meant, as `Filling` has it; None where nothing sounds like one."""
    said = plain(text)
    if asked == "regions":
        places = _places()
        name = nearest(said, places, lambda name: len(name) // _PLACE) or _nearest_word(
            said, places
        )
        return places[name] if name else None
    if asked == "scale":
        amount = nearest(said, _AMOUNTS, lambda _: 1)
        return amounts_in(amount, asked=True)[0].value if amount else None
    return None


def nearest(said: str, names: Iterable[str], off: Callable[[str], int]) -> str | None:
    """The Mandarin name that some syllables of a `plain` text sound most like, of several alike the
    longest. ``off``: how many syllables of a name may be wrong by a letter; the others are it, but
    for what a telephone takes away."""
    runs = [sound(run).split() for run in _HAN_RUN.findall(said)]
    near = [
        (wrong, -len(name), name)
        for name in names
        for run in runs
        if (wrong := _least_wrong(sound(name).split(), run)) <= off(name)
    ]
    return min(near)[2] if near else None


def _least_wrong(meant: Sequence[str], run: Sequence[str]) -> int:
    """How many syllables of a name are wrong by a letter where it fits a text best; more than it
    has where it does not fit."""
    places = (run[at : at + len(meant)] for at in range(len(run) - len(meant) + 1))
    return min((sum(map(_wrong, meant, heard)) for heard in places), default=_NONE)


def _wrong(meant: str, heard: str) -> int:
    if _rough(meant) == _rough(heard):
        return 0
    is_near = meant[0] == heard[0] and damerau_levenshtein_distance(meant, heard) == 1
    return 1 if is_near else _NONE


def _rough(syllable: str) -> str:
    """Without what a telephone takes away: a nasal at the end, and of ü that it is rounded."""
    return _NASAL.sub("", syllable).replace("v", "i")


def _nearest_word(said: str, names: Mapping[str, str]) -> str | None:
    """The English name that a word is most like."""
    for word in _WORD.findall(said):
        for alike in get_close_matches(word, list(names), n=1, cutoff=_ALIKE):
            return str(alike)
    return None


@cache
def _places() -> Mapping[str, str]:
    """Names of places in both languages, and the values that they are."""
    return {
        name: value
        for value, meaning in load_slot_words().values["regions"].items()
        for name in (plain(meaning.names["zh"]), *meaning.mandarin, *meaning.latin)
        if not _HAN_RUN.fullmatch(name) or len(name) > 1
    }
