"""What calls were about is remembered, for those whose calls they were; checklists are kept up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.service.database import Database
from agent.service.matters.store import Matters, Noted
from agent.service.matters.tables import Checklist
from agent.service.scope import Scope
from agent.service.tickets.store import Happening, TicketStore
from tests.unit.test_keeping import given_call

pytestmark = pytest.mark.unit

T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ACME = Scope("acme")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def matters(database: Database) -> Matters:
    return Matters(database)


async def test_the_last_word_on_a_subject_counts_and_what_is_not_said_again_stays(
    database: Database, matters: Matters
) -> None:
    await given_call(database, "1")
    in_call = Scope("acme", "1")
    stalls = Noted("question", "stall-rate", "open", "ID", "it stalls")
    await matters.note(in_call, "wang", stalls, T0)
    await matters.note(in_call, "wang", Noted("trouble", "stall-rate", "solved"), T0 + DAY)
    await matters.note(in_call, "wang", Noted("onboarding", "", "open"), T0 + DAY)
    await matters.note(in_call, "wang", Noted("question", "", "open"), T0 + DAY)
    first, *others = await matters.of_call(in_call, "1")
    assert (first.kind, first.state, first.region, first.words) == (
        *("trouble", "solved", "ID", "it stalls"),
    )
    assert (first.opened_at, first.changed_at) == (T0, T0 + DAY)
    assert [one.kind for one in others] == ["onboarding", "question"]
    for scope in (Scope("other", "1"), Scope("", "1"), Scope("acme", "2"), ACME):
        await matters.note(scope, "wang", Noted("trouble", "stall-rate", "open"), T0 + 2 * DAY)
    assert (await matters.of_call(in_call, "1"))[0].state == "solved"


async def test_what_earlier_calls_were_about_is_remembered_the_newest_first(
    database: Database, matters: Matters
) -> None:
    for number, contact in enumerate(("wang", "wang", "li", "wang")):
        await given_call(database, str(number), contact=contact)
    for call_id, subject, state, days in (
        ("0", "echo", "open", 0),
        ("0", "stall-rate", "open", 1),
        ("1", "echo", "solved", 2),
        ("2", "token", "open", 3),
        ("3", "join", "open", 4),
    ):
        contact = "li" if call_id == "2" else "wang"
        noted = Noted("trouble", subject, "solved" if state == "solved" else "open")
        await matters.note(Scope("acme", call_id), contact, noted, T0 + days * DAY)
    opening = Happening("k", "opened", "customer", T0, "wang", severity=3)
    tickets = TicketStore(database, {})
    ticket = await tickets.open(Scope("acme", "0"), opening, subject="stalls", language="en")
    found = await matters.remembered(ACME, "wang", besides="3")
    assert [(one.subject, one.state) for one in found.matters] == [
        ("echo", "solved"), ("stall-rate", "open"),
    ]  # fmt: skip
    assert [one.number for one in found.tickets] == [ticket.number]
    one = await matters.remembered(ACME, "wang", besides="3", most=1)
    assert [matter.subject for matter in one.matters] == ["echo"]
    resolved = Happening("r", "resolved", "human", T0 + DAY)
    await tickets.add(ACME, ticket.number, resolved)
    assert not (await matters.remembered(ACME, "wang", besides="3")).tickets
    for scope, contact in ((Scope("other"), "wang"), (Scope(""), ""), (Scope("acme", "0"), "wang")):
        nothing = await matters.remembered(scope, contact, besides="")
        assert not nothing.matters and not nothing.tickets


def told(checklist: Checklist) -> list[tuple[str, bool]]:
    return [(item.text, item.done_at is not None) for item in checklist.items]


async def test_a_checklist_that_is_set_again_keeps_what_is_done(
    database: Database, matters: Matters
) -> None:
    for call_id in ("1", "2"):
        await given_call(database, call_id)
    first, second = Scope("acme", "1"), Scope("acme", "2")
    await matters.set_checklist(first, "live", ["a", "b", "c", "a"])
    await matters.set_checklist(first, "talk", ["x"])
    live, _ = await matters.checklists(first)
    assert told(live) == [("a", False), ("b", False), ("c", False)]
    for item in live.items[:2]:
        assert await matters.tick(first, item.id, T0)
    await matters.set_checklist(second, "live", ["c", "b", "d"])
    (again,) = await matters.checklists(second)
    assert told(again) == [("c", False), ("b", True), ("d", False), ("a", True)]
    assert [one.scenario for one in await matters.checklists(ACME)] == ["live", "talk"]
    assert [one.scenario for one in await matters.checklists(first)] == ["talk"]
    assert await matters.tick(second, again.items[1].id, None)
    (unticked,) = await matters.checklists(second)
    assert told(unticked)[1] == ("b", False)


async def test_a_checklist_is_nobody_elses(database: Database, matters: Matters) -> None:
    for call_id, account in (("1", "acme"), ("2", "acme"), ("3", ""), ("4", "")):
        await given_call(database, call_id, account)
    await matters.set_checklist(Scope("acme", "1"), "live", ["a"])
    await matters.set_checklist(Scope("", "3"), "live", ["g"])
    await matters.set_checklist(Scope("other", "1"), "live", ["not theirs"])
    (acmes,) = await matters.checklists(Scope("acme"))
    (guests,) = await matters.checklists(Scope("", "3"))
    strangers = (Scope("other"), Scope(""), Scope("", "4"), Scope("", "1"), Scope("acme", "2"))
    for scope in strangers:
        assert not await matters.checklists(scope)
        for checklist in (acmes, guests):
            assert not await matters.tick(scope, checklist.items[0].id, T0)
    assert told(acmes) == [("a", False)] and told(guests) == [("g", False)]
