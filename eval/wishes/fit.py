"""Fits the weights of wishes: utterances in, `agent/dialogue/wishes.json` out.

    python -m eval.wishes.fit

It learns from utterances that were written for it (`training.jsonl`), from more that are drawn from
patterns (`drawn.py`), and from what customers ask about everything else: the ways of asking that
the corpus lists, and the questions outside. The threshold is chosen on texts that were left out
(cross-validation). The held-out utterances take no part; `make eval-wishes` measures on them. Five
minutes on two cores, most of them for vectors; the same each time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from agent.cli.output import err
from agent.dialogue.wishes import WEIGHTS, WISHES, Wish, Words, load_words, texts_of
from agent.settings import Settings
from common.languages import LANGUAGES, Language
from eval.wishes.drawn import drawn
from eval.wishes.utterances import TRAINING, load
from knowledge.config import embedding_folder
from knowledge.entries.entry import read_corpus
from knowledge.search.embedding import E5Model
from knowledge.search.outside import outside
from knowledge.search.vectors import windows

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Source = Literal["written", "drawn", "asked"]

#: Subjects whose ways of asking are wishes themselves, or nearly.
_NEARLY: Final = frozenset(
    [
        "account-suspended-or-key-leak",
        "champion-left",
        "dedicated-csm",
        "conversation-greeting",
        "escalation",
        "incident-communication",
        "india",
        "indonesia",
        "invalid-app-id",
        "middle-east",
        "night-incident",
        "repeated-incidents",
        "service-response",
        "status-subscription",
        "turkey",
    ]
)
#: How much one of each source counts; the sentences of a question count as one drawn.
_COUNTS: Final[dict[Source, float]] = {"written": 4.0, "drawn": 1.0, "asked": 3.0}
#: Strength of the prior on weights; most steps of the optimiser.
_PRIOR, _ROUNDS = 300.0, 1000
#: What a sign is beside the meaning, whose dimensions have a spread of 1.
_SIGN: Final = 4.0
_FOLDS: Final = 5
#: The share of false alarms that the threshold allows, and that by which people are called.
_FALSE_ALARMS: Final = 0.01
_CALLED_FOR_NOTHING: Final = 0.003
_BATCH: Final = 32
_NEITHER: Final = "neither"


@dataclass(frozen=True)
class Example:
    """A text and what it wishes for."""

    text: str
    wish: Wish | None
    source: Source
    group: int
    """An utterance and what was heard of it are left out together."""

    @property
    def sentences(self) -> list[str]:
        """Those that are read one by one."""
        return texts_of(self.text)[1:]


def examples() -> list[Example]:
    """All of them, each text once."""
    found = dict[str, Example]()
    for number, one in enumerate(load(TRAINING)):
        for text in filter(None, (one.text, one.heard)):
            found.setdefault(text, Example(text, one.wish, "written", number))
    questions = {language: list(_questions(language)) for language in LANGUAGES}
    for text in (text for language in LANGUAGES for text in questions[language]):
        found.setdefault(text, Example(text, None, "asked", -len(found)))
    for more in drawn(questions):
        found.setdefault(more.text, Example(more.text, more.wish, "drawn", -len(found)))
    return list(found.values())


def _questions(language: Language) -> Iterator[str]:
    for entry in read_corpus(Settings().knowledge.corpus_dir).entries:
        if entry.language == language and entry.id.split("/", 1)[1] not in _NEARLY:
            yield from entry.questions
    yield from outside()[language]


@dataclass(frozen=True)
class Seen:
    """Examples as the regression sees them, and behind them the sentences of those with several."""

    examples: Sequence[Example]
    sentences: Sequence[range]
    """Rows of each example's."""
    names: Sequence[str]
    """Of the signs, in the order of their columns."""
    mean: Floats
    spread: float
    columns: Floats

    @classmethod
    def of(cls, examples: Sequence[Example], words: Words, model: E5Model) -> Seen:
        """Embeds them. Blocks for minutes."""
        texts = [example.text for example in examples]
        sentences: list[range] = []
        for example in examples:
            of = [] if example.source == "drawn" else example.sentences
            sentences.append(range(len(texts), len(texts) + len(of)))
            texts += of
        features = [words.features(text) for text in texts]
        names = sorted(set().union(*features))
        signs = np.array([[name in of for name in names] for of in features]) * _SIGN
        vectors = embed(texts, model)
        mean, spread = vectors.mean(axis=0), float(vectors.std(axis=0).mean())
        columns = np.hstack([(vectors - mean) / spread, signs])
        return cls(examples, sentences, names, mean, spread, columns)

    def rows(self, *sources: Source) -> Rows:
        """The examples of some sources."""
        return np.flatnonzero([example.source in sources for example in self.examples])


def embed(texts: Sequence[str], model: E5Model) -> Floats:
    """Vectors of texts, one row each; those of about one length together, which is quickest."""
    vectors = np.zeros((len(texts), len(model.embed(["length"], "query")[0])))
    for rows in windows(sorted(range(len(texts)), key=lambda row: len(texts[row])), _BATCH):
        vectors[rows] = model.embed([texts[row] for row in rows], "query")
    return vectors


def fitted(seen: Seen, rows: Rows) -> LogisticRegression:
    """The regression, fitted to some of the examples.

    No sentence of a question is a wish; which one of a wish's is, nobody has said.
    """
    asked = [row for row in rows if seen.examples[row].source == "asked"]
    sentences = [row for example in asked for row in seen.sentences[example]]
    labels = [seen.examples[row].wish or _NEITHER for row in rows] + [_NEITHER] * len(sentences)
    counts = [_COUNTS[seen.examples[row].source] for row in rows]
    counts += [_COUNTS["drawn"]] * len(sentences)
    regression = LogisticRegression(C=1 / _PRIOR, max_iter=_ROUNDS)
    regression.fit(seen.columns[[*rows, *sentences]], labels, sample_weight=counts)
    return regression


def left_out(seen: Seen, words: Words) -> dict[int, float]:
    """The logarithm of the odds of any wish, for each example but those drawn, by a fit without it.

    As `Reader.likely` judges; infinite where words decide.
    """
    drawn_rows, rows = seen.rows("drawn"), seen.rows("written", "asked")
    kinds = [f"{seen.examples[row].wish} {seen.examples[row].source}" for row in rows]
    groups = [seen.examples[row].group for row in rows]
    wished: dict[int, float] = {}
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=1)
    for others, mine in folds.split(rows, kinds, groups):
        regression = fitted(seen, np.concatenate([rows[others], drawn_rows]))
        neither = list(regression.classes_).index(_NEITHER)
        shares = regression.predict_proba(seen.columns)[:, neither]
        odds = np.log(1 - shares) - np.log(shares)
        for row in rows[mine].tolist():
            surest = max((odds[at] for at in seen.sentences[row]), default=odds[row])
            decided = words.definite(seen.examples[row].text)
            wished[row] = math.inf if decided else float(odds[row] + surest) / 2
    return wished


def threshold(seen: Seen, wished: dict[int, float], false_alarms: float) -> float:
    """The lowest with no more false alarms among texts left out than are allowed."""
    others = sorted(odds for row, odds in wished.items() if seen.examples[row].wish is None)
    return round(others[-int(len(others) * false_alarms) - 1] + 0.005, 2)


def stored(seen: Seen, regression: LogisticRegression, wish: Wish) -> dict[str, Any]:
    """Weights of a wish against neither, as `agent/dialogue/wishes.py` reads them."""
    classes = list(regression.classes_)
    row, neither = classes.index(wish), classes.index(_NEITHER)
    weights = regression.coef_[row] - regression.coef_[neither]
    bias = regression.intercept_[row] - regression.intercept_[neither]
    vector = weights[: len(seen.mean)] / seen.spread
    signs = weights[len(seen.mean) :] * _SIGN
    return {
        "bias": round(float(bias - vector @ seen.mean), 3),
        "vector": [round(float(weight), 2) for weight in vector],
        "signs": {
            name: round(float(weight), 2)
            for name, weight in zip(seen.names, signs, strict=True)
            if round(float(weight), 2)
        },
    }


def main() -> None:
    """Write the file."""
    words, model = load_words(), E5Model(embedding_folder(Settings().paths))
    seen = Seen.of(examples(), words, model)
    wished = left_out(seen, words)
    at = threshold(seen, wished, _FALSE_ALARMS)
    missed = [odds < at for row, odds in wished.items() if seen.examples[row].wish]
    err.print(
        f"{len(seen.examples)} examples, threshold {at}: of those left out {np.mean(missed):.1%} "
        f"of {len(missed)} wishes missed, {_FALSE_ALARMS:.0%} false alarms",
        highlight=False,
    )
    regression = fitted(seen, np.arange(len(seen.examples)))
    written = {
        "embedding": model.id,
        "threshold": at,
        "sure": threshold(seen, wished, _CALLED_FOR_NOTHING),
        "weights": {wish: stored(seen, regression, wish) for wish in WISHES},
    }
    beside = WEIGHTS.with_suffix(".tmp")
    beside.write_text(json.dumps(written, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(WEIGHTS)


if __name__ == "__main__":
    main()
