"""The demo's records: stories and the moment they count back from in; accounts, tickets, promises
and calls, written in one transaction, out.

What is open in a story stays as it is: nobody is called to it, reminded or told of it.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.accounts.tables import Account, App, Contact, Fact
from agent.service.calls.tables import Call, Turn, Utterance
from agent.service.demo.stories import (
    AccountStory,
    EventStory,
    Person,
    PromiseStory,
    TicketStory,
    World,
)
from agent.service.demo.tables import DemoAccount
from agent.service.paging.tables import PageSent
from agent.service.promises.store import Given, write_promise
from agent.service.promises.tables import Promise
from agent.service.scope import Scope
from agent.service.tickets.store import Happening, write_past
from common.languages import Language

Outcome = Literal["confirmed", "left", "handed_over"]

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
#: Ordinary calls are spread over so many days.
_CALLS_OVER_DAYS: Final = 87
_CALLS_OF: Final = uuid.UUID("6a0c2f6e-3c39-4f0e-9f6b-5b1d3c0f2a41")
_MOST_QUESTIONS: Final = 3
#: How calls come out, and what is thought of them, by how an account feels.
_OUTCOMES: Final[dict[str, dict[Outcome, float]]] = {
    "good": {"confirmed": 0.66, "left": 0.25, "handed_over": 0.09},
    "bad": {"confirmed": 0.28, "left": 0.46, "handed_over": 0.26},
}
_RATINGS: Final = {"good": (5, 5, 4, 4, 3), "bad": (4, 3, 2, 2, 1)}
_RATED: Final = 0.5
#: Minutes from a person's answer to the end of what an ordinary call opened.
_SOLVED_WITHIN: Final = {"good": (30, 1200), "bad": (600, 4000)}
#: Who of ours sees to tickets from ordinary calls.
_ENGINEERS: Final[dict[Language, tuple[str, ...]]] = {
    "zh": ("周扬", "何立"),
    "en": ("Priya Nair", "Tomás Vega"),
}
#: Severity of a ticket for which a person was only asked.
_ASKED: Final = 3


async def write_records(
    session: AsyncSession, accounts: Sequence[AccountStory], world: World, now: datetime
) -> None:
    """Write all of it, if the transaction of ``session`` stands."""
    for account in accounts:
        session.add(_account(account, now))
        await session.flush()
        session.add_all(_known(account, now))
        for number, ticket in enumerate(account.tickets):
            await _write_ticket(session, account, number, ticket, now)
        await _write_ordinary_calls(session, account, world, now)
    mine = Promise.account.in_([account.id for account in accounts])
    await session.execute(update(Promise).where(mine).values(look_at=None))


# --- accounts


def _account(story: AccountStory, now: datetime) -> Account:
    since = now - story.since * _DAY
    name = f"{story.name['zh']} {story.name['en']}"
    return Account(id=story.id, name=name, owner=story.owner, created_at=since)


def _known(story: AccountStory, now: datetime) -> Iterator[Any]:
    """Its people and apps, and each fact with who said it, when and how surely."""
    yield DemoAccount(account=story.id, seeded_at=now, is_whole=False)
    for one in story.contacts:
        yield Contact(account=story.id, id=one.id, name=one.name, language=one.language)
    for app in story.apps:
        yield App(account=story.id, id=app.id, name=app.name)
    signed = now - story.since * _DAY
    chance = random.Random(f"facts {story.id}")
    for field, told in story.facts.items():
        value: object = told
        if isinstance(told, int):
            field, value = f"{field}_date", (now + told * _DAY).date().isoformat()
        later = signed + (now - signed) * chance.uniform(0.3, 0.95)
        source, who, said_at, confidence = {
            "plan": ("import", "", signed, 1.0),
            "renewal_date": ("import", "", signed, 1.0),
            "scale": ("contact", story.contacts[0].name, later, 0.9),
            "business_model": ("assistant", story.contacts[0].name, later, 0.7),
        }.get(field, ("person", story.owner, signed + 7 * (now - signed) / 100, 1.0))
        yield Fact(
            account=story.id,
            field=field,
            value=list(value) if isinstance(value, tuple | list) else value,
            source=source,
            who=who,
            said_at=said_at,
            confidence=confidence,
        )


# --- tickets that a story tells of


async def _write_ticket(
    session: AsyncSession, account: AccountStory, number: int, story: TicketStory, now: datetime
) -> None:
    by = account.contacts[story.by]
    opened_at = now - story.days * _DAY
    call = _call_of(session, account, number, story, opened_at) if story.paged else None
    call_id = call.id if call else None
    await session.flush()
    opening = Happening(
        f"demo:{number}", "opened", "customer", opened_at, by.id, story.subject, story.severity,
        call_id,
    )  # fmt: skip
    ticket = await write_past(
        session,
        Scope(account.id),
        opening,
        list(_happenings(story, by, opened_at, call_id)),
        subject=story.subject,
        language=by.language,
    )
    if story.paged:
        ticket.paging_since = opened_at
        session.add(_page(account, number, story, ticket.number, opened_at))
    for nth, promise in enumerate(story.promises):
        given = _given(account, by, promise, ticket.number, f"{number}:{nth}", opened_at, call_id)
        await write_promise(session, given, opened_at + promise.at * _MINUTE)
        if promise.kept:
            kept_at = opened_at + promise.kept * _MINUTE
            mine = Promise.key == given.key
            await session.execute(update(Promise).where(mine).values(kept_at=kept_at))


def _happenings(
    story: TicketStory, by: Person, opened_at: datetime, call_id: str | None
) -> Iterator[Happening]:
    if story.who:
        at = opened_at + (story.paged or 1) * _MINUTE
        yield Happening("assigned", "assigned", "human", at, story.who)
    for nth, event in enumerate(story.events):
        who = {"customer": by.id, "human": story.who}.get(event.actor, "")
        at = opened_at + event.at * _MINUTE
        in_call = call_id if _is_in_call(story, event) else None
        yield Happening(f"event:{nth}", event.kind, event.actor, at, who, event.text, None, in_call)


def _is_in_call(story: TicketStory, event: EventStory) -> bool:
    return event.at <= max((e.at for e in story.events if e.kind == "left"), default=0)


def _call_of(
    session: AsyncSession, account: AccountStory, number: int, story: TicketStory, at: datetime
) -> Call:
    """The call in which people were called to it."""
    by = account.contacts[story.by]
    spoken = [event for event in story.events if event.text and _is_in_call(story, event)]
    last = max(event.at for event in story.events if _is_in_call(story, event))
    call = _call(account, by, f"ticket {number}", at - _MINUTE, at + last * _MINUTE)
    call.outcome = "handed_over"
    session.add(call)
    answer = next((event.text for event in spoken if event.actor == "assistant"), "")
    session.add(_turn(call, 1, at, story.subject, answer, []))
    for event in spoken:
        if event.actor == "human":
            session.add(
                Utterance(
                    call_id=call.id,
                    said_at=at + event.at * _MINUTE,
                    speaker="human",
                    who=story.who,
                    language=by.language,
                    text=event.text,
                )
            )
    return call


def _page(
    account: AccountStory, number: int, story: TicketStory, ticket: int, opened_at: datetime
) -> PageSent:
    """As it was answered. Its link's hash is nothing's, and it answers nothing any more."""
    answered_at = opened_at + (story.paged or 0) * _MINUTE
    of_nothing = random.Random(f"page {account.id} {number}").getrandbits(256)
    return PageSent(
        ticket=ticket,
        responder=story.who,
        sent_at=opened_at,
        link_hash=f"{of_nothing:064x}",
        expires_at=answered_at,
        acknowledged_at=answered_at,
    )


def _given(
    account: AccountStory,
    by: Person,
    story: PromiseStory,
    ticket: int,
    key: str,
    opened_at: datetime,
    call_id: str | None,
) -> Given:
    return Given(
        f"demo:{account.id}:{key}",
        story.kind,
        story.text,
        opened_at + story.due * _MINUTE,
        ticket=ticket,
        call_id=call_id,
        account=account.id,
        contact=by.id,
    )


# --- calls as there are many


async def _write_ordinary_calls(
    session: AsyncSession, account: AccountStory, world: World, now: datetime
) -> None:
    chance = random.Random(f"calls {account.id}")
    for number in range(account.asks.calls):
        by = chance.choice(account.contacts)
        days = 0.4 + _CALLS_OVER_DAYS * (number + chance.random()) / account.asks.calls
        began = now - days * _DAY
        topics = chance.sample(
            account.asks.topics, chance.randint(1, min(_MOST_QUESTIONS, len(account.asks.topics)))
        )
        call = _call(account, by, f"call {number}", began, began + (1 + len(topics)) * _MINUTE)
        weights = _OUTCOMES[account.asks.mood]
        (outcome,) = chance.choices(list(weights), list(weights.values()))
        call.outcome = outcome
        if chance.random() < _RATED:
            call.rating = chance.choice(_RATINGS[account.asks.mood])
            call.comment = chance.choice(("", *world.comments[by.language].get(call.rating, ())))
        session.add(call)
        for turn, name in enumerate(topics, start=1):
            topic = world.topics[name][by.language]
            cited = {
                "id": f"{by.language}/{name}",
                "title": topic.title,
                "language": by.language,
                "version": 1,
                "score": round(chance.uniform(0.72, 0.97), 3),
            }
            asked_at = began + (0.2 + 0.8 * turn) * _MINUTE
            session.add(_turn(call, turn, asked_at, topic.question, topic.answer, [cited]))
        await session.flush()
        if outcome == "handed_over":
            subject = world.topics[topics[-1]][by.language].question
            within = chance.randint(*_SOLVED_WITHIN[account.asks.mood]) * _MINUTE
            await _write_ticket_of_call(session, call, subject, within, chance, now)


async def _write_ticket_of_call(
    session: AsyncSession,
    call: Call,
    subject: str,
    solved_within: timedelta,
    chance: random.Random,
    now: datetime,
) -> None:
    """A ticket that a call opened, as far as it has come until now."""
    began = call.consented_at
    opened_at = began + 2 * _MINUTE
    language: Language = "zh" if call.language == "zh" else "en"
    who = chance.choice(_ENGINEERS[language])
    answered = opened_at + chance.randint(15, 400) * _MINUTE
    resolved = answered + solved_within
    opening = Happening(
        f"call:{call.id}", "opened", "customer", opened_at, call.contact, subject, _ASKED, call.id
    )
    later = [
        Happening("told", "said", "assistant", opened_at, call_id=call.id),
        Happening("assigned", "assigned", "human", answered, who),
        Happening("answered", "said", "human", answered, who),
        Happening("resolved", "resolved", "human", resolved, who),
    ]
    await write_past(
        session,
        Scope(call.account),
        opening,
        [happening for happening in later if happening.at <= now],
        subject=subject,
        language=language,
    )


def _call(account: AccountStory, by: Person, name: str, began: datetime, ended: datetime) -> Call:
    call_id = str(uuid.uuid5(_CALLS_OF, f"{account.id} {name}"))
    return Call(
        id=call_id,
        account=account.id,
        contact=by.id,
        room=f"call-{call_id}",
        identity=f"customer-{call_id[:12]}",
        language=by.language,
        consented_at=began,
        grant_expires_at=ended,
        started_at=began,
        ended_at=ended,
    )


def _turn(
    call: Call,
    number: int,
    asked_at: datetime,
    question: str,
    answer: str,
    citations: list[dict[str, object]],
) -> Turn:
    return Turn(
        call_id=call.id,
        number=number,
        asked_at=asked_at,
        closed_at=asked_at + _MINUTE / 3,
        language=call.language,
        question=question,
        answer=answer,
        citations=citations,
    )
