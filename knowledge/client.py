"""The retrieval stage of a call: a question in; passages, their entry and an opening out.

It asks the knowledge server, always for one tenant: what it brings is the corpus's, of documents
for everybody, or of that tenant's documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from common.errors import InputError, ServiceError, SetupError
from common.internal import internal_http
from common.languages import Language
from common.shorten import shortened
from knowledge.contract import (
    LONGEST_QUERY,
    MOST_BEFORE,
    Opening,
    Playbook,
    Retrieval,
    SourceEntry,
    checked_tenant,
    is_entry_id,
)

T = TypeVar("T")

#: A search takes some ten milliseconds; no customer waits longer than this for one that hangs.
_TIMEOUT = httpx.Timeout(3.0, connect=1.0)


class KnowledgeClient:
    """Asks the knowledge server at ``url`` for one tenant."""

    def __init__(self, url: str, token: str, *, tenant: str) -> None:
        """``token``: `common/internal.py`. ``tenant``: `PUBLIC` for a call of nobody's.

        Raises InputError where the tenant's name cannot be one.
        """
        self._url = url
        self._tenant = checked_tenant(tenant)
        self._http = internal_http(url, token, _TIMEOUT)

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
    ) -> Retrieval:
        """The ``k`` best passages for ``query``; ``before``: what the customer has said until then.

        Of a text that is too long its beginning and its end are searched for: a question stands
        before or after what somebody pastes or tells. Raises InputError when the query cannot be
        used, ServiceError when the server is away.
        """
        body = {
            "query": shortened(query, LONGEST_QUERY),
            "language": language,
            "k": k,
            "before": [shortened(text, LONGEST_QUERY) for text in before[-MOST_BEFORE:]],
            "tenant": self._tenant,
        }
        return await self._ask(Retrieval.from_json, "POST", "/search", json=body)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """What texts mean, unit vectors of the embedded model; `MOST_EMBEDDED` texts at most.

        A long one is cut as for ``search``. Raises InputError when one cannot be used, ServiceError
        when the server is away.
        """
        body = {"texts": [shortened(text, LONGEST_QUERY) for text in texts]}
        return await self._ask(_vectors, "POST", "/embed", json=body)

    async def entry(self, entry_id: str, version: int | None = None) -> SourceEntry:
        """One entry, as it is or was. Raises InputError when there is none of that id."""
        if not is_entry_id(entry_id):
            raise InputError(f"{entry_id!r} is not the id of an entry.", "Check it.")
        asked: dict[str, Any] = {"tenant": self._tenant}
        if version is not None:
            asked["version"] = version
        path = f"/entries/{quote(entry_id, safe='')}"
        return await self._ask(SourceEntry.from_json, "GET", path, params=asked)

    async def find_entry(self, entry_id: str, version: int | None = None) -> SourceEntry | None:
        """One entry, or None when there is none of that id and version."""
        try:
            return await self.entry(entry_id, version)
        except InputError:
            return None

    async def openings(self) -> list[Opening]:
        """Every opening that a call of this tenant may begin with: what the voice makes ahead."""
        return await self._ask(_openings, "GET", "/openings", params={"tenant": self._tenant})

    async def playbooks(self) -> list[Playbook]:
        """Every playbook that a call of this tenant may walk: what the voice makes ahead."""
        return await self._ask(_playbooks, "GET", "/playbooks", params={"tenant": self._tenant})

    async def error_codes(self) -> frozenset[str]:
        """Every error code that the corpus explains: it is the same for all tenants."""
        return await self._ask(frozenset, "GET", "/error-codes")

    async def _ask(self, read: Callable[[Any], T], method: str, path: str, **options: Any) -> T:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(
                f"The knowledge server at {self._url} does not answer ({type(error).__name__}).",
                "Start it with `liuke up`, or check LIUKE_KNOWLEDGE_URL.",
                retryable=True,
            ) from error
        if not answer.is_success:
            raise _refusal(answer)
        try:
            return read(answer.json())
        except (ValueError, KeyError, TypeError) as error:
            raise _of_another_server(answer) from error


def _openings(values: Any) -> list[Opening]:
    return [Opening(**opening) for opening in values]


def _playbooks(values: Any) -> list[Playbook]:
    return [Playbook.from_json(playbook) for playbook in values]


def _vectors(values: Any) -> list[list[float]]:
    return [[float(number) for number in vector] for vector in values["vectors"]]


def _refusal(answer: httpx.Response) -> InputError | SetupError | ServiceError:
    """The error that an answer is."""
    try:
        error = answer.json()["error"]
        message, remedy = error["message"], error["remedy"]
    except (ValueError, KeyError, TypeError):
        return _of_another_server(answer)
    if answer.status_code in (404, 422):
        return InputError(message, remedy)
    if answer.status_code in (401, 421):
        return SetupError(f"The knowledge server refuses us: {message}", remedy)
    retryable = answer.status_code in (502, 503, 504)
    return ServiceError(message, remedy, retryable=retryable)


def _of_another_server(answer: httpx.Response) -> ServiceError:
    """Something else listens there, a proxy answers, or it is of another version than we."""
    return ServiceError(
        f"{answer.request.url} answers with status {answer.status_code}, and not as it should.",
        "Check that LIUKE_KNOWLEDGE_URL is the knowledge server, of the same version.",
        retryable=False,
    )
