#!/usr/bin/env bash
# Starlette 1.10.0, RequestBodyLimitMiddleware.
#
# An application answers its errors in a form of its own, here JSON, with a handler for HTTPException.
# A good guess: a body that is too large is a 413 in that form, however the client sends it.
# Seen: without a Content-Length (chunked) the handler's JSON is sent; with one, whatever the application has answered is
# replaced by a 413 in plain text: the JSON of its handler, and also the answer of a route that never read the body.
# So clients that read the error's code find none in the ordinary case.
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check starlette==1.10.0 httpx==0.28.1
"$folder/bin/python" - <<'PYTHON'
import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import version

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def reads(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


async def reads_nothing(request: Request) -> Response:
    return JSONResponse({"error": {"code": "sign in first"}}, status_code=401)


async def in_our_form(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": {"code": "too large"}}, status_code=error.status_code)


app = Starlette(
    routes=[Route("/reads", reads, methods=["POST"]), Route("/nothing", reads_nothing, methods=["POST"])],
    middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=10)],
    exception_handlers={HTTPException: in_our_form},
)


async def chunks() -> AsyncIterator[bytes]:
    yield b"x" * 20


async def main() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        seen = {
            "chunked": await http.post("/reads", content=chunks()),
            "declared": await http.post("/reads", content=b"x" * 20),
            "declared, never read": await http.post("/nothing", content=b"x" * 20),
        }
    print("starlette", version("starlette"))
    for how, answer in seen.items():
        print(f"{how}: {answer.status_code} {answer.headers['content-type']} {answer.text}")
    assert seen["chunked"].json() == {"error": {"code": "too large"}}
    for how in ("declared", "declared, never read"):
        assert (seen[how].status_code, seen[how].text) == (413, "Content Too Large"), "it behaves otherwise now"


asyncio.run(main())
PYTHON
