"""Consent: a language in, what a customer agrees to before a call out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agent.api.context import InContext
from agent.api.refusals import errors
from common.languages import Language

router = APIRouter(prefix="/api/consent")


class ConsentView(BaseModel):
    """What is shown before a call; it follows from how this installation is configured."""

    version: str = Field(description="Goes with the wish for a call, and is kept with it.")
    heading: str
    sentences: list[str]


@router.get("", response_model=ConsentView, responses=errors(422))
async def consent(language: Language, context: InContext) -> Any:
    """The text in one language."""
    return asdict(context.consent[language])
