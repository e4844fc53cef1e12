"""The pages: a path in; a file of the built pages out, with the headers that keep them to it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import HTTPException
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.settings import ApiSettings

_CONSOLE = "console"
#: Vite puts a hash of the content into these names.
_HASHED = "assets/"
_YEAR_S = 365 * 24 * 3600


class Pages(StaticFiles):
    """`/` is the call page, `/join.html` that of a person who is called, `/console` and all below
    it the console; a page of its own says that there is nothing else.

    ``folder`` holds `index.html`, `join.html`, `console.html` and `404.html`. A path below
    `/console` is a place inside the console, which its own router finds.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self._folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at ``path``."""
        first, _, rest = path.partition("/")
        if first == "api":
            raise HTTPException(404)
        is_place = first == _CONSOLE and "." not in rest.rpartition("/")[2]
        response = await super().get_response("console.html" if is_place else path, scope)
        lasting = path.startswith(_HASHED) and response.status_code == 200
        cached = f"public, max-age={_YEAR_S}, immutable" if lasting else "no-cache"
        response.headers["Cache-Control"] = cached
        return response


class SecurityHeaders:
    """Middleware: every answer says what a page of ours may load, and who may show it."""

    def __init__(self, app: ASGIApp, *, settings: ApiSettings, livekit_url: str) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": _content_security_policy(settings, livekit_url),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": "microphone=(self), display-capture=(self), camera=(),"
            " geolocation=(), payment=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _content_security_policy(settings: ApiSettings, livekit_url: str) -> str:
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        "worker-src": "'self' blob:",
        "connect-src": " ".join(["'self'", *_as_web_addresses(livekit_url)]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": settings.frame_sites or "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _as_web_addresses(livekit_url: str) -> list[str]:
    """LiveKit's client opens a WebSocket, and asks over HTTP why one could not be opened."""
    address = urlsplit(livekit_url)
    if not address.netloc:
        return []
    secure = "s" if address.scheme in ("wss", "https") else ""
    return [f"ws{secure}://{address.netloc}", f"http{secure}://{address.netloc}"]
