"""Errors as HTTP answers, alike in all our servers: `{"error":{"code","message","remedy"}}`."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from common.errors import InputError, LiukeError, ServiceError

log = logging.getLogger(__name__)


def error_response(
    status: int, code: str, message: str, remedy: str, beside: Mapping[str, object] | None = None
) -> JSONResponse:
    """One error in the form all clients know; ``beside``: what else the answer says."""
    body = {"error": {"code": code, "message": message, "remedy": remedy}, **(beside or {})}
    return JSONResponse(body, status_code=status)


def bad_request(error: RequestValidationError) -> JSONResponse:
    """Names the first part of a request that is not usable."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return error_response(
        422, "bad_input", f"'{where}' is not usable: {first['msg']}.", f"Correct '{where}'."
    )


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of ``app`` with a clear message; details go to the log only."""

    @app.exception_handler(LiukeError)
    async def _liuke_error(_request: Request, error: LiukeError) -> JSONResponse:
        if isinstance(error, InputError):
            return error_response(422, "bad_input", error.message, error.remedy)
        if isinstance(error, ServiceError):
            response = error_response(503, "unavailable", error.message, error.remedy)
            if error.retryable:
                response.headers["Retry-After"] = "1"
            return response
        return error_response(500, "setup", error.message, error.remedy)

    @app.exception_handler(RequestValidationError)
    async def _bad_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        return bad_request(error)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error on %s", request.url.path, exc_info=error)
        return error_response(
            500, "internal", "Something went wrong on our side.", "Try again; see the server's log."
        )
