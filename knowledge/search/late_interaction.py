"""Late interaction: a question and entries in, how much of the question each speaks of out.

The second stage of retrieval. One vector of a whole text blurs: a question for the method that sets
a filter's strength is near to the entry on filters, which names no method. Here each piece of a
word of the question is compared with each of an entry's, as the model understood them in their
sentences, and counts by how rare it is (late interaction: Khattab and Zaharia, 2020,
arXiv:2004.12832). What an entry says about all of it, it answers; what is nearer to questions that
nothing answers, it does not (docs/decisions/012-reading-word-by-word.md).

    FOLDER/pieces.bin   a row of int8 for each piece, entry after entry
    FOLDER/pieces.npz   the rows' scales, whose they are, and how pieces are placed
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from common.languages import LANGUAGES, Language
from knowledge.search.embedding import E5Model, Floats, Role, States
from knowledge.search.outside import outside, outside_id
from knowledge.search.vectors import Progress, windows

#: Dimensions kept of a piece: half of the model's, in which questions differ most.
_WIDTH: Final = 192

#: Texts whose pieces all threads make before the next: a build that is stopped waits for them.
_WINDOW: Final = 64

#: A text whose pieces are made: the name of its entry, its language, as what, and itself.
Told = tuple[str, Language, Role, str]

#: Pieces in a byte each dimension, [n, 192], and their scales, [n].
Stored = tuple[npt.NDArray[np.int8], Floats]


@dataclass(frozen=True)
class Question:
    """A question, in pieces."""

    pieces: Floats
    """Unit vectors, [n, 192]."""
    weights: Floats
    """How much each piece says, [n]; together 1."""


@dataclass(frozen=True)
class Placing:
    """Pieces around what those of a language have in common, without what tells little apart."""

    centres: Mapping[Language, Floats]
    projection: Floats

    def of(self, states: Floats, language: Language) -> Floats:
        """Unit vectors."""
        placed = (states - self.centres[language]) @ self.projection
        return np.asarray(
            placed / np.maximum(np.linalg.norm(placed, axis=1, keepdims=True), 1e-6), np.float32
        )


class LateInteraction:
    """The pieces of an index's entries, open. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, ValueError or BadZipFile when the files are not there or broken."""
        with np.load(folder / "pieces.npz") as saved:
            self.made_with = str(saved["made_with"])
            centres: dict[Language, Floats] = {lang: saved[f"centre-{lang}"] for lang in LANGUAGES}
            self.placing = Placing(centres, saved["projection"])
            self._scales = saved["scales"]
            ends = saved["ends"].tolist()
            texts = list(zip([0, *ends[:-1]], ends, strict=True))
            self._texts = dict(zip(saved["keys"].tolist(), texts, strict=True))
            self._entries: dict[str, tuple[int, int]] = {}
            for name, (begin, end) in zip(saved["names"].tolist(), texts, strict=True):
                self._entries[name] = (self._entries.get(name, (begin, end))[0], end)
        shape = (len(self._scales), _WIDTH)
        self._pieces = np.memmap(folder / "pieces.bin", np.int8, "r", shape=shape)

    def stored(self, key: str) -> Stored | None:
        """The pieces of a text; None when it was none of those."""
        if key not in self._texts:
            return None
        begin, end = self._texts[key]
        return self._pieces[begin:end], self._scales[begin:end]

    def question(self, states: States, language: Language) -> Question:
        """A question as the model understood it, to be compared."""
        weights = states.surprise / max(float(states.surprise.sum()), 1e-6)
        return Question(self.placing.of(states.vectors, language), weights)

    def nearest(self, question: Question, names: Iterable[str]) -> Floats:
        """How near the nearest piece of these is to each of the question, cosines [n]."""
        nearest = np.full(len(question.weights), -1.0, np.float32)
        for name in names:
            begin, end = self._entries.get(name, (0, 0))
            if begin < end:
                pieces = self._pieces[begin:end] * self._scales[begin:end, None]
                nearest = np.maximum(nearest, (question.pieces @ pieces.T).max(axis=1))
        return nearest


def write_pieces(
    folder: Path,
    told: Sequence[Told],
    model: E5Model,
    threads: int,
    progress: Progress,
    before: LateInteraction | None = None,
) -> None:
    """Write the pieces of all texts, and of the questions outside: 5 to 30 ms of a core a text.

    The texts of an entry follow each other. What was made ``before`` is not made again.
    """
    made_with = _made_with(model)
    if before and before.made_with != made_with:
        before = None
    in_vain = _outside()
    if before:
        placing = before.placing
        of_those = [one for text in in_vain if (one := before.stored(_key(text)))]
    else:
        placing, of_those = _placed_outside(model)

    def pieces_of(text: Told) -> Stored:
        known = before.stored(_key(text)) if before else None
        _, language, role, content = text
        return known or _stored(placing.of(model.states(content, role).vectors, language))

    made = _in_threads(pieces_of, told, threads, progress)
    scales = _write_rows(folder / "pieces.bin", chain(made, of_those))
    texts = [*told, *in_vain]
    centres: dict[str, Any] = {f"centre-{lang}": placing.centres[lang] for lang in LANGUAGES}
    np.savez(
        folder / "pieces.npz",
        names=np.array([name for name, _, _, _ in texts]),
        keys=np.array([_key(text) for text in texts]),
        ends=np.cumsum([len(scale) for scale in scales]), scales=np.concatenate(scales),
        projection=placing.projection, made_with=np.array(made_with), **centres,
    )  # fmt: skip


def _in_threads(
    pieces_of: Callable[[Told], Stored], told: Sequence[Told], threads: int, progress: Progress
) -> Iterator[Stored]:
    done = 0
    # Each thread computes for itself; those of NumPy would only stand in their way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        for window in windows(told, _WINDOW):
            yield from pool.map(pieces_of, window)
            done += len(window)
            progress(done, len(told))


def _write_rows(path: Path, made: Iterable[Stored]) -> list[Floats]:
    """The scales of the rows, text by text."""
    scales: list[Floats] = []
    with path.open("wb") as file:
        for pieces, scale in made:
            file.write(pieces.tobytes())
            scales.append(scale)
    return scales


def _outside() -> list[Told]:
    return [
        (outside_id(language, number), language, "query", text)
        for language, texts in outside().items()
        for number, text in enumerate(texts)
    ]


def _key(text: Told) -> str:
    """The same for the same words of whichever entry."""
    return hashlib.sha256("\n".join(text[1:]).encode()).hexdigest()


def _made_with(model: E5Model) -> str:
    """What places pieces."""
    return hashlib.sha256(f"{model.id} {_WIDTH} {outside()}".encode()).hexdigest()


def _stored(placed: Floats) -> Stored:
    scales = np.asarray(np.abs(placed).max(axis=1, initial=1e-6) / 127, np.float32)
    return np.round(placed / scales[:, None]).astype(np.int8), scales


@cache
def _placed_outside(model: E5Model) -> tuple[Placing, list[Stored]]:
    """How pieces are placed, and the questions outside; takes four seconds, once in a process.

    Placed by what questions differ in, whatever they are about: the principal components.
    """
    asked = {
        language: [model.states(text, "query").vectors for text in texts]
        for language, texts in outside().items()
    }
    centres = {language: np.vstack(states).mean(axis=0) for language, states in asked.items()}
    apart = np.vstack([np.vstack(states) - centres[lang] for lang, states in asked.items()])
    _, directions = np.linalg.eigh(apart.T @ apart)
    placing = Placing(centres, np.ascontiguousarray(directions[:, -_WIDTH:], np.float32))
    stored = [_stored(placing.of(one, lang)) for lang, states in asked.items() for one in states]
    return placing, stored
