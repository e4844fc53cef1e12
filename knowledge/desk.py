"""The desk: all indexes open for questions, and every version of an entry for its card.

When a newer build has gone live it is taken up; what cannot be opened leaves the one before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from common.errors import LiukeError
from common.languages import Language
from knowledge.base import KnowledgeBase
from knowledge.contract import PUBLIC, Opening, Retrieval, SourceEntry
from knowledge.documents.formats.blocks import is_numbered
from knowledge.documents.library import StoredSection
from knowledge.entries.body import sections_of, steps_of
from knowledge.entries.entry import Entry
from knowledge.entries.vocabulary import Vocabulary, situation_of
from knowledge.search.index import Index
from knowledge.search.passages import CorpusTexts
from knowledge.search.ranking import Calibration, Retriever, Shelf

log = logging.getLogger(__name__)


class Desk:
    """Answers for one installation; safe to use from several threads while one refreshes it."""

    def __init__(self, base: KnowledgeBase) -> None:
        """Open everything. Raises SetupError when the corpus cannot be searched. Blocks."""
        self._base = base
        self._embedder, self._reader = base.embedder(), base.reader()
        self._calibration = Calibration.load()
        self._vocabulary = Vocabulary.load()
        self._library = base.library()
        #: The library is one connection, and those who follow sources come in threads.
        self._reading = threading.Lock()
        #: Of the build that was opened last, by tenant; None: of the corpus.
        self._states: dict[str | None, int] = {None: base.place_of_corpus().state}
        self.entries: Mapping[str, SourceEntry] = {}
        self._corpus = self._open_corpus()
        self._documents: dict[str, Shelf] = {}
        self._refresh_documents()

    def search(
        self, query: str, language: Language | None, k: int, before: Sequence[str], *, tenant: str
    ) -> Retrieval:
        """The ``k`` best passages for ``query``, and the entry of the first where they answer.

        `Retriever.search` says what ``before`` does. Blocks.
        """
        found = self.retriever(tenant).search(query, language, k, before)
        if not found.supported:
            return found
        first = found.passages[0]
        return replace(found, best=self.entry(first.entry_id, first.version, tenant=tenant))

    def retriever(self, tenant: str) -> Retriever:
        """What searches the corpus, the documents for everybody, and those of ``tenant``."""
        return self._retriever_of(self._shelves(tenant))

    def _retriever_of(self, shelves: Sequence[Shelf]) -> Retriever:
        return Retriever(shelves, self._embedder, self._reader, self._calibration, self._vocabulary)

    def _shelves(self, tenant: str) -> list[Shelf]:
        documents = (self._documents.get(of) for of in dict.fromkeys((PUBLIC, tenant)))
        return [self._corpus, *(shelf for shelf in documents if shelf)]

    def openings(self, tenant: str) -> list[Opening]:
        """Every approved opening that a call of the tenant may begin with."""
        return [
            Opening(entry_id, text)
            for shelf in self._shelves(tenant)
            for (entry_id, _), text in shelf.openings.items()
        ]

    def entry(self, entry_id: str, version: int | None, *, tenant: str) -> SourceEntry | None:
        """An entry of the corpus, or a section of a document, as it is or was in a version.

        None where there is none of that id and version for that tenant. Blocks.
        """
        entry = self.entries.get(entry_id)
        if entry and version in (None, entry.version):
            return entry
        with self._reading:
            section = self._library.section(entry_id, version, tenants=(PUBLIC, tenant))
            old = self._library.entry(entry_id, version) if version else None
        if section:
            return self._source_of_section(section)
        return _source_of_entry(old, version or 1, self._vocabulary) if old else None

    def _source_of_section(self, section: StoredSection) -> SourceEntry:
        shelf = self._documents.get(section.tenant)
        opening = shelf.openings.get((section.id, section.version), "") if shelf else ""
        return SourceEntry(
            id=section.id,
            version=section.version,
            language=section.language,
            title=section.title,
            scenario=(),
            region=(),
            topic="",
            product=(),
            platform=(),
            error_codes=(),
            source=_named(section.source),
            opening=opening,
            body=f"## {section.heading}\n\n{section.text}",
            # A document's text is worded for the ear when it is taken in.
            sections=(section.text,),
            steps=tuple(line for line in section.text.splitlines() if is_numbered(line)),
            names={},
        )

    def refresh(self) -> None:
        """Take up what was built since. Blocks while a newer index is opened."""
        try:
            if self._is_new(None):
                self._corpus = self._open_corpus()
                log.info("the corpus was built anew: %d entries", len(self.entries))
        except LiukeError as error:
            log.error("the corpus is served as it was: %s", error)
        self._refresh_documents()

    def _open_corpus(self) -> Shelf:
        corpus = self._base.corpus()
        for problem in corpus.problems:
            log.warning("%s", problem)
        place = self._base.place_of_corpus()
        with self._reading:
            versions = self._library.entry_versions()
        shelf = Shelf(
            Index(place, self._embedder.id, CorpusTexts(corpus)),
            openings={(e.id, versions.get(e.id, 1)): e.opening for e in corpus.entries},
            versions=versions,
            situations={entry.id: situation_of(entry) for entry in corpus.entries},
        )
        # Loads the word lists, so that the first customer does not wait for them.
        for language in shelf.index.languages:
            self._retriever_of([shelf]).search("SDK", language, k=1)
        self.entries = {
            entry.id: _source_of_entry(entry, versions.get(entry.id, 1), self._vocabulary)
            for entry in corpus.entries
        }
        return shelf

    def _refresh_documents(self) -> None:
        with self._reading:
            tenants = self._library.tenants()
            openings = {tenant: self._approved(tenant) for tenant in tenants}
        for tenant in tenants:
            if self._is_new(tenant):
                self._open_documents(tenant, openings[tenant])
            elif tenant in self._documents and self._documents[tenant].openings != openings[tenant]:
                self._documents[tenant] = replace(
                    self._documents[tenant], openings=openings[tenant]
                )
        for tenant in set(self._documents) - set(tenants):
            del self._documents[tenant], self._states[tenant]

    def _open_documents(self, tenant: str, openings: Mapping[tuple[str, int], str]) -> None:
        try:
            index = Index(self._base.place_of(tenant), self._embedder.id)
            self._documents[tenant] = Shelf(index, openings, versions={}, situations={})
            log.info("documents of %s: %d sections", tenant or "all", index.manifest.passages)
        except LiukeError as error:
            log.error("the documents of %s are served as they were: %s", tenant or "all", error)

    def _approved(self, tenant: str) -> dict[tuple[str, int], str]:
        openings = self._library.openings(tenant)
        return {(o.section, o.version): o.text for o in openings if o.approved_at}

    def _is_new(self, tenant: str | None) -> bool:
        """Whether a build went live since this was asked last; None: of the corpus."""
        place = self._base.place_of_corpus() if tenant is None else self._base.place_of(tenant)
        before, self._states[tenant] = self._states.get(tenant, 0), place.state
        return self._states[tenant] not in (0, before)


def _source_of_entry(entry: Entry, version: int, words: Vocabulary) -> SourceEntry:
    sections = sections_of(entry.body)
    return SourceEntry(
        id=entry.id,
        version=version,
        language=entry.language,
        title=entry.title,
        scenario=entry.scenario,
        region=entry.region,
        topic=entry.topic,
        product=entry.product,
        platform=entry.platform,
        error_codes=entry.error_codes,
        source=entry.source,
        opening=entry.opening,
        body=entry.body,
        sections=tuple(section.text for section in sections),
        steps=steps_of(sections, words.steps[entry.language]),
        names=words.names_of(entry),
    )


def _named(source: str) -> str:
    """A document as customers may know it: its address, or its name without the operator's path."""
    return source if "://" in source else PurePath(source).name
