"""Who wants a person gets a ticket, once, and hears what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.call.escalation import Escalation
from agent.call.session import open_escalation, support_of
from agent.dialogue.contract import CallPerson, NobodyCalled, Outcome, PersonCalled
from agent.dialogue.escalating import EscalationWords, duration, subject_of
from agent.models.client import Message as Utterance
from agent.prompts import load_escalation
from agent.rooms.principal import Principal
from agent.service.accounts.store import AccountStore, Statement
from agent.service.calls.store import CallStore, Claim
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.outbox.forms import Message
from agent.service.outbox.store import Outbox
from agent.service.paging.rota import Responder
from agent.service.paging.store import Paging
from agent.service.promises.store import Given, Promises, write_promise
from agent.service.scope import Scope
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.sla import Policy, Target
from agent.service.tickets.store import Happening, TicketStore
from agent.settings import Settings
from common.languages import Language

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
PATIENCE = 5 * MINUTE
PHRASES = load_escalation()
POLICY: Policy = {
    1: {"human response": Target(15 * MINUTE, ALWAYS)},
    3: {"human response": Target(480 * MINUTE, ALWAYS)},
}
ROTA = [
    Responder(name, f"{name}'s telephone", frozenset({1, 3}), frozenset({"zh", "en"}), ALWAYS)
    for name in ("Lin", "Zhao")
]
PERSON = CallPerson("person", "echo in our room")
EMERGENCY = CallPerson("emergency", "all users are out")


class Desk:
    """The records of one installation, and the calls that use them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tickets = TicketStore(database, POLICY)
        self.paging = Paging(database, ROTA, patience=PATIENCE)
        self.accounts = AccountStore(database)
        self.promises = Promises(database)

    async def call(self, call_id: str, account: str = "acme", contact: str = "wang") -> Escalation:
        """A call that has just been answered."""
        now = datetime.now(UTC)
        async with self.database.transaction() as session:
            session.add(
                Call(
                    id=call_id,
                    account=account,
                    contact=contact,
                    room=f"room {call_id}",
                    identity="customer",
                    language="en",
                    consented_at=now,
                    grant_expires_at=now + timedelta(minutes=10),
                )
            )
        claim = await CallStore(self.database).claim_call(call_id, f"process of {call_id}")
        return self.escalation(claim, account, contact)

    def escalation(self, claim: Claim, account: str = "acme", contact: str = "wang") -> Escalation:
        return Escalation(
            self.tickets,
            self.paging,
            self.accounts,
            self.promises,
            account=account,
            contact=contact,
            claim=claim,
        )

    async def page(self, after: timedelta = timedelta()) -> None:
        """Whoever comes by does what is due."""
        now = datetime.now(UTC) + after
        for ticket in await self.paging.due(now):
            await self.paging.step(ticket.number, "en", _page, now)

    async def links(self) -> dict[str, str]:
        """What was sent so far and not looked at yet, by destination."""
        found, outbox = {}, Outbox(self.database)
        while taken := await outbox.take(datetime.now(UTC) + timedelta(days=1)):
            found[taken.destination] = taken.message.data["link"]
            await outbox.delivered(taken, datetime.now(UTC))
        return found


def _page(responder: Responder, link: str) -> Message:
    return Message("page", responder.name, {"link": link})


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    database = Database(database_url)
    yield Desk(database)
    await database.aclose()


def called(outcome: Outcome) -> PersonCalled:
    assert isinstance(outcome, PersonCalled)
    return outcome


async def test_a_wish_is_a_ticket_with_a_clock(desk: Desk) -> None:
    call = await desk.call("1")
    outcome = called(await call.act(PERSON, "I want a human", "en"))
    assert (outcome.severity, outcome.is_new) == (3, True)
    assert outcome.within and 479 * MINUTE < outcome.within <= 480 * MINUTE
    told = await desk.tickets.read(Scope("acme"), outcome.ticket)
    assert told and (told.ticket.subject, told.ticket.contact) == ("echo in our room", "wang")
    (opened,) = told.events
    assert (opened.text, opened.call_id, opened.actor) == ("I want a human", "1", "customer")


async def test_an_emergency_calls_somebody_before_anything_is_said(desk: Desk) -> None:
    await (await desk.call("1")).act(EMERGENCY, "we are down", "en")
    await desk.page()
    assert set(await desk.links()) == {"Lin's telephone"}


async def test_who_only_wants_a_person_is_told_first(desk: Desk) -> None:
    await (await desk.call("1")).act(PERSON, "I want a human", "en")
    await desk.page()
    assert not await desk.links()
    await desk.page(after=timedelta(seconds=2))
    assert set(await desk.links()) == {"Lin's telephone"}


async def test_who_asks_again_gets_the_same_ticket(desk: Desk) -> None:
    call = await desk.call("1")
    first = called(await call.act(PERSON, "I want a human", "en"))
    again = called(await call.act(PERSON, "where is the human?", "en"))
    assert (again.ticket, again.is_new) == (first.ticket, False)
    told = await call.told()
    assert told and [event.kind for event in told.events] == ["opened", "said"]


async def test_who_asks_again_after_nobody_came_has_people_called_anew(desk: Desk) -> None:
    call = await desk.call("1")
    await call.act(EMERGENCY, "we are down", "en")
    for minutes in (0, 5, 10):
        await desk.page(after=minutes * MINUTE)
    before = await call.told()
    assert before and before.ticket.next_page_at is None
    await call.act(EMERGENCY, "is anybody coming?", "en")
    after = await call.told()
    assert after and after.ticket.next_page_at and after.ticket.paging_since
    assert before.ticket.paging_since and after.ticket.paging_since > before.ticket.paging_since


async def test_who_hangs_up_and_calls_again_is_known(desk: Desk) -> None:
    first = called(await (await desk.call("1")).act(PERSON, "I want a human", "en"))
    later = await desk.call("2")
    again = called(await later.act(PERSON, "a human please", "en"))
    assert (again.ticket, again.is_new) == (first.ticket, False)
    colleague = await desk.call("3", contact="li")
    assert called(await colleague.act(PERSON, "a human please", "en")).is_new


async def test_guests_have_nothing_in_common(desk: Desk) -> None:
    first = await desk.call("1", account="", contact="")
    second = await desk.call("2", account="", contact="")
    one = called(await first.act(PERSON, "I want a human", "en"))
    other = called(await second.act(PERSON, "I want a human", "en"))
    assert other.is_new and other.ticket != one.ticket
    assert await first.told()


async def test_what_becomes_an_emergency_calls_somebody_at_once(desk: Desk) -> None:
    call = await desk.call("1")
    await call.act(PERSON, "I want a human", "en")
    worse = called(await call.act(EMERGENCY, "now we are down", "en"))
    assert (worse.severity, worse.is_new) == (1, False)
    assert worse.within and worse.within <= 15 * MINUTE
    await desk.page()
    assert await desk.links()


async def test_what_was_begun_is_written_though_the_answer_is_cut_off(desk: Desk) -> None:
    call = await desk.call("1")
    acting = asyncio.create_task(call.act(EMERGENCY, "we are down", "en"))
    await asyncio.sleep(0)
    acting.cancel()
    await asyncio.gather(acting, return_exceptions=True)
    await call.aclose()
    assert len(await desk.tickets.unresolved(Scope("acme"))) == 1


async def test_a_call_that_is_taken_up_again_knows_its_ticket(desk: Desk) -> None:
    call = await desk.call("1")
    opened = called(await call.act(PERSON, "I want a human", "en"))
    successor = desk.escalation(Claim("1", "another process", "rejoined"))
    await successor.take_up()
    assert successor.ticket == opened.ticket
    again = called(await successor.act(PERSON, "where is the human?", "en"))
    assert (again.ticket, again.is_new) == (opened.ticket, False)


async def test_a_call_that_is_taken_up_again_loses_no_word(desk: Desk) -> None:
    call = await desk.call("1")
    await call.act(EMERGENCY, "we are down", "en")
    await call.act(PERSON, "where is the human?", "en")
    successor = desk.escalation(Claim("1", "another process", "rejoined"))
    await successor.take_up()
    await successor.act(PERSON, "is anybody coming?", "en")
    told = await successor.told()
    assert told
    words = [event.text for event in told.events]
    assert words == ["we are down", "where is the human?", "is anybody coming?"]


async def test_who_asks_again_as_soon_as_a_person_has_left_has_people_called(desk: Desk) -> None:
    """Before anybody has looked whether that person came."""
    call = await desk.call("1")
    await call.act(EMERGENCY, "we are down", "en")
    await desk.page()
    now = datetime.now(UTC)
    await desk.paging.acknowledge((await desk.links())["Lin's telephone"], now)
    for kind in ("joined", "left"):
        await call.note(Happening(kind, kind, "human", datetime.now(UTC), who="Lin", call_id="1"))
    for _ in range(2):
        await call.act(PERSON, "is anybody there?", "en")
    await desk.page(after=timedelta(seconds=1))
    assert set(await desk.links()) == {"Lin's telephone"}
    assert len(await desk.paging.pages(Scope("acme"), call.ticket or 0)) == 1


async def test_a_person_is_gone_with_the_process_that_attended_to_them(desk: Desk) -> None:
    call = await desk.call("1")
    await call.act(EMERGENCY, "we are down", "en")
    await desk.page()
    now = datetime.now(UTC)
    await desk.paging.acknowledge((await desk.links())["Lin's telephone"], now)
    await call.note(Happening("came", "joined", "human", now, who="Lin", call_id="1"))
    for _ in range(2):  # it may die again
        successor = desk.escalation(Claim("1", "another process", "rejoined"))
        await successor.take_up()
    told = await successor.told()
    assert told and [event.kind for event in told.events] == ["opened", "joined", "left"]
    await successor.act(PERSON, "is anybody there?", "en")
    await desk.page(after=timedelta(seconds=1))
    assert set(await desk.links()) == {"Lin's telephone"}


async def test_who_was_left_by_a_broken_call_and_calls_again_has_people_called(desk: Desk) -> None:
    call = await desk.call("1")
    await call.act(EMERGENCY, "we are down", "en")
    await desk.page()
    now = datetime.now(UTC)
    await desk.paging.acknowledge((await desk.links())["Lin's telephone"], now)
    await call.note(Happening("came", "joined", "human", now, who="Lin", call_id="1"))
    await (await desk.call("2")).act(PERSON, "the line broke", "en")
    await desk.page(after=timedelta(seconds=1))
    assert set(await desk.links()) == {"Lin's telephone"}


async def test_nobody_is_promised_where_nothing_can_be_written(desk: Desk) -> None:
    call = desk.escalation(Claim("a call without a record", "process", "unrecorded"))
    assert await call.act(PERSON, "I want a human", "en") == NobodyCalled()
    assert call.ticket is None and not call.is_waiting


async def test_the_customer_hears_who_is_called_and_who_comes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.call.escalation._LOOKS_EVERY_S", 0.01)
    call = await desk.call("1")
    heard: asyncio.Queue[str] = asyncio.Queue()
    asked: asyncio.Queue[int] = asyncio.Queue()
    following = asyncio.create_task(call.follow(heard.put, lambda: "en", asked.put))
    await call.act(EMERGENCY, "we are down", "en")
    await desk.page()
    assert await _next(heard) == PHRASES["en"].calling.format(name="Lin")
    assert call.is_waiting
    await desk.page(after=PATIENCE)
    assert await _next(heard) == PHRASES["en"].calling_next.format(name="Zhao")
    links = await desk.links()
    await desk.paging.acknowledge(links["Zhao's telephone"], datetime.now(UTC))
    assert await _next(heard) == PHRASES["en"].coming.format(name="Zhao")
    following.cancel()


async def test_the_customer_hears_that_nobody_is_free(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.call.escalation._LOOKS_EVERY_S", 0.01)
    call = await desk.call("1")
    heard: asyncio.Queue[str] = asyncio.Queue()
    asked: asyncio.Queue[int] = asyncio.Queue()
    following = asyncio.create_task(call.follow(heard.put, lambda: "en", asked.put))
    outcome = called(await call.act(EMERGENCY, "we are down", "en"))
    for minutes in (0, 5, 10):
        await desk.page(after=minutes * MINUTE)
        said = await _next(heard)
    assert said == PHRASES["en"].nobody.format(number=outcome.ticket)
    assert not call.is_waiting
    assert await asyncio.wait_for(asked.get(), 5) == outcome.ticket
    assert asked.empty()
    following.cancel()


async def test_the_customer_hears_by_when_they_are_called_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.call.escalation._LOOKS_EVERY_S", 0.01)
    call = await desk.call("1")
    outcome = called(await call.act(EMERGENCY, "we are down", "en"))
    now = datetime.now(UTC)
    async with desk.database.transaction() as session:
        key, until = "callback", now + timedelta(hours=2)
        given = Given(key, "callback", "a call", until, ticket=outcome.ticket, account="acme")
        await write_promise(session, given, now)
    for minutes in (0, 5, 10):
        await desk.page(after=minutes * MINUTE)
    heard: asyncio.Queue[str] = asyncio.Queue()
    asked: asyncio.Queue[int] = asyncio.Queue()
    following = asyncio.create_task(call.follow(heard.put, lambda: "en", asked.put))
    words = PHRASES["en"].call_back.format(within="2 hours", number=outcome.ticket)
    assert await _next(heard) == words
    following.cancel()


async def test_a_customer_who_waits_is_not_left_in_silence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.call.escalation._LOOKS_EVERY_S", 0.01)
    monkeypatch.setattr("agent.call.escalation._WORD_EVERY_S", 0.2)
    call = await desk.call("1")
    heard: asyncio.Queue[str] = asyncio.Queue()
    asked: asyncio.Queue[int] = asyncio.Queue()
    following = asyncio.create_task(call.follow(heard.put, lambda: "zh", asked.put))
    await call.act(EMERGENCY, "全挂了", "zh")
    await desk.page()
    assert await _next(heard) == PHRASES["zh"].calling.format(name="Lin")
    for _ in range(2):
        assert await _next(heard) == PHRASES["zh"].still_calling
    following.cancel()


async def test_the_brief_says_whose_call_it_is(desk: Desk) -> None:
    await desk.accounts.put("acme", "Acme Live")
    scenario = Statement("scenario", ["live shopping"], "contact", datetime.now(UTC), "wang")
    await desk.accounts.state(Scope("acme"), scenario)
    call = await desk.call("1")
    outcome = called(await call.act(PERSON, "I want a human", "en"))
    brief = await call.brief("en")
    for words in (f"{outcome.ticket}", "Acme Live", "wang", "echo in our room", "live shopping"):
        assert words in brief
    assert "I want a human" in brief  # the last words, where they are not the subject


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_outcome_has_its_words(language: Language) -> None:
    words = EscalationWords()
    new = words.report(PersonCalled(12, 1, 15 * MINUTE, is_new=True, at_once=True), language)
    assert "12" in new and "15" in new
    assert "12" in words.report(PersonCalled(12, 2, None, is_new=True, at_once=True), language)
    assert "12" in words.report(PersonCalled(12, 2, None, is_new=False, at_once=True), language)
    assert words.report(NobodyCalled(), language) == PHRASES[language].failed


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (15 * MINUTE, "15 minutes"),
        (timedelta(seconds=14 * 60 + 1), "15 minutes"),
        (119 * MINUTE, "119 minutes"),
        (120 * MINUTE, "2 hours"),
        (121 * MINUTE, "3 hours"),
        (timedelta(hours=47), "47 hours"),
        (timedelta(hours=49), "3 days"),
    ],
)
def test_a_time_is_never_said_shorter_than_it_is(time: timedelta, words: str) -> None:
    assert duration(time, PHRASES["en"]) == words


def test_a_bare_wish_is_about_what_was_asked_before() -> None:
    asked = [Utterance("user", "there is an echo"), Utterance("assistant", "turn it down")]
    assert subject_of("get me a human", asked, is_wish_alone=True) == "there is an echo"
    assert subject_of("get me a human", [], is_wish_alone=True) == "get me a human"
    assert subject_of("all down", asked, is_wish_alone=False) == "all down"


async def _next(heard: asyncio.Queue[str]) -> str:
    async with asyncio.timeout(5):
        return await heard.get()


async def test_a_support_file_that_was_broken_ends_no_call(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "support.toml"
    broken.write_text("rota = 7")
    monkeypatch.setenv("LIUKE_SUPPORT_FILE", str(broken))
    await desk.call("1")
    claim = Claim("1", "process of 1", "new")
    principal = Principal("acme", "wang", "en", frozenset(), guest=False)
    call = open_escalation(support_of(Settings()), desk.database, principal, claim)
    outcome = called(await call.act(EMERGENCY, "we are down", "en"))
    assert outcome.within and outcome.within <= 15 * MINUTE
