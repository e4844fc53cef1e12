"""Ranking: a question in, the passages that answer it out, with how sure that is.

A logistic model turns the evidence of all shelves (`evidence.py`) into probabilities: which subject
answers, and whether any does. Its weights and the two thresholds are measured
(`eval/retrieval/calibrate.py`) and lie in `thresholds.toml`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from common.languages import HAN_CHARACTER, Language, language_of
from knowledge.contract import Opening, Passage, Retrieval
from knowledge.documents.sections import document_of
from knowledge.entries.vocabulary import Vocabulary
from knowledge.search.calibration import Calibration
from knowledge.search.embedding import E5Model, Embedder
from knowledge.search.evidence import Array, Clock, Evidence, Shelf, evidence_of, subject_of

#: More passages than these say the same in other words.
_SECTIONS_OF_A_DOCUMENT = 2

#: A question of at most so many words (Han characters count half) leans on the one before it.
FOLLOW_UP_WORDS = 7
#: What the two together find must be among so many of the question alone: else the question before
#: has drowned it ("My token expired." … "And how does cloud recording work?").
_RELATED = 50


@dataclass(frozen=True)
class Judgement:
    """The evidence of all shelves, weighed; its subjects stand one behind the other."""

    order: npt.NDArray[np.intp]
    """Subjects, best first."""
    scores: Array
    """Per subject, the probability that it is the one that answers."""
    support: float
    """Probability that the best can answer."""

    @property
    def best(self) -> float:
        """Score of the best; 0 where there is none."""
        return float(self.scores.max(initial=0.0))


@dataclass(frozen=True)
class _Chosen:
    """A passage to be given: on which shelf it is, whose it is, how sure that is."""

    shelf: int
    entry_id: str
    passage_id: str
    score: float


class Retriever:
    """Searches some shelves. Blocks: call it in a thread; safe to use from several."""

    def __init__(
        self,
        shelves: Sequence[Shelf],
        embedder: Embedder,
        encoder: E5Model,
        calibration: Calibration,
        vocabulary: Vocabulary,
    ) -> None:
        # A second thread would be waited for in products this small: once in twenty, 8 ms.
        threadpool_limits(1, user_api="blas")
        self._shelves = shelves
        self._embedder = embedder
        self._encoder = encoder
        self._calibration = calibration
        self._vocabulary = vocabulary

    def search(
        self,
        query: str,
        language: Language | None = None,
        k: int = 5,
        before: Sequence[str] = (),
    ) -> Retrieval:
        """The ``k`` best passages for ``query``.

        ``before`` is what the customer has said in the call until then. A short follow-up ("那印尼
        呢?") is also tried joined to the last of it, and the surer of the two counts, unless the
        question before drowns it. Of scenario, region and platform counts what was named last.
        Raises SetupError when the embedding model is away.
        """
        timings_ms: dict[str, float] = {}
        total = Clock(timings_ms)
        language = language or language_of(query)
        found = self.evidence(query, language, timings_ms, before)
        judged = judge(found, self._calibration)
        if before and _words(query) <= FOLLOW_UP_WORDS:
            both = self.evidence(f"{before[-1]} {query}", language, timings_ms, before)
            judged_both = judge(both, self._calibration)
            if judged_both.best > judged.best and (
                _best_of(both, judged_both, 1) <= _best_of(found, judged, _RELATED)
            ):
                found, judged = both, judged_both
        passages, supported, opening = self._retrieval(found, judged, language, k)
        total.lap("total")
        return Retrieval(
            passages, supported, opening, {name: round(ms, 1) for name, ms in timings_ms.items()}
        )

    def evidence(
        self,
        query: str,
        language: Language,
        timings_ms: dict[str, float],
        before: Sequence[str] = (),
    ) -> tuple[Evidence, ...]:
        """All that each shelf says about a question; adds to ``timings_ms``."""
        clock = Clock(timings_ms)
        (embedded,) = self._embedder.embed([query], "query")
        states = self._encoder.states(query, "query")
        clock.lap("embedding")
        situation: dict[str, frozenset[str]] = {}
        for said in (*before, query):
            situation |= self._vocabulary.named_in(said)
        return tuple(
            evidence_of(shelf, query, embedded, states, language, situation, timings_ms)
            for shelf in self._shelves
        )

    def _retrieval(
        self, evidence: Sequence[Evidence], judgement: Judgement, language: Language, k: int
    ) -> tuple[tuple[Passage, ...], bool, Opening | None]:
        chosen = self._chosen(evidence, judgement, k)
        texts = {
            number: shelf.index.passages([one.passage_id for one in chosen if one.shelf == number])
            for number, shelf in enumerate(self._shelves)
        }
        passages: list[Passage] = []
        for one in chosen:
            found = texts[one.shelf][one.passage_id]
            passages.append(
                Passage(
                    entry_id=one.entry_id,
                    title=found.title,
                    language=found.language,
                    section=found.section,
                    text=found.text,
                    version=found.version,
                    score=round(one.score, 4),
                )
            )
        supported = bool(passages) and judgement.support >= self._calibration.supported
        opening = None
        if supported and chosen[0].score >= self._calibration.opening:
            best = passages[0]
            approved = self._shelves[chosen[0].shelf].openings.get((best.entry_id, best.version))
            if approved and best.language == language:
                opening = Opening(best.entry_id, approved)
        return tuple(passages), supported, opening

    def _chosen(self, evidence: Sequence[Evidence], judgement: Judgement, k: int) -> list[_Chosen]:
        """The best ``k``, of which only few are of one document."""
        rows = [
            (number, found.passage_ids.get(entry_id, f"{entry_id}#0"), entry_id)
            for number, found in enumerate(evidence)
            for entry_id in found.entry_ids
        ]
        chosen: list[_Chosen] = []
        told = Counter[str]()
        for row in judgement.order.tolist():
            shelf, passage_id, entry_id = rows[row]
            document = document_of(entry_id)
            if told[document] < _SECTIONS_OF_A_DOCUMENT:
                told[document] += 1
                score = float(judgement.scores[row])
                chosen.append(_Chosen(shelf, entry_id, passage_id, score))
            if len(chosen) == k:
                break
        return chosen


def _best_of(evidence: Sequence[Evidence], judgement: Judgement, count: int) -> set[str]:
    """The best so many subjects, whatever language their entry is in."""
    ids = [entry_id for found in evidence for entry_id in found.entry_ids]
    return {subject_of(ids[row]) for row in judgement.order[:count].tolist()}


def judge(evidence: Sequence[Evidence], calibration: Calibration) -> Judgement:
    """Weigh the evidence of all shelves: which subject, and whether any.

    Each shelf says how likely it can answer, and which of its subjects does. The strengths of
    subjects on two shelves are not compared: they have other texts to be near to.
    """
    support = np.array([_support(found, calibration) for found in evidence])
    scores = [
        _shares(found, calibration) * can for found, can in zip(evidence, support, strict=True)
    ]
    together = np.concatenate(scores)
    order = np.argsort(-together, kind="stable")
    if not len(order):
        return Judgement(order, together, 0.0)
    shelf_of = np.repeat(np.arange(len(scores)), [len(of_one) for of_one in scores])
    return Judgement(order, together, float(support[shelf_of[order[0]]]))


def _shares(found: Evidence, calibration: Calibration) -> Array:
    """Per subject, the probability that it is the one of this shelf."""
    strength = found.features @ _ranking(found, calibration)
    share: Array = np.exp(strength - strength.max(initial=-np.inf))
    share /= share.sum()
    return share


def _ranking(found: Evidence, calibration: Calibration) -> Array:
    if not found.of_documents:
        return calibration.ranking
    return np.append(calibration.ranking[:-1], calibration.words_of_documents)


def _support(found: Evidence, calibration: Calibration) -> float:
    if found.of_documents:
        weights, bias = calibration.support_of_documents, calibration.support_of_documents_bias
    else:
        weights, bias = calibration.support, calibration.support_bias
    return 1 / (1 + math.exp(-float(found.nearness @ weights) - bias))


def _words(text: str) -> float:
    """Length in English words; a Mandarin word has about two characters."""
    return len(re.findall(r"[A-Za-z0-9]+", text)) + len(HAN_CHARACTER.findall(text)) / 2
