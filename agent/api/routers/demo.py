"""The demo: whom of its made-up customers a newcomer may call as, and what signs them in as one.

A signature is what an operator's own site would make: the call knows nothing of the demo.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from agent.api.context import Context, InContext, sign_in_secret
from agent.api.refusals import RefusedError, errors
from agent.rooms.principal import sign
from agent.service.demo.store import Caller
from common.languages import LANGUAGES, Language

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/demo")

#: A signature is for the call that begins now.
_LIFE: Final = timedelta(minutes=5)


class DemoContact(BaseModel):
    """Somebody whom a newcomer may call as."""

    account: str
    contact: str
    name: str
    language: Language = Field(description="Which they speak.")
    company: str
    story: str = Field(description="What has become of the company, in a line.")


class DemoContacts(BaseModel):
    """All of them, those whose companies are in trouble first; none where there is no demo."""

    contacts: list[DemoContact]


class DemoChoice(BaseModel):
    """Whom a newcomer wants to call as."""

    account: Annotated[str, Field(max_length=64)]
    contact: Annotated[str, Field(max_length=128)]


class DemoPrincipal(BaseModel):
    """What signs them in."""

    principal: str = Field(description="Goes with the wish for a call, within minutes.")


@router.get("/contacts", response_model=DemoContacts, responses=errors(422))
async def contacts(language: Language, context: InContext) -> Any:
    """Whom one may call as; company and story in one language."""
    return {"contacts": [asdict(caller) for caller in await _callers(context, language)]}


@router.post("/principals", status_code=201, responses=errors(404, 422))
async def create_principal(choice: DemoChoice, context: InContext) -> DemoPrincipal:
    """Sign a newcomer in as one of the demo's people."""
    for caller in await _callers(context, LANGUAGES[0]):
        if (caller.account, caller.contact) == (choice.account, choice.contact):
            secret = sign_in_secret(context)
            signed = sign(caller.account, caller.contact, caller.language, secret, _LIFE)
            return DemoPrincipal(principal=signed)
    raise RefusedError(404, "not_found")


async def _callers(context: Context, language: Language) -> list[Caller]:
    """Nobody where guests are turned away: the demo would let them in."""
    if not context.settings.api.guests:
        return []
    try:
        return await context.demo.callers(language)
    except (SQLAlchemyError, OSError):  # whoever wants to call may do so as a guest
        log.exception("whom to call as cannot be read")
        return []
