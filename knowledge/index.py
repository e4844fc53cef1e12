"""The index: a corpus in, a folder out that answers which texts are near a question.

    FOLDER/manifest.json   which build is live, and of what it was made
    FOLDER/vectors.npz     embeddings by text, so that nothing is embedded twice
    FOLDER/<build>/        Chroma, the word indexes, the centres

A build is written beside the live one; replacing the manifest makes it live, so a reader sees
one or the other. The build before stays until the next, for the server that still reads it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import chromadb
import numpy as np
import numpy.typing as npt
import yaml
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from langchain_core.documents import Document

from knowledge import ingest
from knowledge.bm25 import WordIndex
from knowledge.embedding import EMBEDDING_ID, E5Model, Role
from knowledge.entry import LANGUAGES, Corpus, Entry, Language
from knowledge.errors import KnowledgeError

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]

#: What is embedded: sections of entries, ways of asking for them, and questions that none answers.
Kind = Literal["passages", "questions", "outside"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_ROLE: Final[dict[Kind, Role]] = {"passages": "passage", "questions": "query", "outside": "query"}

#: Form of the folder; another one has to be built again.
_FORM = 2
_OUTSIDE = Path(__file__).with_name("outside.yaml")
#: Texts embedded per call: small enough to show progress.
_BATCH = 8
#: Neighbours that Chroma looks at and gives. An entry has about 13 texts, so this covers the 15
#: nearest entries whole; what is not among them counts as far as the last one.
NEIGHBOURS = 200

#: Called after each batch with texts done and texts to embed.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Manifest:
    """What the live build was made of."""

    form: int
    corpus: str
    """SHA-256 of everything that was indexed."""
    embedding: str
    build: str
    """Name of its folder."""
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

    def __init__(self, folder: Path, corpus: Corpus) -> None:
        """Open the build of ``corpus``.

        Raises KnowledgeError when there is none, or when the corpus has changed since.
        """
        self.manifest = _fresh_manifest(folder, corpus)
        self.entries: dict[str, Entry] = {entry.id: entry for entry in corpus.entries}
        build = folder / self.manifest.build
        try:
            client = _client(build)
            names = {collection.name for collection in client.list_collections()}
            self._collections: dict[tuple[Kind, Language], Collection] = {
                (kind, language): client.get_collection(f"{kind}-{language}")
                for kind in KINDS
                for language in LANGUAGES
                if f"{kind}-{language}" in names
            }
            ids = {key: found.get(include=[])["ids"] for key, found in self._collections.items()}
            self._words = {
                language: WordIndex.load(language, build / f"words-{language}")
                for language in self.languages
            }
            with np.load(build / "centres.npz") as centres:
                self._centres: dict[str, Vector] = dict(centres)
        except (OSError, ValueError, chromadb.errors.ChromaError) as error:
            raise KnowledgeError(
                f"The knowledge index in {build} cannot be read ({error}).",
                f"Delete {folder} and run `liuke knowledge build`.",
            ) from error
        self._sizes = {key: len(found) for key, found in ids.items()}
        #: Texts of each kind per entry; those outside belong to "outside-zh" and "outside-en".
        self.texts_of: dict[Kind, Counter[str]] = {
            kind: Counter(
                entry_of(i) for key, found in ids.items() if key[0] == kind for i in found
            )
            for kind in KINDS
        }
        self._entry_ids = {
            language: [e.id for e in corpus.entries if e.language == language]
            for language in LANGUAGES
        }

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages that have entries."""
        return tuple(lang for lang in LANGUAGES if ("passages", lang) in self._collections)

    def centred(self, vector: Sequence[float], language: Language) -> Vector:
        """A question's vector as the collections hold theirs."""
        return _centre(np.array([vector], np.float32), self._centres[f"query-{language}"]).reshape(
            -1
        )

    def neighbours(self, kind: Kind, language: Language, vector: Vector) -> list[tuple[str, float]]:
        """Ids of the nearest texts and their cosine similarities, nearest first."""
        key = (kind, language)
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
        """For each entry of the language, the share of the question's words that it has."""
        if language not in self._words:
            return {}
        scores = self._words[language].scores(question).tolist()
        return dict(zip(self._entry_ids[language], scores, strict=True))

    def passages(self, ids: Sequence[str]) -> dict[str, Document]:
        """Passages by id: `text` and `section` are in the metadata."""
        found: dict[str, Document] = {}
        for (kind, _), collection in self._collections.items():
            if kind != "passages":
                continue
            got = collection.get(ids=list(ids), include=["metadatas", "documents"])
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
    corpus: Corpus, folder: Path, *, threads: int, progress: Progress = lambda done, total: None
) -> BuildReport:
    """Index ``corpus`` in ``folder``, unless the live build was made of the same. Blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    outside = _outside()
    digest = _digest(corpus, outside)
    live = _read_manifest(folder)
    if live and (live.form, live.corpus, live.embedding) == (_FORM, digest, EMBEDDING_ID):
        return BuildReport(live, changed=False, embedded=0)

    texts = _texts(corpus, outside)
    known = _KnownVectors(folder / "vectors.npz", threads)
    # The questions outside are embedded in both roles: the second only for the passages' centre.
    embedded = known.embed(
        [(_ROLE[kind], text.page_content) for (kind, _), found in texts.items() for text in found]
        + [("passage", text) for language in LANGUAGES for text in outside[language]],
        progress,
    )
    build = folder / f"build-{time.time_ns()}"
    try:
        _write_build(build, corpus, texts, outside, known)
    except BaseException:
        shutil.rmtree(build, ignore_errors=True)
        raise
    known.save()
    manifest = Manifest(
        form=_FORM,
        corpus=digest,
        embedding=EMBEDDING_ID,
        build=build.name,
        entries=len(corpus.entries),
        passages=sum(len(texts["passages", language]) for language in LANGUAGES),
        questions=sum(len(texts["questions", language]) for language in LANGUAGES),
    )
    _replace(folder / "manifest.json", json.dumps(asdict(manifest), indent=2).encode())
    _sweep(folder, keep={build.name, live.build if live else ""})
    return BuildReport(manifest, changed=True, embedded=embedded)


class _KnownVectors:
    """Embeddings by role and text, those of the last build at first."""

    def __init__(self, path: Path, threads: int) -> None:
        self._path = path
        self._threads = threads
        self._before: dict[str, Vector] = {}
        self._used: dict[str, Vector] = {}
        try:
            with np.load(path) as stored:
                if str(stored["embedding"]) == EMBEDDING_ID:
                    self._before = dict(
                        zip(stored["keys"].tolist(), stored["vectors"], strict=True)
                    )
        except (OSError, ValueError, KeyError):
            pass  # Nothing there, or not readable: everything is embedded again.

    def embed(self, texts: Sequence[tuple[Role, str]], progress: Progress) -> int:
        """Make all ``texts`` known; the number of those that were not."""
        missing: dict[Role, list[str]] = {"query": [], "passage": []}
        for role, text in dict.fromkeys(texts):
            key = _key(role, text)
            if key in self._before:
                self._used[key] = self._before[key]
            else:
                missing[role].append(text)
        total = sum(map(len, missing.values()))
        if not total:
            return 0
        model = E5Model()
        batches = [
            (role, role_texts[start : start + _BATCH])
            for role, role_texts in missing.items()
            for start in range(0, len(role_texts), _BATCH)
        ]
        done = 0
        with ThreadPoolExecutor(self._threads) as pool:
            made = pool.map(lambda batch: model.embed(batch[1], batch[0]), batches)
            for (role, batch), vectors in zip(batches, made, strict=True):
                for text, vector in zip(batch, vectors, strict=True):
                    self._used[_key(role, text)] = np.array(vector, np.float32)
                done += len(batch)
                progress(done, total)
        return total

    def vectors(self, role: Role, texts: Sequence[str]) -> Vectors:
        """Vectors of known texts."""
        return np.array([self._used[_key(role, text)] for text in texts], np.float32)

    def save(self) -> None:
        """Keep what this build used, nothing else."""
        beside = self._path.with_suffix(".tmp.npz")
        np.savez(
            beside,
            embedding=np.array(EMBEDDING_ID),
            keys=np.array(list(self._used)),
            vectors=np.array(list(self._used.values())),
        )
        beside.replace(self._path)


def _write_build(
    build: Path,
    corpus: Corpus,
    texts: dict[tuple[Kind, Language], list[Document]],
    outside: dict[Language, list[str]],
    known: _KnownVectors,
) -> None:
    build.mkdir()
    vectors = {
        key: known.vectors(_ROLE[key[0]], [text.page_content for text in found])
        for key, found in texts.items()
        if found
    }
    centres: dict[str, Vector] = {}
    for language in LANGUAGES:
        # All e5 vectors lie in a narrow cone (cosines 0.75 to 0.95): taking away what the texts of
        # a role and language have in common leaves what tells them apart. The questions outside
        # take part, so that a corpus of a few entries has a sensible centre too.
        stored: dict[Role, list[str]] = {"query": [], "passage": list(outside[language])}
        for kind in KINDS:
            stored[_ROLE[kind]] += [text.page_content for text in texts[kind, language]]
        for role, role_texts in stored.items():
            centres[f"{role}-{language}"] = known.vectors(role, role_texts).mean(axis=0)
    np.savez(build / "centres.npz", **centres)  # type: ignore[arg-type]

    client = _client(build)
    for (kind, language), found in vectors.items():
        documents = texts[kind, language]
        client.create_collection(
            f"{kind}-{language}",
            configuration={"hnsw": {"space": "cosine", "ef_search": NEIGHBOURS}},
            embedding_function=None,
        ).add(
            ids=[str(document.id) for document in documents],
            embeddings=_centre(found, centres[f"{_ROLE[kind]}-{language}"]),
            documents=[document.page_content for document in documents],
            metadatas=[document.metadata for document in documents],
        )
    for language in LANGUAGES:
        entries = [entry for entry in corpus.entries if entry.language == language]
        if entries:
            whole = ["\n".join((e.title, *e.questions, e.body)) for e in entries]
            WordIndex.build(language, whole).save(build / f"words-{language}")


def _texts(
    corpus: Corpus, outside: dict[Language, list[str]]
) -> dict[tuple[Kind, Language], list[Document]]:
    texts: dict[tuple[Kind, Language], list[Document]] = {}
    for language in LANGUAGES:
        entries = [entry for entry in corpus.entries if entry.language == language]
        texts["passages", language] = ingest.passages(entries)
        texts["questions", language] = ingest.questions(entries)
        texts["outside", language] = [
            Document(text, id=f"outside-{language}?{number}", metadata={"entry_id": ""})
            for number, text in enumerate(outside[language])
        ]
    return texts


def _outside() -> dict[Language, list[str]]:
    texts: dict[Language, list[str]] = yaml.safe_load(_OUTSIDE.read_text(encoding="utf-8"))
    return texts


def _fresh_manifest(folder: Path, corpus: Corpus) -> Manifest:
    manifest = _read_manifest(folder)
    if manifest is None:
        raise KnowledgeError(
            f"There is no knowledge index in {folder}.", "Run `liuke knowledge build`."
        )
    made_of = (manifest.form, manifest.corpus, manifest.embedding)
    if made_of != (_FORM, _digest(corpus, _outside()), EMBEDDING_ID):
        raise KnowledgeError(
            f"The knowledge index in {folder} is older than the corpus.",
            "Run `liuke knowledge build`; it embeds only what has changed.",
        )
    return manifest


def _read_manifest(folder: Path) -> Manifest | None:
    try:
        manifest = Manifest(**json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return manifest if (folder / manifest.build).is_dir() else None


def _digest(corpus: Corpus, outside: dict[Language, list[str]]) -> str:
    content = json.dumps([[asdict(entry) for entry in corpus.entries], outside], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _key(role: Role, text: str) -> str:
    return hashlib.sha256(f"{role}: {text}".encode()).hexdigest()


def _centre(vectors: Vectors, centre: Vector) -> Vectors:
    moved = vectors - centre
    centred: Vectors = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return centred


def _client(build: Path) -> ClientAPI:
    return chromadb.PersistentClient(str(build / "chroma"), Settings(anonymized_telemetry=False))


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".tmp")
    beside.write_bytes(content)
    beside.replace(path)


def _sweep(folder: Path, keep: set[str]) -> None:
    for build in folder.glob("build-*"):
        if build.name not in keep:
            shutil.rmtree(build, ignore_errors=True)
