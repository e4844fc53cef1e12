"""Embedding: texts in, unit vectors of 384 floats out (multilingual-e5-small, on the CPU).

`knowledge/endpoint.py` has the other embedder, a model behind an endpoint.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal, Protocol

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from knowledge.weights import NORMALIZATION, TOKENIZER, converted

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
    """The weights, loaded once per process (0.6 s).

    A call computes on one thread: a second one would halve the time on an idle machine, but the two
    wait for each other at every layer, and when a core is busy they wait for long. Call it from
    several threads to use more cores.
    """

    id = "multilingual-e5-small-q4/ctranslate2-int8"

    def __init__(self, folder: Path) -> None:
        """``folder``: of the published file. Raises KnowledgeError as `converted` does."""
        model = converted(folder)
        self._tokenizer = Tokenizer.from_file(str(model / TOKENIZER))
        written_as = json.loads((model / NORMALIZATION).read_text(encoding="utf-8"))
        self._written_as = {int(character): text for character, text in written_as.items()}
        self._encoder = ctranslate2.Encoder(
            str(model), compute_type="int8", inter_threads=os.cpu_count() or 1, intra_threads=1
        )

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One vector per text; of one longer than 510 tokens, of its beginning.

        Texts of about one length are quickest: the network sees all as long as the longest.
        """
        # As the model was trained: SentencePiece's nmt_nfkc, but character by character.
        written = [f"{role}: {text}".translate(self._written_as) for text in texts]
        tokens = [self._tokenizer.encode(text).ids for text in written]
        states = np.array(self._encoder.forward_batch(tokens).last_hidden_state)
        means = np.array(
            [state[: len(of)].mean(axis=0) for state, of in zip(states, tokens, strict=True)]
        )
        vectors: list[list[float]] = (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()
        return vectors
