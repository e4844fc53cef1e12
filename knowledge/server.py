"""The knowledge server: questions in over HTTP, passages, entries and openings out.

It holds the indexes and the embedded model once per host, so that no call has to load them. It
builds nothing: an index that is missing or older than the corpus is an error that says so; a newer
one is taken up within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from common.errors import LiukeError
from common.http_errors import error_response, install_error_handlers
from common.languages import Language
from common.logs import configure_logging
from common.settings import PathSettings, read_settings
from knowledge.base import KnowledgeBase
from knowledge.config import knowledge_config
from knowledge.desk import Desk
from knowledge.documents.library import PUBLIC
from knowledge.settings import KnowledgeSettings

log = logging.getLogger(__name__)

#: Characters; a spoken question has some 20 to 200.
_LONGEST_QUERY = 1000
#: What was said before that is not of this situation any more.
_MOST_BEFORE = 20
#: How often a newer build is looked for, seconds.
_REFRESH_S = 2.0

_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_QUERY)
]


class SearchRequest(BaseModel):
    """Body of `POST /search`."""

    query: _Text
    language: Language | None = None
    k: int = Field(5, ge=1, le=20)
    before: list[_Text] = Field([], max_length=_MOST_BEFORE)
    """What the customer has said until then, last one last."""
    tenant: str = PUBLIC
    """Whose documents may be found besides those for everybody."""


def create_app(desk: Desk) -> FastAPI:
    """The HTTP interface to one knowledge base."""

    @contextlib.asynccontextmanager
    async def refreshing(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_refresh(desk))
        yield
        task.cancel()

    app = FastAPI(title="Liuke knowledge server", lifespan=refreshing)
    install_error_handlers(app)

    @app.post("/search")
    async def search(body: SearchRequest) -> dict[str, Any]:
        retriever = desk.retriever(body.tenant)
        found = await asyncio.to_thread(
            retriever.search, body.query, body.language, body.k, body.before
        )
        return asdict(found)

    @app.get("/entries/{entry_id:path}", response_model=None)
    async def entry(
        entry_id: str, version: int | None = None, tenant: str = PUBLIC
    ) -> dict[str, Any] | JSONResponse:
        found = await asyncio.to_thread(desk.entry, entry_id, version, tenant)
        if found is None:
            of = f" in version {version}" if version else ""
            what = f"There is no entry '{entry_id}'{of}."
            return error_response(404, "unknown_entry", what, "Check its id.")
        return found

    @app.get("/openings")
    async def openings() -> list[dict[str, str]]:
        return [
            {"entry_id": o.entry_id, "language": o.entry_id.partition("/")[0], "text": o.text}
            for o in desk.openings()
        ]

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "entries": len(desk.entries)}

    return app


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
        config = knowledge_config(read_settings(PathSettings), settings)
        app = create_app(Desk(KnowledgeBase(config)))
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
