"""Vectors kept: texts in, their embeddings on disk, so that no text is embedded twice.

A SQLite file that grows batch by batch: a build that was killed goes on where it was, and memory
stays flat however many texts there are.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from knowledge.search.embedding import Embedder, Role

T = TypeVar("T")
Vectors = npt.NDArray[np.float32]
Text = tuple[Role, str]

#: Texts that are looked up, and embedded by all threads, before the next are read.
_WINDOW = 512
#: Texts embedded per call: small enough to show progress and to lose little when killed.
_BATCH = 8
_ROLES: Final[tuple[Role, ...]] = get_args(Role)

#: Called after each batch with texts done and texts to embed.
Progress = Callable[[int, int], None]


class KnownVectors:
    """The vectors in one file, open while a build lasts; several indexes share them."""

    def __init__(self, path: Path, index: str, embedder: Embedder, threads: int) -> None:
        """``index``: whose build this is."""
        self._index = index
        self._embedder = embedder
        self._threads = threads
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        # A vector tells about its text; what is forgotten is not left to be found in the file.
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, floats BLOB) WITHOUT ROWID"
        )
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS used (owner TEXT, key BLOB, PRIMARY KEY (owner, key))"
            " WITHOUT ROWID"
        )
        self._database.execute("CREATE TEMP TABLE mine (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def embed(self, texts: Callable[[], Iterable[Text]], progress: Progress) -> int:
        """Make all texts known; the number of those that were not.

        ``texts`` is read twice, once to count. Raises SetupError when the embedding model does
        not answer; what was embedded until then stays.
        """
        total = sum(len(self._unknown(window)) for window in windows(texts(), _WINDOW))
        done = 0
        with ThreadPoolExecutor(self._threads) as pool:
            for window in windows(texts(), _WINDOW):
                self._use(window)
                unknown = self._unknown(window)
                batches = [
                    (role, batch)
                    for role in _ROLES
                    for batch in windows((t for r, t in unknown if r == role), _BATCH)
                ]
                made = pool.map(lambda batch: self._embedder.embed(batch[1], batch[0]), batches)
                for (role, batch), vectors in zip(batches, made, strict=True):
                    self._keep(role, batch, vectors)
                    done += len(batch)
                    progress(done, total)
        return total

    def of(self, texts: Iterable[Text]) -> Vectors:
        """The vectors of known texts, one row each."""
        keys = [self._key(text) for text in texts]
        found = dict(self._select(set(keys)))
        return np.array([found[key] for key in keys], np.float32)

    def forget_the_rest(self) -> None:
        """Keep what this build used, and what other indexes do."""
        self._database.execute(
            "DELETE FROM used WHERE owner = ? AND key NOT IN (SELECT key FROM mine)",
            (self._index,),
        )
        self._database.execute("DELETE FROM vector WHERE key NOT IN (SELECT key FROM used)")
        self._database.commit()

    def _unknown(self, texts: Iterable[Text]) -> list[Text]:
        keys = {self._key(text): text for text in texts}
        known = {key for key, _ in self._select(set(keys))}
        unknown = [text for key, text in keys.items() if key not in known]
        # Texts of about one length are embedded together the quickest.
        return sorted(unknown, key=lambda text: len(text[1]))

    def _select(self, keys: set[bytes]) -> Iterator[tuple[bytes, Vectors]]:
        for window in windows(keys, _WINDOW):
            holes = ", ".join("?" * len(window))
            query = f"SELECT key, floats FROM vector WHERE key IN ({holes})"
            for key, floats in self._database.execute(query, window):
                yield key, np.frombuffer(floats, np.float32)

    def _use(self, texts: Iterable[Text]) -> None:
        keys = [self._key(text) for text in texts]
        self._database.executemany(
            "INSERT OR IGNORE INTO used VALUES (?, ?)", ((self._index, key) for key in keys)
        )
        self._database.executemany(
            "INSERT OR IGNORE INTO mine VALUES (?)", ((key,) for key in keys)
        )

    def _keep(self, role: Role, texts: list[str], vectors: list[list[float]]) -> None:
        self._database.executemany(
            "INSERT OR REPLACE INTO vector VALUES (?, ?)",
            (
                (self._key((role, text)), np.array(vector, np.float32).tobytes())
                for text, vector in zip(texts, vectors, strict=True)
            ),
        )
        self._database.commit()

    def _key(self, text: Text) -> bytes:
        """Also of the model: vectors of another one are not known here."""
        role, content = text
        return hashlib.sha256(f"{self._embedder.id}\n{role}: {content}".encode()).digest()


def windows(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, so many at a time."""
    iterator = iter(items)
    while window := list(islice(iterator, size)):
        yield window
