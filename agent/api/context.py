"""What the routers share, and who is asking: a request in, a principal or a call's seat out."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from agent.api.consent import ConsentText
from agent.api.readiness import Readiness
from agent.api.refusals import RefusedError
from agent.rooms.access import LiveKitAccess
from agent.rooms.principal import Principal, guest, own_secret, read_signed
from agent.rooms.tokens import Seat, read_call_token
from agent.service.accounts.store import AccountStore
from agent.service.calls.admission import Admission
from agent.service.calls.store import CallStore
from agent.service.demo.store import Demo
from agent.service.matters.store import Matters
from agent.service.paging.store import Paging
from agent.service.promises.store import Promises
from agent.service.quality.incidents import Incidents
from agent.service.quality.own_calls import OwnCalls
from agent.service.quality.rollups import Roller
from agent.service.quality.store import QualityStore
from agent.service.summaries.store import Summaries
from agent.service.tickets.store import TicketStore
from agent.settings import Settings
from common.errors import InputError
from common.languages import LANGUAGES, Language

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """Everything that outlives a request."""

    settings: Settings
    access: LiveKitAccess
    calls: CallStore
    admission: Admission
    tickets: TicketStore
    paging: Paging
    accounts: AccountStore
    promises: Promises
    consent: dict[Language, ConsentText]
    readiness: Readiness
    quality: QualityStore
    own_calls: OwnCalls
    roller: Roller
    demo: Demo
    incidents: Incidents
    matters: Matters
    summaries: Summaries


def context_of(request: Request) -> Context:
    """The context of the application that serves ``request``."""
    context: Context = request.app.state.context
    return context


InContext = Annotated[Context, Depends(context_of)]


def caller_of(request: Request, context: InContext) -> str:
    """Stands for the address that asks, without being it: 32 hexadecimal digits.

    An IPv6 customer has a whole /64: its addresses count as one.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
            host = str(ipaddress.ip_network((address, 64), strict=False))
    except ValueError:
        pass  # no address: a test, or a socket of the machine's own
    key = context.settings.internal_token.encode()
    return hmac.new(key, host.encode(), hashlib.sha256).hexdigest()[:32]


Caller = Annotated[str, Depends(caller_of)]


def read_principal(context: Context, signed: str, language: Language | None) -> Principal:
    """Who calls: signed in by the operator's site, or a guest. Raises RefusedError."""
    settings = context.settings.api
    if not signed:
        if not settings.guests:
            raise RefusedError(401, "not_signed_in", language)
        return guest(language or LANGUAGES[0])
    try:
        return read_signed(signed, sign_in_secret(context), language)
    except InputError as error:
        log.warning("%s", error.message)
        if not settings.site_secret:
            log.warning("no site can sign callers in: LIUKE_API_SITE_SECRET is not set")
        raise RefusedError(401, "signature_refused", language) from None


def sign_in_secret(context: Context) -> str:
    """What callers are signed in with: the site's secret, or one that nobody else has."""
    site = context.settings.api.site_secret.get_secret_value()
    return site or own_secret(context.settings.internal_token)


def seat_of(call_id: str, request: Request, context: InContext) -> Seat:
    """The seat in call ``call_id`` that the request's token opens. Raises RefusedError."""
    try:
        seat = read_call_token(bearer(request), context.settings.internal_token)
    except InputError:
        raise RefusedError(401, "not_your_call") from None
    if seat.call_id != call_id:
        raise RefusedError(403, "not_your_call")
    return seat


InSeat = Annotated[Seat, Depends(seat_of)]


def operator_only(request: Request, context: InContext) -> None:
    """Let only those pass who know the installation's token. Raises RefusedError."""
    token = context.settings.internal_token
    if not secrets.compare_digest(bearer(request).encode(), token.encode()):
        raise RefusedError(404, "not_found")


def bearer(request: Request) -> str:
    """The token in the Authorization header; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
