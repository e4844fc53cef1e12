"""The desk: all indexes open for questions, and entries in any version for whoever follows a source.

It looks whether a newer build has gone live and takes it up; calls go on with the one before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from knowledge.base import KnowledgeBase
from knowledge.entry import Corpus, Entry
from knowledge.errors import KnowledgeError
from knowledge.index import Index, Place
from knowledge.ingest import CorpusTexts
from knowledge.library import PUBLIC, Library, StoredSection
from knowledge.retrieval import Calibration, Retriever, Shelf
from knowledge.vocabulary import Vocabulary

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Opened:
    """A shelf, and the state of the disk in which it was opened."""

    state: tuple[int, int]
    shelf: Shelf


class Desk:
    """Answers for one installation. Searching is safe from several threads, `refresh` from one."""

    def __init__(self, base: KnowledgeBase) -> None:
        """Open everything. Raises KnowledgeError when the index of the corpus cannot serve. Blocks."""
        self._base = base
        self._embedder = base.embedder()
        self._calibration = Calibration.load()
        self._vocabulary = Vocabulary.load()
        self._library: Library = base.open_library()
        self._corpus_state = _state(base.place_of_corpus(), self._library)
        self._corpus, self._corpus_shelf = self._open_corpus()
        self._documents: dict[str, _Opened] = {}
        self._refresh_documents()

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The corpus, by id."""
        return self._corpus

    def retriever(self, tenant: str) -> Retriever:
        """What searches the corpus, the documents for all, and those of ``tenant``."""
        opened = (self._documents.get(of) for of in dict.fromkeys((PUBLIC, tenant)))
        shelves = [self._corpus_shelf, *(found.shelf for found in opened if found)]
        return Retriever(shelves, self._embedder, self._calibration)

    def openings(self) -> list[tuple[str, str, str]]:
        """Entry id, language and text of every approved opening: what the voice makes ahead."""
        shelves = [self._corpus_shelf, *(opened.shelf for opened in self._documents.values())]
        return [
            (entry_id, entry_id.partition("/")[0], text)
            for shelf in shelves
            for entry_id, text in shelf.openings.items()
        ]

    def entry(self, entry_id: str, version: int | None, tenant: str) -> dict[str, Any] | None:
        """An entry of the corpus or a section of a document as its card shows it, in any version."""
        section = self._library.section(entry_id, version)
        if section:
            return _section_view(section) if section.tenant in (PUBLIC, tenant) else None
        entry = self._library.entry(entry_id, version) if version else self._corpus.get(entry_id)
        if entry is None:
            return None
        shown = asdict(entry) | {"names": self._vocabulary.names_of(entry)}
        del shown["questions"]
        return shown | {"version": version or self._corpus_shelf.versions.get(entry_id, 1)}

    def refresh(self) -> None:
        """Take up what was built since; what cannot be opened is logged, the build before serves."""
        state = _state(self._base.place_of_corpus(), self._library)
        if state != self._corpus_state:
            self._corpus_state = state
            try:
                self._corpus, self._corpus_shelf = self._open_corpus()
                log.info("the corpus was built anew: %d entries", len(self._corpus))
            except KnowledgeError as error:
                log.error("the corpus is served as it was: %s", error)
        self._refresh_documents()

    def _open_corpus(self) -> tuple[dict[str, Entry], Shelf]:
        corpus: Corpus = self._base.corpus()
        for problem in corpus.problems:
            log.warning("%s", problem)
        index = Index(
            self._base.place_of_corpus(), self._embedder.id, texts=CorpusTexts(corpus)
        )
        shelf = Shelf(
            index,
            openings={entry.id: entry.opening for entry in corpus.entries},
            versions=self._library.entry_versions(),
        )
        # Loads the word lists, so that the first customer does not wait for them.
        for language in index.languages:
            Retriever([shelf], self._embedder, self._calibration).search("SDK", language, k=1)
        return {entry.id: entry for entry in corpus.entries}, shelf

    def _refresh_documents(self) -> None:
        for tenant in self._library.tenants():
            place = self._base.place_of(tenant)
            state = _state(place, self._library)
            known = self._documents.get(tenant)
            if not place.is_built or (known and known.state == state):
                continue
            try:
                shelf = Shelf(
                    Index(place, self._embedder.id),
                    openings={
                        opening.section.id: opening.text
                        for opening in self._library.openings(tenant)
                        if opening.approved
                    },
                    versions={},
                )
            except KnowledgeError as error:
                log.error("the documents of %r are served as they were: %s", tenant, error)
                shelf = known.shelf if known else None  # type: ignore[assignment]
            if shelf:
                self._documents[tenant] = _Opened(state, shelf)
