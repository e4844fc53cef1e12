"""Pages: a one-time link in; what the person who was called sees, and a seat in the call, out.

Whoever holds a link is whom it was sent to. It travels in the body, never in an address: what
follows `#` in the page's address stays in the browser, and programs that look at links in messages
answer none of them. A link holds 32 random bytes: there is nothing to guess, and no rate to limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agent.api.context import Context, InContext
from agent.api.refusals import RefusedError, errors
from agent.api.ticket_view import TicketView, ticket_view
from agent.rooms.tokens import responder_identity, responder_token
from agent.service.accounts.store import FIELDS, Known
from agent.service.paging.rota import Page
from agent.service.paging.store import Opened
from agent.service.quality.targets import METRICS, Metric
from agent.service.scope import OPERATOR, Scope
from agent.service.tickets.store import Happening
from common.languages import Language

router = APIRouter(prefix="/api/pages")

#: A room token is for joining now; who reloads the page gets another.
_TOKEN_LIFE: Final = timedelta(minutes=15)


class LinkRequest(BaseModel):
    """What the link in a page's message ends with."""

    link: Annotated[str, Field(min_length=1, max_length=128)]


class FactView(BaseModel):
    """What is known of a field of an account, and whence."""

    field: str
    value: str | list[str]
    source: Literal["contact", "assistant", "person", "import"]
    who: str
    said_at: datetime


class AccountView(BaseModel):
    """The customer's account, with the last word on each field."""

    id: str
    name: str = Field(description="Empty where nobody has told us of the account.")
    owner: str = Field(description="The customer success manager; empty where it has none.")
    facts: list[FactView]


class CallView(BaseModel):
    """The call in which something happened to the ticket last."""

    call_id: str
    live: bool = Field(description="The customer is in it, and can be joined.")
    started_at: datetime | None


class SaidView(BaseModel):
    """What was said in the call, by whom; or stood on the screen that the customer showed."""

    at: datetime
    speaker: Literal["customer", "assistant", "human", "screen"]
    who: str = Field(description="The person's name; empty for all others.")
    text: str


class IncidentView(BaseModel):
    """Several accounts that miss targets of quality at once, in a region."""

    region: str
    begins_at: datetime
    ends_at: datetime = Field(description="Of the last minute in it that is known.")
    going_on: bool
    metrics: list[Metric]
    accounts: list[str] = Field(description="All that were in it, by their names.")


class PageView(BaseModel):
    """What the person who was called sees before they answer."""

    now: datetime = Field(description="By the server's clock, which the due times go by.")
    ticket: TicketView
    responder: str
    answer: Literal["", "acknowledged", "declined"]
    account: AccountView | None = Field(description="None for a guest, and for an incident.")
    incident: IncidentView | None = Field(
        description="What they are called to, where no customer called."
    )
    contact: str = Field(description="Who of them called; empty for a guest.")
    language: Language
    call: CallView | None
    transcript: list[SaidView]


class ResponderGrant(BaseModel):
    """What the browser needs to join the customer's room."""

    livekit_url: str
    token: str
    room: str
    identity: str


class AcknowledgedView(PageView):
    """What they see once they have it, with a seat in the room."""

    grant: ResponderGrant | None = Field(description="None where the call is over.")


@router.post("/open", responses=errors(404, 422))
async def open_page(wish: LinkRequest, context: InContext) -> PageView:
    """What a link is about. Looking answers nothing."""
    now = datetime.now(UTC)
    opened = await _opened(context, wish.link, now)
    return PageView(**await _shown(context, opened, now))


@router.post("/acknowledge", responses=errors(404, 409, 422))
async def acknowledge(wish: LinkRequest, context: InContext) -> AcknowledgedView:
    """They have it; again gives a seat for the same identity again.

    Who was first has it: everybody else is told who that is.
    """
    now = datetime.now(UTC)
    opened = await _taken(context, wish.link, now)
    shown = await _shown(context, opened, now)
    return AcknowledgedView(**shown, grant=await _grant(context, opened, shown["call"]))


@router.post("/ring", responses=errors(404, 409, 422))
async def ring(wish: LinkRequest, context: InContext) -> PageView:
    """They have it, and the page of a customer who has left rings; who answers is in a new call.

    Nothing rings where the customer is in a call: join that.
    """
    now = datetime.now(UTC)
    opened = await _taken(context, wish.link, now)
    shown = await _shown(context, opened, now)
    call: CallView | None = shown["call"]
    if shown["ticket"].person.state == "ringing" or (call and call.live):
        return PageView(**shown)
    key = f"rang:{now.timestamp():.3f}"
    rang = Happening(key, "rang", "human", now, opened.responder, call_id=opened.call_id)
    await context.tickets.add(opened.scope, opened.ticket, rang)
    return PageView(**await _shown(context, opened, now))


@router.post("/decline", status_code=204, responses=errors(404, 409, 422))
async def decline(wish: LinkRequest, context: InContext) -> None:
    """They cannot: the next one is called at once."""
    now = datetime.now(UTC)
    opened = await _opened(context, wish.link, now)
    if not await context.paging.decline(wish.link, now):
        raise RefusedError(409, "page_acknowledged")
    await context.paging.call_now(opened.scope, opened.ticket, now)


async def _taken(context: Context, link: str, now: datetime) -> Opened:
    """A page that its responder answers: they have the ticket, unless somebody was first."""
    opened = await _opened(context, link, now)
    if not await context.paging.acknowledge(link, now):
        raise RefusedError(409, "page_declined")
    first = _first(await context.paging.pages(opened.scope, opened.ticket))
    if first != opened.responder:
        raise RefusedError(409, "page_taken", name=first)
    return await _opened(context, link, now)


async def _opened(context: Context, link: str, now: datetime) -> Opened:
    opened = await context.paging.opened(link, now)
    if opened is None:
        raise RefusedError(404, "no_page")
    return opened


def _first(pages: Sequence[Page]) -> str:
    """Who has it: as `next_step` in `agent/service/paging/rota.py` sees it."""
    _, responder = min((page.taken_at, page.responder) for page in pages if page.taken_at)
    return responder


async def _shown(context: Context, opened: Opened, now: datetime) -> dict[str, Any]:
    """The fields of a `PageView`."""
    told = await context.tickets.read(opened.scope, opened.ticket, now)
    if told is None:
        raise RefusedError(404, "no_page")
    known = await context.accounts.read(opened.scope)
    pages = await context.paging.pages(opened.scope, opened.ticket)
    promised = await context.promises.of_ticket(opened.scope, opened.ticket, now)
    return {
        "now": now,
        "ticket": ticket_view(told, pages, promised, now),
        "responder": opened.responder,
        "answer": opened.answer,
        "account": _account(opened.scope.account, known) if _is_customer(opened.scope) else None,
        "incident": await _incident(context, opened),
        "contact": _name_of(told.ticket.contact, known),
        "language": told.ticket.language,
        "call": await _call(context, opened),
        "transcript": [
            SaidView(**asdict(said))
            for said in await context.calls.transcript(opened.scope, opened.call_id or "")
        ],
    }


def _is_customer(scope: Scope) -> bool:
    return scope.account not in ("", OPERATOR)


async def _incident(context: Context, opened: Opened) -> IncidentView | None:
    seen = await context.incidents.of_ticket(opened.ticket)
    if seen is None:
        return None
    known = [await context.accounts.read(Scope(account)) for account in seen.accounts]
    return IncidentView(
        region=seen.region,
        begins_at=seen.begins_at,
        ends_at=seen.ends_at,
        going_on=seen.settled_at is None,
        metrics=[one for one in METRICS if one in seen.metrics],
        accounts=[
            one.account.name if one else account
            for one, account in zip(known, seen.accounts, strict=True)
        ],
    )


def _account(account_id: str, known: Known | None) -> AccountView:
    """``known``: None where the operator's site signs an account that nobody has told us of."""
    if known is None:
        return AccountView(id=account_id, name="", owner="", facts=[])
    facts = filter(None, map(known.fact, FIELDS))
    return AccountView(
        id=account_id,
        name=known.account.name,
        owner=known.account.owner,
        facts=[
            FactView(
                field=fact.field,
                value=fact.value,
                source=fact.source,
                who=_name_of(fact.who, known),
                said_at=fact.said_at,
            )
            for fact in facts
        ],
    )


def _name_of(contact: str, known: Known | None) -> str:
    names = {one.id: one.name for one in known.contacts} if known else {}
    return names.get(contact) or contact


async def _call(context: Context, opened: Opened) -> CallView | None:
    call = await context.calls.call(opened.scope, opened.call_id or "")
    if call is None:
        return None
    live = await context.calls.is_answered(opened.scope, call.id)
    return CallView(call_id=call.id, live=live, started_at=call.started_at)


async def _grant(context: Context, opened: Opened, shown: CallView | None) -> ResponderGrant | None:
    """A seat, for the same identity each time."""
    call = await context.calls.call(opened.scope, shown.call_id) if shown and shown.live else None
    if call is None:
        return None
    return ResponderGrant(
        livekit_url=context.settings.livekit.public_url or context.access.url,
        token=responder_token(context.access, call.room, opened.responder, _TOKEN_LIFE),
        room=call.room,
        identity=responder_identity(opened.responder),
    )
