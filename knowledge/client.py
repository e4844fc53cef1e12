"""The retrieval stage: a question in, passages and an opening out, from the knowledge server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from common.errors import InputError, ServiceError
from common.languages import Language

#: A search takes some ten milliseconds; no customer waits longer than this for one that hangs.
_TIMEOUT = httpx.Timeout(3.0, connect=1.0)


#: What the server takes of what was said before: so many texts, so many characters of each.
_MOST_BEFORE, _LONGEST = 20, 1000


@dataclass(frozen=True)
class Passage:
    """A section of an entry."""

    entry_id: str
    title: str
    language: Language
    section: str
    text: str
    version: int
    """Of the entry, as it can be read again."""
    score: float
    """Probability that this entry is the one that answers, 0 to 1."""


@dataclass(frozen=True)
class Opening:
    """The approved first sentence of an entry."""

    entry_id: str
    text: str


@dataclass(frozen=True)
class Retrieval:
    """What the knowledge base says about one question."""

    passages: tuple[Passage, ...]
    """Of distinct entries, best first."""
    supported: bool
    """The passages can answer; else the assistant declines."""
    opening: Opening | None
    """To be spoken at once: retrieval is sure of the entry."""
    timings_ms: dict[str, float]


@dataclass(frozen=True)
class SourceEntry:
    """An entry as its card shows it."""

    id: str
    version: int
    language: Language
    title: str
    scenario: tuple[str, ...]
    region: tuple[str, ...]
    topic: str
    product: tuple[str, ...]
    platform: tuple[str, ...]
    error_codes: tuple[str, ...]
    source: str
    opening: str
    body: str
    """Markdown."""
    names: dict[str, dict[str, dict[Language, str]]]
    """What the values of a field are called, by field, value and language."""


class KnowledgeClient:
    """Asks the knowledge server at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def is_healthy(self) -> bool:
        """Whether the server answers and has its index loaded."""
        try:
            return (await self._http.get("/healthz")).is_success
        except httpx.HTTPError:
            return False

    async def search(
        self,
        query: str,
        language: Language | None = None,
        *,
        k: int = 5,
        before: Sequence[str] = (),
        tenant: str = "",
    ) -> Retrieval:
        """The ``k`` best passages for ``query``; ``before``: what the customer has said until then.

        ``tenant``: whose documents may be found besides those for everybody. Raises InputError when
        the query cannot be used, ServiceError when the server is away.
        """
        body = {
            "query": query,
            "language": language,
            "k": k,
            "before": [text[-_LONGEST:] for text in before[-_MOST_BEFORE:]],
            "tenant": tenant,
        }
        found = await self._json("POST", "/search", json=body)
        return Retrieval(
            passages=tuple(Passage(**passage) for passage in found["passages"]),
            supported=found["supported"],
            opening=Opening(**found["opening"]) if found["opening"] else None,
            timings_ms=found["timings_ms"],
        )

    async def entry(self, entry_id: str, version: int | None = None) -> SourceEntry:
        """One entry, as it is or was. Raises InputError when there is none of that id."""
        asked = {"version": version} if version else {}
        return SourceEntry(**await self._json("GET", f"/entries/{quote(entry_id)}", params=asked))

    async def find_entry(self, entry_id: str, version: int | None = None) -> SourceEntry | None:
        """One entry, or None when there is none of that id and version."""
        try:
            return await self.entry(entry_id, version)
        except InputError:
            return None

    async def openings(self) -> list[tuple[str, Language]]:
        """Text and language of every opening: what the voice makes ahead."""
        return [(o["text"], o["language"]) for o in await self._json("GET", "/openings")]

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(
                f"The knowledge server at {self._url} does not answer ({type(error).__name__}).",
                "Start it with `liuke up`, or check LIUKE_KNOWLEDGE_URL.",
                retryable=True,
            ) from error
        if answer.is_success:
            return answer.json()
        message, remedy = _refusal(answer)
        if answer.status_code in (404, 422):
            raise InputError(message, remedy)
        raise ServiceError(message, remedy, retryable=answer.status_code in (502, 503, 504))


def _refusal(answer: httpx.Response) -> tuple[str, str]:
    """Message and remedy of an answer that is an error."""
    try:
        error = answer.json()["error"]
        return error["message"], error["remedy"]
    except (ValueError, KeyError, TypeError):  # Something else listens there, or a proxy answers.
        return (
            f"{answer.request.url} answers with status {answer.status_code}.",
            "Check that LIUKE_KNOWLEDGE_URL is the knowledge server.",
        )
