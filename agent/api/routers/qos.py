"""Quality of service: the operator's rows in, whatever their number; what became of them out."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect

from agent.api.context import InContext, bearer
from agent.api.refusals import ErrorView, RefusedError, errors
from agent.service.quality.intake import NAMED, Form, Receipt, take_in
from common.errors import InputError

log = logging.getLogger(__name__)

PATH: Final = "/v1/qos"
#: A request may bring so much: ten minutes of 10,000 apps and regions.
MOST_ROWS: Final = 100_000
MOST_BYTES: Final = 32 * 1024 * 1024

_FORMS: Final[dict[str, Form]] = {
    "application/x-ndjson": "json",
    "application/jsonl": "json",
    "text/csv": "csv",
}
_A_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": f"Rows, a line each: {MOST_ROWS} and {MOST_BYTES} bytes at most.",
        "content": {form: {"schema": {"type": "string"}} for form in _FORMS},
    }
}

router = APIRouter()


class RefusedRow(BaseModel):
    """A line that was not taken."""

    line: int
    reason: str


class QosReceipt(BaseModel):
    """What became of the rows."""

    accepted: int = Field(description="New, or with other values than before.")
    unchanged: int = Field(description="Those that were there already.")
    refused: Annotated[list[RefusedRow], Field(max_length=NAMED)]
    refused_count: int = Field(description="All of them; `refused` names the first.")


class QosUnreadable(ErrorView):
    """Why no row can be read."""

    problem: str


class QosOverLimit(ErrorView, QosReceipt):
    """What was kept of a request that brings too much."""

    most_rows: int
    most_bytes: int


def key_holder_only(request: Request, context: InContext) -> None:
    """Let only those pass who know a key. Raises RefusedError."""
    keys = context.settings.qos.key_list
    if not keys:
        raise RefusedError(404, "qos_closed")
    given = bearer(request).encode()
    if not sum(secrets.compare_digest(given, key.encode()) for key in keys):  # all are looked at
        raise RefusedError(401, "wrong_key")


@router.post(
    PATH,
    dependencies=[Depends(key_holder_only)],
    response_model=QosReceipt,
    responses=errors(401, 404, 415, 503)
    | {413: {"model": QosOverLimit}, 422: {"model": QosUnreadable}},
    openapi_extra=_A_BODY,
)
async def take_qos(request: Request, context: InContext) -> dict[str, Any]:
    """Keep what can be taken, row by row; the same rows again change nothing.

    Of a request that brings too much, what came before the limit is kept.
    """
    form = _FORMS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if form is None or "content-encoding" in request.headers:
        raise RefusedError(415, "wrong_form")
    if int(request.headers.get("content-length", "0")) > MOST_BYTES:
        raise _over_limit(Receipt())
    receipt = await _taken(request, context, form)
    if not receipt.whole:
        raise _over_limit(receipt)
    return _shown(receipt)


async def _taken(request: Request, context: InContext, form: Form) -> Receipt:
    try:
        return await take_in(
            request.stream(),
            form,
            context.quality,
            datetime.now(UTC),
            most_rows=MOST_ROWS,
            most_bytes=MOST_BYTES,
        )
    except InputError as error:
        raise RefusedError(422, "wrong_form", beside={"problem": error.message}) from None
    except ClientDisconnect:  # nobody reads the answer
        raise RefusedError(400, "not_usable") from None
    except (SQLAlchemyError, OSError):
        log.exception("rows of quality cannot be kept")
        raise RefusedError(503, "unavailable", retry_after_s=5) from None
    finally:
        context.roller.tell()


def _over_limit(receipt: Receipt) -> RefusedError:
    beside = _shown(receipt) | {"most_rows": MOST_ROWS, "most_bytes": MOST_BYTES}
    return RefusedError(413, "too_many_rows", beside=beside)


def _shown(receipt: Receipt) -> dict[str, Any]:
    shown = asdict(receipt)
    del shown["whole"]
    return shown
