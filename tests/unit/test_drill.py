"""`make drill`: what it calls lost and doubled, what its receivers do, and clocks by hand."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from agent.service.database import Database
from agent.service.outbox.forms import Destination, Message, request_for
from agent.service.outbox.store import Outbox, write_down
from agent.service.paging.rota import Responder
from agent.service.paging.store import write_page
from agent.service.scope import Scope
from agent.service.support import Support, read_support
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.store import Happening, TicketStore
from eval.drill.bench import judge_all, summarise
from eval.drill.clocks import STORIES, Story, write
from eval.drill.installation import ALARMS, ON_CALL, support_text
from eval.drill.judging import Found, Matter, MessageRow, TicketRow, Verdict, by_address
from eval.drill.receiver import Receiver
from eval.drill.records import Records

pytestmark = pytest.mark.unit

SECRET = "whsec_YSBzZWNyZXQgZm9yIHRoaXMgdGVzdCBhbG9uZQ=="
MATTER = Matter(
    "outage", ["call:1"], asked=1, told={("ticket.page", "lin"): 1, ("ticket.nobody", "ops"): 1},
    promises=1,
)  # fmt: skip
PAGE = MessageRow("page:1", "lin", "ticket.page", 7, has_link=True, delivered=True)
NOBODY = MessageRow("nobody:7", "ops", "ticket.nobody", 7, has_link=False, delivered=True)
TICKET = TicketRow(7, "call:1", asked=1, pages=1, promises=1)


def found(
    tickets: Sequence[TicketRow] = (TICKET,),
    messages: Sequence[MessageRow] = (PAGE, NOBODY),
    got: Sequence[tuple[str, str, str]] = (("lin", "page:1", "a"), ("ops", "nobody:7", "b")),
) -> Found:
    return Found(tickets, messages, by_address(got))


def judged(one: Found) -> tuple[int, int]:
    verdict = judge_all([MATTER], one)
    return len(verdict.lost), len(verdict.doubled)


# --- judging


def test_what_is_as_it_must_be_is_neither_lost_nor_doubled() -> None:
    assert judged(found()) == (0, 0)
    again = found(got=[*[("lin", "page:1", "a")] * 3, ("ops", "nobody:7", "b")])
    assert judged(again) == (0, 0)  # by its key the receiver knows it
    summary = summarise(3, {"a scene": "why"}, Verdict(), again, [MATTER])
    assert (summary["passed"], summary["failed"], summary["repeated"]) == (2, ["a scene"], 2)


def test_a_page_that_is_written_twice_is_doubled() -> None:
    twice = [PAGE, replace(PAGE, key="page:2"), NOBODY]
    got = [("lin", "page:1", "a"), ("lin", "page:2", "c"), ("ops", "nobody:7", "b")]
    two = found([replace(TICKET, pages=2)], twice, got)
    assert judged(two) == (0, 1)


def test_one_key_with_two_messages_is_doubled_and_one_that_nobody_wrote_is(
) -> None:  # fmt: skip
    got = [("lin", "page:1", "a"), ("lin", "page:1", "other"), ("ops", "nobody:7", "b")]
    assert judged(found(got=got)) == (0, 1)
    got = [("lin", "page:1", "a"), ("ops", "nobody:7", "b"), ("ops", "page:1", "a")]
    assert judged(found(got=got)) == (0, 1)


def test_what_was_never_written_never_arrived_or_is_not_known_to_have_is_lost() -> None:
    assert judged(found(messages=[PAGE], got=[("lin", "page:1", "a")])) == (1, 0)
    assert judged(found(got=[("ops", "nobody:7", "b")])) == (1, 0)
    assert judged(found(messages=[replace(PAGE, delivered=False), NOBODY])) == (1, 0)


def test_tickets_wishes_promises_and_pages_are_counted() -> None:
    for change, verdict in (
        (replace(TICKET, asked=0), (1, 0)),
        (replace(TICKET, asked=2), (0, 1)),
        (replace(TICKET, promises=0), (1, 0)),
        (replace(TICKET, promises=2), (0, 1)),
        (replace(TICKET, pages=2), (1, 0)),  # nobody can answer the second
    ):
        assert judged(found([change])) == verdict
    assert judged(found([], [], []))[0] == 5
    other = TicketRow(8, "call:2", asked=0, pages=0, promises=0)
    both = replace(MATTER, keys=["call:1", "call:2"])
    assert judge_all([both], found([TICKET, other])).doubled == ["outage: tickets: 2 instead of 1"]


# --- what is judged


async def test_rows_are_read_as_they_are_judged(database_url: str) -> None:
    database, now = Database(database_url), datetime.now(UTC)
    opening = Happening("call:1", "opened", "customer", now, "ann", severity=1)
    tickets = TicketStore(database, {})
    ticket = await tickets.open(Scope("acme"), opening, subject="down", language="en")
    await tickets.add(Scope("acme"), ticket.number, Happening("again", "said", "customer", now))
    await tickets.add(Scope("acme"), ticket.number, Happening("answer", "said", "human", now))
    lin = Responder("Lin", "lin", frozenset({1}), frozenset({"en"}), ALWAYS)

    def message(_: Responder, link: str) -> Message:
        return Message("ticket.page", "come", {"ticket": ticket.number, "link": link})

    async with database.transaction() as session:
        await write_page(session, ticket.number, lin, message, now)
    taken = await Outbox(database).take(now + timedelta(seconds=1))
    assert taken
    await Outbox(database).delivered(taken, now)
    async with database.transaction() as session:
        told = Message("outbox.undelivered", "gone", {"message": taken.id})
        await write_down(session, "dead", ["ops"], told, now)
    records = Records(database)
    rows = await records.found([])
    assert rows.tickets == [TicketRow(ticket.number, "call:1", asked=2, pages=1, promises=0)]
    assert rows.messages == [
        MessageRow(taken.key, "lin", "ticket.page", ticket.number, has_link=True, delivered=True),
        MessageRow("dead", "ops", "outbox.undelivered", ticket.number, False, False),
    ]
    await database.aclose()


# --- the receivers


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Receiver("lin", SECRET, port).open() as receiver:
        yield receiver


async def post(receiver: Receiver, secret: str = SECRET) -> int:
    to = Destination("lin", "webhook", SecretStr(receiver.url), SecretStr(secret))
    message = Message("ticket.page", "come", {"ticket": 7, "link": "http://here/join.html#abc"})
    now = datetime.now(UTC)
    async with httpx.AsyncClient(timeout=0.5, trust_env=False) as client:
        return (await client.send(request_for(to, message, "page:1", now, now))).status_code


async def test_a_receiver_fails_hangs_and_refuses_as_it_is_told(receiver: Receiver) -> None:
    await receiver.behave("fails")
    assert await post(receiver) == 503
    await receiver.behave("refuses")
    with pytest.raises(httpx.ConnectError):
        await post(receiver)
    assert not receiver.got
    await receiver.behave("hangs")
    with pytest.raises(httpx.ReadTimeout):
        await post(receiver)
    assert [one.key for one in receiver.got] == ["page:1"]  # it has it, and nobody knows
    await receiver.behave("well")
    assert await post(receiver) == 204
    assert len(receiver.got) == 2
    assert receiver.links(7) == ["abc"]  # one page, that came twice
    assert receiver.links(8) == []


async def test_what_somebody_else_signed_is_not_taken(receiver: Receiver) -> None:
    other = "whsec_c29tZWJvZHkgZWxzZSBoYXMgc2lnbmVkIHRoaXM="
    assert await post(receiver, other) == 401
    assert (receiver.forged, receiver.got) == (1, [])


# --- clocks


@pytest.fixture
def support(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Support:
    monkeypatch.setenv("DRILL_SECRET", SECRET)
    file = tmp_path / "support.toml"
    names = (*ON_CALL, *ALARMS)
    file.write_text(support_text(dict.fromkeys(names, "http://127.0.0.1:9/")), "utf-8")
    return read_support(file)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_clocks_are_as_counted_by_hand_also_read_from_rows(
    story: Story, support: Support, database_url: str
) -> None:
    assert story.wrong(support.policy) == []
    database = Database(database_url)
    async with database.transaction() as session:
        number = await write(session, story)
    told = await TicketStore(database, support.policy).read(Scope("clocks"), number)
    await database.aclose()
    assert told
    up = {c.clock: c.missed_at for c in told.clocks if c.missed_at}
    assert up == {clock: datetime.fromisoformat(at) for clock, at in story.up.items()}


def test_a_clock_that_is_a_second_off_is_wrong(support: Support) -> None:
    story = STORIES[0]
    for off in (-1, 1):
        up = datetime.fromisoformat(story.up["human response"]) + timedelta(seconds=off)
        assert replace(story, up={"human response": up.isoformat()}).wrong(support.policy)
