"""What retrieval is measured on: an index, and questions of which it is known what answers them.

- **own**: the corpus, and questions as customers speak them, none of them the entries' own. What
  has to be found is the subject: an entry and its translation are one.
- **own, heard**: the same questions as the recogniser heard them
  (`eval/retrieval/hear_questions.py`).
- **zh for en**, **en for zh**: the same, where only the other language has entries.
- **a folder** with `corpus.jsonl` (id, title, text) and `queries.jsonl` (q, pos: ids that answer),
  as `cmrc2018`: taken in as an operator's documents are.
- **rtc_docs**: support pages of RTC products as an operator's documents, with questions on them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.settings import Settings
from common.errors import InputError
from common.languages import LANGUAGES, Language, language_of
from eval.clips import DATA_DIR
from eval.retrieval.asked import QUESTIONS, load_questions
from knowledge.base import KnowledgeBase
from knowledge.config import KnowledgeConfig, embedding_folder
from knowledge.contract import PUBLIC
from knowledge.documents.intake import Work, sync
from knowledge.documents.sections import document_id, document_of
from knowledge.entries.entry import Corpus
from knowledge.entries.vocabulary import Values, Vocabulary, situation_of
from knowledge.search.build import build_index
from knowledge.search.calibration import Calibration
from knowledge.search.embedding import E5Model
from knowledge.search.evidence import Shelf
from knowledge.search.index import Index
from knowledge.search.passages import CorpusTexts
from knowledge.search.place import Place
from knowledge.search.ranking import Retriever
from knowledge.search.texts import PassageText, QuestionText, Texts, VersionedEntry
from knowledge.search.vectors import Progress, Text, windows

#: Beside the checkout, where anybody may put them; what is not there is left out.
PUBLIC_SET = DATA_DIR / "retrieval" / "cmrc2018"
MANUALS = DATA_DIR / "rtc_docs"


@dataclass(frozen=True)
class Query:
    """A question and what answers it."""

    text: str
    language: Language
    relevant: frozenset[str]
    """Units, any of which does."""


@dataclass(frozen=True)
class RetrievalSet:
    """What is searched, and the questions put to it."""

    name: str
    index: Index
    place: Place
    indexed: Sequence[tuple[str, Text]]
    """Entry and text of all that is in the index."""
    situations: Mapping[str, Values]
    """What entries are for."""
    unit_of: Callable[[str], str]
    """What an entry counts as: its subject, or the document that it is a section of."""
    queries: Sequence[Query]

    def shelf(self) -> Shelf:
        """It, to be searched."""
        return Shelf(self.index, openings={}, situations=self.situations)

    def retriever(self, embedder: E5Model, calibration: Calibration) -> Retriever:
        """What searches it alone."""
        return Retriever([self.shelf()], embedder, embedder, calibration, Vocabulary.load())


@dataclass(frozen=True)
class Workshop:
    """Where sets are built, and with what."""

    folder: Path
    corpus_dir: Path
    known_vectors: Path
    """Of the installation, so that the corpus is not embedded again; may be missing."""
    embedding: Path
    """Folder of the model that comes with Liuke."""
    threads: int
    progress: Progress

    @classmethod
    def of(cls, settings: Settings, progress: Progress = lambda done, total: None) -> Workshop:
        """Beside the data of an installation, with the model that comes with Liuke."""
        return cls(
            settings.paths.data_dir / "eval",
            settings.knowledge.corpus_dir,
            settings.paths.data_dir / "knowledge" / "vectors.db",
            embedding_folder(settings.paths),
            os.cpu_count() or 1,
            progress,
        )

    @cached_property
    def embedder(self) -> E5Model:
        """The model, loaded."""
        return self.base("own").encoder()

    def base(self, name: str) -> KnowledgeBase:
        """A knowledge base of its own for the set of that name."""
        config = KnowledgeConfig(self.folder / name, self.corpus_dir, self.embedding)
        return KnowledgeBase(config)


def own_set(workshop: Workshop) -> RetrievalSet:
    """The corpus, and our own questions."""
    base = workshop.base("own")
    place = base.place_of_corpus()
    if workshop.known_vectors.exists() and not place.vectors.exists():
        place.vectors.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workshop.known_vectors, place.vectors)
    asked = [
        Query(question.text, question.language, frozenset(question.subjects))
        for question in load_questions()
        if question.subjects
    ]
    return _of_corpus(workshop, "own", base.corpus(), place, asked)


def variants_of(own: RetrievalSet, workshop: Workshop) -> Iterator[RetrievalSet]:
    """The same as it is heard, and over the gap between the languages."""
    heard = {row["text"]: row["heard"] for row in _rows(QUESTIONS / "heard.jsonl")}
    misheard = [
        Query(heard[q.text], q.language, q.relevant) for q in own.queries if q.text in heard
    ]
    yield replace(own, name="own, heard", queries=misheard)
    corpus = workshop.base("own").corpus()
    for language in LANGUAGES:
        entries = tuple(entry for entry in corpus.entries if entry.language == language)
        only = Place(own.place.folder.with_name(f"only-{language}"))
        others = [query for query in own.queries if query.language != language]
        name = f"{others[0].language} for {language}"
        yield _of_corpus(workshop, name, Corpus(entries, ()), only, others)


def corpora_of(own: RetrievalSet, workshop: Workshop, subjects: int) -> Iterator[RetrievalSet]:
    """The corpus in parts of so many subjects, with the questions that each answers first."""
    corpus = workshop.base("own").corpus()
    every = sorted({_subject(entry.id) for entry in corpus.entries})
    for number, part in enumerate(windows(every, subjects)):
        entries = tuple(entry for entry in corpus.entries if _subject(entry.id) in part)
        place = Place(own.place.folder.with_name(f"corpus-{subjects}-{number}"))
        queries = [query for query in own.queries if query.relevant & set(part)]
        yield _of_corpus(workshop, place.folder.name, Corpus(entries, ()), place, queries)


def folder_set(workshop: Workshop, name: str, folder: Path) -> RetrievalSet:
    """A folder with `corpus.jsonl` and `queries.jsonl`. Raises InputError without them."""
    pages = workshop.folder / name / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    sources: dict[str, str] = {}
    for number, row in enumerate(_rows(folder / "corpus.jsonl")):
        page = pages / f"{number:06}.md"
        page.write_text(f"# {row.get('title') or row['id']}\n\n{row['text']}\n", encoding="utf-8")
        sources[row["id"]] = document_id(str(page), PUBLIC)
    queries = [
        Query(row["q"], language_of(row["q"]), frozenset(sources[i] for i in row["pos"]))
        for row in _rows(folder / "queries.jsonl")
    ]
    return _documents(workshop, name, pages, queries)


def rtc_docs(workshop: Workshop, folder: Path) -> RetrievalSet:
    """The folder of public manuals. Raises InputError when it is not there."""
    queries = [
        Query(
            row["text"],
            row["language"],
            frozenset(document_id(str(folder / page), PUBLIC) for page in row["documents"]),
        )
        for row in _rows(QUESTIONS / "rtc_docs.jsonl")
    ]
    return _documents(workshop, "rtc_docs", folder, queries)


def shelves_of(manuals: RetrievalSet, workshop: Workshop, documents: int) -> Iterator[RetrievalSet]:
    """The manuals that questions are on, so many to a shelf, with the questions that it answers."""
    base = workshop.base(manuals.name)
    asked_of = sorted({unit for query in manuals.queries for unit in query.relevant})
    with closing(base.library()) as library:
        for number, units in enumerate(windows(asked_of, documents)):
            texts = _Some(library.texts(PUBLIC), frozenset(units))
            place = Place(manuals.place.folder.with_name(f"shelf-{documents}-{number}"))
            build_index(texts, place, workshop.embedder, workshop.embedder, threads=1)
            yield replace(
                manuals,
                index=Index(place, workshop.embedder.id),
                place=place,
                indexed=_indexed(texts),
                queries=[query for query in manuals.queries if query.relevant & texts.documents],
            )


class _Some:
    """Some documents of a library, as an index is made of them (`knowledge.search.texts.Texts`)."""

    def __init__(self, texts: Texts, documents: frozenset[str]) -> None:
        self._texts = texts
        self.documents = documents
        self.digest = f"{texts.digest} {sorted(documents)}"

    def passages(self, language: Language) -> Iterator[PassageText]:
        return (
            passage
            for passage in self._texts.passages(language)
            if document_of(passage.entry_id) in self.documents
        )

    def questions(self, language: Language) -> Iterable[QuestionText]:
        return self._texts.questions(language)

    def whole(self, language: Language) -> Iterator[tuple[str, str]]:
        return (
            (entry_id, words)
            for entry_id, words in self._texts.whole(language)
            if document_of(entry_id) in self.documents
        )

    def entries(self) -> Iterable[VersionedEntry]:
        return self._texts.entries()


def _documents(
    workshop: Workshop, name: str, folder: Path, queries: Sequence[Query]
) -> RetrievalSet:
    base = workshop.base(name)
    done = sync(base, folder, PUBLIC, Work(workshop.threads, embedding=workshop.progress))
    if done.problems:
        raise done.problems[0]
    place = base.place_of(PUBLIC)
    with closing(base.library()) as library:
        there = {document.id for document in library.documents(PUBLIC)}
        texts = library.texts(PUBLIC)
        index = Index(place, workshop.embedder.id)
        indexed = _indexed(texts)
    lost = [query.text for query in queries if not query.relevant & there]
    if lost:
        raise InputError(f"Nothing in {folder} answers: {lost[0]}.", "Correct its question.")
    return RetrievalSet(name, index, place, indexed, {}, document_of, queries)


def _of_corpus(
    workshop: Workshop, name: str, corpus: Corpus, place: Place, queries: Sequence[Query]
) -> RetrievalSet:
    texts = CorpusTexts(corpus)
    build_index(
        texts,
        place,
        workshop.embedder,
        workshop.embedder,
        threads=workshop.threads,
        progress=workshop.progress,
    )
    index = Index(place, workshop.embedder.id)
    situations = {entry.id: situation_of(entry) for entry in corpus.entries}
    return RetrievalSet(name, index, place, _indexed(texts), situations, _subject, queries)


def _indexed(texts: Texts) -> list[tuple[str, Text]]:
    indexed: list[tuple[str, Text]] = []
    for language in LANGUAGES:
        passages, questions = texts.passages(language), texts.questions(language)
        indexed += [(one.entry_id, ("passage", one.content)) for one in passages]
        indexed += [(one.entry_id, ("query", one.content)) for one in questions]
    return indexed


def _rows(path: Path) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines. Raises InputError when it cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be used ({error}).", "Restore or correct it.") from error


def _subject(entry_id: str) -> str:
    return entry_id.split("/", 1)[1]
