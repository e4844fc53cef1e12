"""The knowledge server: questions in over HTTP; passages, entries, openings and vectors out.

It holds the indexes and the embedded model once per host, so that no call has to load them. It
builds nothing and serves what was built; a newer build is taken up within seconds. Every request
that something is found for says for which tenant it asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from common.errors import InputError, LiukeError
from common.http_errors import error_response, install_error_handlers
from common.internal import InternalOnly, InternalSettings, internal_token
from common.languages import Language
from common.logs import configure_logging
from common.serving import BoundedThreads, while_connected
from common.settings import PathSettings, read_settings
from knowledge.base import KnowledgeBase
from knowledge.config import knowledge_config
from knowledge.contract import (
    LONGEST_QUERY,
    MOST_BEFORE,
    MOST_EMBEDDED,
    Retrieval,
    checked_tenant,
    is_entry_id,
)
from knowledge.desk import Desk
from knowledge.settings import KnowledgeSettings

log = logging.getLogger(__name__)

#: A search computes all the time that it takes: more at once than cores only slow each other.
_AT_ONCE = os.cpu_count() or 1
#: Searches that wait: at 40 ms each, the last is done before its client gives up.
_WAITING = 24 * _AT_ONCE
#: SQLite counts no further.
_MOST_VERSIONS = 2**62
#: How often a newer build is looked for, seconds.
_REFRESH_S = 2.0

_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_QUERY)
]


def _tenant(name: str) -> str:
    try:
        return checked_tenant(name)
    except InputError as error:
        raise ValueError(error.message) from error


Tenant = Annotated[str, AfterValidator(_tenant)]


class SearchRequest(BaseModel):
    """Body of `POST /search`."""

    query: _Text
    language: Language | None = None
    k: int = Field(5, ge=1, le=20)
    before: list[_Text] = Field([], max_length=MOST_BEFORE)
    """What the customer has said until then, last one last."""
    tenant: Tenant
    """Whose documents may be found besides those for everybody; empty: nobody's."""


class EmbedRequest(BaseModel):
    """Body of `POST /embed`."""

    texts: list[_Text] = Field(min_length=1, max_length=MOST_EMBEDDED)


def create_app(desk: Desk, *, token: str, url: str) -> FastAPI:
    """The HTTP interface to one knowledge base; ``url`` and ``token``: `common/internal.py`."""
    threads = BoundedThreads(_AT_ONCE, waiting=_WAITING, what="searches")
    # Threads of their own: who wishes for a person does not wait for the searches of others.
    embedding = BoundedThreads(_AT_ONCE, waiting=_WAITING, what="embeddings")

    @contextlib.asynccontextmanager
    async def refreshing(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_refresh(desk))
        yield
        task.cancel()
        threads.close()
        embedding.close()

    app = FastAPI(title="Liuke knowledge server", lifespan=refreshing)
    app.add_middleware(InternalOnly, token=token, url=url)
    install_error_handlers(app)

    @app.post("/search")
    async def search(body: SearchRequest, request: Request) -> dict[str, Any] | None:
        work = threads.run(partial(_search, desk, body))
        found = await while_connected(request, work)
        return asdict(found) if found else None

    @app.post("/embed")
    async def embed(body: EmbedRequest, request: Request) -> dict[str, Any] | None:
        vectors = await while_connected(request, embedding.run(partial(desk.embed, body.texts)))
        return {"vectors": vectors} if vectors else None

    @app.get("/entries/{entry_id:path}", response_model=None)
    async def entry(
        entry_id: str,
        tenant: Annotated[Tenant, Query()],
        version: Annotated[int | None, Query(ge=1, le=_MOST_VERSIONS)] = None,
    ) -> dict[str, Any] | JSONResponse:
        found = None
        if is_entry_id(entry_id):
            found = await asyncio.to_thread(desk.entry, entry_id, version, tenant=tenant)
        if found is None:
            of = f" in version {version}" if version else ""
            what = f"There is no entry '{entry_id}'{of}."
            return error_response(404, "unknown_entry", what, "Check its id.")
        return asdict(found)

    @app.get("/openings")
    async def openings(tenant: Annotated[Tenant, Query()]) -> list[dict[str, str]]:
        return [asdict(opening) for opening in await asyncio.to_thread(desk.openings, tenant)]

    @app.get("/playbooks")
    async def playbooks(tenant: Annotated[Tenant, Query()]) -> list[dict[str, Any]]:
        return [asdict(playbook) for playbook in desk.playbooks()]

    @app.get("/error-codes")
    async def error_codes() -> list[str]:
        return desk.error_codes()

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "entries": len(desk.entries)}

    return app


def _search(desk: Desk, asked: SearchRequest) -> Retrieval:
    return desk.search(asked.query, asked.language, asked.k, asked.before, tenant=asked.tenant)


async def _refresh(desk: Desk) -> None:
    while True:
        await asyncio.sleep(_REFRESH_S)
        try:
            await asyncio.to_thread(desk.refresh)
        except Exception:  # what is open serves on
            log.exception("a newer build could not be looked for")


def main() -> int:
    """Serve on the address of LIUKE_KNOWLEDGE_URL; exit status 1 when nothing can be searched."""
    configure_logging()
    try:
        settings = read_settings(KnowledgeSettings)
        paths = read_settings(PathSettings)
        token = internal_token(paths, read_settings(InternalSettings))
        desk = Desk(KnowledgeBase(knowledge_config(paths, settings)))
        app = create_app(desk, token=token, url=settings.url)
    except LiukeError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 1
    address = urlsplit(settings.url)
    uvicorn.run(
        app, host=address.hostname or "127.0.0.1", port=address.port or 8903, log_level="warning"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
