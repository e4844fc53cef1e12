"""Entries: a call and an entry that it cited in, the entry's card out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from agent.api.context import InContext, InSeat
from agent.api.refusals import RefusedError, errors
from agent.service.scope import Scope
from common.languages import Language
from knowledge.client import KnowledgeClient

router = APIRouter(prefix="/api/calls/{call_id}/entries")


class EntryView(BaseModel):
    """A knowledge entry as its card shows it; the body is Markdown.

    ``names``: what the values of a field are called, by field, value and language.
    """

    id: str
    version: int
    language: Language
    title: str
    scenario: list[str]
    region: list[str]
    topic: str
    product: list[str]
    platform: list[str]
    error_codes: list[str]
    source: str
    opening: str
    body: str
    names: dict[str, dict[str, dict[Language, str]]]


@router.get("/{entry_id:path}", response_model=EntryView, responses=errors(401, 403, 404, 422, 503))
async def cited_entry(entry_id: str, version: int, seat: InSeat, context: InContext) -> Any:
    """An entry in the version that an answer of this call cited; no other is shown."""
    scope = Scope(seat.principal.account, seat.call_id)
    if not await context.calls.cites(scope, seat.call_id, entry_id, version):
        raise RefusedError(404, "no_entry", seat.principal.language)
    settings = context.settings
    knowledge = KnowledgeClient(
        settings.knowledge.url, settings.internal_token, tenant=seat.principal.account
    )
    try:
        found = await knowledge.find_entry(entry_id, version)
    finally:
        await knowledge.aclose()
    if found is None:
        raise RefusedError(404, "no_entry", seat.principal.language)
    return asdict(found)
