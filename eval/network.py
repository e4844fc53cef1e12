"""Trains the network of wishes and routes: what was read of texts, with what each is, in; weights
out.

Adam over batches, while parts of what is read and of the hidden units are left out at random.
Several networks, each begun elsewhere, stand side by side in one: it says what they say on average.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from agent.dialogue.reading import Floats, Network
from knowledge.search.embedding import E5Model
from knowledge.search.vectors import windows

#: How many numbers there are for runs of words.
RUNS: Final = 4096
#: Texts that are embedded at once.
_EMBEDDED: Final = 32
_MEMBERS, _HIDDEN = 3, 96
_EPOCHS, _BATCH, _RATE = 20, 256, 2e-3
#: Steps at the beginning in which the rate rises; it then falls to nothing.
_WARM: Final = 100
_MOMENTUM, _SQUARES, _TINY = 0.9, 0.99, 1e-8
#: How much of a weight goes with each step, of the rate.
_DECAY: Final = 0.1
_READ_LEFT_OUT, _HIDDEN_LEFT_OUT = 0.1, 0.3
#: What a sign, and the runs of a text together, are beside the meaning's dimensions of spread 1.
_SIGN, _RUNS = 1.5, 4.0

Parameters = dict[str, Floats]


@dataclass(frozen=True)
class Lessons:
    """Texts to learn from, one row each."""

    read: Floats
    """Vectors, then signs: as `Network` reads them."""
    dimensions: int
    """Of the vectors."""
    runs: csr_array
    """The runs in each, of length 1."""
    kinds: int
    """How many there are beside none."""
    labels: npt.NDArray[np.intp]
    """0: none; else one more than the place of its kind."""
    counts: Floats
    """How much each counts."""


def embedded(texts: Sequence[str], model: E5Model) -> Floats:
    """Vectors of texts, one row each; those of about one length together, which is quickest."""
    vectors = np.zeros((len(texts), len(model.embed(["length"], "query")[0])))
    for rows in windows(sorted(range(len(texts)), key=lambda row: len(texts[row])), _EMBEDDED):
        vectors[rows] = model.embed([texts[row] for row in rows], "query")
    return vectors


def counted(runs: Sequence[Sequence[int]]) -> csr_array:
    """The runs of texts, one row each, as `Lessons` has them."""
    return csr_array(
        (
            np.concatenate([np.full(len(of), len(of) ** -0.5, np.float32) for of in runs]),
            np.concatenate(runs),
            np.cumsum([0, *map(len, runs)]),
        ),
        shape=(len(runs), RUNS),
    )


def trained(lessons: Lessons) -> Network:
    """The network. Blocks for a minute."""
    vectors = lessons.read[:, : lessons.dimensions]
    mean = np.zeros(lessons.read.shape[1], np.float32)
    mean[: lessons.dimensions] = vectors.mean(axis=0)
    scale = np.full(len(mean), _SIGN, np.float32)
    scale[: lessons.dimensions] = 1 / vectors.std(axis=0).mean()
    scaled = ((lessons.read - mean) * scale).astype(np.float32)
    members = [_member(scaled, lessons, np.random.default_rng(seed)) for seed in range(_MEMBERS)]
    return _joined(members, mean, scale)


def _joined(members: Sequence[Parameters], mean: Floats, scale: Floats) -> Network:
    """Reads what is not scaled, and says how much likelier each kind is than none."""

    def against_none(name: str) -> list[Floats]:
        return [of[name][..., 1:] - of[name][..., :1] for of in members]

    hidden = np.hstack([of["hidden"] for of in members]) * scale[:, None]
    beside = np.mean(against_none("beside"), axis=0) * scale[:, None]
    return Network(
        hidden=hidden,
        hidden_bias=np.hstack([of["hidden_bias"] for of in members]) - mean @ hidden,
        out=np.vstack(against_none("out")) / len(members),
        beside=beside,
        runs=np.mean(against_none("runs"), axis=0) * _RUNS,
        bias=np.mean(against_none("bias"), axis=0) - mean @ beside,
    )


def _member(scaled: Floats, lessons: Lessons, rng: np.random.Generator) -> Parameters:
    weights = _begun(scaled.shape[1], lessons.runs.shape[1], lessons.kinds + 1, rng)
    momentum = {name: np.zeros_like(of) for name, of in weights.items()}
    squares = {name: np.zeros_like(of) for name, of in weights.items()}
    counts = (lessons.counts / lessons.counts.mean()).astype(np.float32)
    steps, step = _EPOCHS * math.ceil(len(scaled) / _BATCH), 0
    for _ in range(_EPOCHS):
        order = rng.permutation(len(scaled))
        for start in range(0, len(order), _BATCH):
            rows, step = order[start : start + _BATCH], step + 1
            slopes = _slopes(
                weights, scaled[rows], lessons.runs[rows], lessons.labels[rows], counts[rows], rng
            )
            rate = _RATE * min(1, step / _WARM) * (1 + math.cos(math.pi * step / steps)) / 2
            for name, slope in slopes.items():
                momentum[name] += (1 - _MOMENTUM) * (slope - momentum[name])
                squares[name] += (1 - _SQUARES) * (slope**2 - squares[name])
                size = np.sqrt(squares[name] / (1 - _SQUARES**step)) + _TINY
                weights[name] -= rate * momentum[name] / (1 - _MOMENTUM**step) / size
                if "bias" not in name:
                    weights[name] *= 1 - rate * _DECAY
    return weights


def _begun(read: int, runs: int, said: int, rng: np.random.Generator) -> Parameters:
    def drawn(rows: int, columns: int) -> Floats:
        of: Floats = (rng.normal(size=(rows, columns)) / math.sqrt(rows)).astype(np.float32)
        return of

    return {
        "hidden": drawn(read, _HIDDEN),
        "hidden_bias": np.zeros(_HIDDEN, np.float32),
        "out": drawn(_HIDDEN, said),
        "beside": np.zeros((read, said), np.float32),
        "runs": np.zeros((runs, said), np.float32),
        "bias": np.zeros(said, np.float32),
    }


def _slopes(
    weights: Parameters,
    read: Floats,
    runs: csr_array,
    labels: npt.NDArray[np.intp],
    counts: Floats,
    rng: np.random.Generator,
) -> Parameters:
    """Of the surprise at a batch's labels, by each weight."""
    read = read * _kept(read.shape, _READ_LEFT_OUT, rng)
    kept = _kept((len(read), _HIDDEN), _HIDDEN_LEFT_OUT, rng)
    before = read @ weights["hidden"] + weights["hidden_bias"]
    hidden = np.maximum(before, 0) * kept
    logits = hidden @ weights["out"] + read @ weights["beside"] + weights["bias"]
    logits += _RUNS * (runs @ weights["runs"])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    wrong = odds / odds.sum(axis=1, keepdims=True)
    wrong[np.arange(len(labels)), labels] -= 1
    wrong *= counts[:, None] / len(labels)
    back = (wrong @ weights["out"].T) * kept * (before > 0)
    return {
        "hidden": read.T @ back,
        "hidden_bias": back.sum(axis=0),
        "out": hidden.T @ wrong,
        "beside": read.T @ wrong,
        "runs": _RUNS * (runs.T @ wrong),
        "bias": wrong.sum(axis=0),
    }


def _kept(shape: tuple[int, ...], left_out: float, rng: np.random.Generator) -> Floats:
    """1 on average, 0 for what is left out."""
    kept: Floats = (rng.random(shape, dtype=np.float32) >= left_out) / np.float32(1 - left_out)
    return kept
