"""How much a request may bring: short bodies everywhere, but where one is read piece by piece."""

from __future__ import annotations

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class BodyLimit:
    """Middleware: refuses longer bodies than ``most_bytes``, except at ``but``.

    The route at that path counts what it reads, and says what it kept of it.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: int, but: str) -> None:
        self._app = app
        self._limited = RequestBodyLimitMiddleware(app, max_body_size=most_bytes)
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app if scope.get("path") == self._but else self._limited
        await app(scope, receive, send)
