"""Building an index: texts in, a build of them beside the live one out, which it then replaces.

What is written where: `knowledge/search/index.py`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection

from common.errors import SetupError
from common.languages import LANGUAGES, Language
from knowledge.search.bm25 import WordIndex
from knowledge.search.chroma import CHROMA_ERRORS, collection_name, connect, drop_build
from knowledge.search.embedding import E5Model, Embedder, Role
from knowledge.search.index import (
    BROKEN,
    NEIGHBOURS,
    Vector,
    Vectors,
    centred,
    expected_extreme,
)
from knowledge.search.late_interaction import LateInteraction, Told, write_pieces
from knowledge.search.outside import outside, outside_id
from knowledge.search.place import FORM, Manifest, Place, read_manifest
from knowledge.search.texts import KINDS, ROLE, IndexedText, Kind, QuestionText, Texts
from knowledge.search.vectors import KnownVectors, Progress, Text, windows

#: One in so many of the questions outside is embedded as a passage too, for the passages' centre.
_OUTSIDE_AS_PASSAGES: Final = 4
#: A shelf answers a question outside if one of its passages is nearer to it than the nearest of so
#: many is by chance (`expected_extreme`), and by so many standard deviations more.
_ANSWERED: Final = 1.0
#: Texts that are written to Chroma together.
_WRITTEN: Final = 1000


@dataclass(frozen=True)
class BuildReport:
    """What a build did."""

    manifest: Manifest
    changed: bool
    """False: the live build was made of the same, nothing was done."""
    embedded: int
    """Texts that were embedded; the others were known."""


def build_index(
    texts: Texts,
    place: Place,
    embedder: Embedder,
    encoder: E5Model,
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
    made_of = (FORM, digest_of(texts), embedder.id)
    if live and (live.form, live.texts, live.embedding) == made_of:
        return BuildReport(live, changed=False, embedded=0)
    build = place.folder / f"build-{time.time_ns()}"
    try:
        with closing(KnownVectors(place.vectors, place.folder.name, embedder, threads)) as known:
            embedded = known.embed(lambda: _to_embed(texts), progress)
            counts = _write_build(build, place, texts, known)
            if counts[-1]:
                before = _pieces_of(place, live)
                write_pieces(build, list(_told(texts)), encoder, threads, progress, before)
            manifest = Manifest(*made_of, build.name, *counts)
            manifest.write(place.folder)
            known.forget_the_rest()
    except (OSError, sqlite3.Error, *CHROMA_ERRORS) as error:
        drop_build(place, build)
        raise SetupError(
            f"The index could not be written to {place} ({error}).",
            "Check that the disk has room and that Chroma answers, and run it again: it goes on "
            "where it was. The index before is in use.",
        ) from error
    except BaseException:
        drop_build(place, build)
        raise
    _drop_builds(place, but={build.name, live.build if live else ""})
    return BuildReport(manifest, changed=True, embedded=embedded)


def forget_replaced(place: Place) -> None:
    """Remove all builds but the live one. A server that reads one is told within seconds."""
    live = read_manifest(place.folder)
    _drop_builds(place, but={live.build if live else ""})


def _drop_builds(place: Place, but: set[str]) -> None:
    for build in place.folder.glob("build-*"):
        if build.name not in but:
            drop_build(place, build)


def digest_of(texts: Texts) -> str:
    """Digest of everything that an index of ``texts`` is made of."""
    asked_in_vain = json.dumps(outside(), sort_keys=True)
    return hashlib.sha256(f"{texts.digest}\n{asked_in_vain}".encode()).hexdigest()


def _of_kind(texts: Texts, kind: Kind, language: Language) -> Iterable[IndexedText]:
    if kind == "passages":
        return texts.passages(language)
    if kind == "questions":
        return texts.questions(language)
    return (
        QuestionText(outside_id(language, number), "", text)
        for number, text in enumerate(outside()[language])
    )


def _to_embed(texts: Texts) -> Iterator[Text]:
    for kind in KINDS:
        for language in LANGUAGES:
            for text in _of_kind(texts, kind, language):
                yield ROLE[kind], text.content
    for language in LANGUAGES:
        yield from (("passage", text) for text in outside()[language][::_OUTSIDE_AS_PASSAGES])


def _pieces_of(place: Place, live: Manifest | None) -> LateInteraction | None:
    """What was made for the live build, if it can be used again."""
    if live is None or live.form != FORM or not live.questions:
        return None
    try:
        return LateInteraction(place.folder / live.build)
    except BROKEN:
        return None


def _told(texts: Texts) -> Iterator[Told]:
    """What is written of each entry, one after the other."""
    both: tuple[Kind, ...] = ("passages", "questions")
    for language in LANGUAGES:
        of_entry: dict[str, list[Told]] = defaultdict(list)
        for kind in both:
            for text in _of_kind(texts, kind, language):
                told = (text.entry_id, language, ROLE[kind], text.content)
                of_entry[text.entry_id].append(told)
        for of_one in of_entry.values():
            yield from of_one


def _write_build(
    build: Path, place: Place, texts: Texts, known: KnownVectors
) -> tuple[int, int, int]:
    """Everything but pieces and manifest; how many entries, passages and questions there are."""
    build.mkdir()
    centres = {
        f"{role}-{language}": _mean(texts, role, language, known)
        for role in ("query", "passage")
        for language in LANGUAGES
    }
    np.savez(build / "centres.npz", **centres)  # type: ignore[arg-type]
    written = _write_collections(build, place, texts, known, centres)
    rows: dict[Language, list[str]] = {}
    for language in LANGUAGES:
        rows[language] = [entry_id for entry_id, _ in texts.whole(language)]
        if rows[language]:
            words = WordIndex.build(language, (text for _, text in texts.whole(language)))
            words.save(build / f"words-{language}")
    (build / "rows.json").write_text(json.dumps(rows), "utf-8")
    entries = {one.entry.id: asdict(one) for one in texts.entries()}
    (build / "entries.json").write_text(json.dumps(entries, ensure_ascii=False), "utf-8")
    return sum(map(len, rows.values())), written["passages"], written["questions"]


def _write_collections(
    build: Path,
    place: Place,
    texts: Texts,
    known: KnownVectors,
    centres: Mapping[str, Vector],
) -> dict[Kind, int]:
    """How many texts of each kind there are."""
    answered = _answered_outside(texts, known, centres)
    written = dict.fromkeys(KINDS, 0)
    with connect(place, build.name) as client:
        for kind in KINDS:
            for language in LANGUAGES:
                kept = (one for one in _of_kind(texts, kind, language) if one.id not in answered)
                name = collection_name(place, build.name, (kind, language))
                vectors = _Vectors(known, ROLE[kind], centres[f"{ROLE[kind]}-{language}"])
                written[kind] += _write_collection(client, name, kept, vectors)
    return written


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
        if ROLE[kind] == role:
            for text in _of_kind(texts, kind, language):
                yield text.content
    if role == "passage":
        yield from outside()[language][::_OUTSIDE_AS_PASSAGES]


@dataclass(frozen=True)
class _Vectors:
    """Centred vectors of known texts of one role and language."""

    known: KnownVectors
    role: Role
    centre: Vector

    def of(self, texts: Iterable[str]) -> Vectors:
        return centred(self.known.of((self.role, text) for text in texts), self.centre)


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
        questions = as_queries.of(document.content for document in asked)
        for told in LANGUAGES:
            passages = _Vectors(known, "passage", centres[f"passage-{told}"])
            nearest, count = np.full(len(asked), -1.0, np.float32), 0
            for window in windows(texts.passages(told), _WRITTEN):
                there = passages.of(document.content for document in window)
                nearest = np.maximum(nearest, (questions @ there.T).max(axis=1))
                count += len(window)
            if not count:
                continue
            unrelated = questions @ passages.of(outside()[told][::_OUTSIDE_AS_PASSAGES]).T
            deviation = (nearest - unrelated.mean(axis=1)) / unrelated.std(axis=1)
            found = np.flatnonzero(deviation > expected_extreme(count) + _ANSWERED)
            answered |= {asked[row].id for row in found.tolist()}
    return answered


def _write_collection(
    client: Client, name: str, texts: Iterable[IndexedText], vectors: _Vectors
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
            ids=[text.id for text in window],
            embeddings=vectors.of(text.content for text in window),
            documents=[text.content for text in window],
            metadatas=[_metadata(text) for text in window],
        )
        count += len(window)
    return count


def _metadata(text: IndexedText) -> dict[str, str | int]:
    """All but what Chroma keeps by itself."""
    return {name: value for name, value in asdict(text).items() if name not in ("id", "content")}
