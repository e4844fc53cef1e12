"""Nothing but the operator's table is offered, and an account that may leave is written to once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from sqlalchemy import select

from agent.duty import outreach
from agent.duty.rounds import Rounds
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.outbox.tables import Outgoing
from agent.service.retention.policy import RetentionTable, Signal, policy_of
from agent.service.retention.store import Retention, Shown
from agent.service.scope import Scope
from agent.service.support import read_support
from common.languages import LANGUAGES, Language
from tests.unit.test_duty import SUPPORT
from tests.unit.test_keeping import given_call

pytestmark = pytest.mark.unit

T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = policy_of(RetentionTable())
OWN = """
[retention.offers]
comparison = "none"
[retention.offers.credit]
signals = ["price", "anger"]
plans = ["Pro"]
once_in_days = 90
zh = "这个月给您减免百分之十。"
en = "One month with ten percent off."
[retention.outreach]
threshold = 1
[retention.outreach.weights]
low_usage = 0.5
"""


@pytest.mark.parametrize("signal", get_args(Signal))
def test_by_default_each_signal_has_one_step_that_somebody_does(signal: Signal) -> None:
    offer = POLICY.offer_for(signal, "", {}, T0)
    assert offer and offer.within and not offer.plans
    assert all(offer.words[language] for language in LANGUAGES)
    assert POLICY.offer_for(signal, "", {offer.name: T0 - DAY}, T0) is None
    assert POLICY.offer_for(signal, "", {offer.name: T0 - offer.once_in}, T0) == offer


def test_the_operators_own_table_goes_first_and_says_to_whom_and_how_often(tmp_path: Path) -> None:
    file = tmp_path / "support.toml"
    file.write_text(OWN, "utf-8")
    policy = read_support(file).retention

    def offered(signal: Signal, plan: str, days_ago: int | None = None) -> str | None:
        given = {} if days_ago is None else {"credit": T0 - days_ago * DAY}
        offer = policy.offer_for(signal, plan, given, T0)
        return offer.name if offer else None

    assert offered("price", "pro") == "credit"
    assert offered("price", "pro", 89) == offered("price", "") == "bill-review"
    assert offered("price", "PRO", 90) == "credit"
    assert offered("competitor", "pro") is None
    assert policy.outreach.span == POLICY.outreach.span
    assert policy.outreach.is_reached([("1", "price")])
    assert not policy.outreach.is_reached([("1", "low_usage"), ("1", "low_usage")])
    assert policy.outreach.is_reached([("1", "low_usage"), ("2", "low_usage")])


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await AccountStore(database).put("acme", "Acme Live", owner="emma")
    await AccountStore(database).put_contact(Scope("acme"), "wang", name="王工", language="zh")
    for call_id in ("1", "2"):
        await given_call(database, call_id)
    yield database
    await database.aclose()


async def shows(
    database: Database, call_id: str, signal: Signal, days: float = 0, *,
    language: Language = "zh", offered: str = "", account: str = "acme",
) -> None:  # fmt: skip
    sentence = f"{signal} {call_id} {days}"
    shown = Shown(f"{call_id}:{sentence}", signal, sentence, language, offered)
    scope = Scope(account, call_id)
    await Retention(database).note(scope, "wang", shown, T0 + days * DAY)


async def on_duty(database: Database, days: float) -> None:
    """As many as there may be, at the same moment."""
    several = [Rounds(database, SUPPORT, "http://x") for _ in range(3)]
    assert all(await asyncio.gather(*(one.once(T0 + days * DAY) for one in several)))


async def alarms(database: Database) -> list[Outgoing]:
    async with database.transaction() as session:
        rows = await session.scalars(select(Outgoing).order_by(Outgoing.id))
        return [row for row in rows if row.message["type"] == "retention.outreach"]


async def test_an_account_that_crosses_the_threshold_gets_one_draft_in_the_span(
    database: Database,
) -> None:
    retention = Retention(database)
    await shows(database, "1", "price", offered="bill-review")
    await shows(database, "1", "price", 0.1)  # again in the same call: no more than once
    await on_duty(database, 0.2)
    assert not await retention.every_outreach()
    await shows(database, "2", "competitor", 1)
    await on_duty(database, 1)
    (draft,) = await retention.every_outreach()
    assert (draft.account, draft.contact, draft.language, draft.state) == (
        *("acme", "wang", "zh", "draft"),
    )
    assert [reason["sentence"] for reason in draft.reasons] == [
        "competitor 2 1", "price 1 0.1", "price 1 0",
    ]  # fmt: skip
    assert draft.text.startswith("王工，您好") and "您在比较其他方案" in draft.text
    assert SUPPORT.retention.offers["bill-review"].words["zh"] in draft.text
    assert draft.text.endswith("emma") and "competitor" not in draft.text
    told = await alarms(database)
    assert sorted(one.destination for one in told) == ["emma-phone", "mail", "ops"]
    assert "Acme Live" in told[0].message["text"] and "competitor 2 1" in told[0].message["text"]
    assert f"outreach show {draft.id}" in told[0].message["text"]
    await shows(database, "2", "anger", 5)
    await on_duty(database, 6)
    assert len(await retention.every_outreach()) == 1
    for days in (32, 33):
        await shows(database, "2", "competitor" if days == 32 else "anger", days, language="en")
    await on_duty(database, 33)
    newest, _ = await retention.every_outreach()
    assert newest.text.startswith("Hello 王工,") and len(newest.reasons) == 3


async def test_what_a_guest_or_another_account_shows_is_not_the_accounts(
    database: Database,
) -> None:
    await given_call(database, "guest", "", "")
    await given_call(database, "other", "other")
    await shows(database, "guest", "competitor", account="")
    await shows(database, "guest", "anger", account="")
    await shows(database, "other", "competitor", account="other")
    await shows(database, "1", "price", offered="bill-review")
    await on_duty(database, 1)
    retention = Retention(database)
    assert not await retention.every_outreach()
    assert [one.signal for one in await retention.signals(Scope("acme"))] == ["price"]
    for scope in (Scope("other"), Scope("acme", "2"), Scope(""), Scope("", "1")):
        assert not await retention.given_before(scope)
        assert "price" not in [one.signal for one in await retention.signals(scope)]


async def test_a_draft_is_settled_once(database: Database) -> None:
    await shows(database, "1", "competitor")
    await shows(database, "1", "champion_left")
    await on_duty(database, 1)
    retention = Retention(database)
    (draft,) = await retention.every_outreach()
    assert await retention.settle(draft.id, "sent", T0 + DAY)
    assert not await retention.settle(draft.id, "dropped", T0 + DAY)
    assert not await retention.every_outreach()
    (sent,) = await retention.every_outreach(settled=True)
    assert (sent.state, sent.changed_at) == ("sent", T0 + DAY)


def test_a_letter_says_the_same_in_both_languages() -> None:
    def wanted(language: Language) -> dict[str, set[str]]:
        words = outreach._WORDS[language]
        flat = words | {f"signals.{key}": text for key, text in words["signals"].items()}
        return {
            key: {name for _, name, _, _ in Formatter().parse(str(text)) if name}
            for key, text in flat.items()
            if key != "signals"
        }

    assert wanted("zh") == wanted("en")
    assert set(outreach._WORDS["zh"]["signals"]) == set(get_args(Signal))


async def test_an_account_of_which_nothing_is_known_is_written_to_all_the_same(
    database: Database,
) -> None:
    await given_call(database, "9", "new", "li")
    for signal in ("competitor", "champion_left"):
        await shows(database, "9", signal, language="en", account="new")
    support = replace(SUPPORT, alarms=[])
    assert await Rounds(database, support, "http://x").once(T0 + DAY)
    (draft,) = await Retention(database).every_outreach()
    assert draft.text.startswith("Hello there,")
    assert draft.text.endswith("Your customer success team")
