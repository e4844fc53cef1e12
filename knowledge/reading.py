"""Reading: a question and the words of entries in, how much of the question each speaks of out.

The second stage of retrieval. One vector of a whole text blurs: a question for the method that sets
a filter's strength is near to the entry on filters, which names no method. Here each piece of a
word of the question is compared with each of an entry's, as the model understood them in their
sentences, and counts by how rare it is (late interaction: Khattab and Zaharia, 2020,
arXiv:2004.12832). What an entry says about all of it, it answers; what is nearer to questions that
nothing answers, it does not (docs/decisions/012-reading-word-by-word.md).

    FOLDER/pieces.bin    a row of int8 for each piece, entry after entry
    FOLDER/reading.npz   the rows' scales, where entries begin, and how pieces are placed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from knowledge.embedding import E5Model, Floats, Role, States
from knowledge.entry import LANGUAGES, Language
from knowledge.outside import outside, outside_id
from knowledge.vectors import Progress, windows

#: Dimensions kept of a piece: half of the model's, in which questions differ most.
_WIDTH: Final = 192

#: Texts that are read by all threads before the next: a build that is stopped waits for them.
_WINDOW: Final = 64

#: A text to be read: the name of the entry that it is of, its language, as what, and itself.
Told = tuple[str, Language, Role, str]

Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Question:
    """A question, read."""

    pieces: Floats
    """Unit vectors, [n, 192]."""
    weights: Floats
    """How much each piece says, [n]; together 1."""


@dataclass(frozen=True)
class _Placing:
    """Pieces around what those of a language have in common, without what tells little apart."""

    centres: Mapping[Language, Floats]
    projection: Floats

    def of(self, states: Floats, language: Language) -> Floats:
        """Unit vectors."""
        placed = (states - self.centres[language]) @ self.projection
        return np.asarray(
            placed / np.maximum(np.linalg.norm(placed, axis=1, keepdims=True), 1e-6), np.float32
        )


class Reading:
    """What is written of an index's entries, open. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError when the files are not there or broken."""
        with np.load(folder / "reading.npz") as saved:
            self._scales = saved["scales"]
            ends = saved["ends"]
            begins = np.concatenate([[0], ends[:-1]])
            spans = zip(begins.tolist(), ends.tolist(), strict=True)
            self._spans = dict(zip(saved["names"].tolist(), spans, strict=True))
            centres: dict[Language, Floats] = {lang: saved[f"centre-{lang}"] for lang in LANGUAGES}
            self._placing = _Placing(centres, saved["projection"])
        shape = (len(self._scales), _WIDTH)
        self._pieces = np.memmap(folder / "pieces.bin", np.int8, "r", shape=shape)

    def question(self, states: States, language: Language) -> Question:
        """A question as the model understood it, to be compared."""
        weights = states.surprise / max(float(states.surprise.sum()), 1e-6)
        return Question(self._placing.of(states.vectors, language), weights)

    def nearest(self, question: Question, names: Iterable[str]) -> Floats:
        """How near the nearest piece of these is to each of the question, cosines [n]."""
        nearest = np.full(len(question.weights), -1.0, np.float32)
        for name in names:
            begin, end = self._spans.get(name, (0, 0))
            if begin < end:
                pieces = self._pieces[begin:end] * self._scales[begin:end, None]
                nearest = np.maximum(nearest, (question.pieces @ pieces.T).max(axis=1))
        return nearest


def write_reading(
    folder: Path, told: Sequence[Told], model: E5Model, threads: int, progress: Progress
) -> None:
    """Read all texts, and the questions outside, into the folder: 5 to 30 ms of a core each.

    The texts of an entry follow each other.
    """
    placing = _placing(model)
    read = chain(
        _read(told, placing, model, threads, progress),
        _read_outside(model, placing),
    )
    ends: dict[str, int] = {}
    scales: list[Floats] = []
    done = 0
    with (folder / "pieces.bin").open("wb") as file:
        for name, pieces, scale in read:
            file.write(pieces.tobytes())
            scales.append(scale)
            done += len(pieces)
            ends[name] = done
    centres: dict[str, Any] = {f"centre-{lang}": placing.centres[lang] for lang in LANGUAGES}
    np.savez(
        folder / "reading.npz",
        names=np.array(list(ends)), ends=np.array(list(ends.values())),
        scales=np.concatenate(scales), projection=placing.projection, **centres,
    )  # fmt: skip


def _read(
    told: Sequence[Told], placing: _Placing, model: E5Model, threads: int, progress: Progress
) -> Iterator[tuple[str, Bytes, Floats]]:
    def read(text: Told) -> tuple[str, Bytes, Floats]:
        name, language, role, content = text
        return name, *_stored(placing.of(model.states(content, role).vectors, language))

    done = 0
    # Each thread computes for itself; those of NumPy would only stand in their way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for window in windows(told, _WINDOW):
            yield from pool.map(read, window)
            done += len(window)
            progress(done, len(told))


def _stored(placed: Floats) -> tuple[Bytes, Floats]:
    """Pieces in a byte each dimension, and their scales."""
    scales = np.asarray(np.abs(placed).max(axis=1, initial=1e-6) / 127, np.float32)
    return np.round(placed / scales[:, None]).astype(np.int8), scales


def _read_outside(model: E5Model, placing: _Placing) -> Iterator[tuple[str, Bytes, Floats]]:
    for language, asked in _outside_states(model).items():
        for number, states in enumerate(asked):
            yield outside_id(language, number), *_stored(placing.of(states, language))


def _placing(model: E5Model) -> _Placing:
    """What questions differ in, whatever they are about: principal components of those outside."""
    asked = {language: np.vstack(states) for language, states in _outside_states(model).items()}
    centres = {language: states.mean(axis=0) for language, states in asked.items()}
    apart = np.vstack([states - centres[language] for language, states in asked.items()])
    _, directions = np.linalg.eigh(apart.T @ apart)
    return _Placing(centres, np.ascontiguousarray(directions[:, -_WIDTH:], np.float32))


@cache
def _outside_states(model: E5Model) -> dict[Language, list[Floats]]:
    """Of the questions outside; takes four seconds, once in a process."""
    return {
        language: [model.states(text, "query").vectors for text in texts]
        for language, texts in outside().items()
    }
