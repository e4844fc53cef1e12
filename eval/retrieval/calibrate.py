"""Calibration of retrieval: held-out questions in, `knowledge/search/thresholds.toml` out.

    python -m eval.retrieval.calibrate [--check]

Weights are fitted on all questions; thresholds are chosen by cross-validation that keeps the
questions of a subject together. How it goes with questions never seen is measured by letting each
half of them be judged by what the other half alone has chosen. Documents, for which nobody has
written down how customers ask, have weights of support of their own, fitted on public manuals and
questions on them (`eval/retrieval/sets.py`). `--check` measures the file as it is and writes
nothing.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.optimize

from agent.settings import Settings
from eval.retrieval.asked import Question, digest, load_questions
from eval.retrieval.sets import (
    MANUALS,
    RetrievalSet,
    Workshop,
    corpora_of,
    own_set,
    rtc_docs,
    shelves_of,
)
from knowledge.search.calibration import THRESHOLDS, Calibration
from knowledge.search.evidence import EVIDENCE, SUPPORT, Array, Evidence
from knowledge.search.ranking import Judgement, Retriever, judge

#: What the thresholds aim at: of the questions without an answer, so many are declined; of all
#: questions, so many hear a wrong opening (below 0.02 on those held back, which is the promise).
#: Documents are not read word by word, and would decline too much that they answer at 0.95.
DECLINED = 0.95
DECLINED_BY_DOCUMENTS = 0.90
WRONG_OPENINGS = 0.018

#: Weights of words, given and not fitted: in entries, and in documents, where nobody has written
#: down how customers ask. The held-out questions are worded unlike the entries, on purpose, and
#: undervalue words (6.7 when fitted); up to 18 no question is lost, but less openings are sure. In
#: documents words count for more: from 18 on neither words nor vectors alone rank CMRC2018, whose
#: questions quote, or the manuals better than both together, and up to 40 it stays so.
WORDS_WEIGHT = 14.0
WORDS_WEIGHT_OF_DOCUMENTS = 20.0
_WORDS = EVIDENCE.index("words")
#: What counts for the support of documents. Nothing else is known of them, and the share of words
#: says nothing there: sections are short.
_OF_DOCUMENTS = [SUPPORT.index(name) for name in ("passages", "other_questions", "outside", "size")]
_SIZE = SUPPORT.index("size")
#: What counts for that of the corpus, before its parts are looked at.
_OF_ONE_SIZE = [column for column in range(len(SUPPORT)) if column != _SIZE]
#: Besides the whole corpus, and all manuals together.
_SUBJECTS_OF_A_PART = (6, 40)
_DOCUMENTS_OF_A_SHELF = (1, 5)

_FOLDS = 5
#: Strength of the prior on standardised weights, as a share of one question's evidence.
_RIDGE = 0.01


@dataclass(frozen=True)
class Sample:
    """A question and what the index says about it."""

    question: Question
    evidence: tuple[Evidence, ...]

    @property
    def answers(self) -> list[int]:
        """Rows of the right subjects in the evidence, the best first."""
        rows = {
            entry_id.split("/", 1)[1]: row
            for row, entry_id in enumerate(i for found in self.evidence for i in found.entry_ids)
        }
        return [rows[subject] for subject in self.question.subjects if subject in rows]


@dataclass(frozen=True)
class Figures:
    """How good retrieval is on some questions; shares from 0 to 1."""

    questions: int
    recall_at_1: float
    recall_at_5: float
    auroc: float
    declined: float
    """Of the questions without an answer."""
    wrongly_declined: float
    """Of the questions with an answer."""
    openings: float
    """Right openings, of the questions with an answer."""
    wrong_openings: float
    """Of all questions."""

    def __str__(self) -> str:
        return (
            f"{self.questions} questions: recall@1 {self.recall_at_1:.3f}, "
            f"recall@5 {self.recall_at_5:.3f}; answerable or not: AUROC {self.auroc:.3f}, "
            f"declined {self.declined:.3f} of the unanswerable, {self.wrongly_declined:.3f} of the "
            f"answerable; right opening {self.openings:.3f} of the answerable, wrong opening "
            f"{self.wrong_openings:.3f} of all"
        )


def collect(retriever: Retriever, questions: Sequence[Question]) -> list[Sample]:
    """What the index says about each question."""
    return [Sample(q, retriever.evidence(q.text, q.language, {})) for q in questions]


def measure(samples: Sequence[Sample], calibration: Calibration) -> Figures:
    """How good ``calibration`` is on ``samples``."""
    judged = [(sample, judge(sample.evidence, calibration)) for sample in samples]
    return _figures(judged, calibration.supported, calibration.opening)


def cross_check(samples: Sequence[Sample]) -> tuple[Figures, Figures]:
    """Each half judged by what the other half alone has calibrated."""
    halves = [[s for s in samples if s.question.half == half] for half in (0, 1)]
    return measure(halves[0], calibrate(halves[1])), measure(halves[1], calibrate(halves[0]))


def calibrate(samples: Sequence[Sample]) -> Calibration:
    """Weights fitted on all ``samples``, thresholds chosen by cross-validation."""
    folds = np.array([_fold(sample.question) for sample in samples])
    held_out: list[tuple[Sample, Judgement]] = []
    for fold in range(_FOLDS):
        fitted = _fit([s for s, f in zip(samples, folds, strict=True) if f != fold])
        held_out += [
            (s, judge(s.evidence, fitted)) for s, f in zip(samples, folds, strict=True) if f == fold
        ]
    supported = _supported_threshold(held_out)
    return replace(
        _fit(samples), supported=supported, opening=_opening_threshold(held_out, supported)
    )


def _fit(samples: Sequence[Sample]) -> Calibration:
    answered = [(s.evidence[0].features, s.answers[0]) for s in samples if s.answers]
    ranking = _fit_ranking([features for features, _ in answered], [row for _, row in answered])
    answerable = np.array([bool(s.question.subjects) for s in samples])
    nearness = np.array([s.evidence[0].nearness for s in samples])
    support, bias = _fit_support(nearness, answerable, _OF_ONE_SIZE)
    return Calibration(
        ranking,
        WORDS_WEIGHT_OF_DOCUMENTS,
        support,
        bias,
        np.zeros(len(SUPPORT)),
        0.0,
        supported=0.5,
        opening=1.0,
    )


def with_parts(
    calibration: Calibration, whole: Sequence[Sample], parts: Sequence[Sample]
) -> Calibration:
    """``calibration`` with a weight of the size for the support of the corpus.

    It is fitted on parts of the corpus, which take no part in the other weights: the nearest of few
    ways of asking weigh differently. For the whole corpus nothing changes.
    """
    of_parts = np.array([sample.evidence[0].nearness for sample in parts])
    size_of_whole = float(np.mean([sample.evidence[0].nearness[_SIZE] for sample in whole]))
    smaller = of_parts[:, _SIZE] - size_of_whole
    truth = np.array([bool(sample.question.subjects) for sample in parts])
    cost = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    known = of_parts @ calibration.support + calibration.support_bias

    def loss(weight: Array) -> tuple[float, Array, Array]:
        logit = known + smaller * weight[0]
        guess = 1 / (1 + np.exp(-logit))
        value = float((cost * np.logaddexp(0, np.where(truth, -logit, logit))).sum())
        gradient = np.array([(cost * (guess - truth) * smaller).sum()])
        return value, gradient, np.array([[(cost * guess * (1 - guess) * smaller**2).sum()]])

    (weight,) = _minimum(loss, 1, _RIDGE * len(parts))
    support = calibration.support.copy()
    support[_SIZE] = weight
    bias = calibration.support_bias - float(weight) * size_of_whole
    return replace(calibration, support=support, support_bias=bias)


def with_documents(
    calibration: Calibration, answered: Sequence[Evidence], unanswered: Sequence[Evidence]
) -> Calibration:
    """``calibration`` with weights of support for documents, fitted on what they say about
    questions that they answer and on questions that nothing does.

    The bias is moved so that the threshold of the corpus is theirs too.
    """
    features = np.array([found.nearness for found in (*answered, *unanswered)])
    truth = np.repeat([True, False], [len(answered), len(unanswered)])
    folds = np.arange(len(truth)) % _FOLDS
    held_out = np.zeros(len(truth))
    for fold in range(_FOLDS):
        weights, bias = _fit_support(features[folds != fold], truth[folds != fold], _OF_DOCUMENTS)
        held_out[folds == fold] = features[folds == fold] @ weights + bias
    declined = float(np.quantile(held_out[~truth], DECLINED_BY_DOCUMENTS, method="higher"))
    threshold = math.log(calibration.supported / (1 - calibration.supported))
    support, bias = _fit_support(features, truth, _OF_DOCUMENTS)
    return replace(
        calibration,
        support_of_documents=support,
        support_of_documents_bias=bias + threshold - declined,
    )


def _fit_ranking(choices: Sequence[Array], chosen: Sequence[int]) -> Array:
    """Weights under which the right subject wins: conditional logit, that of words given."""
    scale = np.concatenate(choices).std(axis=0)[:_WORDS] + 1e-9

    def loss(weights: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = 0.0, np.zeros(_WORDS), np.zeros((_WORDS, _WORDS))
        for features, right in zip(choices, chosen, strict=True):
            x = features[:, :_WORDS] / scale
            strength = x @ weights + WORDS_WEIGHT * features[:, _WORDS]
            share = np.exp(strength - strength.max())
            share /= share.sum()
            mean = share @ x
            value -= math.log(share[right] + 1e-300)
            gradient += mean - x[right]
            hessian += (x * share[:, None]).T @ x - np.outer(mean, mean)
        return value, gradient, hessian

    fitted = _minimum(loss, _WORDS, _RIDGE * len(choices)) / scale
    return np.append(fitted, WORDS_WEIGHT)


def _fit_support(features: Array, truth: Array, columns: Sequence[int]) -> tuple[Array, float]:
    """Weights per SUPPORT, of which only some count, and bias."""
    weights = np.zeros(len(SUPPORT))
    weights[columns], bias = _fit_logistic(features[:, columns], truth)
    return weights, bias


def _fit_logistic(features: Array, truth: Array) -> tuple[Array, float]:
    """Weights and bias of a logistic regression in which both classes weigh the same."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    x = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    cost = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))

    def loss(weights: Array) -> tuple[float, Array, Array]:
        logit = x @ weights
        guess = 1 / (1 + np.exp(-logit))
        value = float((cost * np.logaddexp(0, np.where(truth, -logit, logit))).sum())
        hessian = (x * (cost * guess * (1 - guess))[:, None]).T @ x
        return value, x.T @ (cost * (guess - truth)), hessian

    weights = _minimum(loss, x.shape[1], _RIDGE * len(x))
    fitted = weights[:-1] / scale
    return fitted, float(weights[-1] - fitted @ mean)


def _minimum(loss: Callable[[Array], tuple[float, Array, Array]], size: int, prior: float) -> Array:
    """Where ``loss`` (value, gradient, Hessian) plus a quadratic prior is least."""
    found = scipy.optimize.minimize(
        lambda at: loss(at)[0] + prior * float(at @ at) / 2,
        np.zeros(size),
        jac=lambda at: loss(at)[1] + prior * at,
        hess=lambda at: loss(at)[2] + prior * np.eye(size),
        method="trust-exact",
    )
    minimum: Array = found.x
    return minimum


def _supported_threshold(judged: Sequence[tuple[Sample, Judgement]]) -> float:
    """The lowest support at which enough of the unanswerable are declined."""
    others = [judgement.support for sample, judgement in judged if not sample.question.subjects]
    return float(np.quantile(others, DECLINED, method="higher")) + 1e-6


def _opening_threshold(judged: Sequence[tuple[Sample, Judgement]], supported: float) -> float:
    """The lowest score at which wrong openings are few enough."""
    tried = sorted({float(j.scores.max(initial=0.0)) for _, j in judged}, reverse=True)
    best = 1.0
    for threshold in tried:
        if _figures(judged, supported, threshold).wrong_openings > WRONG_OPENINGS:
            break
        best = threshold
    return best


def _figures(
    judged: Sequence[tuple[Sample, Judgement]], supported: float, opening: float
) -> Figures:
    answerable = [(s, j) for s, j in judged if s.question.subjects]
    others = [j for s, j in judged if not s.question.subjects]
    ranks = np.array([_rank(s, j) for s, j in answerable])
    opened = [
        (s, j) for s, j in judged if j.support >= supported and j.scores.max(initial=0) >= opening
    ]
    right = sum(j.order[0] in s.answers for s, j in opened)
    yes, no = np.array([j.support for _, j in answerable]), np.array([j.support for j in others])
    return Figures(
        questions=len(judged),
        recall_at_1=float((ranks < 1).mean()),
        recall_at_5=float((ranks < 5).mean()),
        auroc=float((yes[:, None] > no[None]).mean()),
        declined=float((no < supported).mean()),
        wrongly_declined=float((yes < supported).mean()),
        openings=right / len(answerable),
        wrong_openings=(len(opened) - right) / len(judged),
    )


def _rank(sample: Sample, judgement: Judgement) -> int:
    """Place of the first right subject, from 0."""
    found = np.flatnonzero(np.isin(judgement.order, sample.answers))
    return int(found[0]) if len(found) else len(judgement.order)


def _fold(question: Question) -> int:
    return digest(question.subjects[0] if question.subjects else question.text)[1] % _FOLDS


def render(calibration: Calibration, checked: tuple[Figures, Figures]) -> str:
    """The TOML file."""
    ranking = zip(EVIDENCE, calibration.ranking, strict=True)
    support = zip((*SUPPORT, "bias"), (*calibration.support, calibration.support_bias), strict=True)
    of_documents = calibration.support_of_documents
    return "\n".join(
        [
            "# How sure retrieval has to be. Written by `python -m eval.retrieval.calibrate`;",
            "# run it again when the corpus, outside.yaml or eval/questions change.",
            "#",
            "# All questions chose these. How it goes with questions never seen was measured by",
            "# letting each half of them be judged by what the other half alone had chosen:",
            *(f"# - {figures}." for figures in checked),
            "",
            "[thresholds]",
            "# Least probability that the corpus answers; below it the assistant declines.",
            f"supported = {calibration.supported:.4f}",
            "# Least probability that the best entry is the right one, to speak its opening.",
            f"opening = {calibration.opening:.4f}",
            "",
            "# Weight of each piece of evidence for a subject (cosines; the share of words).",
            "[ranking]",
            *(f"{name} = {value:.4f}" for name, value in ranking),
            f"words_of_documents = {calibration.words_of_documents:.4f}",
            "",
            "# Weights that turn nearness to the corpus into the probability of an answer.",
            "[support]",
            *(f"{name} = {value:.4f}" for name, value in support),
            "",
            "# The same for documents, whose passages stand for the questions they do not have.",
            "[support_of_documents]",
            *(f"{SUPPORT[i]} = {of_documents[i]:.4f}" for i in _OF_DOCUMENTS),
            f"bias = {calibration.support_of_documents_bias:.4f}",
            "",
        ]
    )


#: Fitting needs the evidence alone; nothing is judged with these.
_UNFITTED = Calibration(
    np.zeros(len(EVIDENCE)), 0.0, np.zeros(len(SUPPORT)), 0.0, np.zeros(len(SUPPORT)), 0.0, 0.5, 1.0
)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args(argv)
    workshop = Workshop.of(Settings())
    own, questions = own_set(workshop), load_questions()
    samples = collect(own.retriever(workshop.embedder, _UNFITTED), questions)
    checked = cross_check(samples)
    calibration = Calibration.load() if arguments.check else calibrate(samples)
    print(f"cross-check: {checked[0]}\n             {checked[1]}")
    print(f"in use:      {measure(samples, calibration)}")
    if not arguments.check:
        calibration = with_parts(calibration, samples, _about_parts(workshop, own, questions))
        calibration = with_documents(calibration, *_about_documents(workshop))
        beside = THRESHOLDS.with_suffix(".tmp")
        beside.write_text(render(calibration, checked), encoding="utf-8")
        beside.replace(THRESHOLDS)


def _about_parts(
    workshop: Workshop, own: RetrievalSet, questions: Sequence[Question]
) -> list[Sample]:
    """What parts of the corpus say: an operator may begin with six entries."""
    samples: list[Sample] = []
    unanswerable = [question for question in questions if not question.subjects]
    for subjects in _SUBJECTS_OF_A_PART:
        parts = list(corpora_of(own, workshop, subjects))
        for number, part in enumerate(parts):
            answered = {query.text for query in part.queries}
            asked = [question for question in questions if question.text in answered]
            retriever = part.retriever(workshop.embedder, _UNFITTED)
            samples += collect(retriever, [*asked, *unanswerable[number :: len(parts)]])
    return samples


def _about_documents(workshop: Workshop) -> tuple[list[Evidence], list[Evidence]]:
    """What shelves of documents say about questions they answer, and about what nothing does.

    A customer may have one document or hundreds: the nearest of many is near by chance.
    """
    manuals = rtc_docs(workshop, MANUALS)
    answered: list[Evidence] = []
    unanswered: list[Evidence] = []
    unanswerable = [question for question in load_questions() if not question.subjects]
    for shelves in (
        [manuals],
        *(list(shelves_of(manuals, workshop, documents)) for documents in _DOCUMENTS_OF_A_SHELF),
    ):
        for number, shelf in enumerate(shelves):
            retriever = shelf.retriever(workshop.embedder, _UNFITTED)
            for asked, into in (
                (shelf.queries, answered),
                (unanswerable[number :: len(shelves)], unanswered),
            ):
                into += [retriever.evidence(q.text, q.language, {})[0] for q in asked]
    return answered, unanswered


if __name__ == "__main__":
    main()
