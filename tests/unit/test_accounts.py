"""Accounts are kept with all that is known of them: who said it, when, how surely, what before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.service.accounts.store import FIELDS, AccountStore, Source, Statement
from agent.service.database import Database
from agent.service.scope import Scope
from common.errors import InputError
from tests.unit.test_keeping import given_call

pytestmark = pytest.mark.unit

ACME, OTHER = Scope("acme"), Scope("other")
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[AccountStore]:
    database = Database(database_url)
    store = AccountStore(database)
    await store.put("acme", "Acme Live", owner="lin")
    await store.put("other", "Other")
    yield store
    await database.aclose()


def says(
    field: str, value: Any, days: float = 0, source: Source = "contact", **more: Any
) -> Statement:
    return Statement(field, value, source, T0 + timedelta(days=days), **more)


async def test_an_account_is_read_with_its_people_apps_and_owner(store: AccountStore) -> None:
    await store.put_contact(ACME, "wang", name="王工", language="zh")
    await store.put_contact(ACME, "wang", name="王明", language="zh")
    await store.put_app(ACME, "show", name="Live show")
    await store.put("acme", "Acme Live", owner="chen")
    known = await store.read(ACME)
    assert known
    assert (known.account.name, known.account.owner) == ("Acme Live", "chen")
    assert [(c.id, c.name, c.language) for c in known.contacts] == [("wang", "王明", "zh")]
    assert [(app.id, app.name) for app in known.apps] == [("show", "Live show")]


async def test_a_person_has_a_mail_address_where_one_is_given(store: AccountStore) -> None:
    for address in ("wang.ming+rtc@mail.acme.example", ""):
        await store.put_contact(ACME, "wang", name="王明", language="zh", email=address)
        known = await store.read(ACME)
        assert known and [one.email for one in known.contacts] == [address]


@pytest.mark.parametrize(
    "address",
    ["wang", "wang@acme", "wang@ acme.example", "王@acme.example", "a@b.example, c@d.example",
     "Wang <wang@acme.example>", "wang@acme.example\nBcc: x@y.example", f"{'a' * 250}@b.example"],
)  # fmt: skip
async def test_what_is_no_mail_address_is_refused(store: AccountStore, address: str) -> None:
    with pytest.raises(InputError, match="mail address"):
        await store.put_contact(ACME, "wang", name="王明", language="zh", email=address)


async def test_what_is_said_again_in_a_call_is_written_once_and_what_is_taken_back_again(
    store: AccountStore, database_url: str
) -> None:
    database = Database(database_url)
    await given_call(database, "1")
    await database.aclose()
    for value in (["CN"], ["CN"], ["SEA"], ["CN"]):
        await store.state(ACME, says("regions", value, call_id="1"))
    for _ in range(2):
        await store.state(ACME, says("regions", ["CN"]))
    known = await store.read(ACME)
    assert known and len(known.history["regions"]) == 5


async def test_an_account_that_is_made_known_keeps_the_name_that_it_has(
    store: AccountStore,
) -> None:
    for account in ("acme", "new", "new"):
        await store.make_known(account)
    named = {one.id: (one.name, one.owner) for one in await store.every()}
    assert named == {"acme": ("Acme Live", "lin"), "other": ("Other", ""), "new": ("new", "")}


async def test_the_last_word_counts_and_every_word_is_kept(store: AccountStore) -> None:
    await store.state(ACME, says("regions", ["CN"], source="import"))
    later = says("regions", ["CN", "SEA"], 10, "assistant", who="wang", confidence=0.7)
    await store.state(ACME, later)
    await store.state(ACME, says("regions", ["EU"], 5))  # said before, told after
    known = await store.read(ACME)
    assert known
    now = known.fact("regions")
    assert now
    assert (now.value, now.source, now.who, now.confidence) == (
        *(["CN", "SEA"], "assistant", "wang", 0.7),
    )
    assert now.said_at == T0 + timedelta(days=10)
    assert [fact.value for fact in known.history["regions"]] == [["CN", "SEA"], ["EU"], ["CN"]]


async def test_what_is_not_so_any_more_is_not_known(store: AccountStore) -> None:
    await store.state(ACME, says("plan", "gold"))
    await store.state(ACME, says("plan", None, 1))
    known = await store.read(ACME)
    assert known
    assert known.fact("plan") is None
    assert known.fact("scale") is None
    assert [fact.value for fact in known.history["plan"]] == [None, "gold"]


async def test_each_field_takes_what_it_is_for(store: AccountStore) -> None:
    good = {"text": "1v1 video", "list": ["iOS", "Web"], "date": "2027-03-01"}
    for field, kind in FIELDS.items():
        await store.state(ACME, says(field, good[kind]))
    known = await store.read(ACME)
    assert known
    assert {f: fact.value for f in FIELDS if (fact := known.fact(f))} == {
        field: good[kind] for field, kind in FIELDS.items()
    }


@pytest.mark.parametrize(
    ("field", "value", "confidence"),
    [
        ("colour", "red", 1),
        ("plan", ["gold"], 1),
        ("plan", "", 1),
        ("plan", "x" * 1000, 1),
        ("regions", "CN", 1),
        ("regions", ["CN"] * 1000, 1),
        ("launch_date", "next spring", 1),
        ("launch_date", "2026-02-30", 1),
        ("plan", "gold", 1.5),
        ("plan", "gold", float("nan")),
    ],
)
async def test_what_cannot_be_is_refused(
    store: AccountStore, field: str, value: Any, confidence: float
) -> None:
    with pytest.raises(InputError) as refused:
        await store.state(ACME, says(field, value, confidence=confidence))
    assert refused.value.remedy
    known = await store.read(ACME)
    assert known and known.history == {}


async def test_an_account_is_nobody_elses(store: AccountStore) -> None:
    await store.state(ACME, says("plan", "gold"))
    other = await store.read(OTHER)
    assert other and other.history == {}
    assert await store.read(Scope("")) is None
    for scope in (Scope("nobody"), Scope(""), Scope("acme", "call")):
        with pytest.raises(InputError, match="no account"):
            await store.state(scope, says("plan", "gold"))
        with pytest.raises(InputError, match="no account"):
            await store.put_app(scope, "app")
