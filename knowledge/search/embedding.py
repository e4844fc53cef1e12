"""Embedding: texts in, unit vectors of 384 floats out (multilingual-e5-small, on the CPU).

`knowledge/search/embedding_endpoint.py` has the other embedder, a model behind an endpoint.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, Protocol

import ctranslate2
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from knowledge.search.weights import NORMALIZATION, SURPRISE, TOKENIZER, converted

Floats = npt.NDArray[np.float32]

#: e5 was trained with these two roles; texts of one role are compared symmetrically.
Role = Literal["query", "passage"]


class Embedder(Protocol):
    """What turns texts into vectors."""

    id: str
    """Names weights and form: an index made with another one has to be built again."""

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One unit vector per text. Blocks: call it in a thread; safe to use from several."""
        ...


@dataclass(frozen=True)
class States:
    """A text as the model understood it, piece of word by piece of word."""

    vectors: Floats
    """[n, 384]."""
    surprise: Floats
    """How unlikely each piece is in any text, minus the logarithm of its probability, [n]."""


#: Questions whose states are kept: a question is embedded and then read.
_KEPT: Final = 8


class E5Model:
    """The weights, loaded once per process (0.6 s).

    A call computes on one thread: a second one would halve the time on an idle machine, but the two
    wait for each other at every layer, and when a core is busy they wait for long. Call it from
    several threads to use more cores.
    """

    id = "multilingual-e5-small-q4/ctranslate2-int8"

    def __init__(self, folder: Path) -> None:
        """``folder``: of the published file. Raises SetupError as `converted` does."""
        model = converted(folder)
        self._tokenizer = Tokenizer.from_file(str(model / TOKENIZER))
        written_as = json.loads((model / NORMALIZATION).read_text(encoding="utf-8"))
        self._written_as = {int(character): text for character, text in written_as.items()}
        self._surprise: Floats = np.load(model / SURPRISE)
        self._understood = lru_cache(_KEPT)(self._understand)
        self._encoder = ctranslate2.Encoder(
            str(model), compute_type="int8", inter_threads=os.cpu_count() or 1, intra_threads=1
        )

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One vector per text; of one longer than 510 tokens, of its beginning.

        Texts of about one length are quickest: the network sees all as long as the longest.
        """
        if len(texts) == 1:
            _, states = self._understood(f"{role}: {texts[0]}")
            means = states.mean(axis=0, keepdims=True)
        else:
            tokens = [self._tokens(f"{role}: {text}") for text in texts]
            both = zip(self._states(tokens), tokens, strict=True)
            means = np.array([states[: len(of)].mean(axis=0) for states, of in both])
        vectors: list[list[float]] = (means / np.linalg.norm(means, axis=1, keepdims=True)).tolist()
        return vectors

    def states(self, text: str, role: Role) -> States:
        """A text's pieces, without those of its role."""
        tokens, states = self._understood(f"{role}: {text}")
        own = slice(len(self._tokens(f"{role}:")) - 1, -1)
        return States(states[own], self._surprise[tokens[own]])

    def _understand(self, text: str) -> tuple[list[int], Floats]:
        tokens = self._tokens(text)
        return tokens, self._states([tokens])[0]

    def _tokens(self, text: str) -> list[int]:
        # As the model was trained: SentencePiece's nmt_nfkc, but character by character.
        tokens: list[int] = self._tokenizer.encode(text.translate(self._written_as)).ids
        return tokens

    def _states(self, tokens: list[list[int]]) -> Floats:
        return np.array(self._encoder.forward_batch(tokens).last_hidden_state)
