"""What our servers ask of each other: a token that only this installation knows, and a right name.

The speech and the knowledge server serve our own processes and nobody else. Loopback alone does not
say that: other users of the machine reach it, and so does a web page whose name was bound anew to
127.0.0.1. So every request but the health check carries the token, and names a host that is ours.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import SetupError
from common.http_errors import error_response
from common.settings import PathSettings, settings_config

#: Where a supervisor asks, without a token: it says nothing but that the server runs.
HEALTH_PATH: Final = "/healthz"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class InternalSettings(BaseSettings):
    """What our own servers know each other by."""

    model_config = settings_config("LIUKE_INTERNAL_")

    token: SecretStr = Field(
        SecretStr(""),
        description="Empty: generated into the data directory. The same on every machine of one"
        " installation.",
    )


def internal_token(paths: PathSettings, settings: InternalSettings) -> str:
    """The token of this installation; made when first asked for.

    Raises SetupError when it can be neither read nor made.
    """
    if given := settings.token.get_secret_value():
        return given
    path = paths.data_dir / "internal-token"
    try:
        _make_once(path)
        return path.read_text().strip()
    except OSError as error:
        raise SetupError(
            f"The token of our own servers cannot be kept in {path}: {error.strerror}.",
            "Make LIUKE_DATA_DIR a folder that this user may write, or set LIUKE_INTERNAL_TOKEN.",
        ) from error


def _make_once(path: Path) -> None:
    """Write a new token unless there is one; whole or not at all, for this user alone."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(temporary, path)  # fails where another process was first; both read that one
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def internal_http(url: str, token: str, timeout: httpx.Timeout) -> httpx.AsyncClient:
    """A client of one of our servers. No proxy of the environment stands between.

    Certificates are read where the address wants them: that takes up to half a second of the event
    loop, for every call that begins.
    """
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=timeout,
        trust_env=False,
        verify=urlsplit(url).scheme == "https",
    )


class InternalOnly:
    """Middleware: requests of our own processes in, everybody else's refused.

    ``url``: where this server is reached, as the settings say; its host's name is a right one too.
    """

    def __init__(self, app: ASGIApp, *, token: str, url: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()
        self._hosts = _LOOPBACK | {urlsplit(url).hostname}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if _host_of(headers.get(b"host", b"")) not in self._hosts:
            refusal = error_response(
                421, "wrong_host", "This server has another name.", "Use the address it is set to."
            )
        elif scope["path"] != HEALTH_PATH and not secrets.compare_digest(
            headers.get(b"authorization", b""), self._expected
        ):
            refusal = error_response(
                401,
                "no_token",
                "This server serves Liuke's own processes only.",
                "Set the same LIUKE_INTERNAL_TOKEN, or LIUKE_DATA_DIR, on both sides.",
            )
        else:
            await self._app(scope, receive, send)
            return
        await refusal(scope, receive, send)


def _host_of(header: bytes) -> str | None:
    """The name in a Host header, without its port; None where there is none that can be read."""
    try:
        return urlsplit(f"//{header.decode('ascii')}").hostname
    except (UnicodeDecodeError, ValueError):
        return None
