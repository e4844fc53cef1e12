"""Utterances drawn from patterns: `eval/wishes/templates.toml` in, examples to learn from out.

Few people can write down in how many ways the same is said; patterns whose parts are exchanged get
further. Half of what is drawn comes once more as a recogniser or a hasty hand would write it, and
some wishes come with a question before or after them. The same each time.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pypinyin import lazy_pinyin

from agent.dialogue.wishes import WISHES, Wish
from common.languages import HAN_CHARACTER, LANGUAGES, Language

_TEMPLATES: Final = Path(__file__).with_name("templates.toml")

#: Drawn for each wish, and each kind of neither, in each language; tries until that is given up.
_WISHES, _NEITHER, _TRIES = 600, 150, 5
#: Shares of what comes once more: misheard; with a question, before it mostly.
_MISHEARD, _WITH_QUESTION, _BEFORE = 0.5, 0.25, 0.8
#: Shares of characters that become others of their sound, of words that are dropped or misspelt.
_OTHER_CHARACTER, _DROPPED, _SWAPPED, _SHORTENED = 0.12, 0.015, 0.04, 0.03
#: Shares of texts whose marks are others, without apostrophes, written as a sentence.
_OTHER_MARKS, _NO_APOSTROPHES, _SENTENCES = 0.6, 0.3, 0.5

_SLOT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Drawn:
    """One of them."""

    text: str
    language: Language
    wish: Wish | None


def drawn(questions: Mapping[Language, Sequence[str]]) -> list[Drawn]:
    """All; ``questions``: what is asked beside a wish, and what it may be heard as."""
    rng = random.Random(1)
    templates = tomllib.loads(_TEMPLATES.read_text("utf-8"))
    plain = [one for language in LANGUAGES for one in _of(templates[language], language, rng)]
    sounds = _sounds([*questions["zh"], *(one.text for one in plain)])
    misheard = [
        Drawn(_misheard(one.text, sounds, rng), one.language, one.wish)
        for one in plain
        if rng.random() < _MISHEARD
    ]
    longer = [
        _with_question(one, rng.choice(questions[one.language]), rng)
        for one in plain
        if one.wish and rng.random() < _WITH_QUESTION
    ]
    return [*plain, *misheard, *longer]


def _of(templates: Mapping[str, Any], language: Language, rng: random.Random) -> Iterator[Drawn]:
    for wish in WISHES:
        for text in _some(templates["wishes"][wish], templates["slots"], _WISHES, rng):
            yield Drawn(text, language, wish)
    for patterns in templates["neither"].values():
        for text in _some(patterns, templates["slots"], _NEITHER, rng):
            yield Drawn(text, language, None)


def _some(
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


def _with_question(one: Drawn, question: str, rng: random.Random) -> Drawn:
    comma = "，" if one.language == "zh" else ", "
    parts = [question.rstrip("?？。."), one.text]
    if rng.random() >= _BEFORE:
        parts.reverse()
    return Drawn(comma.join(parts), one.language, one.wish)


def _sounds(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Characters by how they sound."""
    found: dict[str, set[str]] = {}
    for character in {character for text in texts for character in HAN_CHARACTER.findall(text)}:
        found.setdefault(_syllable(character), set()).add(character)
    return {sound: sorted(characters) for sound, characters in found.items()}


def _syllable(character: str) -> str:
    syllable: str = lazy_pinyin(character)[0]
    return syllable


def _misheard(text: str, sounds: Mapping[str, Sequence[str]], rng: random.Random) -> str:
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
