"""Escalation: a wish for a person in; a ticket, and honest words until somebody comes, out.

The ticket is a row as soon as the turn stands, and people are called to it by whoever comes by
(`agent/service/paging`). This stage follows what becomes of that, and tells the customer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from sqlalchemy.exc import SQLAlchemyError

from agent.dialogue.contract import CallPerson, NobodyCalled, Outcome, PersonCalled, Standing
from agent.dialogue.escalating import Case, EscalationWords
from agent.service.accounts.store import AccountStore, Known
from agent.service.calls.store import Claim
from agent.service.paging.coming import who_comes
from agent.service.paging.rota import Page
from agent.service.paging.store import Paging
from agent.service.promises.store import Promised, Promises
from agent.service.scope import Scope
from agent.service.tickets.store import Happening, TicketStore, Told
from agent.service.tickets.tables import Ticket
from common.errors import LiukeError
from common.languages import Language

log = logging.getLogger(__name__)

#: An emergency is severity 1; who wants a person may only prefer one.
_SEVERITY: Final = {"emergency": 1, "person": 3}
#: To an emergency people are called at once. Else the customer hears first what is being opened.
_CALLED_AFTER: Final = {"emergency": timedelta(), "person": timedelta(seconds=1.5)}
#: Who asks again within this time asks about the ticket that is still open.
_SAME_MATTER: Final = timedelta(hours=24)
#: So often somebody looks what has become of it, seconds.
_LOOKS_EVERY_S: Final = 1.0
#: What a person is told of an account before they speak with somebody of it.
_TOLD_FACTS: Final = ("plan", "scenario", "regions", "scale")
#: A customer who waits hears something at least so often, seconds.
_WORD_EVERY_S: Final = 60.0


def standing(
    told: Told, pages: Sequence[Page], promised: Sequence[Promised], now: datetime
) -> Standing:
    """What the rows say of a ticket to which people are called."""
    coming = who_comes(told, pages, now)
    if coming.state == "calling" and not pages:
        return Standing("none")
    name = pages[-1].responder if coming.state == "calling" else coming.name
    due = next((one.promise.due_at for one in promised if one.is_open_callback), None)
    call_back = due - now if due else None
    # In a call of theirs nothing rings: whoever calls them back comes into it.
    kind = "coming" if coming.state == "ringing" else coming.state
    return Standing(kind, name, len(pages), call_back)


class Escalation:
    """A wish for a person in one call."""

    def __init__(
        self,
        tickets: TicketStore,
        paging: Paging,
        accounts: AccountStore,
        promises: Promises,
        *,
        account: str,
        contact: str,
        claim: Claim,
    ) -> None:
        self._tickets = tickets
        self._paging = paging
        self._accounts = accounts
        self._promises = promises
        self._call_id = claim.call_id
        #: A guest has no tickets but those of the call.
        self._in_call = Scope(account, claim.call_id)
        self.scope = Scope(account) if account else self._in_call
        self._contact = contact
        self._words = EscalationWords()
        self._one_at_a_time = asyncio.Lock()
        self._asked = asyncio.Event()
        self._tasks: set[asyncio.Task[Outcome]] = set()
        #: The call's ticket; None while nobody has asked for a person.
        self.ticket: int | None = None
        self._standing = Standing("none")

    @property
    def is_waiting(self) -> bool:
        """Whether the customer has reason to wait for a person."""
        return self._standing.kind in ("calling", "coming", "here")

    async def act(self, action: CallPerson, question: str, language: Language) -> Outcome:
        """Open a ticket, or find the one that is open, and have people called to it.

        What was begun is done also where the customer speaks over the answer.
        """
        acting = asyncio.create_task(self._act(action, question, language))
        self._tasks.add(acting)
        acting.add_done_callback(self._tasks.discard)
        return await asyncio.shield(acting)

    async def aclose(self) -> None:
        """Wait until what was begun is written."""
        await asyncio.gather(*self._tasks)

    async def take_up(self) -> None:
        """Go on with what the call was begun for, or has begun before its process died.

        Before anybody is attended to: a person who was in it then, and is still, comes in anew.
        """
        for ticket in await self._tickets.unresolved(self._in_call):
            self._is_about(ticket.number)
        told = await self.told()
        came = [e for e in told.events if e.kind in ("joined", "left")] if told else []
        if came and came[-1].kind == "joined" and came[-1].call_id == self._call_id:
            joined, now = came[-1], datetime.now(UTC)
            key = f"call:{self._call_id}:left {_stamp(joined.at)}"
            left = Happening(key, "left", "human", now, who=joined.who, call_id=self._call_id)
            await self.note(left)

    async def told(self) -> Told | None:
        """The call's ticket as it stands; None without one."""
        return await self._tickets.read(self.scope, self.ticket) if self.ticket else None

    async def note(self, happening: Happening) -> None:
        """Something has happened to the call's ticket; without one, nothing has."""
        if self.ticket:
            await self._tickets.add(self.scope, self.ticket, happening)

    async def brief(self, language: Language) -> str:
        """What a person is told of the customer before they speak with them."""
        told = await self.told()
        if told is None:
            return ""
        known = await self._accounts.read(self.scope)
        ticket = told.ticket
        case = Case(
            ticket.number,
            ticket.severity,
            known.account.name if known else ticket.account,
            ticket.contact,
            ticket.subject,
            _last_words(told),
            _facts(known) if known else [],
        )
        return self._words.brief(case, language)

    async def follow(
        self,
        say: Callable[[str], Awaitable[None]],
        language: Callable[[], Language],
        ask_reach: Callable[[int], Awaitable[None]],
    ) -> None:
        """Tell the customer what becomes of their wish, until cancelled.

        ``say``: returns once it has been heard, or the customer has spoken over it. ``language``:
        that which is being spoken. ``ask_reach``: asks, where nobody came to a ticket, how the
        customer can be reached.
        """
        await self._asked.wait()
        told: Standing | None = None
        word_at = _now_s()
        while True:
            try:
                now = await self._look()
            except (SQLAlchemyError, OSError):
                log.exception("what becomes of ticket %s cannot be read", self.ticket)
                now = self._standing
            is_late = now.kind == "calling" and _now_s() - word_at > _WORD_EVERY_S
            text = ""
            if told is None or (now.kind, now.nth) != (told.kind, told.nth):
                text = self._words.standing(now, self.ticket or 0, language())
            elif is_late:
                text = self._words.still_calling(language())
            told = now
            if text:
                await say(text)
                word_at = _now_s()
            if text and now.kind == "nobody" and self.ticket:
                await ask_reach(self.ticket)
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def _look(self) -> Standing:
        told = await self.told()
        if told and self.ticket:
            pages = await self._paging.pages(self.scope, self.ticket)
            promised = await self._promises.of_ticket(self.scope, self.ticket)
            self._standing = standing(told, pages, promised, datetime.now(UTC))
        return self._standing

    async def _act(self, action: CallPerson, question: str, language: Language) -> Outcome:
        now = datetime.now(UTC)
        try:
            async with self._one_at_a_time:
                known = await self._known(now)
                number = await self._open_or_add(known, action, question, language, now)
                self._is_about(number)
                told = await self._tickets.read(self.scope, number)
        except (SQLAlchemyError, OSError, LiukeError):
            log.exception("nobody was called to call %s", self._call_id)
            return NobodyCalled()
        assert told
        due = next((c.due_at for c in told.clocks if c.clock == "human response"), None)
        severity = told.ticket.severity
        within = max(due - now, timedelta()) if due else None
        at_once = self._paging.is_anybody_on_call(severity, language, now)
        return PersonCalled(number, severity, within, is_new=not known, at_once=at_once)

    async def _known(self, now: datetime) -> Ticket | None:
        """The ticket that this is about, if there is one."""
        for ticket in await self._tickets.unresolved(self.scope):
            is_own = ticket.number == self.ticket or ticket.contact == self._contact
            if is_own and now - ticket.opened_at < _SAME_MATTER:
                return ticket
        return None

    async def _open_or_add(
        self,
        known: Ticket | None,
        action: CallPerson,
        question: str,
        language: Language,
        now: datetime,
    ) -> int:
        severity = _SEVERITY[action.wish]
        if known is None:
            opening = self._happening("", "opened", now, question, severity)
            ticket = await self._tickets.open(
                self._in_call,
                opening,
                subject=action.subject,
                language=language,
                page_at=now + _CALLED_AFTER[action.wish],
            )
            return ticket.number
        again = self._happening(f":asked {_stamp(now)}", "said", now, question)
        told = await self._tickets.add(self.scope, known.number, again)
        comes = who_comes(told, await self._paging.pages(self.scope, known.number), now)
        if comes.state in ("none", "nobody"):
            await self._paging.call_again(self.scope, known.number, now)
        if severity < known.severity:
            what = f":emergency {_stamp(now)}"
            worse = self._happening(what, "severity", now, question, severity)
            await self._tickets.add(self.scope, known.number, worse)
            await self._paging.call_now(self.scope, known.number, now)
        return known.number

    def _happening(
        self,
        what: str,
        kind: Literal["opened", "said", "severity"],
        now: datetime,
        text: str,
        severity: int | None = None,
    ) -> Happening:
        return Happening(
            f"call:{self._call_id}{what}",
            kind,
            "customer",
            now,
            who=self._contact,
            text=text,
            severity=severity,
            call_id=self._call_id,
        )

    def _is_about(self, number: int) -> None:
        self.ticket = number
        self._asked.set()


def _last_words(told: Told) -> str:
    """What the customer said last of it, where that is not the subject already."""
    said = [
        event.text
        for event in told.events
        if event.actor == "customer" and event.text and event.kind != "reach"
    ]
    return said[-1] if said and said[-1] != told.ticket.subject else ""


def _facts(known: Known) -> list[str]:
    facts = (known.fact(name) for name in _TOLD_FACTS)
    return [
        fact.value if isinstance(fact.value, str) else ", ".join(fact.value)
        for fact in facts
        if fact
    ]


def _stamp(moment: datetime) -> str:
    """Names a moment: a process that takes the call up gives no name a second time."""
    return f"{moment.timestamp():.3f}"


def _now_s() -> float:
    return asyncio.get_running_loop().time()
