"""`make eval-retrieval`: what retrieval finds, beside vectors alone and words alone.

Each set of `eval/retrieval/sets.py` is searched by

- **ours**: `knowledge.search.ranking`, as calls use it;
- **dense**: the cosine of the question to every text as the model gives it, the nearest counts;
- **BM25**: our word index, in the language of the question where it has texts in that;
- **RRF**: the ranks of the two before joined (reciprocal rank fusion, Cormack et al. 2009, k = 60).

Openings and declining are judged with questions that their thresholds were not chosen on: each half
by what the other half chose (`eval/retrieval/calibrate.py`). Times are of whole searches of the
corpus, one after the other. "together" searches the corpus and the manuals at once. The last line
of stdout is JSON, a page is written beside it.

`DATA=DIR`, with `corpus.jsonl` and `queries.jsonl`, measures that folder alone.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from agent.cli.output import err, print_json
from agent.settings import Settings
from common.languages import LANGUAGES
from eval.report import write_report
from eval.retrieval.asked import load_questions
from eval.retrieval.calibrate import Sample, collect, cross_check
from eval.retrieval.scores import Ranked, Ranking, score
from eval.retrieval.sets import (
    MANUALS,
    PUBLIC_SET,
    Query,
    RetrievalSet,
    Workshop,
    folder_set,
    own_set,
    rtc_docs,
    variants_of,
)
from knowledge.entries.vocabulary import Vocabulary
from knowledge.search.calibration import Calibration
from knowledge.search.embedding import E5Model
from knowledge.search.ranking import Retriever, judge
from knowledge.search.vectors import KnownVectors

_RRF_K = 60
#: Texts between two lines about embedding.
_TOLD = 800

#: Answers a question with units, best first.
Ranker = Callable[[Query], Sequence[str]]


@dataclass(frozen=True)
class Measured:
    """A set, and how each ranker answered its questions, in their order."""

    queries: Sequence[Query]
    answers: Mapping[str, Sequence[Ranked]]

    def rankings(self) -> Iterator[tuple[str, str, Ranking]]:
        """Ranker, language or "", and figures; by language where there are both."""
        spoken = [one for one in LANGUAGES if any(q.language == one for q in self.queries)]
        for ranker, answers in self.answers.items():
            yield ranker, "", score(answers)
            for language in spoken if len(spoken) > 1 else ():
                mine = zip(self.queries, answers, strict=True)
                yield ranker, language, score([a for q, a in mine if q.language == language])


def ours(found: RetrievalSet, retriever: Retriever, calibration: Calibration) -> Ranker:
    """As calls search."""

    def rank(query: Query) -> list[str]:
        evidence = retriever.evidence(query.text, query.language, {})
        ids = [entry_id for one in evidence for entry_id in one.entry_ids]
        order = judge(evidence, calibration).order.tolist()
        return list(dict.fromkeys(found.unit_of(ids[row]) for row in order))

    return rank


def dense(found: RetrievalSet, embedder: E5Model) -> Ranker:
    """By the nearest text alone, all of them compared."""
    units = [found.unit_of(entry_id) for entry_id, _ in found.indexed]
    with closing(KnownVectors(found.place.vectors, found.place.folder.name, embedder, 1)) as known:
        vectors = known.of(text for _, text in found.indexed)

    def rank(query: Query) -> list[str]:
        (embedded,) = embedder.embed([query.text], "query")
        nearness = vectors @ np.array(embedded, np.float32)
        return list(dict.fromkeys(units[row] for row in np.argsort(-nearness).tolist()))

    return rank


def words(found: RetrievalSet) -> Ranker:
    """By words alone."""

    def rank(query: Query) -> list[str]:
        languages = found.index.languages
        language = query.language if query.language in languages else languages[0]
        scores = found.index.word_scores(language, query.text)
        best = sorted(scores, key=lambda entry_id: -scores[entry_id])
        return list(dict.fromkeys(found.unit_of(entry_id) for entry_id in best))

    return rank


def fused(first: Ranker, second: Ranker) -> Ranker:
    """By the sum of reciprocal ranks."""

    def rank(query: Query) -> list[str]:
        scores: dict[str, float] = defaultdict(float)
        for ranker in (first, second):
            for place, unit in enumerate(ranker(query), 1):
                scores[unit] += 1 / (_RRF_K + place)
        return sorted(scores, key=lambda unit: -scores[unit])

    return rank


def measure(found: RetrievalSet, embedder: E5Model, calibration: Calibration) -> Measured:
    """All rankers on all questions of a set."""
    err.print(f"{found.name}: {len(found.queries)} questions", highlight=False)
    retriever = found.retriever(embedder, calibration)
    by_vectors, by_words = dense(found, embedder), words(found)
    rankers = {
        "ours": ours(found, retriever, calibration),
        "dense": by_vectors,
        "bm25": by_words,
        "rrf": fused(by_vectors, by_words),
    }
    return Measured(
        found.queries,
        {
            name: [Ranked(rank(query), query.relevant) for query in found.queries]
            for name, rank in rankers.items()
        },
    )


def search_times(retriever: Retriever, queries: Iterable[Query]) -> list[float]:
    """Milliseconds of each whole search."""
    return [retriever.search(query.text, query.language).timings_ms["total"] for query in queries]


def answerable(samples: Sequence[Sample]) -> dict[str, Any]:
    """What is declined and which openings are spoken, on questions held back."""
    halves = cross_check(samples)

    def mean(name: str) -> float:
        return float(round(sum(getattr(half, name) for half in halves) / len(halves), 4))

    return {
        "opening": {"share": mean("openings"), "wrong": mean("wrong_openings")},
        "decline": {
            "auroc": mean("auroc"),
            "unanswerable": mean("declined"),
            "answerable": mean("wrongly_declined"),
        },
    }


def together(
    own: RetrievalSet, manuals: RetrievalSet, embedder: E5Model, calibration: Calibration
) -> dict[str, dict[str, float]]:
    """Both searched at once, as for a customer with documents of its own: neither hides the other.

    For the questions on each: whether the first five have the answer, and whether one is given.
    """
    retriever = Retriever(
        [own.shelf(), manuals.shelf()], embedder, embedder, calibration, Vocabulary.load()
    )
    figures = {}
    for found in (own, manuals):
        searched = [(q, retriever.search(q.text, q.language)) for q in found.queries]
        right = [
            any(found.unit_of(passage.entry_id) in query.relevant for passage in result.passages)
            for query, result in searched
        ]
        supported = [result.supported for _, result in searched]
        figures[found.name] = {
            "recall_at_5": round(sum(right) / len(right), 3),
            "supported": round(sum(supported) / len(supported), 3),
        }
    return figures


# The report


def summary(measured: Mapping[str, Measured]) -> dict[str, dict[str, float]]:
    """Figures by set, and by set and ranker for the other two."""
    return {
        _key(name, ranker): ranking.rounded()
        for name, one in measured.items()
        for ranker, language, ranking in one.rankings()
        if not language
    }


def _key(name: str, ranker: str) -> str:
    base = name.replace(", ", "_").replace(" ", "_")
    return base if ranker == "ours" else f"{base}_{ranker}"


def _rows(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    return [
        {"set": name, "language": language, "ranked by": ranker, **ranking.rounded()}
        for name, one in measured.items()
        for ranker, language, ranking in one.rankings()
    ]


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    err.print(table)


def _recall_by_depth(measured: Mapping[str, Measured]) -> Figure:
    figure = Figure(figsize=(9, 3.2))
    panels = figure.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for axes, (name, one) in zip(panels, measured.items(), strict=True):
        for ranker, answers in one.answers.items():
            ranks = [answer.rank for answer in answers]
            within = [sum(r is not None and r <= k for r in ranks) for k in range(1, 11)]
            share = [count / len(ranks) for count in within]
            axes.plot(range(1, 11), share, label=ranker)
        axes.set(title=name, xlabel="k", xticks=(1, 5, 10))
    panels[0].set(ylabel="recall@k", ylim=(0, 1.02))
    panels[-1].legend()
    return figure


def _misses(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """What we did not find first: where to look for what to do better."""
    return [
        {
            "set": name,
            "question": query.text,
            "answers": ", ".join(sorted(query.relevant)),
            "rank": answer.rank,
            "found": answer.found[0] if answer.found else "",
        }
        for name, one in measured.items()
        for query, answer in zip(one.queries, one.answers["ours"], strict=True)
        if answer.rank != 1
    ]


def _tell(done: int, total: int) -> None:
    if done % _TOLD == 0:
        err.print(f"embedding: {done} of {total}", highlight=False)


def _sets(workshop: Workshop, data: Path | None) -> Iterator[RetrievalSet]:
    if data:
        yield folder_set(workshop, "data", data)
        return
    own = own_set(workshop)
    yield own
    yield from variants_of(own, workshop)
    if PUBLIC_SET.exists():
        yield folder_set(workshop, PUBLIC_SET.name, PUBLIC_SET)
    if MANUALS.exists():
        yield rtc_docs(workshop, MANUALS)


def run(settings: Settings, data: Path | None) -> dict[str, Any]:
    """Measure everything and write the page; what the last line says."""
    workshop, calibration = Workshop.of(settings, _tell), Calibration.load()
    embedder = workshop.embedder
    measured: dict[str, Measured] = {}
    result: dict[str, Any] = {}
    sets: dict[str, RetrievalSet] = {}
    for found in _sets(workshop, data):
        sets[found.name] = found
        retriever = found.retriever(embedder, calibration)
        if not measured:
            times = search_times(retriever, found.queries)
            p50, p95 = np.percentile(times, (50, 95))
            result["latency_ms"] = {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}
        measured[found.name] = measure(found, embedder, calibration)
        if found.name == "own":
            result |= answerable(collect(retriever, load_questions()))
    if "rtc_docs" in sets:
        result["together"] = together(sets["own"], sets["rtc_docs"], embedder, calibration)
    rows = _rows(measured)
    page = write_report(
        settings.paths.data_dir / "bench",
        "retrieval",
        "Retrieval",
        result | {"rankings": rows, "not found first": _misses(measured)},
        [("Share of the questions with an answer among the first k", _recall_by_depth(measured))],
    )
    _print_table(rows)
    err.print(f"report: {page}", highlight=False, markup=False)
    return result | summary(measured)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make eval-retrieval` takes."""
    parser.add_argument("--data", type=Path, help="folder with corpus.jsonl and queries.jsonl")


async def bench(arguments: argparse.Namespace) -> None:
    """Measure everything, write the page, print the figures."""
    print_json(await asyncio.to_thread(run, Settings(), arguments.data))
