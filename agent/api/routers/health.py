"""Health: for everybody, that the API runs; for operators, whether a call would be answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from agent.api.context import InContext, operator_only
from agent.api.refusals import errors

router = APIRouter()


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


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The API runs."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    response_model=ReadinessView,
    dependencies=[Depends(operator_only)],
    responses=errors(404),
)
async def readyz(response: Response, context: InContext) -> dict[str, Any]:
    """The state of every part, for whoever has the installation's token; asked at most so often."""
    parts = await context.readiness.parts()
    ready = all(part.ok or part.optional for part in parts.values())
    response.status_code = 200 if ready else 503
    return {"ready": ready, "parts": {name: asdict(part) for name, part in parts.items()}}
