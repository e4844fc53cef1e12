"""Trains completeness: what customers say in, `agent/call/completeness.json` out.

    python -m eval.turns.train_completeness reply

Whole turns against beginnings of them: cut where a clause ends, as a speaker would pause, and at
words drawn by chance; some with what people say while they think. ``question``: where nothing was
asked, from the corpus's ways of asking. ``reply``: where a flow has asked something; from these
and from what customers say in calls, as written and as heard (`eval/routing/training.jsonl`).

How well it tells them apart is measured on questions of subjects that were left out, and on replies
to flows that nothing was made with (`eval/routing/held_out.jsonl`). Equally good weights may still
end other turns sooner or later: `make bench-turns` before and after says whether a new file may be
used. (The weights of questions in use were fitted by gradient steps that stopped before the
minimum: 0.922 and 0.901 on subjects left out, beside 0.923 and 0.901 at the minimum, which makes
some answers 0.45 s later.)
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from agent.call.completeness import WEIGHTS, Completeness, TurnKind, features
from agent.call.turn_words import WORDS_FILE
from agent.settings import Settings
from common.languages import HAN, LANGUAGES, Language
from eval.routing.utterances import HELD_OUT, TRAINING, Utterance, load
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


def examples(whole: Iterable[str], language: Language) -> list[Example]:
    """Texts, and whether they are whole: those given, and beginnings of them."""
    rng = np.random.default_rng(1)
    fillers = tomllib.loads(WORDS_FILE.read_text("utf-8"))["fillers"][language]
    found: list[Example] = []
    for turn in whole:
        found.append((turn, True))
        for text in _beginnings(turn, language, rng):
            filler = rng.choice(fillers) if rng.random() < _WITH_FILLER else ""
            found.append((f"{text} {filler}", False))
    return found


def questions(entries: Iterable[Entry]) -> list[str]:
    """The corpus's ways of asking."""
    return [question for entry in entries for question in entry.questions[:_QUESTIONS]]


def spoken(utterances: Iterable[Utterance], language: Language) -> list[str]:
    """What customers say in one language, as written and as it was heard."""
    said = [one for one in utterances if one.language == language and one.is_spoken]
    return [text for one in said for text in dict.fromkeys((one.text, one.heard or one.text))]


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


def auroc(fitted: Completeness, judged: Sequence[Example], language: Language) -> float:
    """Chance that what is whole looks more whole than a beginning."""
    probabilities = [(fitted.probability(text, language), whole) for text, whole in judged]
    yes = np.array([p for p, whole in probabilities if whole])
    no = np.array([p for p, whole in probabilities if not whole])
    return float((yes[:, None] > no[None]).mean())


def train_questions(entries: Sequence[Entry], language: Language) -> Completeness:
    """The weights where nothing was asked; prints how good they are on subjects left out."""
    held_out = [e for number, e in enumerate(entries) if number % _HELD_OUT == 0]
    others = [e for number, e in enumerate(entries) if number % _HELD_OUT]
    tried = train(examples(questions(others), language), language)
    good = auroc(tried, examples(questions(held_out), language), language)
    print(f"{language}: AUROC {good:.3f} on subjects left out")
    return train(examples(questions(entries), language), language)


def train_replies(entries: Sequence[Entry], language: Language) -> Completeness:
    """The weights where something was asked; prints how good they are on replies held out."""
    said = [*spoken(load(TRAINING), language), *questions(entries)]
    fitted = train(examples(said, language), language)
    replies = spoken((one for one in load(HELD_OUT) if one.under_way), language)
    good = auroc(fitted, examples(replies, language), language)
    print(f"{language}: AUROC {good:.3f} on replies held out")
    return fitted


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=get_args(TurnKind))
    kind = parser.parse_args().kind
    fit = train_questions if kind == "question" else train_replies
    corpus = read_corpus(Settings().knowledge.corpus_dir)
    stored = json.loads(WEIGHTS.read_text("utf-8")) if WEIGHTS.exists() else {}
    for language in LANGUAGES:
        entries = [e for e in corpus.entries if e.language == language and e.topic != _SMALL_TALK]
        fitted = fit(entries, language)
        weights = dict(sorted(fitted.weights.items()))
        stored.setdefault(kind, {})[language] = {"bias": fitted.bias, "weights": weights}
    beside = WEIGHTS.with_suffix(".tmp")
    beside.write_text(json.dumps(stored, ensure_ascii=False) + "\n", "utf-8")
    beside.replace(WEIGHTS)


if __name__ == "__main__":
    main()
