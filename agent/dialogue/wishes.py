"""Wishes: what a customer says in; whether it is an emergency or a wish for a person, out.

Words that leave no doubt decide alone (`prompts/wishes.toml`, which a support lead can change). Of
the rest a small network says how likely either is: over what a text means, as a vector of the
knowledge server's, over the signs in it, and over its words as they sound. It reads the whole and
each sentence, for a wish may stand behind a story. It has learnt from utterances that were written
for it (`eval/wishes/fit.py`); `make eval-wishes` measures it on others.

An emergency is a service that is down, for all or very many, or grave damage, now.
"""

from __future__ import annotations

import logging
import re
import tomllib
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from agent.dialogue.matching import SENTENCE_ENDS, any_of, plain, sound
from common.errors import InputError, ServiceError, SetupError
from common.languages import HAN, HAN_CHARACTER
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.floating]
Wish = Literal["emergency", "person"]
#: Where both are there, the first counts.
WISHES: Final[tuple[Wish, ...]] = get_args(Wish)

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "wishes.toml"
WEIGHTS: Final = Path(__file__).with_suffix(".npz")

#: Mandarin of so many characters and more is told by its sound, too: of fewer, much sounds alike.
_DEFINITE_SOUND: Final = 3
_SIGN_SOUND: Final = 2
#: Runs of so many words, and letters of a run within a word: what a text is told by as it sounds.
_WORD_RUN, _LETTER_RUN = 3, 4
#: Stands for what is not read.
_UNREAD: Final = " | "
#: Characters that a sentence has at least; sentences of a long text that are read.
_SHORTEST: Final = 2
_FIRST, _LAST = 4, 8
_WORDS: Final = re.compile(f"[{HAN}]+|[a-z0-9']+")
_LATIN: Final = re.compile("[a-z']{4,}")


@dataclass(frozen=True)
class Heard:
    """A wish that was heard."""

    wish: Wish
    is_sure: bool
    """Enough to call people by; else the customer is asked first."""


class Wishes:
    """Reads what the customers of one call say."""

    def __init__(self, knowledge: KnowledgeClient) -> None:
        """Raises SetupError when words or weights cannot be used."""
        self._knowledge = knowledge
        self._reader = load_reader()
        #: What was read last: the end of a turn asks for what its last partial said.
        self._last: tuple[str, Heard | None] = ("", None)

    async def read(self, text: str) -> Heard | None:
        """What is wished for; while the knowledge server is away, by definite words alone."""
        last, heard = self._last
        if text != last:
            heard = await self._read(text)
            self._last = (text, heard)
        return heard

    async def _read(self, text: str) -> Heard | None:
        if wish := self._reader.definite(text):
            return Heard(wish, is_sure=True)
        texts = texts_of(text)
        if not texts:
            return None
        try:
            vectors = await self._knowledge.embed(texts)
        except (ServiceError, InputError) as error:
            log.warning("%s", error)
            return None
        return self._reader.likely(texts, vectors)


@dataclass(frozen=True)
class Words:
    """The words of `prompts/wishes.toml`, as patterns over `plain` texts."""

    _definite: Mapping[Wish, re.Pattern[str]]
    _sounds: Mapping[Wish, re.Pattern[str]]
    _unless: frozenset[str]
    _alone: Mapping[Wish, frozenset[str]]
    _courtesies: re.Pattern[str]
    _lookalikes: re.Pattern[str]
    #: As written, and Mandarin as it sounds.
    _signs: Mapping[str, tuple[re.Pattern[str], re.Pattern[str]]]

    def definite(self, text: str) -> Wish | None:
        """What is wished for in words that leave no doubt."""
        bare = _bare(self._courtesies.sub(" ", plain(text)))
        for wish in WISHES:
            if bare in self._alone[wish]:
                return wish
        sentences = self._sentences(text)
        for wish in WISHES:
            for number, sentence in enumerate(sentences):
                rest = self._beside(wish, sentence)
                if rest is None:
                    continue
                beside = map(self._signs_of, (rest, *sentences[number + 1 :]))
                if not self._unless & set[str]().union(*beside):
                    return wish
        return None

    def features(self, text: str) -> set[str]:
        """The signs in a text, and which of them stand in one sentence together."""
        found: set[str] = set()
        for sentence in self._sentences(text):
            signs = sorted(self._signs_of(sentence))
            found.update(signs, (f"{a} {b}" for a, b in combinations(signs, 2)))
        return found

    def _beside(self, wish: Wish, sentence: str) -> str | None:
        """What a sentence says beside definite words; None: it has none."""
        if said := self._definite[wish].search(sentence):
            return f"{sentence[: said.start()]}{_UNREAD}{sentence[said.end() :]}"
        return sentence if self._sounds[wish].search(sound(sentence)) else None

    def _sentences(self, text: str) -> list[str]:
        read = self._lookalikes.sub(_UNREAD, plain(text))
        return [part for part in SENTENCE_ENDS.split(read) if part.strip()]

    def _signs_of(self, sentence: str) -> set[str]:
        heard = sound(sentence)
        return {
            name
            for name, (written, sounding) in self._signs.items()
            if written.search(sentence) or sounding.search(heard)
        }


@dataclass(frozen=True)
class Network:
    """How much likelier each wish is than none: one hidden layer, and weights beside it."""

    hidden: Floats
    """From what is read, the vector and then the signs, to the hidden units; rectified."""
    hidden_bias: Floats
    out: Floats
    """From the hidden units to the wishes."""
    beside: Floats
    """From what is read to the wishes."""
    runs: Floats
    """From what a text sounds like: one row for each number that `runs_of` gives."""
    bias: Floats

    def logits(self, read: Floats, runs: Sequence[int]) -> Floats:
        """Logarithms of the odds, in the order of `WISHES`; ``read``: of one text."""
        hidden = np.maximum(read @ self.hidden + self.hidden_bias, 0)
        sound = self.runs[list(runs)].sum(axis=0) / max(1, len(runs)) ** 0.5
        logits: Floats = hidden @ self.out + read @ self.beside + sound + self.bias
        return logits


@dataclass(frozen=True)
class Reader:
    """Words and weights; what they say of a text."""

    words: Words
    embedding: str
    """The model whose vectors the weights are for."""
    signs: Sequence[str]
    """Those that the network sees, in its order."""
    network: Network
    threshold: float
    """Logarithm of the odds from which a wish, of either kind, counts."""
    sure: float
    """The same, from which people are called without a question."""

    def definite(self, text: str) -> Wish | None:
        """What is wished for in words that leave no doubt."""
        return self.words.definite(text)

    def likely(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> Heard | None:
        """What is likely wished for; ``texts``: of `texts_of`, ``vectors``: of each of them."""
        logits = [self._logits(*one) for one in zip(texts, vectors, strict=True)]
        whole, *sentences = (float(np.logaddexp.reduce(of)) for of in logits)
        wished = (whole + max(sentences, default=whole)) / 2
        if wished < self.threshold:
            return None
        surest = max(logits, key=lambda of: float(np.logaddexp.reduce(of)))
        return Heard(WISHES[int(surest.argmax())], is_sure=wished >= self.sure)

    def _logits(self, text: str, vector: Sequence[float]) -> Floats:
        features = self.words.features(text)
        read = np.array([*vector, *(name in features for name in self.signs)], np.float32)
        return self.network.logits(read, runs_of(text, len(self.network.runs)))


def runs_of(text: str, kinds: int) -> list[int]:
    """Which runs of words and, in English, of letters are in a text, as numbers below ``kinds``.

    Mandarin counts as it sounds, a syllable as a word. Some runs share a number.
    """
    read = plain(text)
    words = ["^", *_WORDS.findall(sound(read)), "$"]
    runs = {
        " ".join(words[at : at + length])
        for length in range(1, _WORD_RUN + 1)
        for at in range(len(words) - length + 1)
    }
    for word in _LATIN.findall(read):
        bounded = f"<{word}>"
        ends = range(_LETTER_RUN, len(bounded) + 1)
        runs.update(f"#{bounded[end - _LETTER_RUN : end]}" for end in ends)
    return sorted({zlib.crc32(run.encode()) % kinds for run in runs})


def texts_of(text: str) -> list[str]:
    """What is read of a text: the whole, and where it has several sentences, each.

    Of very many the first and the last.
    """
    sentences = [one.strip() for one in SENTENCE_ENDS.split(plain(text))]
    sentences = [one for one in sentences if len(one) >= _SHORTEST]
    if len(sentences) > _FIRST + _LAST:
        sentences = sentences[:_FIRST] + sentences[-_LAST:]
    if not sentences:
        return [text] if text.strip() else []
    return [text, *sentences] if len(sentences) > 1 else [text]


@cache
def load_words() -> Words:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        definite, alone, signs = words["definite"], words["alone"], words["signs"]
        unless = frozenset(definite["unless"])
        if unknown := unless - signs.keys():
            raise KeyError(*unknown)
        return Words(
            _definite={wish: any_of(definite[wish]) for wish in WISHES},
            _sounds={wish: _sounds_of(definite[wish], _DEFINITE_SOUND) for wish in WISHES},
            _unless=unless,
            _alone={wish: frozenset(map(_bare, alone[wish])) for wish in WISHES},
            _courtesies=any_of(alone["courtesies"]),
            _lookalikes=any_of(words["lookalikes"]["words"]),
            _signs={name: (any_of(of), _sounds_of(of, _SIGN_SOUND)) for name, of in signs.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words of wishes in {WORDS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


@cache
def load_reader() -> Reader:
    """Read words and weights once. Raises SetupError when a file cannot be used."""
    words = load_words()
    try:
        with np.load(WEIGHTS, allow_pickle=False) as stored:
            return Reader(
                words,
                str(stored["embedding"]),
                stored["signs"].tolist(),
                Network(**{of.name: stored[of.name].astype(np.float32) for of in fields(Network)}),
                float(stored["threshold"]),
                float(stored["sure"]),
            )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise SetupError(
            f"The weights of wishes in {WEIGHTS} cannot be used: {error!r}.",
            "Restore the file, or make it anew with `python -m eval.wishes.fit`.",
        ) from error


def _bare(read: str) -> str:
    """Letters, digits and characters alone; words with one space between them."""
    return " ".join(_WORDS.findall(read))


def _sounds_of(words: Iterable[str], least: int) -> re.Pattern[str]:
    """A pattern for Mandarin words of so many characters and more, in what `sound` makes."""
    sounds = {
        " ?".join(sound(word).split())
        for word in words
        if len(HAN_CHARACTER.findall(word)) == len(word) >= least
    }
    return re.compile(f" (?:{'|'.join(sorted(sounds))}) " if sounds else "(?!)")
