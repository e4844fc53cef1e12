"""The web API and the pages: lets customers into calls and shows them the sources of answers.

Where it runs, what is due in the records is done, too: `agent/duty`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from agent.api.bodies import BodyLimit
from agent.api.consent import consent_texts
from agent.api.context import Context
from agent.api.pages import Pages, SecurityHeaders
from agent.api.readiness import Readiness
from agent.api.refusals import install_refusals, unexpected
from agent.api.routers import (
    calls,
    consent,
    demo,
    entries,
    follow_up,
    health,
    measurements,
    paging,
    qos,
    tickets,
    webhooks,
)
from agent.duty.duty import keep_duty
from agent.rooms.access import LiveKitAccess, resolve_livekit
from agent.rooms.messages import add_messages
from agent.service.accounts.store import AccountStore
from agent.service.calls.admission import Admission, Limits
from agent.service.calls.store import CUT_OFF_AFTER_S, CallStore
from agent.service.database import Database
from agent.service.demo.store import Demo
from agent.service.matters.store import Matters
from agent.service.paging.store import Paging
from agent.service.promises.store import Promises
from agent.service.quality.incidents import Incidents
from agent.service.quality.own_calls import OwnCalls
from agent.service.quality.rollups import Roller
from agent.service.quality.store import QualityStore
from agent.service.summaries.store import Summaries
from agent.service.support import read_support
from agent.service.tickets.store import TicketStore
from agent.settings import Settings
from common.logs import configure_logging
from common.settings import PROJECT_ROOT

log = logging.getLogger(__name__)

WEB_DIST = PROJECT_ROOT / "web" / "dist"
#: The largest body that a request needs: a grant's, with what the operator's site signed. Bytes.
_MOST_BYTES = 16 * 1024


def create_app(settings: Settings, access: LiveKitAccess) -> FastAPI:
    """The application; it holds nothing but connections."""
    database = Database(settings.database_url)
    store = CallStore(database)
    readiness = Readiness(settings, access, database)
    support = read_support(settings.support_file)
    roller = Roller(database)
    tickets_kept = TicketStore(database, support.policy)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await store.end_interrupted_calls(timedelta(seconds=CUT_OFF_AFTER_S))
        except (SQLAlchemyError, OSError):
            log.exception("calls that were cut off keep waiting for their end")
        duties = {
            asyncio.create_task(
                keep_duty(database, support, settings.api.url_in_links, settings.qos.targets)
            ),
            asyncio.create_task(roller.run()),
        }
        yield
        for duty in duties:
            duty.cancel()
        await asyncio.wait(duties)
        await readiness.aclose()
        await database.aclose()

    app = FastAPI(
        title="Liuke",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(
                ProxyHeadersMiddleware,
                trusted_hosts=settings.api.trusted_proxies,
            ),
            Middleware(
                SecurityHeaders,
                settings=settings.api,
                livekit_url=settings.livekit.public_url or access.url,
            ),
            # A handler of the application's own would answer outside of the headers.
            Middleware(ServerErrorMiddleware, handler=unexpected),
            Middleware(BodyLimit, most_bytes=_MOST_BYTES, but=qos.PATH),
        ],
    )
    limits = Limits(
        settings.api.caller_grants, settings.api.account_grants, settings.api.account_calls
    )
    app.state.context = Context(
        settings=settings,
        access=access,
        calls=store,
        admission=Admission(database, limits),
        tickets=tickets_kept,
        paging=Paging(database, support.rota, patience=support.patience),
        accounts=AccountStore(database),
        promises=Promises(database),
        consent=consent_texts(settings),
        readiness=readiness,
        quality=QualityStore(database),
        own_calls=OwnCalls(database, settings.livekit.region),
        roller=roller,
        demo=Demo(database),
        incidents=Incidents(database, tickets_kept),
        matters=Matters(database),
        summaries=Summaries(database),
    )
    install_refusals(app)
    for resource in (
        *(calls, measurements, entries, tickets, follow_up, paging),
        *(consent, demo, health, qos, webhooks),
    ):
        app.include_router(resource.router)
    if WEB_DIST.is_dir():
        app.mount("/", Pages(WEB_DIST), name="pages")
    else:
        log.warning("The pages are not built. Run `liuke setup`.")
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
        proxy_headers=False,  # the application believes those that the settings name
        server_header=False,
    )


if __name__ == "__main__":
    main()
