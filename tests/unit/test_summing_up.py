"""A call that is over is summed up from what was kept of it, and mailed once, to its contact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any

import pytest
from sqlalchemy import select, update

from agent.duty import summing_up
from agent.duty.rounds import Rounds
from agent.duty.summing_up import SummingUp
from agent.service.accounts.store import FIELDS, AccountStore, Statement
from agent.service.calls.store import CallStore, Claim
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.matters.store import Matters, Noted
from agent.service.outbox.tables import Outgoing
from agent.service.promises.store import Given, Promises
from agent.service.retention.store import Retention, Shown
from agent.service.scope import Scope
from agent.service.summaries.store import Summaries
from agent.service.summaries.tables import Summary
from agent.service.tickets.store import Happening, TicketStore
from common.languages import LANGUAGES, Language
from tests.unit.test_duty import SUPPORT as ON_DUTY
from tests.unit.test_keeping import given_call

pytestmark = pytest.mark.unit

SUPPORT = replace(ON_DUTY, summaries_by="mail")
IN_CALL = Scope("acme", "1")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    accounts = AccountStore(database)
    await accounts.put("acme", "Acme")
    await accounts.put_contact(
        Scope("acme"), "wang", name="王工", language="zh", email="wang@acme.example"
    )
    yield database
    await database.aclose()


async def said(database: Database, claim: Claim, language: Language, *questions: str) -> None:
    calls = CallStore(database)
    cited: list[dict[str, Any]] = []
    for number, question in enumerate(questions, start=claim.next_turn):
        await calls.open_turn(
            claim, number, asked_at=datetime.now(UTC), language=language, question=question,
            citations=cited,
        )  # fmt: skip
        title = {"zh": "卡顿率高", "en": "High stall rate"}[language]
        cited = [{"id": f"{language}/stall-rate", "title": title, "version": 1}]
        await calls.extend_turn(claim, number, answer="…", citations=cited)


async def kept(database: Database, now: datetime) -> None:
    """Of everything something."""
    matters, accounts = Matters(database), AccountStore(database)
    await matters.note(IN_CALL, "wang", Noted("trouble", "stall-rate", "open", "ID"))
    await matters.note(IN_CALL, "wang", Noted("question", "", "solved", words="what about echo"))
    await matters.set_checklist(IN_CALL, "live", ["Test under load", "Register"])
    (checklist,) = await matters.checklists(IN_CALL)
    await matters.tick(IN_CALL, checklist.items[1].id, now)
    before = Statement("plan", "Pro", "import", now - MINUTE)
    told = Statement("regions", ["ID", "SG"], "contact", now, "wang", call_id="1")
    for statement in (before, told):
        await accounts.state(Scope("acme"), statement)
    shown = Shown("k", "price", "too much", "zh", "bill-review")
    await Retention(database).note(IN_CALL, "wang", shown)
    given = Given(
        "p", "word", "We write to you.", datetime(2026, 12, 24, 2, tzinfo=UTC), call_id="1",
        account="acme",
    )  # fmt: skip
    await Promises(database).give(given, now)
    opening = Happening("call:1", "opened", "customer", now, "wang", severity=3)
    tickets = TicketStore(database, SUPPORT.policy)
    await tickets.open(IN_CALL, opening, subject="stalls in Jakarta", language="zh")


async def ended(database: Database, claim: Claim, *, for_good: bool = True) -> None:
    calls = CallStore(database)
    if for_good:
        await calls.give_back(Scope("acme", claim.call_id), claim.call_id)
    await calls.end_call(claim)


async def come_by(database: Database, after: timedelta = timedelta()) -> None:
    """Several at the same moment."""
    now = datetime.now(UTC) + after
    several = [Rounds(database, SUPPORT, "http://x") for _ in range(3)]
    assert all(await asyncio.gather(*(one.once(now) for one in several)))


async def summary(database: Database, call_id: str = "1") -> Summary | None:
    return await Summaries(database).read(Scope("acme", call_id), call_id)


async def mails(database: Database) -> list[Outgoing]:
    async with database.transaction() as session:
        rows = (await session.scalars(select(Outgoing).order_by(Outgoing.id))).all()
    return [row for row in rows if row.message["type"] == "call.summary"]


def sections(of: Summary | None) -> dict[str, Sequence[str]]:
    assert of
    return {section["heading"]: section["lines"] for section in of.sections}


async def test_what_was_said_agreed_and_is_open_stands_in_it(database: Database) -> None:
    claim = await given_call(database, "1")
    await said(database, claim, "zh", "我们卡得厉害", "回声呢")
    now = datetime.now(UTC)
    await kept(database, now)
    await ended(database, claim)
    await SummingUp(database, SUPPORT).at_the_end(IN_CALL, "1")
    at_once = sections(await summary(database))
    await come_by(database)
    written = await summary(database)
    told = sections(written)
    assert told == at_once
    assert told["通话内容"] == [
        "卡顿率高，ID（未解决）", "what about echo（已解决）",
    ]  # fmt: skip
    assert told["已确认的信息"] == ["地区：ID、SG"]
    assert told["我们约定的事"] == [
        SUPPORT.retention.offers["bill-review"].words["zh"],
        "We write to you，最晚 2026-12-24 10:00 (Asia/Shanghai)",
    ]
    ticket, trouble = told["尚待处理"]
    assert ticket.startswith("工单 1：stalls in Jakarta，最晚 20")
    assert trouble == "尚未解决：卡顿率高"
    assert told["接下来您可以做的"] == ["Test under load"]
    (mail,) = await mails(database)
    assert (mail.destination, mail.recipient) == ("mail", "wang@acme.example")
    text = mail.message["text"]
    assert text.splitlines()[0] == "您与留客的通话小结"
    assert all(line in text for lines in told.values() for line in lines)
    assert written and written.mailed_at
    await come_by(database, 60 * MINUTE)
    assert len(await mails(database)) == 1


async def test_without_matters_the_questions_stand_in_it_in_the_language_spoken_last(
    database: Database,
) -> None:
    claim = await given_call(database, "1")
    await said(database, claim, "en", "Why do my\nusers hear an echo?", *(["again"] * 9))
    await ended(database, claim)
    await come_by(database)
    told = sections(await summary(database))
    assert told == {"What it was about": ["Why do my users hear an echo?", "again"]}
    assert (await mails(database))[0].message["text"].startswith("Summary of your call")


async def test_who_comes_back_gets_one_mail_of_all_of_it(database: Database) -> None:
    claim = await given_call(database, "1")
    await said(database, claim, "en", "first")
    await ended(database, claim, for_good=False)
    await SummingUp(database, SUPPORT).at_the_end(IN_CALL, "1")
    first = await summary(database)
    assert sections(first) == {"What it was about": ["first"]} and first and not first.mailed_at
    again = await CallStore(database).claim_call("1", "another process")
    assert again.outcome == "rejoined"
    await come_by(database, 11 * MINUTE)  # it goes on: nothing is written meanwhile
    assert not await mails(database)
    await said(database, again, "en", "second")
    await ended(database, again, for_good=False)
    await come_by(database)
    assert sections(await summary(database)) == {"What it was about": ["first", "second"]}
    assert not await mails(database)
    await come_by(database, 11 * MINUTE)
    (mail,) = await mails(database)
    assert "second" in mail.message["text"]
    await come_by(database, 60 * MINUTE)
    assert len(await mails(database)) == 1


async def test_a_call_whose_process_died_is_summed_up_by_whoever_comes_by(
    database: Database,
) -> None:
    claim = await given_call(database, "1")
    await said(database, claim, "en", "first")
    async with database.transaction() as session:
        long_ago = datetime.now(UTC) - 60 * MINUTE
        await session.execute(update(Call).values(heartbeat_at=long_ago, grant_expires_at=long_ago))
    await come_by(database)
    assert not await summary(database)
    assert await CallStore(database).end_interrupted_calls(MINUTE) == 1
    await come_by(database)
    assert await summary(database) and len(await mails(database)) == 1


@pytest.mark.parametrize("known", ["no address", "no destination", "nothing said", "a guest"])
async def test_nothing_is_mailed_where_nobody_can_be_told_or_there_is_nothing_to_tell(
    database: Database, known: str
) -> None:
    support, account, contact = SUPPORT, "acme", "wang"
    if known == "no destination":
        support = replace(SUPPORT, summaries_by="")
    if known == "no address":
        contact = "li"
    if known == "a guest":
        account, contact = "", ""
    claim = await given_call(database, "1", account, contact)
    if known != "nothing said":
        await said(database, claim, "en", "first")
    calls, scope = CallStore(database), Scope(account, "1")
    await calls.give_back(scope, "1")
    await calls.end_call(claim)
    call = await calls.call(scope, "1")
    assert call
    await SummingUp(database, support).sum_up(call, datetime.now(UTC))
    written = await Summaries(database).read(scope, "1")
    assert written and bool(written.sections) == (known != "nothing said")
    assert not await mails(database) and written.mailed_at is None
    assert not await Summaries(database).due(datetime.now(UTC) + 60 * MINUTE)


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_a_guest_is_mailed_where_they_have_said_unless_nothing_goes_there(
    database: Database, *, is_allowed: bool
) -> None:
    never = frozenset({"@qq.example"} if not is_allowed else {"@other.example"})
    claim = await given_call(database, "1", "", "")
    await said(database, claim, "en", "first")
    calls, scope = CallStore(database), Scope("", "1")
    await calls.put_email(claim, "Jo@qq.example")
    await calls.give_back(scope, "1")
    await calls.end_call(claim)
    call = await calls.call(scope, "1")
    assert call
    await SummingUp(database, replace(SUPPORT, never_mailed=never)).sum_up(call, datetime.now(UTC))
    assert [one.recipient for one in await mails(database)] == ["Jo@qq.example"] * is_allowed


async def test_a_summary_is_nobody_elses(database: Database) -> None:
    claim = await given_call(database, "1")
    await given_call(database, "2")
    await said(database, claim, "en", "first")
    await ended(database, claim)
    await come_by(database)
    summaries = Summaries(database)
    assert await summaries.read(Scope("acme"), "1")
    for scope in (
        Scope("other"),
        Scope("acme", "2"),
        Scope("", "1"),
        Scope(""),
        Scope("other", "1"),
    ):
        assert not await summaries.read(scope, "1")
        await SummingUp(database, SUPPORT).at_the_end(scope, "1")


async def test_calls_of_before_are_left_as_they_are(database: Database) -> None:
    claim = await given_call(database, "1")
    await said(database, claim, "en", "first")
    await ended(database, claim)
    async with database.transaction() as session:
        await session.execute(update(Call).values(sum_up_at=None))
    await come_by(database)
    assert not await summary(database)


def test_both_languages_have_the_same_texts_with_a_word_for_each_thing() -> None:
    def wanted(words: object, place: str = "") -> dict[str, list[str]]:
        if isinstance(words, dict):
            found: dict[str, list[str]] = {}
            for key, text in words.items():
                found |= wanted(text, f"{place}.{key}")
            return found
        return {place: sorted({name for _, name, _, _ in Formatter().parse(str(words)) if name})}

    zh, en = (wanted(summing_up._WORDS[language]) for language in LANGUAGES)
    assert zh == en
    assert set(summing_up._WORDS["en"]["fields"]) == set(FIELDS)
