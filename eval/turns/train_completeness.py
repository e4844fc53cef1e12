"""Trains completeness: the corpus's ways of asking in, `agent/call/completeness.json` out.

    python -m eval.turns.train_completeness

Whole questions against beginnings of them: cut where a clause ends, as a speaker would pause, and
at words drawn by chance; some with what people say while they think. How well it tells them apart
is measured on questions of subjects that were left out. Equally good weights may still end other
turns sooner or later: `make bench-turns` before and after says whether a new file may be used. (The
one in use was fitted by gradient steps that stopped before the minimum: 0.922 and 0.901 on subjects
left out, beside 0.923 and 0.901 at the minimum, which makes some answers 0.45 s later.)
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from agent.call.completeness import WEIGHTS, Completeness, features
from agent.call.turn_words import WORDS_FILE
from agent.settings import Settings
from common.languages import HAN, LANGUAGES, Language
from knowledge.entries.entry import Entry, read_corpus

#: Ways of asking taken from each entry. The first ones are the plain ones; the later, rambling ones
#: are many sentences, of which the first is as whole as any.
_QUESTIONS = 9
#: Cuts drawn by chance in each question, and the share of beginnings with a filler behind.
_CUTS, _WITH_FILLER = 3, 0.25
#: A feature that fewer examples have is chance.
_LEAST_SEEN = 3
#: Strength of the prior on weights, in examples; most steps of the optimiser.
_PRIOR, _ROUNDS = 1.0, 1000
#: Weights that move nothing are left out of the file.
_NEGLIGIBLE = 0.1
#: One subject in so many is left out to measure.
_HELD_OUT = 5
#: Entries of this topic are not questions.
_SMALL_TALK = "conversation"

_CLAUSE = re.compile(r"[^，,；;。.？?!！]+[，,；;。.？?!！]?\s*")
_TOKEN: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(f"[{HAN}]|[^{HAN}]+"),
    "en": re.compile(r"\S+\s*"),
}
Example = tuple[str, bool]


def examples(entries: Sequence[Entry], language: Language) -> list[Example]:
    """Texts, and whether they are whole."""
    rng = np.random.default_rng(1)
    fillers = tomllib.loads(WORDS_FILE.read_text("utf-8"))["fillers"][language]
    found: list[Example] = []
    for entry in entries:
        for question in entry.questions[:_QUESTIONS]:
            found.append((question, True))
            for text in _beginnings(question, language, rng):
                filler = rng.choice(fillers) if rng.random() < _WITH_FILLER else ""
                found.append((f"{text} {filler}", False))
    return found


def _beginnings(question: str, language: Language, rng: np.random.Generator) -> Iterator[str]:
    clauses = _CLAUSE.findall(question)
    tokens = _TOKEN[language].findall(question)
    if len(tokens) < 3:
        return
    places = rng.integers(max(1, len(tokens) // 4), len(tokens), _CUTS)
    yield from {
        *("".join(clauses[:count]) for count in range(1, len(clauses))),
        *("".join(tokens[:place]) for place in places),
    }


def train(found: Sequence[Example], language: Language) -> Completeness:
    """Fit the weights: both kinds of examples count the same."""
    seen = [features(text, language) for text, _ in found]
    counts = Counter(name for names in seen for name in names)
    columns = {
        name: column
        for column, name in enumerate(n for n, count in counts.items() if count >= _LEAST_SEEN)
    }
    fitted = LogisticRegression(C=1 / _PRIOR, class_weight="balanced", max_iter=_ROUNDS)
    fitted.fit(_sparse(seen, columns), [is_whole for _, is_whole in found])
    kept = {name: round(float(fitted.coef_[0, column]), 2) for name, column in columns.items()}
    return Completeness(
        round(float(fitted.intercept_[0]), 2),
        {n: w for n, w in kept.items() if abs(w) >= _NEGLIGIBLE},
    )


def _sparse(seen: Sequence[set[str]], columns: dict[str, int]) -> csr_array:
    """The matrix of examples and features: a one where an example has the feature."""
    ones = [(row, columns[n]) for row, names in enumerate(seen) for n in names if n in columns]
    rows, used = np.array(ones, np.intp).T
    return csr_array((np.ones(len(rows)), (rows, used)), shape=(len(seen), len(columns)))


def measure(entries: Sequence[Entry], language: Language) -> float:
    """Chance that a whole question of a subject left out looks more whole than a beginning."""
    held_out = [e for number, e in enumerate(entries) if number % _HELD_OUT == 0]
    others = [e for number, e in enumerate(entries) if number % _HELD_OUT]
    fitted = train(examples(others, language), language)
    judged = [(fitted.probability(t, language), whole) for t, whole in examples(held_out, language)]
    yes = np.array([p for p, whole in judged if whole])
    no = np.array([p for p, whole in judged if not whole])
    return float((yes[:, None] > no[None]).mean())


def main() -> None:
    """Command line."""
    corpus = read_corpus(Settings().knowledge.corpus_dir)
    stored: dict[str, dict[str, object]] = {}
    for language in LANGUAGES:
        entries = [e for e in corpus.entries if e.language == language and e.topic != _SMALL_TALK]
        auroc = measure(entries, language)
        fitted = train(examples(entries, language), language)
        print(f"{language}: AUROC {auroc:.3f} on subjects left out, {len(fitted.weights)} weights")
        weights = dict(sorted(fitted.weights.items()))
        stored[language] = {"bias": fitted.bias, "weights": weights}
    beside = WEIGHTS.with_suffix(".tmp")
    beside.write_text(json.dumps(stored, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(WEIGHTS)


if __name__ == "__main__":
    main()
