"""Retrieval: a question in, the passages that answer it out, with how sure that is.

Entries are ranked by *subject*: an entry and its translation (zh/billing, en/billing) are one, and
both testify. The evidence for a subject is how similar the question is to its passages and to the
ways customers ask for it, in the language of the question and in the other, whether it is for
the scenario, region and platform that the customer named, and which share of the question's words
it has; words testify in their own language only. The likeliest entries are then read, piece by
piece (`late_interaction.py`). A logistic model turns evidence into probabilities; its weights and
the two thresholds are measured (`eval/retrieval/calibrate.py`) and lie in `thresholds.toml`.
"""

from __future__ import annotations

import math
import re
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from common.errors import SetupError
from common.languages import HAN_CHARACTER, LANGUAGES, Language, language_of
from knowledge.contract import Opening, Passage, Retrieval
from knowledge.documents.sections import document_of
from knowledge.entries.vocabulary import Values, Vocabulary
from knowledge.search.embedding import E5Model, Embedder, States
from knowledge.search.index import Collected, Index, Kind, entry_of, expected_extreme
from knowledge.search.late_interaction import Question, Reading

Array = npt.NDArray[np.float64]

#: What is known of each subject.
EVIDENCE: Final = (
    *("passages", "questions", "other_passages", "other_questions"),
    *("situation", "coverage", "words"),
)
#: What decides whether the corpus answers at all: how much nearer the question is to what it holds
#: than to the questions that nothing answers (`outside.yaml`), how near it is to those, which share
#: of its words the best entry has, how much of it the best entry speaks of and those questions do
#: not, how much they do and it does not, and how near the nearest of so many passages is by chance.
SUPPORT: Final = (
    *("passages", "questions", "other_questions", "outside"),
    *("words", "told", "untold", "size"),
)

#: What each piece of EVIDENCE weighs in the first stage, which chooses the entries to be read:
#: about as much as was measured for the second.
_FIRST: Final = (0.2, 1.0, 0.4, 0.7, 0.1, 0.0, 0.6)
_COVERAGE: Final = EVIDENCE.index("coverage")
_TOLD: Final = SUPPORT.index("told")
_UNTOLD: Final = SUPPORT.index("untold")
#: How many are read. Of the others one knows that they speak of no more than the last of these.
_READ: Final = 12
#: Questions outside that together say what nothing answers.
_READ_OUTSIDE: Final = 20

#: Softness of the maximum over the texts of an entry, in cosine: what several of its texts say
#: counts for more than one lucky hit. 0 would be the maximum, infinity the mean.
_SOFTNESS: Final[dict[Kind, float]] = {"passages": 0.1, "questions": 0.05}
#: Nearest texts whose mean is the nearness of a collection: two of a small one. Of thousands of
#: ways of asking ten say more together; of documents one or two sections answer, of however many.
_NEAREST = 2
_NEAREST_OF_MANY = 10
#: One in so many counts as near.
_MANY = 100

#: More passages than these say the same in other words.
_SECTIONS_OF_A_DOCUMENT = 2

#: A question of at most so many words (Han characters count half) leans on the one before it.
FOLLOW_UP_WORDS = 7
#: What the two together find must be among so many of the question alone: else the question before
#: has drowned it ("My token expired." … "And how does cloud recording work?").
_RELATED = 50

#: Weights and thresholds as measured.
THRESHOLDS: Final = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True)
class Calibration:
    """Measured weights and thresholds."""

    ranking: Array
    """Weight per EVIDENCE."""
    words_of_documents: float
    """Weight of words where nobody has written down how customers ask."""
    support: Array
    """Weight per SUPPORT."""
    support_bias: float
    support_of_documents: Array
    """The same for documents: nobody has written down how customers ask for them."""
    support_of_documents_bias: float
    supported: float
    """Least probability of support at which we answer."""
    opening: float
    """Least score at which the opening is spoken."""

    @classmethod
    def load(cls, path: Path = THRESHOLDS) -> Calibration:
        """Read the file that `eval/retrieval/calibrate.py` writes."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(
                ranking=np.array([values["ranking"][name] for name in EVIDENCE]),
                words_of_documents=values["ranking"]["words_of_documents"],
                support=np.array([values["support"][name] for name in SUPPORT]),
                support_bias=values["support"]["bias"],
                support_of_documents=np.array(
                    [values["support_of_documents"].get(name, 0.0) for name in SUPPORT]
                ),
                support_of_documents_bias=values["support_of_documents"]["bias"],
                supported=values["thresholds"]["supported"],
                opening=values["thresholds"]["opening"],
            )
        except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
            raise SetupError(
                f"{path} cannot be used ({error!r}).",
                "Restore it, or write it with `python -m eval.retrieval.calibrate`.",
            ) from error


@dataclass(frozen=True)
class Shelf:
    """An index, and what is known of its entries."""

    index: Index
    openings: Mapping[tuple[str, int], str]
    """Approved, by entry and version: what was approved for another one may not be true of this."""
    versions: Mapping[str, int]
    """Of entries whose passages do not say it."""
    situations: Mapping[str, Values]
    """What entries are for, where it is not everything."""


@dataclass(frozen=True)
class Evidence:
    """What one index says about one question."""

    entry_ids: tuple[str, ...]
    """One per subject: the entry in the question's language, or else in the other."""
    features: Array
    """One row per subject, one column per EVIDENCE."""
    of_documents: bool
    """Whether no entry has ways of asking."""
    nearness: Array
    """The values of SUPPORT."""
    passage_ids: dict[str, str]
    """The nearest passage of each entry."""


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
        reader: E5Model,
        calibration: Calibration,
        vocabulary: Vocabulary,
    ) -> None:
        # A second thread would be waited for in products this small: once in twenty, 8 ms.
        threadpool_limits(1, user_api="blas")
        self._shelves = shelves
        self._embedder = embedder
        self._reader = reader
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
        total = _Clock(timings_ms)
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
        clock = _Clock(timings_ms)
        (embedded,) = self._embedder.embed([query], "query")
        states = self._reader.states(query, "query")
        clock.lap("embedding")
        situation: dict[str, frozenset[str]] = {}
        for said in (*before, query):
            situation |= self._vocabulary.named_in(said)
        return tuple(
            _evidence_of(shelf, query, embedded, states, language, situation, timings_ms)
            for shelf in self._shelves
        )

    def _retrieval(
        self, evidence: Sequence[Evidence], judgement: Judgement, language: Language, k: int
    ) -> tuple[tuple[Passage, ...], bool, Opening | None]:
        chosen = self._chosen(evidence, judgement, k)
        documents = {
            number: shelf.index.passages([one.passage_id for one in chosen if one.shelf == number])
            for number, shelf in enumerate(self._shelves)
        }
        passages: list[Passage] = []
        for one in chosen:
            metadata = documents[one.shelf][one.passage_id].metadata
            version = metadata.get("version") or self._shelves[one.shelf].versions.get(one.entry_id)
            passages.append(
                Passage(
                    entry_id=one.entry_id,
                    title=metadata["title"],
                    language=metadata["language"],
                    section=metadata["section"],
                    text=metadata["text"],
                    version=version or 1,
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
    return {_subject(ids[row]) for row in judgement.order[:count].tolist()}


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


def _evidence_of(
    shelf: Shelf,
    query: str,
    embedded: Sequence[float],
    states: States,
    language: Language,
    situation: Values,
    timings_ms: dict[str, float],
) -> Evidence:
    clock = _Clock(timings_ms)
    index = shelf.index
    vector = index.centred(embedded, language)
    near = index.neighbours(vector)
    clock.lap("vectors")
    words = index.word_scores(language, query)
    clock.lap("words")
    weighed = _weigh(shelf, language, near, words, situation)
    clock.lap("weighing")
    if index.reading:
        question = index.reading.question(states, language)
        outside = [text_id for text_id, _ in near["outside", language][:_READ_OUTSIDE]]
        weighed = _with_coverage(weighed, index.reading, question, outside)
        clock.lap("reading")
    return weighed


def _with_coverage(
    found: Evidence, reading: Reading, question: Question, outside: Sequence[str]
) -> Evidence:
    """The likeliest entries, read."""
    read = np.argsort(-(found.features @ _FIRST))[:_READ].tolist()
    if not read:
        return found
    nearest = [reading.nearest(question, [found.entry_ids[row]]) for row in read]
    covered = [float(pieces @ question.weights) for pieces in nearest]
    found.features[:, _COVERAGE] = min(covered)
    found.features[read, _COVERAGE] = covered
    beyond = nearest[int(np.argmax(covered))] - reading.nearest(question, outside)
    found.nearness[_TOLD] = np.maximum(beyond, 0) @ question.weights
    found.nearness[_UNTOLD] = np.maximum(-beyond, 0) @ question.weights
    return found


def _weigh(
    shelf: Shelf,
    language: Language,
    near: dict[Collected, list[tuple[str, float]]],
    words: dict[str, float],
    situation: Values,
) -> Evidence:
    index = shelf.index
    other: Language = "en" if language == "zh" else "zh"
    similarity = {
        (kind, lang): _Similarity(near[kind, lang], index.texts_of[kind], _SOFTNESS[kind])
        for kind in _SOFTNESS
        for lang in LANGUAGES
    }
    entries = {
        entry_of(text_id)
        for kind in _SOFTNESS
        for lang in LANGUAGES
        for text_id, _ in near[kind, lang]
    }
    subjects = sorted({_subject(entry_id) for entry_id in (*entries, *words)})
    # Per column those who may testify: what has no texts never does.
    columns = [
        [(lang, similarity[k, lang]) for k, lang in _witnesses(kind, *spoken) if near[k, lang]]
        for spoken in ((language, other), (other, language))
        for kind in _SOFTNESS
    ]
    rows: list[list[float]] = []
    for subject in subjects:
        testimony: list[float] = []
        for witnesses in columns:
            heard = (witness.to(f"{lang}/{subject}") for lang, witness in witnesses)
            testimony.append(next((value for value in heard if value is not None), 0.0))
        meant = _meant(shelf, f"{language}/{subject}", f"{other}/{subject}", situation)
        rows.append([*testimony, meant, 0.0, words.get(f"{language}/{subject}", 0.0)])
    nearest_first = [text_id for lang in (language, other) for text_id, _ in near["passages", lang]]
    return Evidence(
        entry_ids=tuple(
            f"{language if index.has(f'{language}/{subject}') else other}/{subject}"
            for subject in subjects
        ),
        features=np.array(rows, np.float64).reshape(-1, len(EVIDENCE)),
        of_documents=not index.texts_of["questions"],
        nearness=_nearness(index, near, language, other, words),
        passage_ids={entry_of(text_id): text_id for text_id in reversed(nearest_first)},
    )


def _meant(shelf: Shelf, entry_id: str, translation: str, situation: Values) -> int:
    """In how many fields a subject is for what the customer named.

    That it is for something else was tried as evidence against it, and weighed nothing.
    """
    own = shelf.situations.get(entry_id) or shelf.situations.get(translation) or {}
    return sum(bool(own[field] & named) for field, named in situation.items() if field in own)


def _nearness(
    index: Index,
    near: Mapping[Collected, Sequence[tuple[str, float]]],
    language: Language,
    other: Language,
    words: Mapping[str, float],
) -> Array:
    """The values of SUPPORT; a language without entries leaves its say to the other one."""

    def mean(kind: Kind, lang: Language, count: int) -> float:
        nearest = [value for _, value in near[kind, lang][:count]]
        return sum(nearest) / max(1, len(nearest))

    def beyond_outside(kind: Kind, first: Language, second: Language) -> float:
        for speaking, lang in _witnesses(kind, first, second):
            if near[speaking, lang]:
                count = _NEAREST
                if speaking == "questions":
                    count = min(max(count, index.size(speaking, lang) // _MANY), _NEAREST_OF_MANY)
                return mean(speaking, lang, count) - mean("outside", lang, count)
        return -1.0

    return np.array(
        [
            beyond_outside("passages", language, other),
            beyond_outside("questions", language, other),
            beyond_outside("questions", other, language),
            max((value for _, value in near["outside", language]), default=0.0),
            max(words.values(), default=0.0),
            *(0.0, 0.0),
            expected_extreme(index.size("passages", language) or index.size("passages", other)),
        ]
    )


def _witnesses(kind: Kind, first: Language, second: Language) -> tuple[Collected, ...]:
    """Who is asked in turn: for what has no such texts, those it has speak."""
    return (kind, first), (kind, second), ("passages", first), ("passages", second)


class _Similarity:
    """Cosine similarity of one question to entries, by the nearest texts of one kind."""

    def __init__(
        self, nearest: Sequence[tuple[str, float]], texts_of: Mapping[str, int], softness: float
    ) -> None:
        self._texts_of = texts_of
        self._softness = softness
        #: A text that is not among the nearest is at most as near as the last of them.
        self._floor = nearest[-1][1] if nearest else 0.0
        self._least = math.exp(self._floor / softness)
        self._by_entry: dict[str, list[float]] = defaultdict(list)
        for text_id, value in nearest:
            self._by_entry[entry_of(text_id)].append(math.exp(value / softness))

    def to(self, entry_id: str) -> float | None:
        """Soft maximum over the entry's texts; None when it has none."""
        count = self._texts_of.get(entry_id, 0)
        if not count:
            return None
        found = self._by_entry.get(entry_id)
        if found is None:
            return self._floor
        total = sum(found) + self._least * (count - len(found))
        return self._softness * math.log(total / count)


class _Clock:
    """Adds the time between laps to named sums, milliseconds."""

    def __init__(self, timings_ms: dict[str, float]) -> None:
        self._timings_ms = timings_ms
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._timings_ms[name] = self._timings_ms.get(name, 0.0) + (now - self._last) * 1000
        self._last = now


def _subject(entry_id: str) -> str:
    return entry_id.split("/", 1)[1]


def _words(text: str) -> float:
    """Length in English words; a Mandarin word has about two characters."""
    return len(re.findall(r"[A-Za-z0-9]+", text)) + len(HAN_CHARACTER.findall(text)) / 2
