"""The knowledge server: questions in over HTTP, passages, entries and openings out.

    python -m knowledge.server --folder DIR --corpus DIR --model DIR [--port 8903]
        [--chroma-url URL] [--embedding-url URL --embedding-model NAME]

It holds the indexes and the embedded model once per host, so that no call has to load them. It
builds nothing: an index that is missing or older than the corpus is an error that says so; a newer
one is taken up within seconds. A key for the embeddings endpoint is in the environment, as
LIUKE_KNOWLEDGE_EMBEDDING_KEY.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from knowledge.base import KnowledgeBase
from knowledge.config import Endpoint, KnowledgeConfig
from knowledge.desk import Desk
from knowledge.entry import Language
from knowledge.errors import KnowledgeError
from knowledge.library import PUBLIC

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
    _install_error_handlers(app)

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
            return _error(404, "unknown_entry", what, "Check its id.")
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


def _install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def _bad_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return _error(
            422, "bad_input", f"'{where}' is not usable: {first['msg']}.", f"Correct '{where}'."
        )

    @app.exception_handler(KnowledgeError)
    async def _away(_request: Request, error: KnowledgeError) -> JSONResponse:
        log.error("%s", error)
        return _error(503, "unavailable", error.message, error.remedy)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error on %s", request.url.path, exc_info=error)
        return _error(
            500, "internal", "Something went wrong in the knowledge server.", "See its log."
        )


def _error(status: int, code: str, message: str, remedy: str) -> JSONResponse:
    body = {"error": {"code": code, "message": message, "remedy": remedy}}
    return JSONResponse(body, status_code=status)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; the exit status is 1 when the corpus cannot be searched."""
    parser = argparse.ArgumentParser(prog="python -m knowledge.server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="of indexes and library")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the entries")
    parser.add_argument("--chroma-url", default="", help="a Chroma server; else in this process")
    parser.add_argument("--model", type=Path, required=True, help="folder of the embedded model")
    parser.add_argument("--embedding-url", default="", help="an OpenAI-compatible endpoint")
    parser.add_argument("--embedding-model", default="", help="its model")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8903)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    key = os.environ.get("LIUKE_KNOWLEDGE_EMBEDDING_KEY", "")
    endpoint = Endpoint(arguments.embedding_url, arguments.embedding_model, key)
    config = KnowledgeConfig(
        arguments.folder,
        arguments.corpus,
        arguments.model,
        arguments.chroma_url,
        endpoint if endpoint.url else None,
    )
    try:
        app = create_app(Desk(KnowledgeBase(config)))
    except KnowledgeError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 1
    uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
