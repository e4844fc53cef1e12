"""The knowledge base of an installation: the corpus, the operator's documents, and their indexes.

    FOLDER/library.db            documents, and versions of entries
    FOLDER/vectors.db            embeddings of all texts
    FOLDER/wording.json          what the corpus says, by language; the speech server reads it
    FOLDER/installation          what this installation is called on a Chroma server
    FOLDER/corpus/               the index of the corpus
    FOLDER/documents/            the index of the documents that are for everybody
    FOLDER/documents-<tenant>/   the index of one tenant's

A question is put to the corpus, to the documents for everybody and to those of the customer's own
tenant. Each has an index of its own: nothing of one tenant can come up in another's call.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache

from filelock import FileLock, Timeout

from common.errors import InputError, ServiceError
from knowledge.config import KnowledgeConfig
from knowledge.contract import PUBLIC, checked_tenant
from knowledge.documents.library import Library, StoredDocument
from knowledge.entries.entry import Corpus, read_corpus
from knowledge.entries.wording import write_wording
from knowledge.search.build import BuildReport, build_index, digest_of
from knowledge.search.embedding import E5Model, Embedder
from knowledge.search.passages import CorpusTexts
from knowledge.search.place import FORM, ChromaServer, Manifest, Place, read_manifest
from knowledge.search.vectors import Progress

#: Loading takes longer than most of what is done with a knowledge base.
_loaded = cache(E5Model)


class BusyError(ServiceError):
    """Somebody else is changing the knowledge base."""


@dataclass(frozen=True)
class Status:
    """What a knowledge base holds."""

    corpus: Manifest | None
    """None: it was not indexed yet."""
    corpus_is_stale: bool
    """The index is not of the corpus as it is in its folder; calls are answered as it was."""
    documents: list[StoredDocument]
    stale: list[str]
    """Tenants of whose documents the index is not of now."""


class KnowledgeBase:
    """Where everything is, and how it is built; `knowledge/desk.py` opens it. Blocks."""

    def __init__(self, config: KnowledgeConfig) -> None:
        self.config = config

    def encoder(self) -> E5Model:
        """The model that compares word by word, loaded. Raises SetupError when it cannot be."""
        return _loaded(self.config.model)

    def embedder(self) -> Embedder:
        """The model that embeds, the same unless an endpoint is set."""
        endpoint = self.config.embedding
        if endpoint is None:
            return self.encoder()
        # The client takes a second to import, which the embedded model need not wait for.
        from knowledge.search.embedding_endpoint import EndpointModel

        return EndpointModel(endpoint.url, endpoint.model, endpoint.key)

    def corpus(self) -> Corpus:
        """The corpus as it is in its folder. Raises SetupError when it has no entry."""
        return read_corpus(self.config.corpus_dir)

    def library(self) -> Library:
        """The library, open; whoever opens it closes it."""
        return Library(self.config.folder / "library.db")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes the knowledge base meanwhile. Raises BusyError if one does."""
        self.config.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.config.folder / "changing.lock", timeout=0)
        try:
            with lock:
                yield
        except Timeout:
            raise BusyError(
                f"Another `liuke knowledge` is changing {self.config.folder}.",
                "Wait until it has finished.",
                retryable=True,
            ) from None

    def build(self, corpus: Corpus, *, threads: int, progress: Progress) -> BuildReport:
        """Index the corpus and all documents, unless they are; what was done for the corpus.

        An entry that has changed gets its next version.
        """
        with self.changing(), closing(self.library()) as library:
            library.record(corpus.entries)
            write_wording(corpus.entries, self.config.folder)
            built = build_index(
                CorpusTexts(corpus, library.entry_versions()),
                self.place_of_corpus(),
                self.embedder(),
                self.encoder(),
                threads=threads,
                progress=progress,
            )
            for tenant in library.tenants():
                self.build_documents(library, tenant, threads=threads, progress=progress)
        return built

    def is_built(self) -> bool:
        """Whether there is an index of the corpus, of now or of before."""
        manifest = read_manifest(self.place_of_corpus().folder)
        return manifest is not None and manifest.form == FORM

    def is_indexed(self, corpus: Corpus) -> bool:
        """Whether the index is of the corpus as it is."""
        manifest = read_manifest(self.place_of_corpus().folder)
        return manifest is not None and manifest.texts == digest_of(CorpusTexts(corpus))

    def build_documents(
        self, library: Library, tenant: str, *, threads: int, progress: Progress
    ) -> BuildReport:
        """Index a tenant's documents, unless they are. Call it within ``changing``."""
        return build_index(
            library.texts(tenant),
            self.place_of(tenant),
            self.embedder(),
            self.encoder(),
            threads=threads,
            progress=progress,
        )

    def status(self, library: Library, tenants: Sequence[str]) -> Status:
        """What is there now: the corpus, and the documents of some tenants."""
        return Status(
            read_manifest(self.place_of_corpus().folder),
            self._corpus_is_stale(),
            [document for tenant in tenants for document in library.documents(tenant)],
            [tenant for tenant in tenants if not self._are_indexed(library, tenant)],
        )

    def _corpus_is_stale(self) -> bool:
        try:
            return not self.is_indexed(self.corpus())
        except InputError:
            return True

    def _are_indexed(self, library: Library, tenant: str) -> bool:
        manifest = read_manifest(self.place_of(tenant).folder)
        return manifest is not None and manifest.texts == digest_of(library.texts(tenant))

    def place_of_corpus(self) -> Place:
        """Where the index of the corpus is."""
        return self._place("corpus")

    def place_of(self, tenant: str) -> Place:
        """Where the index of a tenant's documents is. Raises InputError for no name."""
        name = "documents" if checked_tenant(tenant) == PUBLIC else f"documents-{tenant}"
        return self._place(name)

    def _place(self, name: str) -> Place:
        config, server = self.config, None
        if config.chroma_url:
            server = ChromaServer(config.chroma_url, config.chroma_token, self._installation())
        return Place(config.folder / name, server)

    def _installation(self) -> str:
        """A name that no other installation has; made when first asked for."""
        path = self.config.folder / "installation"
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_text(secrets.token_hex(8), encoding="utf-8")
            with suppress(FileExistsError):
                path.hardlink_to(beside)  # whoever was first has named it
            beside.unlink()
            return path.read_text(encoding="utf-8")
