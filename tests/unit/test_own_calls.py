"""Calls on our own server are in the quality of their account: once, whatever comes when."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit import api as livekit
from sqlalchemy import select

from agent.service.accounts.store import AccountStore
from agent.service.calls.store import CallStore
from agent.service.calls.tables import Call, Measurement, Visit
from agent.service.database import Database
from agent.service.quality.own_calls import APP, Measured, OwnCalls, Visited
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import minute_of
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.tables import Minute, Series
from agent.service.scope import Scope
from tests.unit.test_api import ACCESS, SITE_SECRET, api, grant, signed

pytestmark = pytest.mark.unit

T0 = datetime(2026, 11, 30, 12, 0, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await AccountStore(database).put("acme", "Acme")
    yield database
    await database.aclose()


@pytest.fixture
def own(database: Database) -> OwnCalls:
    return OwnCalls(database, "cn-east")


async def a_call(database: Database, name: str = "a", account: str = "acme") -> Scope:
    """Somebody asked for a call at ``T0``."""
    async with database.transaction() as session:
        session.add(
            Call(
                id=name, account=account, room=f"call-{name}", identity=f"customer-{name}",
                language="zh", consented_at=T0, grant_expires_at=T0 + timedelta(minutes=10),
            )
        )  # fmt: skip
    return Scope(account, name)


def visit(name: str = "a", came: float = 2, left: float | None = None, sid: str = "") -> Visited:
    return Visited(
        sid or f"PA_{name}",
        f"call-{name}",
        f"customer-{name}",
        T0 + came * SECOND,
        None if left is None else T0 + left * SECOND,
        "" if left is None else "CLIENT_INITIATED",
    )


def stretch(number: int = 1, **changed: Any) -> Measured:
    values = {
        "length_ms": 60_000, "stalled_ms": 600, "latency_ms": 80,
        "packets": 6000, "packets_lost": 60,
    }  # fmt: skip
    return Measured(number, **(values | changed))


def at(seconds: float) -> datetime:
    return T0 + seconds * SECOND


async def minutes(database: Database) -> dict[int, dict[str, Any]]:
    """What there is of quality, by minutes since that of ``T0``."""
    async with database.transaction() as session:
        rows = await session.execute(
            select(Series, Minute).join(Series, Series.id == Minute.series)
        )
        found = {}
        for series, one in rows:
            assert (series.account, series.app, series.region) == ("acme", APP, "cn-east")
            values = {
                name: getattr(one, name)
                for name in (
                    *("users", "stall_ppm", "latency_ms", "loss_ppm"),
                    *("joins", "joined", "join_ms"),
                )
                if getattr(one, name) is not None
            }
            found[one.hour * 60 + one.minute - minute_of(T0)] = values
        return found


# --- what is counted


async def test_a_call_is_counted_in_its_minutes(database: Database, own: OwnCalls) -> None:
    scope = await a_call(database)
    assert await own.visited(visit(), at(2))
    assert await own.joining(scope, "a", 812, at(3))
    assert await own.measured(scope, "a", stretch(1), at(62)) == "kept"
    assert await own.measured(scope, "a", stretch(2, stalled_ms=0), at(122)) == "kept"
    assert await own.visited(visit(left=150), at(151))
    measured = {"users": 1, "stall_ppm": 10_000, "latency_ms": 80, "loss_ppm": 10_000}
    joined = {"joins": 1, "joined": 1, "join_ms": 812}
    assert await minutes(database) == {
        0: measured | joined,
        1: measured | {"stall_ppm": 0},
        2: {"users": 1},
    }
    await roll_up(database)
    (said,) = await QualityStore(database).read(
        Scope("acme"), "app", Span("hours", 1), T0 + timedelta(minutes=5)
    )
    assert (said.group, said.user_minutes, said.join_success, said.join_ms) == (APP, 3, 1.0, 812)


async def test_calls_of_a_minute_are_counted_together(database: Database, own: OwnCalls) -> None:
    for name, took, measured in (
        ("a", 400, stretch(stalled_ms=0, latency_ms=100, packets_lost=0)),
        ("b", 600, stretch(length_ms=20_000, stalled_ms=2_000, latency_ms=500, packets=2000)),
    ):
        scope = await a_call(database, name)
        await own.visited(visit(name), at(2))
        await own.joining(scope, name, took, at(3))
        await own.measured(scope, name, measured, at(39))
    scope = await a_call(database, "c")
    await own.joining(scope, "c", None, at(5))
    assert (await minutes(database))[0] == {
        "users": 2, "stall_ppm": 25_000, "latency_ms": 200, "loss_ppm": 7_500,
        "joins": 3, "joined": 2, "join_ms": 500,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("page_says", "server_saw", "counted"),
    [
        (None, "nothing", None),
        (None, "joined", (1, 1)),
        (None, "aborted", (1, 0)),
        ("joined", "nothing", (1, 1)),
        ("failed", "nothing", (1, 0)),
        ("failed", "joined", (1, 0)),
        ("joined", "aborted", (1, 1)),
    ],
)
async def test_whether_joining_succeeded_is_the_pages_word_else_what_the_server_saw(
    database: Database,
    own: OwnCalls,
    page_says: str | None,
    server_saw: str,
    counted: tuple[int, int] | None,
) -> None:
    scope = await a_call(database)
    if server_saw == "joined":
        await own.visited(visit(), at(2))
    elif server_saw == "aborted":
        aborted = Visited("PA_a", "call-a", "customer-a", None, at(16), "JOIN_FAILURE")
        await own.visited(aborted, at(16))
    if page_says:
        await own.joining(scope, "a", 700 if page_says == "joined" else None, at(17))
    found = (await minutes(database)).get(0, {})
    assert (found.get("joins"), found.get("joined")) == (counted or (None, None))
    assert ("join_ms" in found) == (page_says == "joined")


async def test_whoever_comes_in_again_is_one_user(database: Database, own: OwnCalls) -> None:
    await a_call(database)
    await own.visited(visit(left=10), at(10))
    await own.visited(visit(came=15, left=90, sid="PA_again"), at(90))
    assert {minute: one["users"] for minute, one in (await minutes(database)).items()} == {
        0: 1,
        1: 1,
    }


async def test_a_stay_whose_end_was_lost_ends_with_its_call(
    database: Database, own: OwnCalls
) -> None:
    await a_call(database)
    await own.visited(visit(), at(2))
    async with database.transaction() as session:
        (await session.get_one(Call, "a")).ended_at = at(30)
    other = await a_call(database, "b")
    await own.measured(other, "b", stretch(1), at(62))
    await own.measured(other, "b", stretch(2), at(160))
    users = {minute: one["users"] for minute, one in (await minutes(database)).items()}
    assert users == {0: 2, 2: 1}


async def test_a_guests_call_and_that_of_an_unknown_account_are_nobodys(
    database: Database, own: OwnCalls
) -> None:
    for name, account in (("a", ""), ("b", "nobody")):
        scope = await a_call(database, name, account)
        assert await own.visited(visit(name, left=30), at(30))
        assert await own.joining(scope, name, 500, at(3))
        assert await own.measured(scope, name, stretch(), at(62)) == "kept"
    assert await minutes(database) == {}


async def test_others_in_the_room_are_no_customers(database: Database, own: OwnCalls) -> None:
    await a_call(database)
    for identity, room in (("human-1", "call-a"), ("customer-a", "call-b"), ("agent", "call-a")):
        assert not await own.visited(Visited("PA_x", room, identity, at(1)), at(1))
    assert await minutes(database) == {}


async def test_a_call_is_measured_by_its_own_page_alone(database: Database, own: OwnCalls) -> None:
    await a_call(database)
    for scope in (Scope("other", "a"), Scope("acme", "b"), Scope("", "a")):
        assert not await own.joining(scope, "a", 500, at(3))
        assert await own.measured(scope, "a", stretch(), at(62)) == "no_call"
    assert await minutes(database) == {}


# --- late, doubled, in another order, at once


STORY: list[tuple[str, Any, float]] = [
    ("visited", visit(), 2),
    ("joining", 812, 3),
    ("measured", stretch(1), 62),
    ("visited", visit(left=70), 70),
    ("visited", visit(came=75, sid="PA_again"), 75),
    ("visited", visit(came=75, left=130, sid="PA_again"), 131),
]


async def live(own: OwnCalls, scope: Scope, what: str, told: Any, when: datetime) -> None:
    if what == "visited":
        await own.visited(told, when)
    elif what == "joining":
        await own.joining(scope, "a", told, when)
    else:
        await own.measured(scope, "a", told, when)


@pytest.mark.parametrize("seed", range(6))
async def test_in_whatever_order_and_however_often_it_ends_the_same(
    database: Database, own: OwnCalls, seed: int
) -> None:
    scope = await a_call(database)
    chance = random.Random(seed)
    story = STORY + chance.choices(STORY, k=4)
    chance.shuffle(story)
    # A measurement is of the moment at which it comes; all else may come when it likes.
    for what, told, when in story:
        late = when if what == "measured" else when + chance.choice([0, 1, 15])
        await live(own, scope, what, told, at(late))
    found = await minutes(database)
    for number, one in found.items():
        assert one["users"] == 1, number
    assert found[0] == {
        "users": 1, "stall_ppm": 10_000, "latency_ms": 80, "loss_ppm": 10_000,
        "joins": 1, "joined": 1, "join_ms": 812,
    }  # fmt: skip
    assert found.keys() == {0, 1, 2}
    async with database.transaction() as session:
        visits = (await session.scalars(select(Visit).order_by(Visit.participant))).all()
        assert [(one.joined_at, one.left_at, one.reason) for one in visits] == [
            (at(2), at(70), "CLIENT_INITIATED"),
            (at(75), at(130), "CLIENT_INITIATED"),
        ]


async def test_what_is_told_again_with_other_words_changes_nothing(
    database: Database, own: OwnCalls
) -> None:
    scope = await a_call(database)
    await own.visited(visit(left=30), at(30))
    await own.joining(scope, "a", 812, at(3))
    await own.measured(scope, "a", stretch(1), at(30))
    before = await minutes(database)
    await own.visited(visit(came=9, left=500), at(600))
    await own.joining(scope, "a", None, at(4))
    await own.measured(scope, "a", stretch(1, stalled_ms=60_000), at(31))
    found = await minutes(database)
    assert {minute: found[minute] for minute in before} == before


async def test_many_at_once_lose_nothing(database_url: str, database: Database) -> None:
    """Several processes that each see a part: the last of them sees all."""
    names = [f"call{number}" for number in range(12)]
    scopes = {name: await a_call(database, name) for name in names}
    databases = [Database(database_url) for _ in range(4)]
    processes = [OwnCalls(one, "cn-east") for one in databases]
    pick = itertools.cycle(processes)
    work = [
        job
        for name in names
        for job in (
            next(pick).visited(visit(name), at(2)),
            next(pick).joining(scopes[name], name, 500, at(3)),
            next(pick).measured(scopes[name], name, stretch(), at(39)),
            next(pick).measured(scopes[name], name, stretch(), at(39)),
            next(pick).visited(visit(name, left=39), at(39)),
        )
    ]
    random.Random(1).shuffle(work)
    await asyncio.gather(*work)
    assert (await minutes(database))[0] == {
        "users": 12, "stall_ppm": 10_000, "latency_ms": 80, "loss_ppm": 10_000,
        "joins": 12, "joined": 12, "join_ms": 500,
    }  # fmt: skip
    for one in databases:
        await one.aclose()


# --- clocks


async def test_a_stretch_lies_within_its_call(database: Database, own: OwnCalls) -> None:
    scope = await a_call(database)
    await own.visited(visit(left=70), at(70))
    await own.measured(scope, "a", stretch(1, length_ms=120_000), at(3))
    await own.measured(scope, "a", stretch(2, length_ms=1_000), at(9 * 3600))
    async with database.transaction() as session:
        rows = await session.scalars(select(Measurement).order_by(Measurement.number))
        assert [one.minute - minute_of(T0) for one in rows] == [0, 1]


async def test_a_call_has_no_more_stretches_than_minutes(database: Database, own: OwnCalls) -> None:
    scope = await a_call(database)
    told = [await own.measured(scope, "a", stretch(n), at(61)) for n in (1, 2, 3, 4, 900)]
    assert told == ["kept", "kept", "kept", "too_many", "too_many"]


async def test_a_server_whose_clock_is_far_ahead_counts_nothing(
    database: Database, own: OwnCalls
) -> None:
    await a_call(database)
    ahead = 86_400
    await own.visited(visit(came=ahead), at(2))
    await own.visited(visit(came=ahead, left=ahead + 60), at(60))
    assert all(minute <= 1 for minute in await minutes(database))


# --- over HTTP


@pytest.fixture
async def web(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    for variable, value in {
        "LIUKE_DATA_DIR": str(tmp_path / "data"),
        "LIUKE_DATABASE_URL": database_url,
        "LIUKE_API_SITE_SECRET": SITE_SECRET,
        "LIVEKIT_REGION": "cn-east",
    }.items():
        monkeypatch.setenv(variable, value)
    database = Database(database_url)
    await AccountStore(database).put("acme", "Acme")
    async with api() as http:
        yield http
    await database.aclose()


def event(given: dict[str, Any], kind: str = "participant_joined", **changed: Any) -> bytes:
    """As LiveKit writes it: whole numbers as texts."""
    now = int(datetime.now(UTC).timestamp())
    who = {
        "sid": "PA_1", "identity": given["identity"], "joinedAt": str(now),
        "joinedAtMs": str(now * 1000 + 5), "state": "ACTIVE",
        "disconnectReason": "CLIENT_INITIATED",
    }  # fmt: skip
    told = {
        "event": kind, "id": "EV_1", "createdAt": str(now),
        "room": {"sid": "RM_1", "name": given["room"], "turnPassword": "the-turn-password"},
        "participant": who | changed, "somethingNewer": {"a": 1},
    }  # fmt: skip
    return json.dumps(told).encode()


def signature(body: bytes, secret: str = ACCESS.api_secret, key: str = ACCESS.api_key) -> str:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return livekit.AccessToken(key, secret).with_sha256(digest).to_jwt()


async def post(http: httpx.AsyncClient, body: bytes, signed_by: str) -> int:
    headers = {"Authorization": signed_by, "Content-Type": "application/webhook+json"}
    return (await http.post("/v1/livekit", content=body, headers=headers)).status_code


async def kept_visits(database_url: str) -> list[Visit]:
    database = Database(database_url)
    async with database.transaction() as session:
        visits = list(await session.scalars(select(Visit)))
    await database.aclose()
    return visits


async def test_events_of_the_server_are_kept_once(
    web: httpx.AsyncClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = await grant(web, principal=signed())
    left = event(given, "participant_left", disconnectReason="SIGNAL_CLOSE")
    for body in (left, event(given), left, event(given, "track_published")):
        assert await post(web, body, signature(body)) == 204
    (one,) = await kept_visits(database_url)
    assert (one.participant, one.call_id, one.reason) == ("PA_1", given["call_id"], "SIGNAL_CLOSE")
    assert one.joined_at and one.left_at and one.joined_at <= one.left_at
    assert "the-turn-password" not in caplog.text


async def test_what_the_server_did_not_sign_is_refused(
    web: httpx.AsyncClient, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = await grant(web, principal=signed())
    body = event(given)
    forged = event(given, sid="PA_2")
    for told, signed_by in (
        (body, ""),
        (body, "nonsense"),
        (body, signature(body, secret="another secret, of 32 characters or more")),
        (body, signature(body, key="another")),
        (forged, signature(body)),
        (body, given["token"]),
        (b"\xff\xfe", signature(b"\xff\xfe")),
        (b'{"createdAt": "x"}', signature(b'{"createdAt": "x"}')),
    ):
        assert await post(web, told, signed_by) == 401, (told[:30], signed_by[:30])
    assert await kept_visits(database_url) == []
    assert "the-turn-password" not in caplog.text


async def test_events_of_other_rooms_are_taken_and_forgotten(
    web: httpx.AsyncClient, database_url: str
) -> None:
    body = event({"room": "theirs", "identity": "somebody"})
    assert await post(web, body, signature(body)) == 204
    assert await kept_visits(database_url) == []


async def test_an_event_that_cannot_be_kept_is_to_be_told_again(
    web: httpx.AsyncClient, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = await grant(web, principal=signed())
    body = event(given)

    async def away(*_: object) -> bool:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(OwnCalls, "visited", away)
        assert await post(web, body, signature(body)) == 503
    assert await post(web, body, signature(body)) == 204
    assert len(await kept_visits(database_url)) == 1


GOOD: dict[str, Any] = {
    "number": 1, "seconds": 30.5, "stalled_seconds": 0.4, "latency_ms": 61.7,
    "packets": 3000, "packets_lost": 3,
}  # fmt: skip


async def test_a_page_tells_how_its_call_was(web: httpx.AsyncClient, database_url: str) -> None:
    given = await grant(web, principal=signed())
    own = {"Authorization": f"Bearer {given['call_token']}"}
    path = f"/api/calls/{given['call_id']}"
    for _ in range(2):
        told = await web.post(f"{path}/joining", json={"join_ms": 612.4}, headers=own)
        assert told.status_code == 204, told.text
        told = await web.post(f"{path}/measurements", json=GOOD, headers=own)
        assert told.status_code == 204, told.text
    too_many = await web.post(f"{path}/measurements", json=GOOD | {"number": 9}, headers=own)
    assert too_many.status_code == 429 and too_many.headers["Retry-After"]
    for headers in ({}, {"Authorization": "Bearer x"}):
        told = await web.post(f"{path}/measurements", json=GOOD, headers=headers)
        assert told.status_code == 401
    others = await grant(web, principal=signed())
    told = await web.post(
        f"/api/calls/{others['call_id']}/joining", json={"join_ms": 1}, headers=own
    )
    assert told.status_code == 403
    database = Database(database_url)
    now = datetime.now(UTC)
    await roll_up(database)
    (said,) = await QualityStore(database).read(Scope("acme"), "region", Span("hours", 2), now)
    await database.aclose()
    assert (said.group, said.user_minutes, said.join_ms, said.latency_ms) == ("cn-east", 1, 612, 62)
    assert said.packet_loss == pytest.approx(0.001)


NONSENSE: dict[str, tuple[str, ...]] = {
    "seconds": ("NaN", "Infinity", "-1", "0", "121", '"many"', "null"),
    "stalled_seconds": ("NaN", "-0.1", "31", "1e400"),
    "latency_ms": ("NaN", "-1", "60001"),
    "packets": ("NaN", "-1", "1000001", "2", "0.5"),
    "packets_lost": ("-1", "3001", "NaN"),
    "number": ("0", "1001", "NaN", "1.5"),
    "join_ms": ("NaN", "-1", "600001", '"x"'),
}


async def test_numbers_that_cannot_be_are_refused(
    web: httpx.AsyncClient, database_url: str
) -> None:
    given = await grant(web, principal=signed())
    path = f"/api/calls/{given['call_id']}"
    headers = {
        "Authorization": f"Bearer {given['call_token']}", "Content-Type": "application/json",
    }  # fmt: skip
    for name, values in NONSENSE.items():
        for value in values:
            fields = {one: json.dumps(good) for one, good in GOOD.items()} | {name: value}
            body = "{" + ", ".join(f'"{one}": {text}' for one, text in fields.items()) + "}"
            what = "joining" if name == "join_ms" else "measurements"
            told = await web.post(f"{path}/{what}", content=body, headers=headers)
            assert told.status_code == 422, (name, value, told.text)


async def test_a_call_without_a_record_has_no_quality(
    web: httpx.AsyncClient, database_url: str
) -> None:
    """Its database was away when it began."""
    given = await grant(web, principal=signed())
    database = Database(database_url)
    async with database.transaction() as session:
        await session.delete(await session.get_one(Call, given["call_id"]))
    assert await CallStore(database).call(Scope("acme"), given["call_id"]) is None
    await database.aclose()
    own = {"Authorization": f"Bearer {given['call_token']}"}
    path = f"/api/calls/{given['call_id']}"
    assert (await web.post(f"{path}/joining", json={"join_ms": 1}, headers=own)).status_code == 404
    assert (await web.post(f"{path}/measurements", json=GOOD, headers=own)).status_code == 404
