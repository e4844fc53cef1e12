"""The desk: all indexes open for questions, and every version of an entry for its card.

What is served is what was built: an entry that is edited since changes nothing before the next
build. When a newer build has gone live it is taken up; what cannot be opened leaves the one before.
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
from knowledge.contract import PUBLIC, Opening, Playbook, Retrieval, SourceEntry
from knowledge.documents.formats.blocks import is_numbered
from knowledge.documents.library import StoredSection
from knowledge.entries.body import sections_of, steps_of
from knowledge.entries.vocabulary import Vocabulary, situation_of
from knowledge.search.calibration import Calibration
from knowledge.search.evidence import Shelf
from knowledge.search.index import Index
from knowledge.search.ranking import Retriever
from knowledge.search.texts import VersionedEntry
from knowledge.shelves import DocumentShelves, Openings

log = logging.getLogger(__name__)


class Desk:
    """Answers for one installation; safe to use from several threads while one refreshes it."""

    def __init__(self, base: KnowledgeBase) -> None:
        """Open the corpus. Raises SetupError when the corpus cannot be searched. Blocks."""
        self._base = base
        self._embedder, self._encoder = base.embedder(), base.encoder()
        self._calibration = Calibration.load()
        self._vocabulary = Vocabulary.load()
        self._library = base.library()
        #: The library is one connection, and those who follow sources come in threads.
        self._reading = threading.Lock()
        self._documents = DocumentShelves(base.place_of, self._approved, self._embedder.id)
        self._state = base.place_of_corpus().state
        #: The corpus as it was built.
        self.entries: Mapping[str, SourceEntry] = {}
        self._corpus = self._open_corpus()

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

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Texts as the embedded model understands questions, unit vectors. Blocks.

        An endpoint's embeddings would be of no use: what is learnt from vectors knows ours alone.
        """
        return self._encoder.embed(texts, "query")

    def retriever(self, tenant: str) -> Retriever:
        """What searches the corpus, the documents for everybody, and those of ``tenant``.

        Blocks while documents are opened. Raises InputError for a name that cannot be a tenant's.
        """
        documents = [self._documents.get(of) for of in dict.fromkeys((PUBLIC, tenant))]
        full = [shelf for shelf in documents if shelf and shelf.index.manifest.passages]
        return self._retriever_of([self._corpus, *full])

    def _retriever_of(self, shelves: Sequence[Shelf]) -> Retriever:
        return Retriever(
            shelves, self._embedder, self._encoder, self._calibration, self._vocabulary
        )

    def openings(self, tenant: str) -> list[Opening]:
        """Every approved opening that a call of the tenant may begin with. Blocks."""
        approved = [self._approved(of) for of in dict.fromkeys((PUBLIC, tenant))]
        return [
            Opening(entry_id, text)
            for openings in (self._corpus.openings, *approved)
            for (entry_id, _), text in openings.items()
        ]

    def playbooks(self) -> list[Playbook]:
        """Every playbook there is: documents have none, so it is the same for all tenants."""
        return [Playbook(one.id, one.playbook) for one in self.entries.values() if one.playbook]

    def error_codes(self) -> list[str]:
        """Every code that an entry of the corpus explains, as it is written there."""
        codes = {code for entry in self.entries.values() for code in entry.error_codes}
        return sorted(codes)

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
        if old is None or version is None:
            return None
        return _source_of_entry(VersionedEntry(old, version), self._vocabulary)

    def _source_of_section(self, section: StoredSection) -> SourceEntry:
        opening = self._approved(section.tenant).get((section.id, section.version), "")
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
        state = self._base.place_of_corpus().state
        if state not in (0, self._state):
            try:
                self._corpus = self._open_corpus()
                self._state = state
                log.info("the corpus was built anew: %d entries", len(self.entries))
            except LiukeError as error:
                log.error("the corpus is served as it was: %s", error)
        self._documents.refresh()
        # Most calls ask for them, so that none has to wait.
        self._documents.get(PUBLIC)

    def _open_corpus(self) -> Shelf:
        index = Index(self._base.place_of_corpus(), self._embedder.id)
        built = index.entries
        shelf = Shelf(
            index,
            openings={(name, one.version): one.entry.opening for name, one in built.items()},
            situations={name: situation_of(one.entry) for name, one in built.items()},
        )
        # Loads the word lists, so that the first customer does not wait for them.
        for language in index.languages:
            self._retriever_of([shelf]).search("SDK", language, k=1)
        self.entries = {
            name: _source_of_entry(one, self._vocabulary) for name, one in built.items()
        }
        return shelf

    def _approved(self, tenant: str) -> Openings:
        with self._reading:
            openings = self._library.openings(tenant)
        return {(o.section, o.version): o.text for o in openings if o.approved_at}


def _source_of_entry(built: VersionedEntry, words: Vocabulary) -> SourceEntry:
    entry = built.entry
    sections = sections_of(entry.body)
    return SourceEntry(
        id=entry.id,
        version=built.version,
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
        playbook=entry.playbook,
    )


def _named(source: str) -> str:
    """A document as customers may know it: its address, or its name without the operator's path."""
    return source if "://" in source else PurePath(source).name
