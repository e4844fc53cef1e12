"""Keeping: what an answer wants kept, and where the conversation stands then, in; rows, each
written once and in the order of turns, out.

A call for a person is done elsewhere (`escalation.py`), for the customer is told what came of it.
Nobody waits for what is kept, and nothing of it that goes wrong ends a call.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from agent.dialogue.contract import (
    Answer,
    CallPerson,
    GivePromise,
    KeepAddress,
    KeepReach,
    NoteMatter,
    NoteSignal,
    SetChecklist,
    StateFact,
    Want,
)
from agent.dialogue.course import Course, written
from agent.dialogue.seen import without_secrets
from agent.screen.contract import Box, Piece
from agent.service.accounts.store import AccountStore, Statement
from agent.service.calls.store import CallStore, Claim
from agent.service.database import Database
from agent.service.matters.store import Matters, Noted
from agent.service.promises.store import Given, Promises
from agent.service.retention.store import Retention, Shown
from agent.service.scope import Scope
from agent.service.tickets.sla import Policy
from agent.service.tickets.store import Happening, TicketStore
from common.errors import InputError
from common.languages import Language

log = logging.getLogger(__name__)


class Keeping:
    """What is kept of one call."""

    def __init__(
        self, database: Database, policy: Policy, *, account: str, contact: str, claim: Claim
    ) -> None:
        """``policy``: the targets of tickets. ``claim``: the call's; of one without a record
        nothing is kept."""
        self._calls = CallStore(database)
        self._accounts = AccountStore(database)
        self._calls = CallStore(database)
        self._matters = Matters(database)
        self._retention = Retention(database)
        self._promises = Promises(database)
        self._tickets = TicketStore(database, policy)
        self._claim = claim
        self._of_account = Scope(account)
        self._in_call = Scope(account, claim.call_id)
        self._contact = contact
        self._in_order = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, answer: Answer) -> None:
        """Have written what an answer wants kept, whose turn stands; returns at once."""
        for want in answer.wants:
            self._begin(want, answer.question, answer.language)

    def stands(self, course: Course) -> None:
        """Have written where the conversation stands: whoever takes the call up goes on from
        there. Returns at once."""
        if self._claim.outcome != "unrecorded":
            self._spawn(self._calls.keep_course(self._claim, written(course)), "where it stands")

    def show(self, lines: Sequence[Piece]) -> None:
        """Have written what was read off the customer's screen, but for secrets; returns at
        once."""
        if self._claim.outcome == "unrecorded":
            return
        box = reduce(Box.around, (line.box for line in lines))
        text = "\n".join(without_secrets(line.text) for line in lines)
        part = (box.left, box.top, box.right, box.bottom)
        self._spawn(self._calls.write_screen(self._claim, part, text), "text of a screen")

    async def keep(self, want: Want, said: str, language: Language) -> None:
        """Write what an answer to ``said`` wants kept; what was begun is written in any case.

        Names what is written by the call and what was said in it: who takes the call up again, and
        is told the same, writes nothing twice. Raises nothing.
        """
        if writing := self._begin(want, said, language):
            await asyncio.shield(writing)

    async def aclose(self) -> None:
        """Wait until what was begun is written."""
        await asyncio.gather(*self._tasks)

    def _begin(self, want: Want, said: str, language: Language) -> asyncio.Task[None] | None:
        if self._claim.outcome == "unrecorded" or isinstance(want, CallPerson):
            return None
        writing = self._write(want, said, language, datetime.now(UTC))
        return self._spawn(writing, type(want).__name__)

    def _spawn(self, writing: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._write_in_order(writing, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _write_in_order(self, writing: Coroutine[Any, Any, None], what: str) -> None:
        async with self._in_order:
            try:
                await writing
            except InputError as error:  # says what was told, which stands in no log
                log.error(
                    "call %s: %s is not kept (%s)",
                    *(self._claim.call_id, what, type(error).__name__),
                )
            except Exception:  # whatever it is, the call goes on
                log.exception("call %s: %s is not kept", self._claim.call_id, what)

    async def _write(self, want: Want, said: str, language: Language, now: datetime) -> None:
        match want:
            case StateFact():
                await self._state(want, now)
            case SetChecklist():
                await self._matters.set_checklist(self._in_call, want.scenario, want.items, now)
            case NoteMatter():
                noted = Noted(want.kind, want.subject, want.state, want.region, want.words or said)
                await self._matters.note(self._in_call, self._contact, noted, now)
            case NoteSignal():
                key = self._key("signal", want.signal, want.sentence)
                shown = Shown(key, want.signal, want.sentence, language, want.offered)
                await self._retention.note(self._in_call, self._contact, shown, now)
            case GivePromise():
                await self._promise(want, now)
            case KeepAddress():
                await self._address(want, language)
            case KeepReach():
                await self._reach(want, now)

    async def _state(self, want: StateFact, now: datetime) -> None:
        """Of a guest nothing is known: there is no account that it could be kept of."""
        account = self._of_account.account
        if not account:
            return
        await self._accounts.make_known(account)
        said_by = self._contact
        statement = Statement(
            want.field, want.value, "contact", now, said_by, call_id=self._claim.call_id
        )
        await self._accounts.state(self._of_account, statement)

    async def _address(self, want: KeepAddress, language: Language) -> None:
        """With the account's contact; of a guest for this call alone."""
        account = self._of_account.account
        if not account:
            await self._calls.put_email(self._claim, want.email)
            return
        await self._accounts.make_known(account)
        await self._accounts.put_email(self._of_account, self._contact, want.email, language)

    async def _reach(self, want: KeepReach, now: datetime) -> None:
        """On each ticket that the call is about."""
        key = self._key("reach", want.told)
        told = Happening(key, "reach", "customer", now, self._contact, want.told)
        for ticket in await self._tickets.unresolved(self._in_call):
            await self._tickets.add(self._in_call, ticket.number, told)

    async def _promise(self, want: GivePromise, now: datetime) -> None:
        """For the call's ticket, if it has one: what is done for that keeps the promise."""
        known = await self._accounts.read(self._of_account)
        tickets = await self._tickets.unresolved(self._in_call)
        given = Given(
            self._key("promise", want.kind, want.text),
            want.kind,
            want.text,
            want.due_at,
            owner=known.account.owner if known else "",
            ticket=tickets[0].number if tickets else None,
            call_id=self._claim.call_id,
            account=self._of_account.account,
            contact=self._contact,
        )
        await self._promises.give(given, now)

    def _key(self, what: str, *parts: str) -> str:
        """Names it; the receiver of a message reads it as a header, so in letters alone."""
        told = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        return f"call:{self._claim.call_id}:{what}:{told}"
