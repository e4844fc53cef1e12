"""Refusals: what cannot be done for a customer in; an HTTP answer in their language out.

Errors of our own parts name addresses, settings and commands: they go to the log, and a customer
reads only that something is not available.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from common.errors import LiukeError, ServiceError
from common.http_errors import bad_request, error_response
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

log = logging.getLogger(__name__)

_WORDS = tomllib.loads((PROJECT_ROOT / "prompts" / "door.toml").read_text("utf-8"))
_TEXTS: dict[Language, dict[str, dict[str, str]]] = {
    language: _WORDS[language] for language in LANGUAGES
}

_STATUS_TEXTS = {404: "not_found", 405: "not_found", 413: "too_large"}


class ErrorDetail(BaseModel):
    """What happened and what to do."""

    code: str
    message: str
    remedy: str


class ErrorView(BaseModel):
    """The form of every error."""

    error: ErrorDetail


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's description: these statuses come with an error body."""
    return {status: {"model": ErrorView} for status in statuses}


class RefusedError(Exception):
    """A request that is not served, by the name of its text in `prompts/door.toml`.

    ``beside``: what else the answer says.
    """

    def __init__(
        self,
        status: int,
        code: str,
        language: Language | None = None,
        retry_after_s: int = 0,
        name: str = "",
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """``name``: of the person whom the text speaks of."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.language = language
        self.retry_after_s = retry_after_s
        self.name = name
        self.beside = beside


def refusal_response(
    status: int,
    code: str,
    language: Language,
    retry_after_s: int = 0,
    name: str = "",
    beside: Mapping[str, object] | None = None,
) -> JSONResponse:
    """The answer that tells a customer ``code`` in ``language``."""
    words = _TEXTS[language][code]
    message = words["message"].format(name=name)
    remedy = words["remedy"].format(seconds=retry_after_s)
    response = error_response(status, code, message, remedy, beside)
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def language_of_request(request: Request) -> Language:
    """What the browser prefers, of our two languages."""
    preferred = request.headers.get("accept-language", "").lower()
    zh, en = preferred.find("zh"), preferred.find("en")
    return "zh" if zh >= 0 and (en < 0 or zh < en) else "en"


def install_refusals(app: FastAPI) -> None:
    """Answer every error of ``app`` in words for a customer; details go to the log only."""

    @app.exception_handler(RefusedError)
    async def _refused(request: Request, refused: RefusedError) -> Response:
        language = refused.language or language_of_request(request)
        return refusal_response(
            refused.status,
            refused.code,
            language,
            refused.retry_after_s,
            refused.name,
            refused.beside,
        )

    @app.exception_handler(LiukeError)
    async def _liuke_error(request: Request, error: LiukeError) -> Response:
        log.error("%s: %s", request.url.path, error)
        code, status = (
            ("unavailable", 503) if isinstance(error, ServiceError) else ("internal", 500)
        )
        return refusal_response(status, code, language_of_request(request))

    @app.exception_handler(RequestValidationError)
    async def _bad_request(_request: Request, error: RequestValidationError) -> Response:
        return bad_request(error)

    @app.exception_handler(StarletteHTTPException)
    async def _http_error(request: Request, error: HTTPException) -> Response:
        code = _STATUS_TEXTS.get(error.status_code, "not_usable")
        return refusal_response(error.status_code, code, language_of_request(request))


async def unexpected(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours, for `ServerErrorMiddleware`."""
    log.error("unexpected error on %s", request.url.path, exc_info=error)
    return refusal_response(500, "internal", language_of_request(request))
