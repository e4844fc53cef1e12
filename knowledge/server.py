"""The knowledge server: questions in over HTTP, passages, entries and openings out.

    python -m knowledge.server --index DIR --corpus DIR [--host 127.0.0.1] [--port 8903]

It holds the index and the embedding model once per host, so that no call has to load them. It
builds nothing: an index that is missing or older than the corpus is an error that says so.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from knowledge.embedding import E5Embeddings, E5Model
from knowledge.entry import Language, read_corpus
from knowledge.errors import KnowledgeError
from knowledge.index import Index
from knowledge.retrieval import Calibration, Retriever
from knowledge.vocabulary import Vocabulary

log = logging.getLogger(__name__)

#: Characters; a spoken question has some 20 to 200.
_LONGEST_QUERY = 1000

_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_QUERY)
]


class SearchRequest(BaseModel):
    """Body of `POST /search`."""

    query: _Text
    language: Language | None = None
    k: int = Field(5, ge=1, le=20)
    context: _Text | None = None
    """What the customer asked before."""


def open_retriever(index: Path, corpus: Path) -> tuple[Index, Retriever]:
    """The index and what searches it. Raises KnowledgeError when the index cannot serve. Blocks."""
    found = read_corpus(corpus)
    for problem in found.problems:
        log.warning("%s", problem)
    opened = Index(index, found)
    retriever = Retriever(opened, E5Embeddings(E5Model()), Calibration.load())
    # Loads the word lists, so that the first customer does not wait for them.
    for language in opened.languages:
        retriever.search("SDK", language, k=1)
    return opened, retriever


def create_app(index: Index, retriever: Retriever) -> FastAPI:
    """The HTTP interface to one index."""
    app = FastAPI(title="Liuke knowledge server")
    vocabulary = Vocabulary.load()
    _install_error_handlers(app)

    @app.post("/search")
    async def search(body: SearchRequest) -> dict[str, Any]:
        found = await asyncio.to_thread(
            retriever.search, body.query, body.language, body.k, body.context
        )
        return asdict(found)

    @app.get("/entries/{entry_id:path}", response_model=None)
    async def entry(entry_id: str) -> dict[str, Any] | JSONResponse:
        found = index.entries.get(entry_id)
        if found is None:
            return _error(404, "unknown_entry", f"There is no entry '{entry_id}'.", "Check its id.")
        shown = asdict(found)
        del shown["questions"]
        return shown | {"names": vocabulary.names_of(found)}

    @app.get("/openings")
    async def openings() -> list[dict[str, str]]:
        return [
            {"entry_id": entry.id, "language": entry.language, "text": entry.opening}
            for entry in index.entries.values()
        ]

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "entries": len(index.entries)}

    return app


def _install_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def _bad_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return _error(
            422, "bad_input", f"'{where}' is not usable: {first['msg']}.", f"Correct '{where}'."
        )

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
    """Command line; the exit status is 1 when the index cannot serve."""
    parser = argparse.ArgumentParser(prog="python -m knowledge.server", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, help="folder of the index")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the entries")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8903)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        index, retriever = open_retriever(arguments.index, arguments.corpus)
    except KnowledgeError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return 1
    app = create_app(index, retriever)
    uvicorn.run(app, host=arguments.host, port=arguments.port, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
