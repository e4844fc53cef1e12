"""Terms in Latin letters heard in other spellings: "you d p", "gitter" in, UDP, jitter out.

Spelled letters are joined and capitals put as the term has them; an unknown word gives way to the
term that sounds the same. Words that a dictionary has are never touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from jellyfish import jaro_winkler_similarity, metaphone

from common.languages import Language

_WORD = re.compile(r"(?<![A-Za-z0-9'’])[A-Za-z]+(?:['’][a-z]+)?(?![A-Za-z0-9])")
#: Spelled letters may be parted by these: U.D.P., u-d-p, Web RTC.
_GAP = "[ .-]?"
#: Whole words, and nothing inside of addresses and identifiers.
_START, _END = r"(?<![A-Za-z0-9_/@.'’-])", r"(?![A-Za-z0-9_/@-]|\.[A-Za-z0-9]|://)"
#: Likeness of spelling (Jaro-Winkler) that a word of the same sound needs besides.
_ALIKE = 0.75
#: Names of letters, where a recogniser writes them as words.
_LETTER_NAMES = {
    "ay": "A",
    "be": "B",
    "bee": "B",
    "see": "C",
    "sea": "C",
    "cee": "C",
    "dee": "D",
    "ef": "F",
    "gee": "G",
    "aitch": "H",
    "eye": "I",
    "jay": "J",
    "kay": "K",
    "okay": "OK",
    "el": "L",
    "em": "M",
    "en": "N",
    "oh": "O",
    "pea": "P",
    "pee": "P",
    "cue": "Q",
    "queue": "Q",
    "are": "R",
    "ar": "R",
    "ess": "S",
    "tea": "T",
    "tee": "T",
    "you": "U",
    "vee": "V",
    "ex": "X",
    "why": "Y",
    "zed": "Z",
    "zee": "Z",
}


class Spellings:
    """Finds the terms of one language's sentences by spelling and sound."""

    def __init__(self, terms: Iterable[str], language: Language) -> None:
        """Terms in Latin letters; of two spellings of one (Wi-Fi, WiFi) the first counts."""
        known = list(dict.fromkeys(terms))
        # In Mandarin a Latin word is a term; in English "turn" is a word before it is TURN.
        english = language == "en"
        self._written: dict[str, str] = {}
        for term in known:
            if term != term.lower() and not (english and is_english(term.lower())):
                self._written.setdefault(_bare(term), term)
        longest_first = sorted(self._written.values(), key=len, reverse=True)
        self._spelled = re.compile(
            "|".join(f"{_START}(?:{_pattern(term)}){_END}" for term in longest_first) or "(?!)",
            re.IGNORECASE,
        )
        self._acronyms = {term for term in known if re.fullmatch("[A-Z]{3,}", term)}
        self._by_sound: dict[str, list[str]] = {}
        for term in known:
            if re.fullmatch("[A-Za-z]?[a-z]{3,}", term):
                self._by_sound.setdefault(_sound(term), []).append(term)
        self._known = {word.lower() for term in known for word in _WORD.findall(term)}

    def mend(self, text: str) -> str:
        """``text`` with its terms written as the list has them."""
        if not _WORD.search(text):
            return text
        text = self._spelled.sub(self._as_written, text)
        text = self._replace_spans(text, self._letter_names(text))
        return self._replace_spans(text, self._sounds(text))

    def _as_written(self, match: re.Match[str]) -> str:
        term = self._written[_bare(match[0])]
        # A sentence may begin with it: "User ID", but not "IOS".
        begins = match[0][0].isupper() and term[:2].islower()
        return term[0].upper() + term[1:] if begins else term

    @staticmethod
    def _replace_spans(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
        """Non-overlapping spans, in the order of the text."""
        pieces, done = [], 0
        for start, end, term in spans:
            pieces += [text[done:start], term]
            done = end
        return "".join([*pieces, text[done:]])

    def _letter_names(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Acronyms said letter by letter, some of them written as words; "ACDN" is "a CDN"."""
        words = list(_WORD.finditer(text))
        i = 0
        while i < len(words):
            if words[i][0][:1] == "A" and words[i][0][1:] in self._acronyms:
                if words[i][0] not in self._acronyms:
                    yield words[i].start(), words[i].end(), f"a {words[i][0][1:]}"
                i += 1
                continue
            end = self._spelled_from(text, words, i)
            if end is not None:
                letters = "".join(_letters(word[0]) or "" for word in words[i:end])
                yield words[i].start(), words[end - 1].end(), letters
                i = end
            else:
                i += 1

    def _spelled_from(self, text: str, words: list[re.Match[str]], i: int) -> int | None:
        """The word behind an acronym that begins with word ``i``, half of it in real letters."""
        spelled, real = "", 0
        for j in range(i, min(i + 6, len(words))):
            if j > i and text[words[j - 1].end() : words[j].start()] not in (" ", "-", ". ", "."):
                return None
            letters = _letters(words[j][0])
            if letters is None:
                return None
            spelled += letters
            real += len(letters) if words[j][0].upper() == letters else 0
            if j > i and spelled in self._acronyms and 2 * real >= len(spelled):
                return j + 1
        return None

    def _sounds(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Unknown words, alone or with the one behind, that sound like a term."""
        words = list(_WORD.finditer(text))
        i = 0
        while i < len(words):
            for end in (min(i + 2, len(words)), i + 1):
                if term := self._same_sound(text, words[i:end]):
                    yield words[i].start(), words[end - 1].end(), term
                    i = end - 1
                    break
            i += 1

    def _same_sound(self, text: str, words: list[re.Match[str]]) -> str | None:
        if all(self._is_word(word[0]) for word in words):
            return None
        if len(words) == 2 and text[words[0].end() : words[1].start()] not in (" ", "-"):
            return None
        heard = "".join(word[0] for word in words)
        if len(heard) < 4:
            return None
        plural = "s" if heard.endswith("s") else ""
        for ending in ("", plural) if plural else ("",):
            stem = heard[: len(heard) - len(ending)]
            for term in self._by_sound.get(_sound(stem), ()):
                if jaro_winkler_similarity(stem.lower(), term.lower()) >= _ALIKE:
                    return term + ending
        return None

    def _is_word(self, word: str) -> bool:
        return word.lower() in self._known or word.isupper() or is_english(word.lower())


def _bare(spelling: str) -> str:
    return re.sub(r"[ .-]", "", spelling).lower()


def _pattern(term: str) -> str:
    """Matches the term however its letters are parted."""
    pieces = re.findall(r"[a-z](?=[A-Z][a-z])[A-Za-z]+|[a-z]{2,}|[A-Z][a-z]+|[A-Za-z]|\d+", term)
    return _GAP.join(re.escape(piece) for piece in pieces)


def _letters(word: str) -> str | None:
    """The letters that a word stands for: D for "d", DP for "dp", U for "you"."""
    if name := _LETTER_NAMES.get(word.lower()):
        return name
    return word.upper() if len(word) <= 2 and word.isalpha() else None


def _sound(word: str) -> str:
    """Metaphone; an h inside is not heard ("jit her")."""
    sound = metaphone(word.lower())
    return sound[:1] + sound[1:].replace("H", "").replace("0", "T")


def is_english(word: str) -> bool:
    """Whether a general English dictionary has the word, in small letters, or its stem."""
    dictionary = _dictionary()
    return (
        word in dictionary
        or word.removesuffix("'s") in dictionary
        or any(
            word.endswith(ending) and (stem in dictionary or stem + "e" in dictionary)
            for ending in ("s", "es", "ed", "d", "ing", "ly", "er", "ers")
            if len(stem := word[: -len(ending)]) >= 3
        )
        or (word.endswith("ies") and word[:-3] + "y" in dictionary)
    )


@cache
def _dictionary() -> frozenset[str]:
    """The words of misaki's pronouncing dictionary, 180,000."""
    data = files("misaki.data")
    return frozenset(
        word
        for name in ("us_gold.json", "us_silver.json")
        for word in json.loads((data / name).read_text("utf-8"))
        if word.islower()
    )
