"""Embedding at an endpoint: texts in, unit vectors out, by any OpenAI-compatible `/embeddings`."""

from __future__ import annotations

import numpy as np
from openai import OpenAI, OpenAIError

from common.errors import ServiceError
from knowledge.search.embedding import Role

#: An endpoint that takes longer is away, seconds.
_TIMEOUT_S = 20.0


class EndpointModel:
    """A model behind an endpoint (`search.embedding.Embedder`); it is not told of roles."""

    def __init__(self, url: str, model: str, key: str) -> None:
        self.id = f"{model} at an endpoint"
        self._url = url
        self._model = model
        # The client insists on a key, also where the endpoint wants none.
        self._client = OpenAI(base_url=url, api_key=key or "none", timeout=_TIMEOUT_S)

    def embed(self, texts: list[str], role: Role) -> list[list[float]]:
        """One vector per text. Raises ServiceError when the endpoint does not give that."""
        try:
            answer = self._client.embeddings.create(model=self._model, input=texts)
        except OpenAIError as error:
            raise self._away(str(error)) from error
        vectors = [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]
        if len(vectors) != len(texts):
            raise self._away(f"{len(texts)} texts were sent, {len(vectors)} vectors came back")
        rows = np.array(vectors, np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: list[list[float]] = (rows / np.maximum(lengths, 1e-9)).tolist()
        return unit

    def _away(self, what: str) -> ServiceError:
        return ServiceError(
            f"The embeddings endpoint {self._url} does not embed with {self._model}: {what}.",
            "Check LIUKE_KNOWLEDGE_EMBEDDING_URL, _MODEL and _KEY.",
            retryable=True,
        )
