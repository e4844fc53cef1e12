"""What the stock stack calls people with: severity and subject in, a ticket and a page out.

It does what Liuke's call does, by the shortest way there is: the same ticket in the same database,
and one request to the person who is called, sent by the tool itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import httpx

from agent.service.database import Database
from agent.service.outbox.forms import Destination
from agent.service.scope import Scope
from agent.service.support import Support, read_support
from agent.service.tickets.store import Happening, TicketStore
from agent.service.tickets.tables import Ticket
from agent.settings import Settings
from common.errors import SetupError
from common.languages import Language
from eval.voice.tools import Tool, make_tool, told

_POSTED_WITHIN_S: Final = 10.0


class PersonCaller:
    """The tool of one call."""

    def __init__(self, settings: Settings, call_id: str, language: Language) -> None:
        support = read_support(settings.support_file)
        self._call_id = call_id
        self._language = language
        self._told = told("call_person.toml", language)
        self._database = Database(settings.database_url)
        self._tickets = TicketStore(self._database, support.policy)
        self._url = _first_on_call(support)
        self._ticket: Ticket | None = None

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return self._told["instructions"].strip()

    def tool(self) -> Tool:
        """`call_person(severity, subject)`, described in the language of the call."""
        severity = {"type": "integer", "enum": [1, 2, 3, 4], "description": self._told["severity"]}
        subject = {"type": "string", "description": self._told["subject"]}
        arguments = {"severity": severity, "subject": subject}
        return make_tool("call_person", self._told["description"], arguments, self._call_person)

    async def aclose(self) -> None:
        """Close the database's connections."""
        await self._database.aclose()

    async def _call_person(self, raw_arguments: dict[str, object]) -> str:
        # Models give numbers as text, too.
        severity, subject = int(str(raw_arguments["severity"])), str(raw_arguments["subject"])
        if self._ticket is None:  # the model calls again what it has called already
            self._ticket = await self._open(severity, subject)
            await self._page(self._ticket)
        return self._told["done"].format(number=self._ticket.number)

    async def _open(self, severity: int, subject: str) -> Ticket:
        opening = Happening(
            ticket_key(self._call_id),
            "opened",
            "customer",
            datetime.now(UTC),
            text=subject,
            severity=severity,
        )
        # Nobody else calls people to it: the tool does. Stock keeps no record of its calls.
        return await self._tickets.open(
            Scope(""), opening, subject=subject, language=self._language
        )

    async def _page(self, ticket: Ticket) -> None:
        data = {"ticket": ticket.number, "severity": ticket.severity, "subject": ticket.subject}
        async with httpx.AsyncClient(timeout=_POSTED_WITHIN_S, trust_env=False) as client:
            page = {"type": "ticket.page", "data": data}
            (await client.post(self._url, json=page)).raise_for_status()


def ticket_key(call_id: str) -> str:
    """By which the ticket of a call is known, Liuke's and stock's alike."""
    return f"call:{call_id}"


def _first_on_call(support: Support) -> str:
    """Where the first of the rota is called. Raises SetupError where that is by no webhook."""
    for responder in support.rota:
        destination = support.destinations.get(responder.destination)
        if isinstance(destination, Destination) and destination.form == "webhook":
            return destination.url.get_secret_value()
    raise SetupError("Nobody is called by a webhook.", "Give the rota one: `make bench-voice` has.")
