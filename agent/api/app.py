"""The web API and the pages: lets customers into calls and shows them the sources of answers."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from agent.api.readiness import part_states
from agent.rooms.access import LiveKitAccess, resolve_livekit
from agent.rooms.messages import add_messages
from agent.rooms.tokens import Seat, room_token
from agent.service.calls.store import CallStore
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.settings import Settings
from common.http_errors import error_response, install_error_handlers
from common.languages import Language
from common.logs import configure_logging
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

WEB_DIST = PROJECT_ROOT / "web" / "dist"


class CallRequest(BaseModel):
    """A customer wants to call."""

    language: Language = Field(description="Language of the page; the greeting is in it.")
    consent: Literal[True] = Field(
        description="The customer agrees that the call is transcribed; without it there is no call."
    )


class CallTicket(BaseModel):
    """What the browser needs to join the call."""

    call_id: str
    livekit_url: str
    token: str
    room: str
    identity: str


class EntryView(BaseModel):
    """A knowledge entry as its card shows it; the body is Markdown.

    ``names``: what the values of a field are called, by field, value and language.
    """

    id: str
    version: int
    language: Language
    title: str
    scenario: list[str]
    region: list[str]
    topic: str
    product: list[str]
    platform: list[str]
    error_codes: list[str]
    source: str
    opening: str
    body: str
    names: dict[str, dict[str, dict[Language, str]]]


class ErrorDetail(BaseModel):
    """What happened and what to do."""

    code: str
    message: str
    remedy: str


class ErrorView(BaseModel):
    """The form of every error."""

    error: ErrorDetail


class PartView(BaseModel):
    """One part of the installation."""

    ok: bool
    problem: str
    remedy: str
    optional: bool


class ReadinessView(BaseModel):
    """Whether a call would be answered, and the parts that decide it."""

    ready: bool
    parts: dict[str, PartView]


def create_app(settings: Settings, access: LiveKitAccess) -> FastAPI:
    """The application; it holds nothing but connections."""
    database = Database(settings.database_url)
    records = CallStore(database)
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await knowledge.aclose()
        await database.aclose()

    app = FastAPI(title="Liuke", version="1", lifespan=lifespan)
    install_error_handlers(app)
    errors: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorView} for status in (404, 422, 503)
    }

    @app.post("/api/calls", status_code=201, responses=errors)
    async def create_call(request: CallRequest) -> CallTicket:
        call_id = str(uuid.uuid4())
        seat = Seat(
            call_id=call_id,
            room=f"call-{call_id}",
            identity=f"customer-{uuid.uuid4().hex[:12]}",
            language=request.language,
        )
        life = timedelta(minutes=settings.api.token_minutes)
        token = room_token(access, seat, settings.agent.name, life)
        now = datetime.now(UTC)
        await records.create_call(
            Call(
                id=call_id,
                room=seat.room,
                identity=seat.identity,
                language=seat.language,
                consented_at=now,
                ticket_expires_at=now + life,
            )
        )
        return CallTicket(
            call_id=call_id,
            livekit_url=settings.livekit.public_url or access.url,
            token=token,
            room=seat.room,
            identity=seat.identity,
        )

    @app.get("/api/entries/{entry_id:path}", response_model=EntryView, responses=errors)
    async def entry(entry_id: str, version: int | None = None) -> Any:
        found = await knowledge.find_entry(entry_id, version)
        if found is None:
            return error_response(
                404,
                "not_found",
                f"There is no entry '{entry_id}'.",
                "Close the card and ask again.",
            )
        return asdict(found)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", response_model=ReadinessView)
    async def readyz(response: Response) -> dict[str, Any]:
        parts = await part_states(settings, access, database)
        ready = all(part.ok or part.optional for part in parts.values())
        response.status_code = 200 if ready else 503
        return {"ready": ready, "parts": {name: asdict(part) for name, part in parts.items()}}

    if WEB_DIST.is_dir():
        app.mount("/", StaticFiles(directory=WEB_DIST, html=True), name="pages")
    else:

        @app.get("/", include_in_schema=False)
        async def no_pages() -> JSONResponse:
            return error_response(503, "no_pages", "The pages are not built.", "Run `liuke setup`.")

    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of the API and of the room's messages: the page's types."""
    return add_messages(app.openapi())


def main() -> None:
    """Serve with the environment's settings; `openapi` prints the API's description instead."""
    settings = Settings()
    if sys.argv[1:] == ["openapi"]:
        nowhere = LiveKitAccess(url="", api_key="", api_secret="", ours=True)
        print(json.dumps(describe(create_app(settings, nowhere)), indent=2, ensure_ascii=False))
        return
    configure_logging()
    uvicorn.run(
        create_app(settings, resolve_livekit(settings)),
        host=settings.api.host,
        port=settings.api.port,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
