"""What is due is done once: by one of many who look, over restarts, whatever else goes wrong."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select

from agent.duty import rounds as rounds_module
from agent.duty import texts
from agent.duty.rounds import Rounds
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.outbox.forms import Destination
from agent.service.outbox.store import WAITS, Outbox
from agent.service.outbox.tables import Outgoing
from agent.service.paging.rota import Responder
from agent.service.paging.store import Paging
from agent.service.promises.store import Given, Promises, write_promise
from agent.service.scope import Scope
from agent.service.support import Support, default_policy
from agent.service.tickets.business_time import ALWAYS, BusinessHours
from agent.service.tickets.store import Happening, TicketStore
from common.languages import LANGUAGES, Language

pytestmark = pytest.mark.unit

MINUTE = timedelta(minutes=1)
#: A Monday: ten in the morning in Shanghai, three in the night in Berlin.
T0 = datetime(2026, 11, 30, 2, tzinfo=UTC)
ACME = Scope("acme")
SHANGHAI = BusinessHours(ZoneInfo("Asia/Shanghai"), ALWAYS.weekly)
BERLIN = BusinessHours(ZoneInfo("Europe/Berlin"), ALWAYS.weekly)


def responder(name: str, language: Language, hours: BusinessHours) -> Responder:
    return Responder(name, f"{name}-phone", frozenset({1, 2, 3, 4}), frozenset({language}), hours)


def destination(name: str) -> Destination:
    return Destination(name, "webhook", SecretStr("http://127.0.0.1:9/"))


SUPPORT = Support(
    policy=default_policy(SHANGHAI),
    destinations={name: destination(name) for name in ("林-phone", "emma-phone", "ops", "mail")},
    rota=[responder("林", "zh", SHANGHAI), responder("emma", "en", BERLIN)],
    patience=5 * MINUTE,
    call_back_within=120 * MINUTE,
    hours=SHANGHAI,
    alarms=["ops", "mail"],
    language="en",
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.aclose()


def rounds(database: Database, support: Support = SUPPORT) -> Rounds:
    return Rounds(database, support, "https://support.example.com")


async def ticket(
    database: Database, *, severity: int = 1, language: str = "zh", key: str = "call 1",
    paged: bool = True, subject: str = "没有人能进房间",
) -> int:  # fmt: skip
    opening = Happening(key, "opened", "customer", T0, "wang", severity=severity)
    store = TicketStore(database, SUPPORT.policy)
    page_at = T0 if paged else None
    opened = await store.open(ACME, opening, subject=subject, language=language, page_at=page_at)
    return opened.number


async def sent(database: Database, kind: str) -> list[Outgoing]:
    async with database.transaction() as session:
        rows = (await session.scalars(select(Outgoing).order_by(Outgoing.id))).all()
    return [row for row in rows if row.message["type"] == kind]


async def whom(database: Database, kind: str) -> list[str]:
    return [row.destination for row in await sent(database, kind)]


async def answer(database: Database, page: Outgoing, minutes: float, *, yes: bool) -> None:
    _, _, link = page.message["data"]["link"].partition("/join.html#")
    paging = Paging(database, SUPPORT.rota, patience=SUPPORT.patience)
    told = paging.acknowledge if yes else paging.decline
    assert await told(link, T0 + minutes * MINUTE)


# --- pages


async def test_who_is_called_is_told_what_and_until_when_in_their_language_and_by_their_clock(
    database: Database,
) -> None:
    await AccountStore(database).put("acme", "Acme <!channel> Ltd")
    number = await ticket(database)
    for minutes in (0, 5):
        assert await rounds(database).once(T0 + minutes * MINUTE)
    lin, emma = await sent(database, "ticket.page")
    assert lin.destination == "林-phone" and emma.destination == "emma-phone"
    link = lin.message["data"]["link"]
    assert link.startswith("https://support.example.com/join.html#")
    assert lin.message["text"].splitlines() == [
        f"【呼叫】Acme ‹!channel› Ltd的客户需要同事接手（工单 {number}，严重级别 1）。",
        "没有人能进房间",
        "需在 15 分钟内有同事接手，最晚 10:15 (Asia/Shanghai)。",
        f"接手或转给下一位：{link}",
    ]
    assert "within 10 minutes, until 03:15 (Europe/Berlin)" in emma.message["text"]
    assert lin.message["data"] == {
        "ticket": number, "severity": 1, "account": "acme", "link": link, "language": "zh",
    }  # fmt: skip
    assert lin.key.isascii()  # it is a header of a webhook
    await answer(database, lin, 6, yes=True)
    assert await rounds(database).once(T0 + 10 * MINUTE)
    assert not await sent(database, "ticket.nobody")


async def test_a_ticket_that_is_resolved_calls_nobody(database: Database) -> None:
    number = await ticket(database)
    resolved = Happening("r", "resolved", "human", T0 + MINUTE)
    await TicketStore(database, SUPPORT.policy).add(ACME, number, resolved)
    assert await rounds(database).once(T0 + 2 * MINUTE)
    assert not await sent(database, "ticket.page")
    assert await Paging(database, (), patience=MINUTE).due(T0 + timedelta(days=9)) == []


async def test_where_nobody_comes_a_call_back_is_promised_and_told_once(
    database: Database,
) -> None:
    number = await ticket(database)
    many = [rounds(database) for _ in range(4)]
    for minutes in (0, 1, 5, 6, 9, 10, 11, 30):
        now = T0 + minutes * MINUTE
        assert all(await asyncio.gather(*(one.once(now) for one in many)))
    assert await whom(database, "ticket.page") == ["林-phone", "emma-phone"]
    assert await whom(database, "ticket.nobody") == ["mail", "ops"]
    (promised,) = await Promises(database).of_ticket(ACME, number, now)
    assert (promised.state, promised.promise.kind) == ("open", "callback")
    assert promised.promise.due_at == T0 + 130 * MINUTE  # all the world's hours are work here
    assert promised.promise.text == "最晚 12:10 (Asia/Shanghai) 会有同事给您回电话。"


async def test_who_wants_a_person_again_is_promised_a_call_again_unless_one_is_open(
    database: Database,
) -> None:
    number = await ticket(database)
    paging = Paging(database, SUPPORT.rota, patience=SUPPORT.patience)

    async def nobody_comes(asked: float) -> list[str]:
        if asked:
            await paging.call_again(ACME, number, T0 + asked * MINUTE)
        for minutes in (0, 5, 10, 11):
            assert await rounds(database).once(T0 + (asked + minutes) * MINUTE)
        now = T0 + (asked + 12) * MINUTE
        return [one.state for one in await Promises(database).of_ticket(ACME, number, now)]

    assert await nobody_comes(0) == ["open"]
    assert await nobody_comes(20) == ["open"]
    first, again = (await sent(database, "ticket.nobody"))[::2]
    assert first.message["data"]["until"] == again.message["data"]["until"]
    spoken = Happening("call", "said", "human", T0 + 40 * MINUTE, "emma")
    await TicketStore(database, SUPPORT.policy).add(ACME, number, spoken)
    assert await nobody_comes(50) == ["kept", "open"]
    assert await whom(database, "ticket.nobody") == ["mail", "ops"] * 3


async def test_nobody_is_told_only_with_the_promise(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the process died between the two."""
    number = await ticket(database)
    alone = rounds(database, replace(SUPPORT, rota=()))

    async def dies(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(rounds_module, "write_down", dies)
        assert not await alone.once(T0)
    assert await Promises(database).of_ticket(ACME, number) == []
    assert await alone.once(T0 + MINUTE)
    assert len(await Promises(database).of_ticket(ACME, number)) == 1
    assert await whom(database, "ticket.nobody") == ["mail", "ops"]


# --- clocks


async def test_each_clock_that_is_missed_is_told_once_also_after_a_restart(
    database: Database,
) -> None:
    number = await ticket(database, paged=False)
    await TicketStore(database, SUPPORT.policy).add(
        ACME, number, Happening("a", "assigned", "human", T0, "emma")
    )
    for minutes in (14, 15, 16, 60, 119, 121, 400, 1441, 1442):
        now = T0 + minutes * MINUTE
        assert all(await asyncio.gather(*(rounds(database).once(now) for _ in range(3))))
    told = await sent(database, "ticket.missed")
    found = Counter((one.message["data"]["clock"], one.destination) for one in told)
    assert found == {
        (clock, name): 1
        for clock in ("human response", "restoration", "word")
        for name in ("emma-phone", "mail", "ops")
    }
    assert '"a person" was due until 10:15 (Asia/Shanghai)' in told[0].message["text"]
    assert "Whose it is: emma." in told[0].message["text"]


@pytest.mark.parametrize("kind", ["said", "resolved"])
async def test_a_clock_that_was_missed_while_nobody_looked_is_told_all_the_same(
    database: Database, kind: str
) -> None:
    number = await ticket(database, paged=False)
    store = TicketStore(database, SUPPORT.policy)
    late = Happening("late", kind, "human", T0 + 20 * MINUTE)  # type: ignore[arg-type]
    await store.add(ACME, number, late)
    assert await rounds(database).once(T0 + 30 * MINUTE)
    assert [one.message["data"]["clock"] for one in await sent(database, "ticket.missed")] == [
        *("human response", "human response")
    ]
    told = await store.read(ACME, number, T0 + 30 * MINUTE)
    assert told and told.ticket.next_due_at == (T0 + 120 * MINUTE if kind == "said" else None)


async def test_what_was_done_in_time_alarms_nobody(database: Database) -> None:
    number = await ticket(database, paged=False)
    store = TicketStore(database, SUPPORT.policy)
    for minutes, kind in ((10, "said"), (110, "resolved")):
        happened = Happening(kind, kind, "human", T0 + minutes * MINUTE)  # type: ignore[arg-type]
        await store.add(ACME, number, happened)
        assert await rounds(database).once(T0 + (minutes + 6) * MINUTE)
    assert await rounds(database).once(T0 + timedelta(days=30))
    assert not await sent(database, "ticket.missed")


TIMES = st.integers(0, 3 * 24 * 60)


@given(
    looks=st.lists(TIMES, max_size=6),
    events=st.lists(
        st.tuples(
            TIMES,
            st.sampled_from(
                [
                    ("said", "human", None), ("said", "customer", None), ("waiting", "human", None),
                    ("resolved", "human", None), ("reopened", "customer", None),
                    ("restored", "human", None), ("severity", "human", 1), ("severity", "human", 3),
                ]
            ),
        ),
        max_size=6,
    ),
)  # fmt: skip
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whenever_somebody_looks_every_miss_is_told_once(
    migrated_file: Path,
    tmp_path: Path,
    looks: list[int],
    events: list[tuple[int, tuple[str, str, int | None]]],
) -> None:
    """Beside the clocks of the whole story, read at its end."""
    file = shutil.copy(migrated_file, tmp_path / f"{uuid.uuid4()}.db")
    end = T0 + timedelta(days=9)

    async def live() -> tuple[Counter[tuple[str, str]], set[tuple[str, str]]]:
        database = Database(f"sqlite+aiosqlite:///{file}")
        store = TicketStore(database, SUPPORT.policy)
        number = await ticket(database, paged=False)
        story: list[tuple[int, tuple[str, str, int | None] | None]] = [
            *events, *((at, None) for at in looks)
        ]  # fmt: skip
        for at, happened in sorted(story, key=lambda one: one[0]):
            now = T0 + at * MINUTE
            if happened is None:
                assert await rounds(database).once(now)
                continue
            kind, actor, severity = happened
            key = f"{kind} {at} {severity}"
            happening = Happening(key, kind, actor, now, severity=severity)  # type: ignore[arg-type]
            await store.add(ACME, number, happening)
        assert await rounds(database).once(end) and await rounds(database).once(end)
        told = Counter(
            (str(one.message["data"]["clock"]), one.key.split(":", 3)[3])
            for one in await sent(database, "ticket.missed")
            if one.destination == "ops"
        )
        ends = await store.read(ACME, number, end)
        assert ends
        missed = {
            (str(clock.clock), clock.started_at.isoformat())
            for clock in ends.clocks
            if clock.missed_at
        }
        await database.aclose()
        return told, missed

    told, missed = asyncio.run(live())
    assert set(told) == missed and all(count == 1 for count in told.values())


# --- promises


async def promised(database: Database, number: int | None, owner: str = "") -> None:
    given = Given("k", "callback", "最晚十二点回电", T0 + 60 * MINUTE, owner=owner, ticket=number)
    async with database.transaction() as session:
        await write_promise(session, given, T0)


@pytest.mark.parametrize(
    ("owner", "rung"), [("", "林-phone"), ("emma", "emma-phone"), ("somebody who left", "林-phone")]
)
async def test_a_promise_rings_and_then_is_kept_or_told_as_broken(
    database: Database, owner: str, rung: str
) -> None:
    number = await ticket(database, paged=False)
    await promised(database, number, owner)

    async def look(minutes: float) -> None:
        now = T0 + minutes * MINUTE
        assert all(await asyncio.gather(*(rounds(database).once(now) for _ in range(3))))

    await look(29)
    assert not await sent(database, "promise.due")
    for minutes in (30, 31, 59):
        await look(minutes)
    (ring,) = await sent(database, "promise.due")
    assert ring.destination == rung and "最晚十二点回电" in ring.message["text"]
    if owner:  # nobody answers
        await look(60)
        await look(90)
        told = ["emma-phone"] if owner == "emma" else []
        assert await whom(database, "promise.broken") == sorted([*told, "mail", "ops"])
    else:
        await answer(database, ring, 58, yes=True)
        joined = Happening("came", "joined", "human", T0 + 59 * MINUTE, "林")
        scope = await TicketStore(database, {}).whose(number)
        await TicketStore(database, {}).add(scope, number, joined)
        await look(61)
        assert not await sent(database, "promise.broken")


async def test_a_promise_of_no_ticket_is_told_to_who_is_on_call_or_hears_alarms(
    database: Database,
) -> None:
    await promised(database, None)
    assert await rounds(database).once(T0 + 31 * MINUTE)
    assert await whom(database, "promise.due") == ["林-phone"]
    alone = rounds(database, replace(SUPPORT, rota=()))
    given = Given("second", "word", "We tell you tomorrow.", T0 + 90 * MINUTE)
    async with database.transaction() as session:
        await write_promise(session, given, T0)
    assert await alone.once(T0 + 50 * MINUTE)
    assert await whom(database, "promise.due") == ["林-phone", "mail", "ops"]


# --- what was not delivered


async def test_who_hears_alarms_hears_of_a_message_that_never_arrived_and_nobody_of_that(
    database: Database,
) -> None:
    outbox = Outbox(database, rounds(database).given_up)
    await ticket(database)
    assert await rounds(database).once(T0)

    async def dies(now: datetime) -> datetime:
        for wait in (*WAITS, timedelta()):
            while taken := await outbox.take(now):
                await outbox.failed(taken, "status 500", now)
            now += wait
        return now

    now = await dies(T0)
    told = await sent(database, texts.UNDELIVERED)
    assert [one.destination for one in told] == ["ops", "mail"]
    assert "林-phone" in told[0].message["text"] and "status 500" in told[0].message["text"]
    await dies(now)
    assert len(await sent(database, texts.UNDELIVERED)) == 2
    assert len(await outbox.dead()) == 3


# --- whatever goes wrong


async def test_one_that_cannot_be_done_keeps_no_other_waiting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, right = await ticket(database, key="wrong"), await ticket(database, key="right")
    told = texts.page

    def breaks(reader: texts.Reader, of: object, *rest: object) -> object:
        if getattr(of, "number", 0) == wrong:
            raise KeyError("a text that somebody has changed")
        return told(reader, of, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(texts, "page", breaks)
        assert not await rounds(database).once(T0)
    assert [one.message["data"]["ticket"] for one in await sent(database, "ticket.page")] == [right]
    assert await rounds(database).once(T0 + MINUTE)
    assert len(await sent(database, "ticket.page")) == 2


async def test_a_database_that_is_away_ends_nothing(tmp_path: Path) -> None:
    nowhere = Database(f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'liuke.db'}")
    assert not await rounds(nowhere).once(T0)
    await nowhere.aclose()


async def test_a_database_that_is_locked_is_waited_for(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "_LOOKS_AGAIN_AFTER_S", 0.1)
    file = shutil.copy(migrated_file, tmp_path / "liuke.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    await ticket(database)
    holding = sqlite3.connect(file, isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    running = asyncio.create_task(rounds(database).run(lambda: None))
    await asyncio.sleep(6)  # longer than a writer waits for another
    assert not running.done() and not await sent(database, "ticket.page")
    holding.execute("ROLLBACK")
    async with asyncio.timeout(30):
        while not await sent(database, "ticket.page"):  # noqa: ASYNC110 - what another loop writes
            await asyncio.sleep(0.1)
    running.cancel()
    await asyncio.wait({running})
    holding.close()
    await database.aclose()


# --- texts


def test_both_languages_have_the_same_texts_and_no_text_wants_what_another_language_does_not() -> (
    None
):
    def wanted(words: object, place: str = "") -> dict[str, Sequence[str]]:
        if isinstance(words, dict):
            found: dict[str, Sequence[str]] = {}
            for key, text in words.items():
                found |= wanted(text, f"{place}.{key}")
            return found
        return {place: sorted({name for _, name, _, _ in Formatter().parse(str(words)) if name})}

    zh, en = (wanted(texts._WORDS[language]) for language in LANGUAGES)
    assert zh == en and len(zh) > 10


async def test_a_guests_call_is_told_of_as_such(database: Database) -> None:
    opening = Happening("k", "opened", "customer", T0, severity=1)
    await TicketStore(database, SUPPORT.policy).open(
        Scope(""), opening, subject="x" * 300, language="en", page_at=T0
    )
    assert await rounds(database, replace(SUPPORT, rota=SUPPORT.rota[1:])).once(T0)
    (page,) = await sent(database, "ticket.page")
    assert "A customer of a guest needs a person" in page.message["text"]
    assert max(map(len, page.message["text"].splitlines())) < 250
