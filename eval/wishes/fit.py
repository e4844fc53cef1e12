"""Fits the weights of wishes: utterances in, `agent/dialogue/wishes.json` out.

    python -m eval.wishes.fit

Beside the utterances that were written for it, what customers ask about everything else is there to
be told apart from: the ways of asking that the corpus lists, and the questions outside. The
threshold is chosen on texts that were left out (cross-validation). The held-out utterances take no
part; `make eval-wishes` measures on them. Two minutes, most of them for the vectors; the same each
time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from agent.cli.output import err
from agent.dialogue.wishes import WEIGHTS, WISHES, Wish, Words, load_words
from agent.settings import Settings
from eval.wishes.utterances import TRAINING, load
from knowledge.config import embedding_folder
from knowledge.entries.entry import read_corpus
from knowledge.search.embedding import E5Model
from knowledge.search.outside import outside
from knowledge.search.vectors import windows

Floats = npt.NDArray[np.float64]

#: Subjects whose ways of asking are wishes themselves, or nearly.
_NEARLY: Final = frozenset(
    [
        "escalation",
        "night-incident",
        "incident-communication",
        "account-suspended-or-key-leak",
        "service-response",
        "dedicated-csm",
        "champion-left",
        "status-subscription",
        "india",
        "turkey",
    ]
)
#: How much an utterance of ours counts beside a question of the corpus.
_OURS: Final = 3.0
#: Strength of the prior on weights; most steps of the optimiser.
_PRIOR, _ROUNDS = 30.0, 1000
#: Spread that signs are given beside the meaning, whose is 1 a dimension.
_SIGN: Final = 4.0
_FOLDS: Final = 5
#: False alarms that the threshold allows among what was left out, as a share of the questions and
#: of those utterances that look like wishes.
_BATCH: Final = 32
_NEITHER: Final = "neither"


@dataclass(frozen=True)
class Example:
    """A text and what it wishes for."""

    text: str
    wish: Wish | None
    is_ours: bool
    """Written for this, not a question of the corpus."""


def examples() -> list[Example]:
    """All of them."""
    found = dict[str, Example]()
    for one in load(TRAINING):
        for text in filter(None, (one.text, one.heard)):
            found[text] = Example(text, one.wish, is_ours=True)
    for text in _questions():
        found.setdefault(text, Example(text, None, is_ours=False))
    return list(found.values())


def _questions() -> Iterator[str]:
    for entry in read_corpus(Settings().knowledge.corpus_dir).entries:
        if entry.id.split("/", 1)[1] not in _NEARLY:
            yield from entry.questions
    for texts in outside().values():
        yield from texts


@dataclass(frozen=True)
class Seen:
    """Examples as the regression sees them."""

    examples: Sequence[Example]
    names: Sequence[str]
    """Of the signs, in the order of their columns."""
    vectors: Floats
    signs: Floats
    labels: npt.NDArray[np.str_]

    @classmethod
    def of(cls, examples: Sequence[Example], words: Words, model: E5Model) -> Seen:
        """Embeds them. Blocks for a minute."""
        features = [words.features(example.text) for example in examples]
        names = sorted(set().union(*features))
        signs = np.array([[name in of for name in names] for of in features], np.float64)
        labels = np.array([example.wish or _NEITHER for example in examples])
        return cls(examples, names, embed([e.text for e in examples], model), signs, labels)


def embed(texts: Sequence[str], model: E5Model) -> Floats:
    """Vectors of texts, one row each; those of about one length together, which is quickest."""
    vectors = np.zeros((len(texts), len(model.embed(["length"], "query")[0])))
    for rows in windows(sorted(range(len(texts)), key=lambda row: len(texts[row])), _BATCH):
        vectors[rows] = model.embed([texts[row] for row in rows], "query")
    return vectors


@dataclass(frozen=True)
class Fit:
    """The regression, and how a vector is scaled for it."""

    mean: Floats
    spread: float
    regression: Any

    @classmethod
    def on(cls, seen: Seen, rows: npt.NDArray[np.intp]) -> Fit:
        """Fit it on some of the examples."""
        mean, spread = seen.vectors.mean(axis=0), float(seen.vectors.std(axis=0).mean())
        weights = [_OURS if seen.examples[row].is_ours else 1.0 for row in rows]
        regression = LogisticRegression(C=1 / _PRIOR, max_iter=_ROUNDS)
        fit = cls(mean, spread, regression)
        regression.fit(fit._columns(seen, rows), seen.labels[rows], sample_weight=weights)
        return fit

    def wished(self, seen: Seen, rows: npt.NDArray[np.intp]) -> Floats:
        """Probability of any wish, of some of the examples."""
        probabilities = self.regression.predict_proba(self._columns(seen, rows))
        neither = list(self.regression.classes_).index(_NEITHER)
        wished: Floats = 1 - probabilities[:, neither]
        return wished

    def stored(self, seen: Seen) -> dict[str, Any]:
        """Weights of each wish against neither, as `agent/dialogue/wishes.py` reads them."""
        classes = list(self.regression.classes_)
        neither = classes.index(_NEITHER)
        found: dict[str, Any] = {}
        for wish in WISHES:
            row = classes.index(wish)
            weights = self.regression.coef_[row] - self.regression.coef_[neither]
            bias = self.regression.intercept_[row] - self.regression.intercept_[neither]
            vector = weights[: len(self.mean)] / self.spread
            signs = weights[len(self.mean) :] * _SIGN
            found[wish] = {
                "bias": round(float(bias - vector @ self.mean), 4),
                "vector": [round(float(weight), 3) for weight in vector],
                "signs": {
                    name: round(float(weight), 3)
                    for name, weight in zip(seen.names, signs, strict=True)
                    if abs(weight) >= 0.001
                },
            }
        return found

    def _columns(self, seen: Seen, rows: npt.NDArray[np.intp]) -> Floats:
        vectors = (seen.vectors[rows] - self.mean) / self.spread
        return np.hstack([vectors, seen.signs[rows] * _SIGN])


def left_out(seen: Seen) -> Floats:
    """Probability of any wish for each example, by a fit that has not seen it."""
    wished = np.zeros(len(seen.examples))
    kinds = [f"{e.wish} {e.is_ours}" for e in seen.examples]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=1)
    for others, mine in folds.split(seen.vectors, kinds):
        wished[mine] = Fit.on(seen, others).wished(seen, mine)
    return wished


def threshold(seen: Seen, wished: Floats, words: Words) -> float:
    """Where as many wishes are missed, as a share of them, as others raise a false alarm."""
    undecided = np.array([words.definite(example.text) is None for example in seen.examples])
    is_wish = seen.labels != _NEITHER
    best = min(
        np.arange(0.05, 0.95, 0.01),
        key=lambda at: (
            _missed(wished, is_wish, undecided, at) + 2 * float((wished[~is_wish] >= at).mean())
        ),
    )
    return round(float(best), 2)


def _missed(wished: Floats, is_wish: Any, undecided: Any, at: float) -> float:
    return float((is_wish & undecided & (wished < at)).sum() / is_wish.sum())


def main() -> None:
    """Write the file."""
    words = load_words()
    model = E5Model(embedding_folder(Settings().paths))
    seen = Seen.of(examples(), words, model)
    at = threshold(seen, left_out(seen), words)
    fit = Fit.on(seen, np.arange(len(seen.examples)))
    stored = {"embedding": model.id, "threshold": at, "weights": fit.stored(seen)}
    beside = WEIGHTS.with_suffix(".tmp")
    beside.write_text(json.dumps(stored, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(WEIGHTS)
    err.print(f"{len(seen.examples)} examples, threshold {at}", highlight=False)


if __name__ == "__main__":
    main()
