"""What the stock stack calls people with: a function tool, as LiveKit's documentation shows one.

It does what Liuke's call does, by the shortest way there is: the same ticket in the same database,
and one request to the person who is called, sent by the tool itself. Stock is given more than it
has elsewhere: instructions for this alone, no passages to read before, and a reader of calls that
the embedded model writes as text, which llama.cpp takes for an answer to be spoken.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from livekit.agents import Agent, FlushSentinel, ModelSettings, function_tool, llm, utils

from agent.prompts import load_phrases
from agent.service.database import Database
from agent.service.outbox.forms import Destination
from agent.service.scope import Scope
from agent.service.support import Support, read_support
from agent.service.tickets.store import Happening, TicketStore
from agent.service.tickets.tables import Ticket
from agent.settings import Settings
from common.errors import SetupError
from common.languages import Language

_TOLD: Final = Path(__file__).with_name("call_person.toml")
_POSTED_WITHIN_S: Final = 10.0
_TOOL: Final = "call_person"
#: What a call may begin with that is written as text: {"name": …, <tools>…, ```json ….
_MAY_BE_CALL: Final = re.compile(r"[{<`]")
_ARGUMENTS: Final = re.compile(rf'"name"\s*:\s*"{_TOOL}"\s*,\s*"arguments"\s*:\s*(?=\{{)')


class PersonCaller:
    """The tool of one call."""

    def __init__(self, settings: Settings, call_id: str, language: Language) -> None:
        support = read_support(settings.support_file)
        self._call_id = call_id
        self._language = language
        self._told: Mapping[str, str] = tomllib.loads(_TOLD.read_text(encoding="utf-8"))[language]
        self._database = Database(settings.database_url)
        self._tickets = TicketStore(self._database, support.policy)
        self._url = _first_on_call(support)
        self._ticket: Ticket | None = None

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return self._told["instructions"].strip()

    def tool(self) -> llm.RawFunctionTool[..., Any]:
        """`call_person(severity, subject)`, described in the language of the call."""

        async def call_person(raw_arguments: dict[str, object]) -> str:
            # Models give numbers as text, too.
            severity, subject = int(str(raw_arguments["severity"])), str(raw_arguments["subject"])
            if self._ticket is None:  # the model calls again what it has called already
                self._ticket = await self._open(severity, subject)
                await self._page(self._ticket)
            return self._told["done"].format(number=self._ticket.number)

        arguments = {
            "severity": {
                "type": "integer",
                "enum": [1, 2, 3, 4],
                "description": self._told["severity"],
            },
            "subject": {"type": "string", "description": self._told["subject"]},
        }
        schema = {
            "name": _TOOL,
            "description": self._told["description"],
            "parameters": {
                "type": "object",
                "properties": arguments,
                "required": list(arguments),
            },
        }
        return function_tool(call_person, raw_schema=schema)

    async def aclose(self) -> None:
        """Close the database's connections."""
        await self._database.aclose()

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


class CallingAgent(Agent):
    """Calls people, and knows nothing else."""

    def __init__(self, caller: PersonCaller, language: Language) -> None:
        super().__init__(instructions=caller.instructions, tools=[caller.tool()])
        self._greeting = load_phrases()[language].greeting

    async def on_enter(self) -> None:
        """Greet."""
        self.session.say(self._greeting)

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
        """The model's answer, with the calls in it."""
        written = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        async for part in calls_read(written):
            yield part


async def calls_read(
    written: AsyncIterable[llm.ChatChunk | str | FlushSentinel],
) -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
    """A call that is written as text becomes one as soon as it is complete; the rest is as it was.

    What comes behind it is not waited for.
    """
    held = ""
    async for part in written:
        text = part.delta.content if isinstance(part, llm.ChatChunk) and part.delta else None
        if not text:
            yield part
            continue
        text = held + text
        begins = _MAY_BE_CALL.search(text)
        at = begins.start() if begins else len(text)
        if text[:at]:
            yield text[:at]
        held = text[at:]
        if call := _call_in(held):
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
            yield llm.ChatChunk(id=utils.shortuuid(), delta=delta)
            return
    if held:
        yield held


def _call_in(text: str) -> llm.FunctionToolCall | None:
    found = _ARGUMENTS.search(text)
    if found is None:
        return None
    try:
        arguments, _ = json.JSONDecoder().raw_decode(text, found.end())
    except ValueError:
        return None  # it goes on
    return llm.FunctionToolCall(
        name=_TOOL,
        arguments=json.dumps(arguments, ensure_ascii=False),
        call_id=utils.shortuuid("call_"),
    )


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
