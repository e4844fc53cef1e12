"""Evidence: a question and a shelf in, what speaks for each of its entries out.

Entries are judged by *subject*: an entry and its translation (zh/billing, en/billing) are one, and
both testify. The evidence for a subject is how similar the question is to its passages and to the
ways customers ask for it, in the language of the question and in the other, whether it is for
the scenario, region and platform that the customer named, and which share of the question's words
it has; words testify in their own language only. The likeliest entries are then compared with the
question word by word (`late_interaction.py`).
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from common.languages import LANGUAGES, Language
from knowledge.entries.vocabulary import Values
from knowledge.search.embedding import States
from knowledge.search.index import Index, expected_extreme
from knowledge.search.late_interaction import LateInteraction, Question
from knowledge.search.texts import Collected, Kind, entry_of

Array = npt.NDArray[np.float64]
#: Ids of the nearest texts and their cosines, nearest first.
Nearest = Mapping[Collected, Sequence[tuple[str, float]]]

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

#: What each piece of EVIDENCE weighs in the first stage, which chooses the entries to be compared:
#: about as much as was measured for the second.
_FIRST: Final = (0.2, 1.0, 0.4, 0.7, 0.1, 0.0, 0.6)
_COVERAGE: Final = EVIDENCE.index("coverage")
_TOLD: Final = SUPPORT.index("told")
_UNTOLD: Final = SUPPORT.index("untold")
#: How many are compared. Of the others one knows that they speak of no more than the last of these.
_COMPARED: Final = 12
#: Questions outside that together say what nothing answers.
_COMPARED_OUTSIDE: Final = 20

#: Softness of the maximum over the texts of an entry, in cosine: what several of its texts say
#: counts for more than one lucky hit. 0 would be the maximum, infinity the mean.
_SOFTNESS: Final[dict[Kind, float]] = {"passages": 0.1, "questions": 0.05}
#: Nearest texts whose mean is the nearness of a collection: two of a small one. Of thousands of
#: ways of asking ten say more together; of documents one or two sections answer, of however many.
_NEAREST = 2
_NEAREST_OF_MANY = 10
#: One in so many counts as near.
_MANY = 100


@dataclass(frozen=True)
class Shelf:
    """An index, and what is known of its entries."""

    index: Index
    openings: Mapping[tuple[str, int], str]
    """Approved, by entry and version: what was approved for another one may not be true of this."""
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


def evidence_of(
    shelf: Shelf,
    query: str,
    embedded: Sequence[float],
    states: States,
    language: Language,
    situation: Values,
    timings_ms: dict[str, float],
) -> Evidence:
    """What a shelf says about a question as it is written, embedded and understood.

    Adds to ``timings_ms``.
    """
    clock = Clock(timings_ms)
    index = shelf.index
    vector = index.centred(embedded, language)
    near = index.neighbours(vector)
    clock.lap("vectors")
    words = index.word_scores(language, query)
    clock.lap("words")
    weighed = _weigh(shelf, language, near, words, situation)
    clock.lap("weighing")
    if index.late_interaction:
        question = index.late_interaction.question(states, language)
        outside = [text_id for text_id, _ in near["outside", language][:_COMPARED_OUTSIDE]]
        weighed = _with_coverage(weighed, index.late_interaction, question, outside)
        clock.lap("late_interaction")
    return weighed


def _with_coverage(
    found: Evidence, late: LateInteraction, question: Question, outside: Sequence[str]
) -> Evidence:
    """With how much of the question the likeliest entries speak of."""
    likeliest = np.argsort(-(found.features @ _FIRST))[:_COMPARED].tolist()
    if not likeliest:
        return found
    nearest = [late.nearest(question, [found.entry_ids[row]]) for row in likeliest]
    covered = [float(pieces @ question.weights) for pieces in nearest]
    found.features[:, _COVERAGE] = min(covered)
    found.features[likeliest, _COVERAGE] = covered
    beyond = nearest[int(np.argmax(covered))] - late.nearest(question, outside)
    found.nearness[_TOLD] = np.maximum(beyond, 0) @ question.weights
    found.nearness[_UNTOLD] = np.maximum(-beyond, 0) @ question.weights
    return found


def _weigh(
    shelf: Shelf,
    language: Language,
    near: Nearest,
    words: Mapping[str, float],
    situation: Values,
) -> Evidence:
    index = shelf.index
    other: Language = "en" if language == "zh" else "zh"
    entries = {
        entry_of(text_id)
        for kind in _SOFTNESS
        for lang in LANGUAGES
        for text_id, _ in near[kind, lang]
    }
    subjects = sorted({subject_of(entry_id) for entry_id in (*entries, *words)})
    columns = _columns(index, near, language, other)
    rows = [
        [
            *(_testimony(witnesses, subject) for witnesses in columns),
            _meant(shelf, f"{language}/{subject}", f"{other}/{subject}", situation),
            0.0,
            words.get(f"{language}/{subject}", 0.0),
        ]
        for subject in subjects
    ]
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


def _columns(
    index: Index, near: Nearest, language: Language, other: Language
) -> list[list[_Witness]]:
    """For each similarity of EVIDENCE who may testify, in turn: what has no texts does not."""
    similarity = {
        (kind, lang): _Similarity(near[kind, lang], index.texts_of[kind], softness)
        for kind, softness in _SOFTNESS.items()
        for lang in LANGUAGES
    }
    return [
        [(lang, similarity[k, lang]) for k, lang in _witnesses(kind, *spoken) if near[k, lang]]
        for spoken in ((language, other), (other, language))
        for kind in _SOFTNESS
    ]


def _testimony(witnesses: Sequence[_Witness], subject: str) -> float:
    """What the first says who has texts of the subject."""
    heard = (similarity.to(f"{lang}/{subject}") for lang, similarity in witnesses)
    return next((value for value in heard if value is not None), 0.0)


def _meant(shelf: Shelf, entry_id: str, translation: str, situation: Values) -> int:
    """In how many fields a subject is for what the customer named.

    That it is for something else was tried as evidence against it, and weighed nothing.
    """
    own = shelf.situations.get(entry_id) or shelf.situations.get(translation) or {}
    return sum(bool(own[field] & named) for field, named in situation.items() if field in own)


def _nearness(
    index: Index,
    near: Nearest,
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


#: A language, and the similarity of its texts of a kind.
_Witness = tuple[Language, _Similarity]


class Clock:
    """Adds the time between laps to named sums, milliseconds."""

    def __init__(self, timings_ms: dict[str, float]) -> None:
        self._timings_ms = timings_ms
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._timings_ms[name] = self._timings_ms.get(name, 0.0) + (now - self._last) * 1000
        self._last = now


def subject_of(entry_id: str) -> str:
    """What an entry and its translation have in common."""
    return entry_id.split("/", 1)[1]
