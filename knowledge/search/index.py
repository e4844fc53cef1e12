"""The index: a folder in, which of its texts are near a question out.

    FOLDER/manifest.json   which build is live, and of what it was made
    FOLDER/<build>/        all that searches and cards need, so that what is edited since does not
                           matter: Chroma (unless a server has it), the word indexes, the centres,
                           the entries of the corpus, and their pieces (late_interaction.py)
    FOLDER/../vectors.db   embeddings by text, shared with the indexes beside it

`knowledge/search/build.py` writes a build beside the live one; replacing the manifest makes it
live, so a reader sees one or the other. The build before stays until the next, for the server that
still reads it.
"""

from __future__ import annotations

import json
import math
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection

from common.errors import SetupError
from common.languages import LANGUAGES, Language
from knowledge.entries.entry import stored_entry
from knowledge.search.bm25 import WordIndex
from knowledge.search.chroma import CHROMA_ERRORS, collections, connect
from knowledge.search.late_interaction import LateInteraction
from knowledge.search.place import FORM, Manifest, Place, read_manifest
from knowledge.search.texts import KINDS, Collected, Kind, PassageText, VersionedEntry, entry_of

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]

#: What a folder that is broken makes of itself.
BROKEN: Final = (OSError, ValueError, KeyError, TypeError, BadZipFile)
#: Ids that are read from Chroma together.
_READ: Final = 10_000
#: Neighbours that Chroma looks at and gives. An entry has about 13 texts, so this covers the 15
#: nearest entries whole; what is not among them counts as far as the last one.
NEIGHBOURS: Final = 200
#: Collections are asked side by side: Chroma searches without the interpreter's lock.
_SEARCHERS = ThreadPoolExecutor(len(KINDS) * len(LANGUAGES), thread_name_prefix="chroma")


class Index:
    """The live build, opened for reading. Safe to use from several threads.

    It is closed once the last search has let go of it.
    """

    def __init__(self, place: Place, embedding: str) -> None:
        """Open the live build, whose vectors are of the embedding model of that id.

        Raises SetupError when there is none, or when its vectors are another model's.
        """
        self.manifest = _usable_manifest(place, embedding)
        build = place.folder / self.manifest.build
        client = connect(place, build.name)
        # Chroma holds a dozen files open until its client is closed, whatever becomes of that.
        closing = weakref.finalize(self, client.close)
        try:
            self._open(place, build, client)
        except (*BROKEN, *CHROMA_ERRORS) as error:
            closing()
            raise SetupError(
                f"The knowledge index in {place} cannot be read ({error}).",
                f"Delete {place.folder} and run `liuke knowledge build`.",
            ) from error

    def _open(self, place: Place, build: Path, client: Client) -> None:
        self._collections = dict(collections(client, place, build.name))
        ids = {key: list(_all_ids(found)) for key, found in self._collections.items()}
        self._words = {
            language: WordIndex.load(language, build / f"words-{language}")
            for language in self.languages
        }
        rows: dict[Language, list[str]] = json.loads((build / "rows.json").read_text("utf-8"))
        self._rows = rows
        #: Of the corpus; sections of documents are in the library.
        self.entries = _entries(json.loads((build / "entries.json").read_text("utf-8")))
        with np.load(build / "centres.npz") as centres:
            self._centres: dict[str, Vector] = dict(centres)
        #: None of documents: there are too many, and nobody has written down how they are asked
        #: for.
        self.late_interaction = LateInteraction(build) if self.manifest.questions else None
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
        moved = centred(np.array([vector], np.float32), self._centres[f"query-{language}"])
        return moved.reshape(-1)

    def neighbours(self, vector: Vector) -> dict[Collected, list[tuple[str, float]]]:
        """Ids of the nearest texts of each kind and language, with their cosine similarities,
        nearest first."""
        keys = list(product(KINDS, LANGUAGES))
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
        ids = self._rows[language]
        return {ids[row]: float(scores[row]) for row in best.tolist() if scores[row] > 0}

    def passages(self, ids: Sequence[str]) -> dict[str, PassageText]:
        """Passages by id."""
        found: dict[str, PassageText] = {}
        for language in self.languages:
            mine = [text_id for text_id in ids if text_id.startswith(f"{language}/")]
            if mine:
                got = self._collections["passages", language].get(
                    ids=mine, include=["metadatas", "documents"]
                )
                assert got["documents"] is not None and got["metadatas"] is not None
                for text_id, content, kept in zip(
                    got["ids"], got["documents"], got["metadatas"], strict=True
                ):
                    fields: dict[str, Any] = dict(kept)
                    found[text_id] = PassageText(id=text_id, content=content, **fields)
        return found


def centred(vectors: Vectors, centre: Vector) -> Vectors:
    """Unit vectors around a centre."""
    moved = vectors - centre
    around: Vectors = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-6)
    return around


def expected_extreme(count: int) -> float:
    """How far above the mean the greatest of ``count`` values is by chance, standard deviations.

    Of a normal distribution, to the first order: the square root of 2 ln n.
    """
    return math.sqrt(2 * math.log(max(1, count)))


def _entries(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, VersionedEntry]:
    return {
        entry_id: VersionedEntry(stored_entry(one["entry"]), one["version"])
        for entry_id, one in stored.items()
    }


def _all_ids(collection: Collection) -> Iterator[str]:
    for offset in range(0, collection.count(), _READ):
        yield from collection.get(include=[], limit=_READ, offset=offset)["ids"]


def _usable_manifest(place: Place, embedding: str) -> Manifest:
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
    if manifest.form != FORM:
        raise SetupError(
            f"The knowledge index in {place.folder} was made by another version of Liuke.",
            "Run `liuke knowledge build`; it embeds only what has changed.",
        )
    return manifest
