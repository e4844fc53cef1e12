"""Summing up: what is kept of a call that is over in; its written summary, and the mail of it, out.

By templates alone (`prompts/summary.toml`): what was said is not phrased anew.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from agent.duty.texts import Reader
from agent.duty.words import read_words
from agent.service.accounts.store import FIELDS, AccountStore, Known
from agent.service.accounts.tables import Fact
from agent.service.calls.store import CallStore
from agent.service.calls.tables import Call, Turn
from agent.service.database import Database
from agent.service.matters.store import Matters
from agent.service.matters.tables import Checklist, Matter
from agent.service.outbox.forms import Message
from agent.service.outbox.store import write_down
from agent.service.promises.store import Promised, Promises
from agent.service.retention.store import Retention
from agent.service.retention.tables import SignalNoted
from agent.service.scope import Scope
from agent.service.summaries.store import Section, Summaries, write_summary
from agent.service.support import Support
from agent.service.tickets.store import TicketStore, Told
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

_WORDS: Final = read_words("summary.toml")
#: What regions are called to a customer, by their names in rows of quality.
_REGIONS: Final[Mapping[str, Mapping[str, Any]]] = tomllib.loads(
    (PROJECT_ROOT / "prompts" / "places.toml").read_text("utf-8")
)["regions"]
#: Where a call has no matters: so many questions, and so many characters of each.
_MOST_QUESTIONS: Final = 5
#: What onboarding asks for, in its order.
_ASKED: Final = tuple(name for name in FIELDS if name not in ("plan", "renewal_date"))
_MOST_SAID: Final = 120


@dataclass(frozen=True)
class Kept:
    """What is kept of a call."""

    turns: Sequence[Turn]
    matters: Sequence[Matter]
    facts: Sequence[Fact]
    """Said in it, the last word on each field."""
    signals: Sequence[SignalNoted]
    promised: Sequence[Promised]
    tickets: Sequence[Told]
    checklists: Sequence[Checklist]
    unknown: Sequence[str] = ()
    """Fields that onboarding asks for and nobody has confirmed; of a customer with an account."""


class SummingUp:
    """Sums calls up, once for each of their ends."""

    def __init__(self, database: Database, support: Support) -> None:
        self._database = database
        self._support = support
        self._calls = CallStore(database)
        self._accounts = AccountStore(database)
        self._matters = Matters(database)
        self._retention = Retention(database)
        self._promises = Promises(database)
        self._tickets = TicketStore(database, support.policy)
        self._summaries = Summaries(database)

    async def due(self, now: datetime) -> Sequence[Call]:
        """Calls that are over and to be summed up."""
        return await self._summaries.due(now)

    async def at_the_end(self, scope: Scope, call_id: str) -> None:
        """Write the summary of a call of the scope's that has just ended, for its page.

        It stays due: who is on duty knows best how the operator supports, and mails it.
        """
        now = datetime.now(UTC)
        call = await self._calls.call(scope, call_id)
        if call is None:
            return
        written = await self._written(call, await self._known(call), now)
        async with self._database.transaction() as session:
            if await self._summaries.look(session, call_id, now):
                await write_summary(session, call_id, *written, mailed_at=None, now=now)

    async def sum_up(self, call: Call, now: datetime) -> None:
        """Write the summary of a call that is due; mail it once its customer cannot come back.

        Without effect where the call goes on again, or somebody else has just done so.
        """
        known = await self._known(call)
        language, sections = await self._written(call, known, now)
        by, address = self._support.summaries_by, _address(known, call)
        async with self._database.transaction() as session:
            due = await self._summaries.look(session, call.id, now)
            if due is None:
                return
            may_return = due.grant_expires_at > now
            due.sum_up_at = due.grant_expires_at if may_return else None
            is_mailed = not may_return and sections and by and self._support.may_mail(address)
            mailed_at = now if is_mailed else None
            await write_summary(session, call.id, language, sections, mailed_at=mailed_at, now=now)
            if is_mailed:
                message = letter(sections, call, language)
                key = f"summary:{call.id}"
                await write_down(session, key, [by], message, now, recipient=address)

    async def _known(self, call: Call) -> Known | None:
        return await self._accounts.read(Scope(call.account))

    async def _written(
        self, call: Call, known: Known | None, now: datetime
    ) -> tuple[Language, list[Section]]:
        """In the language that was spoken last."""
        kept = await self._kept(Scope(call.account, call.id), known, now)
        language = _language(kept.turns[-1].language if kept.turns else call.language)
        offers = {
            name: offer.words[language] for name, offer in self._support.retention.offers.items()
        }
        return language, compose(kept, offers, Reader(language, self._support.hours.zone))

    async def _kept(self, scope: Scope, known: Known | None, now: datetime) -> Kept:
        call_id = scope.call_id or ""
        newest = (facts[0] for facts in (known.history if known else {}).values())
        return Kept(
            turns=await self._calls.turns(scope, call_id),
            matters=_standing(await self._matters.of_call(scope, call_id)),
            facts=[fact for fact in newest if fact.call_id == call_id and fact.value],
            signals=await self._retention.signals(scope),
            promised=await self._promises.of_call(scope, call_id, now),
            tickets=await self._tickets.of_scope(scope, now),
            checklists=await self._matters.checklists(scope),
            unknown=[name for name in _ASKED if not known.fact(name)] if known else (),
        )


def compose(kept: Kept, offers: Mapping[str, str], reader: Reader) -> list[Section]:
    """The summary in the reader's language; nothing where nothing was said.

    ``offers``: the words of each, by name.
    """
    words = _WORDS[reader.language]
    lines = {
        "about": list(_about(kept, words, reader.language)),
        "confirmed": list(_confirmed(kept.facts, words)),
        "agreed": list(_agreed(kept, offers, words, reader)),
        "open": list(_open(kept, words, reader)),
        "next": [
            item.text
            for checklist in kept.checklists
            for item in checklist.items
            if item.done_at is None
        ],
    }
    return [Section(words["headings"][name], one) for name, one in lines.items() if one]


def letter(sections: Sequence[Section], call: Call, language: Language) -> Message:
    """The mail of a summary; its first line is the subject."""
    words = _WORDS[language]
    parts = [
        "\n".join([section.heading, *(words["line"].format(line=line) for line in section.lines)])
        for section in sections
    ]
    text = words["letter"].format(sections="\n\n".join(parts)).strip()
    return Message("call.summary", text, {"account": call.account, "call": call.id})


def _standing(matters: Sequence[Matter]) -> list[Matter]:
    """Without the beginning of an onboarding that has come to advice, a matter of its own."""
    is_advised = any(one.kind == "onboarding" and one.subject for one in matters)
    return [one for one in matters if one.subject or not (is_advised and one.kind == "onboarding")]


def _about(kept: Kept, words: dict[str, Any], language: Language) -> Iterator[str]:
    for matter in kept.matters:
        called = _REGIONS.get(matter.region, {}).get(language, matter.region)
        region = words["region"].format(region=called) if called else ""
        title = _title(matter, kept.turns, words) + region
        states = words["onboarding_states" if matter.kind == "onboarding" else "states"]
        yield words["matter"].format(title=title, state=states[matter.state])
    if not kept.matters:
        asked = dict.fromkeys(_short(turn.question) for turn in kept.turns if turn.question)
        yield from list(asked)[:_MOST_QUESTIONS]


def _confirmed(facts: Sequence[Fact], words: dict[str, Any]) -> Iterator[str]:
    for fact in facts:
        value = fact.value if isinstance(fact.value, str) else words["and"].join(fact.value)
        yield words["fact"].format(field=words["fields"][fact.field], value=value)


def _agreed(
    kept: Kept, offers: Mapping[str, str], words: dict[str, Any], reader: Reader
) -> Iterator[str]:
    yield from dict.fromkeys(offers[one.offered] for one in kept.signals if one.offered in offers)
    for promised in kept.promised:
        if promised.state != "withdrawn":
            promise = promised.promise
            until = _at(reader, promise.due_at)
            text = promise.text.rstrip("。.")
            yield words["promises"][promised.state].format(text=text, until=until)


def _open(kept: Kept, words: dict[str, Any], reader: Reader) -> Iterator[str]:
    for told in kept.tickets:
        ticket = told.ticket
        of_ticket = {"number": ticket.number, "subject": _short(ticket.subject)}
        person = next((one for one in told.clocks if one.clock == "human response"), None)
        if ticket.status == "resolved":
            yield words["ticket_resolved"].format(**of_ticket)
        elif person and person.state == "running" and person.due_at:
            until = _at(reader, person.due_at)
            yield words["ticket_until"].format(**of_ticket, until=until)
        else:
            yield words["ticket"].format(**of_ticket)
    for matter in kept.matters:
        if matter.state == "open" and matter.kind == "onboarding":
            yield from _unfinished(kept, words)
        elif matter.state == "open":
            yield words["unsolved"].format(title=_title(matter, kept.turns, words))


def _unfinished(kept: Kept, words: dict[str, Any]) -> Iterator[str]:
    """What onboarding has still to ask; that it is not finished, where that is not known."""
    fields = words["and"].join(words["fields"][name] for name in kept.unknown)
    yield words["unfinished_fields"].format(fields=fields) if fields else words["unfinished"]


def _title(matter: Matter, turns: Sequence[Turn], words: dict[str, Any]) -> str:
    """As the entry that it is about is called, or in the customer's words, or by its kind."""
    cited = [citation for turn in turns for citation in turn.citations]
    titles = (one["title"] for one in cited if _stem(one["id"]) == matter.subject)
    return next(titles, "") or _short(matter.words) or str(words["kinds"][matter.kind])


def _stem(entry_id: str) -> str:
    """The same in both languages: "zh/echo" and "en/echo" are about "echo"."""
    return entry_id.partition("/")[2]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SAID else f"{line[: _MOST_SAID - 1]}…"


def _at(reader: Reader, moment: datetime) -> str:
    """With its day: a summary is read later, too."""
    return f"{moment.astimezone(reader.zone):%Y-%m-%d %H:%M} ({reader.zone.key})"


def _address(known: Known | None, call: Call) -> str:
    """The contact's; or what a guest has said in the call."""
    contacts = known.contacts if known else ()
    return next((one.email for one in contacts if one.id == call.contact), "") or call.email


def _language(text: str) -> Language:
    return next((language for language in LANGUAGES if language == text), LANGUAGES[0])
