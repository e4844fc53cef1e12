"""The index: texts in, a folder out that answers which of them are near a question.

    FOLDER/manifest.json   which build is live, and of what it was made
    FOLDER/<build>/        Chroma (unless a server has it), the word indexes, the centres, and what
                           is written of entries that customers ask for (late_interaction.py)
    FOLDER/../vectors.db   embeddings by text, shared with the indexes beside it

A build is written beside the live one; replacing the manifest makes it live, so a reader sees
one or the other. The build before stays until the next, for the server that still reads it.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, get_args
from urllib.parse import urlsplit
from zipfile import BadZipFile

import chromadb
import httpx
import numpy as np
import numpy.typing as npt
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from langchain_core.documents import Document

from common.errors import SetupError
from common.languages import LANGUAGES, Language
from knowledge.search.bm25 import WordIndex
from knowledge.search.embedding import E5Model, Embedder, Role
from knowledge.search.late_interaction import Reading, Told, write_reading
from knowledge.search.outside import outside, outside_id
from knowledge.search.vectors import KnownVectors, Progress, Text, windows

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]

#: What is embedded: passages of entries, ways of asking for them, and questions that none answers.
Kind = Literal["passages", "questions", "outside"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: What has a collection of its own.
Collected = tuple[Kind, Language]
_ROLE: Final[dict[Kind, Role]] = {"passages": "passage", "questions": "query", "outside": "query"}

#: Form of the folder; another one has to be built again.
_FORM = 8
#: What a folder that is broken makes of itself.
_BROKEN: Final = (OSError, ValueError, KeyError, BadZipFile)
#: One in so many of them is embedded as a passage too, for the passages' centre.
_OUTSIDE_AS_PASSAGES = 4
#: A shelf answers a question outside if one of its passages is nearer to it than the nearest of so
#: many is by chance (`expected_extreme`), and by so many standard deviations more.
_ANSWERED = 1.0
#: Texts that are written to Chroma together.
_WRITTEN = 1000
#: Ids that are read from Chroma together.
_READ = 10_000
#: Neighbours that Chroma looks at and gives. An entry has about 13 texts, so this covers the 15
#: nearest entries whole; what is not among them counts as far as the last one.
NEIGHBOURS = 200
#: Collections are asked side by side: Chroma searches without the interpreter's lock.
_SEARCHERS = ThreadPoolExecutor(len(KINDS) * len(LANGUAGES), thread_name_prefix="chroma")


class Texts(Protocol):
    """What an index is made of. Read several times, in the same order."""

    digest: str
    """SHA-256 of everything below."""

    def passages(self, language: Language) -> Iterable[Document]:
        """Sections: `entry_id`, `title`, `section` and `text` are in the metadata."""
        ...

    def questions(self, language: Language) -> Iterable[Document]:
        """Ways of asking: `entry_id` is in the metadata."""
        ...

    def whole(self, language: Language) -> Iterable[tuple[str, str]]:
        """Each entry's id, and all its words."""
        ...


@dataclass(frozen=True)
class Place:
    """Where an index is kept."""

    folder: Path
    chroma_url: str = ""
    """Of a Chroma server; empty: Chroma in this process, below ``folder``."""

    @property
    def vectors(self) -> Path:
        """Where embeddings are kept, so that no text is embedded twice."""
        return self.folder.parent / "vectors.db"

    @property
    def state(self) -> int:
        """Changes when another build goes live; 0: there is none."""
        try:
            return (self.folder / "manifest.json").stat().st_mtime_ns
        except OSError:
            return 0

    def __str__(self) -> str:
        return f"{self.folder} and {self.chroma_url}" if self.chroma_url else str(self.folder)


@dataclass(frozen=True)
class Manifest:
    """What the live build was made of."""

    form: int
    texts: str
    """Digest of everything that was indexed."""
    embedding: str
    build: str
    """Name of its folder, and of its collections."""
    entries: int
    passages: int
    questions: int


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    manifest: Manifest
    changed: bool
    """False: the live build was made of the same, nothing was done."""
    embedded: int
    """Texts that were embedded; the others were known."""


class Index:
    """The live build, opened for reading. Safe to use from several threads."""

    def __init__(self, place: Place, embedding: str, texts: Texts | None = None) -> None:
        """Open the live build, whose vectors are of the embedding model of that id.

        Raises SetupError when there is none, when its vectors are another model's, or when it
        was made of other ``texts`` than these.
        """
        self.manifest = _usable_manifest(place, embedding, texts)
        build = place.folder / self.manifest.build
        try:
            client = _client(place, build.name)
            names = {collection.name for collection in client.list_collections()}
            self._collections: dict[Collected, Collection] = {
                (kind, language): client.get_collection(name)
                for kind in KINDS
                for language in LANGUAGES
                if (name := _collection_name(build.name, kind, language)) in names
            }
            ids = {key: list(_all_ids(found)) for key, found in self._collections.items()}
            self._words = {
                language: WordIndex.load(language, build / f"words-{language}")
                for language in self.languages
            }
            self._entries: dict[Language, list[str]] = json.loads(
                (build / "entries.json").read_text("utf-8")
            )
            with np.load(build / "centres.npz") as centres:
                self._centres: dict[str, Vector] = dict(centres)
            #: None of documents: there are too many, and nobody has written down how they are
            #: asked for.
            self.reading = Reading(build) if self.manifest.questions else None
        except (*_BROKEN, chromadb.errors.ChromaError, httpx.HTTPError) as error:
            raise SetupError(
                f"The knowledge index in {place} cannot be read ({error}).",
                f"Delete {place.folder} and run `liuke knowledge build`.",
            ) from error
        self._sizes = {key: len(found) for key, found in ids.items()}
        #: Texts of each kind per entry; those outside belong to "outside-zh" and "outside-en".
        self.texts_of: dict[Kind, Counter[str]] = {
            kind: Counter(
                entry_of(i) for key, found in ids.items() if key[0] == kind for i in found
            )
            for kind in KINDS
        }

    def size(self, kind: Kind, language: Language) -> int:
        """How many texts of that kind there are."""
        return self._sizes.get((kind, language), 0)

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that have entries."""
        return tuple(lang for lang in LANGUAGES if ("passages", lang) in self._collections)

    def has(self, entry_id: str) -> bool:
        """Whether that entry was indexed."""
        return entry_id in self.texts_of["passages"]

    def centred(self, vector: Sequence[float], language: Language) -> Vector:
        """A question's vector as the collections hold theirs."""
        return _centre(np.array([vector], np.float32), self._centres[f"query-{language}"]).reshape(
            -1
        )

    def neighbours(self, vector: Vector) -> dict[Collected, list[tuple[str, float]]]:
        """Ids of the nearest texts of each kind and language, with their cosine similarities,
        nearest first."""
        keys = [(kind, language) for kind in KINDS for language in LANGUAGES]
        found = _SEARCHERS.map(lambda key: self._nearest(key, vector), keys)
        return dict(zip(keys, found, strict=True))

    def _nearest(self, key: Collected, vector: Vector) -> list[tuple[str, float]]:
        if key not in self._collections:
            return []
        found = self._collections[key].query(
            query_embeddings=vector[None], n_results=min(NEIGHBOURS, self._sizes[key]),
            include=["distances"],
        )  # fmt: skip
        assert found["distances"] is not None
        return [
            (text_id, 1.0 - distance)
            for text_id, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]

    def word_scores(self, language: Language, question: str) -> dict[str, float]:
        """The share of the question's words that an entry has, for the best of the language."""
        if language not in self._words:
            return {}
        scores = self._words[language].scores(question)
        kept = min(NEIGHBOURS, len(scores))
        best = np.argpartition(scores, len(scores) - kept)[-kept:]
        ids = self._entries[language]
        return {ids[row]: float(scores[row]) for row in best.tolist() if scores[row] > 0}

    def passages(self, ids: Sequence[str]) -> dict[str, Document]:
        """Passages by id: `title`, `language`, `section` and `text` are in the metadata."""
        found: dict[str, Document] = {}
        for language in self.languages:
            mine = [text_id for text_id in ids if text_id.startswith(f"{language}/")]
            if not mine:
                continue
            got = self._collections["passages", language].get(
                ids=mine, include=["metadatas", "documents"]
            )
            assert got["documents"] is not None and got["metadatas"] is not None
            for text_id, text, metadata in zip(
                got["ids"], got["documents"], got["metadatas"], strict=True
            ):
                found[text_id] = Document(text, id=text_id, metadata=dict(metadata))
        return found


def entry_of(text_id: str) -> str:
    """Id of the entry that a passage ("zh/billing#2") or a question ("zh/billing?2") belongs to."""
    return text_id.replace("?", "#").rpartition("#")[0]


def build_index(
    texts: Texts,
    place: Place,
    embedder: Embedder,
    reader: E5Model,
    *,
    threads: int,
    progress: Progress = lambda done, total: None,
) -> BuildReport:
    """Index ``texts``, unless the live build was made of the same by the same model. Blocks.

    Raises SetupError when Chroma or the embedding model is away, or the disk is full; the live
    build serves on.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    live = read_manifest(place.folder)
    made_of = (_FORM, digest_of(texts), embedder.id)
    if live and (live.form, live.texts, live.embedding) == made_of:
        return BuildReport(live, changed=False, embedded=0)
    build = place.folder / f"build-{time.time_ns()}"
    try:
        with closing(KnownVectors(place.vectors, place.folder.name, embedder, threads)) as known:
            embedded = known.embed(lambda: _to_embed(texts), progress)
            counts = _write_build(build, place, texts, known)
            if counts[-1]:
                before = _reading_of(place, live)
                write_reading(build, list(_told(texts)), reader, threads, progress, before)
            manifest = Manifest(_FORM, made_of[1], embedder.id, build.name, *counts)
            content = json.dumps(asdict(manifest), indent=2).encode()
            _replace(place.folder / "manifest.json", content)
            known.forget_the_rest()
    except (OSError, sqlite3.Error, chromadb.errors.ChromaError, httpx.HTTPError) as error:
        _drop(build, place)
        raise SetupError(
            f"The index could not be written to {place} ({error}).",
            "Check that the disk has room and that Chroma answers, and run it again: it goes on "
            "where it was. The index before is in use.",
        ) from error
    except BaseException:
        _drop(build, place)
        raise
    _sweep(place, keep={build.name, live.build if live else ""})
    return BuildReport(manifest, changed=True, embedded=embedded)


def _of_kind(texts: Texts, kind: Kind, language: Language) -> Iterable[Document]:
    if kind == "passages":
        return texts.passages(language)
    if kind == "questions":
        return texts.questions(language)
    return (
        Document(text, id=outside_id(language, number), metadata={"entry_id": ""})
        for number, text in enumerate(outside()[language])
    )


def _to_embed(texts: Texts) -> Iterator[Text]:
    for kind in KINDS:
        for language in LANGUAGES:
            for text in _of_kind(texts, kind, language):
                yield _ROLE[kind], text.page_content
    for language in LANGUAGES:
        yield from (("passage", text) for text in outside()[language][::_OUTSIDE_AS_PASSAGES])


def _reading_of(place: Place, live: Manifest | None) -> Reading | None:
    """What was read for the live build, if it can be used again."""
    if live is None or live.form != _FORM or not live.questions:
        return None
    try:
        return Reading(place.folder / live.build)
    except _BROKEN:
        return None


def _told(texts: Texts) -> Iterator[Told]:
    """What is written of each entry, one after the other."""
    both: tuple[tuple[Kind, Role], ...] = (("passages", "passage"), ("questions", "query"))
    for language in LANGUAGES:
        of_entry: dict[str, list[Told]] = defaultdict(list)
        for kind, role in both:
            for text in _of_kind(texts, kind, language):
                entry_id = text.metadata["entry_id"]
                of_entry[entry_id].append((entry_id, language, role, text.page_content))
        for told in of_entry.values():
            yield from told


def _write_build(
    build: Path, place: Place, texts: Texts, known: KnownVectors
) -> tuple[int, int, int]:
    """Everything but the manifest; how many entries, passages and questions there are."""
    build.mkdir()
    centres = {
        f"{role}-{language}": _mean(texts, role, language, known)
        for role in ("query", "passage")
        for language in LANGUAGES
    }
    np.savez(build / "centres.npz", **centres)  # type: ignore[arg-type]
    client = _client(place, build.name)
    answered = _answered_outside(texts, known, centres)
    written = dict.fromkeys(KINDS, 0)
    for kind in KINDS:
        for language in LANGUAGES:
            documents = (d for d in _of_kind(texts, kind, language) if d.id not in answered)
            collection = _collection_name(build.name, kind, language)
            vectors = _Vectors(known, _ROLE[kind], centres[f"{_ROLE[kind]}-{language}"])
            written[kind] += _write_collection(client, collection, documents, vectors)
    ids: dict[Language, list[str]] = {}
    for language in LANGUAGES:
        ids[language] = [entry_id for entry_id, _ in texts.whole(language)]
        if ids[language]:
            words = WordIndex.build(language, (text for _, text in texts.whole(language)))
            words.save(build / f"words-{language}")
    (build / "entries.json").write_text(json.dumps(ids), "utf-8")
    return sum(map(len, ids.values())), written["passages"], written["questions"]


def _mean(texts: Texts, role: Role, language: Language, known: KnownVectors) -> Vector:
    """What the texts of a role and language have in common.

    All e5 vectors lie in a narrow cone (cosines 0.75 to 0.95): taking away their mean leaves what
    tells them apart. The questions outside take part, so that a few entries have a sensible mean.
    """
    total: Vector | None = None
    count = 0
    for window in windows(_of_role(texts, role, language), _WRITTEN):
        vectors = known.of((role, content) for content in window)
        total = vectors.sum(axis=0) if total is None else total + vectors.sum(axis=0)
        count += len(window)
    assert total is not None  # the questions outside are always there
    return np.asarray(total / count, np.float32)


def _of_role(texts: Texts, role: Role, language: Language) -> Iterator[str]:
    for kind in KINDS:
        if _ROLE[kind] == role:
            for text in _of_kind(texts, kind, language):
                yield text.page_content
    if role == "passage":
        yield from outside()[language][::_OUTSIDE_AS_PASSAGES]


@dataclass(frozen=True)
class _Vectors:
    """Centred vectors of known texts of one role and language."""

    known: KnownVectors
    role: Role
    centre: Vector

    def of(self, texts: Iterable[str]) -> Vectors:
        return _centre(self.known.of((self.role, text) for text in texts), self.centre)


def _answered_outside(texts: Texts, known: KnownVectors, centres: Mapping[str, Vector]) -> set[str]:
    """Ids of the questions outside that these texts answer after all.

    Left in, they would have the price list of an operator declined: nothing is nearer to the
    question for a price than our own example of one. Where there are entries nothing is left out:
    their ways of asking are as near as the examples.
    """
    if any(True for language in LANGUAGES for _ in texts.questions(language)):
        return set()
    answered: set[str] = set()
    for language in LANGUAGES:
        asked = list(_of_kind(texts, "outside", language))
        as_queries = _Vectors(known, "query", centres[f"query-{language}"])
        questions = as_queries.of(document.page_content for document in asked)
        for told in LANGUAGES:
            passages = _Vectors(known, "passage", centres[f"passage-{told}"])
            nearest, count = np.full(len(asked), -1.0, np.float32), 0
            for window in windows(texts.passages(told), _WRITTEN):
                there = passages.of(document.page_content for document in window)
                nearest = np.maximum(nearest, (questions @ there.T).max(axis=1))
                count += len(window)
            if not count:
                continue
            unrelated = questions @ passages.of(outside()[told][::_OUTSIDE_AS_PASSAGES]).T
            deviation = (nearest - unrelated.mean(axis=1)) / unrelated.std(axis=1)
            found = np.flatnonzero(deviation > expected_extreme(count) + _ANSWERED)
            answered |= {str(asked[row].id) for row in found.tolist()}
    return answered


def expected_extreme(count: int) -> float:
    """How far above the mean the greatest of ``count`` values is by chance, standard deviations.

    Of a normal distribution, to the first order: the square root of 2 ln n.
    """
    return math.sqrt(2 * math.log(max(1, count)))


def _write_collection(
    client: ClientAPI, name: str, texts: Iterable[Document], vectors: _Vectors
) -> int:
    """One kind of text in one language, nothing where there are none; how many."""
    collection: Collection | None = None
    count = 0
    for window in windows(texts, _WRITTEN):
        collection = collection or client.create_collection(
            name,
            configuration={"hnsw": {"space": "cosine", "ef_search": NEIGHBOURS}},
            embedding_function=None,
        )
        collection.add(
            ids=[str(text.id) for text in window],
            embeddings=vectors.of(text.page_content for text in window),
            documents=[text.page_content for text in window],
            metadatas=[text.metadata for text in window],
        )
        count += len(window)
    return count


def _all_ids(collection: Collection) -> Iterator[str]:
    for offset in range(0, collection.count(), _READ):
        yield from collection.get(include=[], limit=_READ, offset=offset)["ids"]


def _usable_manifest(place: Place, embedding: str, texts: Texts | None) -> Manifest:
    manifest = read_manifest(place.folder)
    if manifest is None:
        raise SetupError(
            f"There is no knowledge index in {place.folder}.", "Run `liuke knowledge build`."
        )
    if manifest.embedding != embedding:
        raise SetupError(
            f"The knowledge index in {place.folder} was made with {manifest.embedding}, "
            f"but questions would be embedded with {embedding}; their vectors do not compare.",
            "Run `liuke knowledge build` to embed everything anew, or set the model back.",
        )
    if manifest.form != _FORM or (texts and manifest.texts != digest_of(texts)):
        raise SetupError(
            f"The knowledge index in {place.folder} is older than the corpus.",
            "Run `liuke knowledge build`; it embeds only what has changed.",
        )
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """What the live build in a folder was made of; None where there is none."""
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return manifest if (folder / manifest.build).is_dir() else None


def digest_of(texts: Texts) -> str:
    """Digest of everything that an index of ``texts`` is made of."""
    asked_in_vain = json.dumps(outside(), sort_keys=True)
    return hashlib.sha256(f"{texts.digest}\n{asked_in_vain}".encode()).hexdigest()


def _centre(vectors: Vectors, centre: Vector) -> Vectors:
    moved = vectors - centre
    centred: Vectors = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return centred


def _collection_name(build: str, kind: Kind, language: Language) -> str:
    return f"liuke-{build}-{kind}-{language}"


def _client(place: Place, build: str) -> ClientAPI:
    """Raises SetupError when the Chroma server does not answer."""
    settings = Settings(anonymized_telemetry=False)
    if not place.chroma_url:
        return chromadb.PersistentClient(str(place.folder / build / "chroma"), settings)
    url = urlsplit(place.chroma_url)
    try:
        return chromadb.HttpClient(
            url.hostname or "",
            url.port or (443 if url.scheme == "https" else 80),
            ssl=url.scheme == "https",
            settings=settings,
        )
    except (ValueError, httpx.HTTPError) as error:
        raise SetupError(
            f"The Chroma server at {place.chroma_url} does not answer ({error}).",
            "Start it, or correct LIUKE_KNOWLEDGE_CHROMA_URL; empty, Chroma runs inside Liuke.",
        ) from error


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(path)


def _sweep(place: Place, keep: set[str]) -> None:
    for build in place.folder.glob("build-*"):
        if build.name not in keep:
            _drop(build, place)


def _drop(build: Path, place: Place) -> None:
    """Remove a build that nobody reads; a server that is away keeps its collections till later."""
    if place.chroma_url:
        try:
            client = _client(place, build.name)
            for collection in client.list_collections():
                if collection.name.startswith(f"liuke-{build.name}-"):
                    client.delete_collection(collection.name)
        except (SetupError, chromadb.errors.ChromaError, httpx.HTTPError):
            return
    shutil.rmtree(build, ignore_errors=True)
