"""Where the drill's messages go: how each destination behaves in; what it got, by key, out.

Real HTTP on loopback, signed as Standard Webhooks says. A destination can be told to fail, to take
a message and never say so, and to refuse connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

#: "hangs": it has the message, and its answer never arrives, which a sender must take for a loss.
Mode = Literal["well", "fails", "hangs", "refuses"]

_LONGER_THAN_ANYBODY_WAITS_S: Final = 60.0


@dataclass(frozen=True)
class Got:
    """A message as it came in; more than once, where the answer to it was lost."""

    destination: str
    key: str
    body: str
    at_s: float


class Receiver:
    """One destination, on a port of its own, which it keeps while it refuses."""

    def __init__(self, name: str, secret: str, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}/"
        self.got: list[Got] = []
        #: Requests that nobody with the secret had signed.
        self.forged = 0
        self._port = port
        self._webhook = Webhook(secret)
        self._mode: Mode = "refuses"
        self._site: web.TCPSite | None = None
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def behave(self, mode: Mode) -> None:
        """As ``mode`` says, from now on."""
        self._mode = mode
        if mode == "refuses" and self._site:
            await self._site.stop()
            self._site = None
        elif mode != "refuses" and self._site is None:
            self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
            await self._site.start()

    def told(self, ticket: int) -> list[dict[str, Any]]:
        """What was told of a ticket, for programs, in the order in which it came first."""
        told: dict[str, dict[str, Any]] = {}
        for got in self.got:
            told.setdefault(got.key, json.loads(got.body)["data"])
        return [data for data in told.values() if data.get("ticket") == ticket]

    def links(self, ticket: int) -> list[str]:
        """What the pages to a ticket hold to answer with."""
        links = (data.get("link", "") for data in self.told(ticket))
        return [link.partition("#")[2] for link in links if link]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError:
            self.forged += 1
            return web.Response(status=401)
        if self._mode != "fails":
            key = request.headers["webhook-id"]
            self.got.append(Got(self.name, key, body.decode(), time.time()))
        if self._mode == "hangs":
            await asyncio.sleep(_LONGER_THAN_ANYBODY_WAITS_S)
        answer = web.Response(status=503 if self._mode == "fails" else 204)
        answer.force_close()  # a connection that is kept would outlive the refusing
        return answer

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Receiver]:
        """It answers meanwhile."""
        await self._runner.setup()
        try:
            await self.behave("well")
            yield self
        finally:
            await self._runner.cleanup()
