"""Reading: a text in; what a small network says it is, by its words, signs, meaning and sound, out.

What decides what a customer wishes for (`wishes.py`) and where a turn goes (`routing.py`) reads
alike: words that leave no doubt, from a file of `prompts/`; and a network over what a text means,
as a vector of the knowledge server's, over the signs in it, and over its words as they sound.
"""

from __future__ import annotations

import logging
import re
import tomllib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from agent.dialogue.matching import SENTENCE_ENDS, any_of, plain, sound, sounds_of
from common.errors import InputError, ServiceError, SetupError
from common.languages import HAN
from knowledge.client import KnowledgeClient

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.floating]
#: What a text may be.
Kind = TypeVar("Kind", bound=str)

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
class Words(Generic[Kind]):
    """The words of a file, as patterns over `plain` texts."""

    _kinds: Sequence[Kind]
    """Where a text is several, the first counts."""
    _definite: Mapping[Kind, re.Pattern[str]]
    _sounds: Mapping[Kind, re.Pattern[str]]
    _unless: frozenset[str]
    _alone: Mapping[Kind, frozenset[str]]
    _courtesies: re.Pattern[str]
    _lookalikes: re.Pattern[str]
    #: As written, and Mandarin as it sounds.
    _signs: Mapping[str, tuple[re.Pattern[str], re.Pattern[str]]]

    def definite(self, text: str) -> Kind | None:
        """What a text is in words that leave no doubt."""
        bare = _bare(self._courtesies.sub(" ", plain(text)))
        for kind in self._kinds:
            if bare in self._alone[kind]:
                return kind
        sentences = self._sentences(text)
        for kind in self._kinds:
            for number, sentence in enumerate(sentences):
                rest = self._beside(kind, sentence)
                if rest is None:
                    continue
                beside = map(self._signs_of, (rest, *sentences[number + 1 :]))
                if not self._unless & set[str]().union(*beside):
                    return kind
        return None

    def features(self, text: str) -> set[str]:
        """The signs in a text, and which of them stand in one sentence together."""
        found: set[str] = set()
        for sentence in self._sentences(text):
            signs = sorted(self._signs_of(sentence))
            found.update(signs, (f"{a} {b}" for a, b in combinations(signs, 2)))
        return found

    def _beside(self, kind: Kind, sentence: str) -> str | None:
        """What a sentence says beside definite words; None: it has none."""
        if said := self._definite[kind].search(sentence):
            return f"{sentence[: said.start()]}{_UNREAD}{sentence[said.end() :]}"
        return sentence if self._sounds[kind].search(sound(sentence)) else None

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
    """How much likelier each kind is than none of them: one hidden layer, and weights beside it."""

    hidden: Floats
    """From what is read, as `Classifier` joins it, to the hidden units; rectified."""
    hidden_bias: Floats
    out: Floats
    """From the hidden units to the kinds."""
    beside: Floats
    """From what is read to the kinds."""
    runs: Floats
    """From what a text sounds like: one row for each number that `runs_of` gives."""
    bias: Floats

    def logits(self, read: Floats, runs: Sequence[int]) -> Floats:
        """Logarithms of the odds against none, by kind; ``read``: of one text."""
        hidden = np.maximum(read @ self.hidden + self.hidden_bias, 0)
        by_sound = self.runs[list(runs)].sum(axis=0) / max(1, len(runs)) ** 0.5
        logits: Floats = hidden @ self.out + read @ self.beside + by_sound + self.bias
        return logits


@dataclass(frozen=True)
class Classifier(Generic[Kind]):
    """Words and weights; what they say of a text."""

    words: Words[Kind]
    embedding: str
    """The model whose vectors the weights are for."""
    signs: Sequence[str]
    """Those that the network sees, in its order."""
    network: Network

    def logits(self, text: str, vector: Sequence[float], *beside: bool) -> Floats:
        """Logarithms of the odds; ``beside``: what is known beside the text, as in training."""
        features = self.words.features(text)
        signs = (name in features for name in self.signs)
        read = np.array([*vector, *signs, *beside], np.float32)
        return self.network.logits(read, runs_of(text, len(self.network.runs)))


async def vectors_of(
    knowledge: KnowledgeClient, texts: Sequence[str]
) -> Sequence[Sequence[float]] | None:
    """What texts mean; None while the knowledge server is away."""
    if not texts:
        return []
    try:
        return await knowledge.embed(texts)
    except (ServiceError, InputError) as error:
        log.warning("%s", error)
        return None


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


def even(text: str) -> str:
    """A text as it is the same typed and heard: small letters, commas between sentences."""
    return ", ".join(one.strip() for one in SENTENCE_ENDS.split(plain(text)) if one.strip())


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


def load_words(path: Path, kinds: Sequence[Kind]) -> Words[Kind]:
    """Read a file of words. Raises SetupError when it cannot be used."""
    try:
        words = tomllib.loads(path.read_text("utf-8"))
        definite, alone, signs = words["definite"], words["alone"], words["signs"]
        unless = frozenset(definite["unless"])
        if unknown := unless - signs.keys():
            raise KeyError(*unknown)
        if unknown := (definite.keys() | alone.keys()) - {"unless", "courtesies", *kinds}:
            raise KeyError(*unknown)
        return Words(
            _kinds=kinds,
            _definite={kind: any_of(definite.get(kind, [])) for kind in kinds},
            _sounds={kind: sounds_of(definite.get(kind, []), _DEFINITE_SOUND) for kind in kinds},
            _unless=unless,
            _alone={kind: frozenset(map(_bare, map(plain, alone.get(kind, [])))) for kind in kinds},
            _courtesies=any_of(alone["courtesies"]),
            _lookalikes=any_of(words["lookalikes"]["words"]),
            _signs={name: (any_of(of), sounds_of(of, _SIGN_SOUND)) for name, of in signs.items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words in {path} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def load_classifier(
    words: Words[Kind], weights: Path, fit: str, *thresholds: str
) -> tuple[Classifier[Kind], list[float]]:
    """Words with the weights of a file, and its thresholds.

    ``fit``: the module that makes it. Raises SetupError when it cannot be used.
    """
    try:
        with np.load(weights, allow_pickle=False) as stored:
            network = Network(
                **{of.name: stored[of.name].astype(np.float32) for of in fields(Network)}
            )
            classifier = Classifier(
                words, str(stored["embedding"]), stored["signs"].tolist(), network
            )
            return classifier, [float(stored[name]) for name in thresholds]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise SetupError(
            f"The weights in {weights} cannot be used: {error!r}.",
            f"Restore the file, or make it anew with `python -m {fit}`.",
        ) from error


def save_weights(weights: Path, network: Network, **others: Any) -> None:
    """Write a network, in half precision, with what else `load_classifier` reads."""
    beside = weights.with_suffix(".tmp.npz")
    stored = {of.name: getattr(network, of.name).astype(np.float16) for of in fields(Network)}
    np.savez_compressed(beside, **stored, **others)
    beside.replace(weights)


def _bare(read: str) -> str:
    """Letters, digits and characters alone; words with one space between them."""
    return " ".join(_WORDS.findall(read))
