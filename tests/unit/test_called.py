"""A person comes when called: what the customer's page is told of it, and what a link opens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from agent.rooms.tokens import read_seat
from agent.service.accounts.store import AccountStore, Statement
from agent.service.calls.store import CallStore, Claim
from agent.service.database import Database
from agent.service.outbox.forms import Message
from agent.service.outbox.store import Outbox
from agent.service.paging.rota import Responder
from agent.service.paging.store import LINK_LIFE, Paging
from agent.service.scope import Scope
from agent.service.tickets.business_time import ALWAYS
from agent.service.tickets.store import Happening, TicketStore
from tests.unit.test_api import ACCESS, SITE_SECRET, api, dispatched, grant, signed, wish

pytestmark = pytest.mark.unit

PATIENCE = timedelta(minutes=5)
ROTA = [
    Responder(name, name, frozenset({1}), frozenset({"zh", "en"}), ALWAYS)
    for name in ("林岚", "zhao")
]


@dataclass
class House:
    """An installation with a customer in a call, and the records behind its API."""

    http: httpx.AsyncClient
    database: Database
    given: dict[str, Any]
    claim: Claim
    scope: Scope
    """Of the call."""

    async def open_ticket(self, page_at: datetime | None = None) -> int:
        """The customer has asked for a person."""
        now = datetime.now(UTC)
        opening = Happening("asked", "opened", "customer", now, who="wang", severity=1)
        ticket = await TicketStore(self.database, {}).open(
            self.scope, opening, subject="Nobody can join.", language="en", page_at=page_at
        )
        return ticket.number

    async def happens(self, number: int, key: str, kind: Any, who: str = "") -> None:
        happening = Happening(key, kind, "human", datetime.now(UTC), who)
        await TicketStore(self.database, {}).add(self.scope, number, happening)

    async def call_people(self, number: int, ahead: timedelta = timedelta()) -> dict[str, str]:
        """Take the chain's next step; the links that were sent by it, by responder."""
        now = datetime.now(UTC) + ahead

        def told(responder: Responder, link: str) -> Message:
            return Message("page", link, {"link": link})

        await Paging(self.database, ROTA, patience=PATIENCE).step(number, "en", told, now)
        sent = {}
        while taken := await Outbox(self.database).take(now):
            sent[taken.destination] = taken.message.data["link"]
            await Outbox(self.database).delivered(taken, now)
        return sent

    async def tickets(self) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.given['call_token']}"}
        path = f"/api/calls/{self.given['call_id']}/tickets"
        shown = await self.http.get(path, headers=headers)
        assert shown.status_code == 200, shown.text
        found: list[dict[str, Any]] = shown.json()["tickets"]
        return found

    async def person(self) -> tuple[str, str]:
        (ticket,) = await self.tickets()
        return ticket["person"]["state"], ticket["person"]["name"]

    async def page(self, what: str, link: str, language: str = "en") -> httpx.Response:
        headers = {"Accept-Language": language}
        return await self.http.post(f"/api/pages/{what}", json={"link": link}, headers=headers)


@pytest.fixture
def at_home(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an installation, on each kind of database in turn."""
    for variable, value in {
        "LIUKE_DATA_DIR": str(tmp_path / "data"),
        "LIUKE_DATABASE_URL": database_url,
        "LIUKE_API_SITE_SECRET": SITE_SECRET,
        "LIVEKIT_PUBLIC_URL": "wss://rooms.example",
    }.items():
        monkeypatch.setenv(variable, value)


async def settled_in(http: httpx.AsyncClient, database: Database, account: str) -> House:
    given = await grant(http, principal=signed(account) if account else "")
    claim = await CallStore(database).claim_call(given["call_id"], "process")
    return House(http, database, given, claim, Scope(account, given["call_id"]))


@pytest.fixture(params=["acme", ""], ids=["a customer", "a guest"])
async def house(
    at_home: None, database_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[House]:
    database = Database(database_url)
    async with api() as http:
        yield await settled_in(http, database, request.param)
    await database.aclose()


# --- the customer's page


async def test_a_call_without_a_ticket_has_none(house: House) -> None:
    assert await house.tickets() == []


async def test_the_customer_reads_ticket_and_promise(house: House) -> None:
    number = await house.open_ticket()
    (shown,) = await house.tickets()
    assert (shown["number"], shown["severity"], shown["subject"], shown["status"]) == (
        *(number, 1, "Nobody can join.", "open"),
    )
    (clock,) = [one for one in shown["clocks"] if one["clock"] == "human response"]
    opened_at = datetime.fromisoformat(shown["opened_at"])
    assert clock["state"] == "running" and clock["met_at"] is None
    assert datetime.fromisoformat(clock["due_at"]) > opened_at
    assert shown["callback_at"] is None


async def test_the_customer_follows_who_comes(house: House) -> None:
    number = await house.open_ticket(page_at=datetime.now(UTC))
    assert await house.person() == ("calling", "")
    (link,) = (await house.call_people(number)).values()
    assert await house.person() == ("calling", "")
    assert (await house.page("acknowledge", link)).status_code == 200
    assert await house.person() == ("coming", "林岚")
    await house.happens(number, "joined", "joined", "林岚")
    assert await house.person() == ("here", "林岚")
    await house.happens(number, "left", "left", "林岚")
    assert await house.person() == ("none", "")
    await house.happens(number, "done", "resolved")
    (shown,) = await house.tickets()
    assert shown["status"] == "resolved"


async def test_where_nobody_is_left_to_call_the_customer_is_told(house: House) -> None:
    number = await house.open_ticket(page_at=datetime.now(UTC))
    for step in range(len(ROTA) + 1):
        await house.call_people(number, ahead=step * PATIENCE)
    assert await house.person() == ("nobody", "")


async def test_tickets_are_shown_to_their_own_call_alone(house: House) -> None:
    await house.open_ticket()
    theirs = await settled_in(house.http, house.database, house.scope.account)
    assert await theirs.tickets() == []


# --- what a link opens


async def linked(house: House) -> tuple[int, str]:
    """A ticket, and the link of who was called to it first."""
    number = await house.open_ticket(page_at=datetime.now(UTC))
    (link,) = (await house.call_people(number)).values()
    return number, link


async def test_a_link_shows_the_ticket_and_what_was_said_and_answers_nothing(house: House) -> None:
    store = CallStore(house.database)
    await store.open_turn(
        house.claim, 1, asked_at=datetime.now(UTC), language="en", question="Nobody can join."
    )
    await store.extend_turn(house.claim, 1, answer="I call somebody.", citations=[])
    await store.write_screen(house.claim, (0, 0, 640, 15), "Error 109: token expired")
    number, link = await linked(house)
    for _ in range(2):
        answer = await house.page("open", link)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert (shown["ticket"]["number"], shown["responder"]) == (number, "林岚")
        assert (shown["answer"], shown["contact"], shown["language"]) == ("", "wang", "en")
        assert shown["call"]["call_id"] == house.scope.call_id and shown["call"]["live"]
        assert [(one["speaker"], one["text"]) for one in shown["transcript"]] == [
            ("customer", "Nobody can join."),
            ("assistant", "I call somebody."),
            ("screen", "Error 109: token expired"),
        ]
        assert "grant" not in shown
    assert await house.person() == ("calling", "")


async def test_what_is_known_of_the_account_is_shown_with_who_said_it(house: House) -> None:
    _, link = await linked(house)
    if not house.scope.account:
        assert (await house.page("open", link)).json()["account"] is None
        return
    unknown = {"id": "acme", "name": "", "owner": "", "facts": []}
    assert (await house.page("open", link)).json()["account"] == unknown
    accounts, acme, now = AccountStore(house.database), Scope("acme"), datetime.now(UTC)
    await accounts.put("acme", "Acme Live", "chen")
    await accounts.put_contact(acme, "wang", name="Wang Min", language="zh")
    for value in ("3000", "8000"):
        await accounts.state(acme, Statement("scale", value, "contact", now, who="wang"))
    await accounts.state(acme, Statement("regions", ["SEA", "JP"], "import", now))
    await accounts.state(acme, Statement("plan", "gold", "person", now, who="chen"))
    await accounts.state(acme, Statement("plan", None, "person", now, who="chen"))
    shown = (await house.page("open", link)).json()
    assert shown["contact"] == "Wang Min"
    account = shown["account"]
    assert (account["name"], account["owner"]) == ("Acme Live", "chen")
    assert [(f["field"], f["value"], f["source"], f["who"]) for f in account["facts"]] == [
        ("regions", ["SEA", "JP"], "import", ""),
        ("scale", "8000", "contact", "Wang Min"),
    ]


async def test_who_takes_it_gets_a_seat_and_the_same_one_again(house: House) -> None:
    _, link = await linked(house)
    grants = []
    for _ in range(2):
        answer = await house.page("acknowledge", link)
        assert answer.status_code == 200, answer.text
        assert answer.json()["answer"] == "acknowledged"
        grants.append(answer.json()["grant"])
    first, again = grants
    assert first["identity"] == again["identity"] and first["identity"].startswith("human-")
    assert first["room"] == house.given["room"] and first["livekit_url"] == "wss://rooms.example"
    claims = jwt.decode(first["token"], ACCESS.api_secret, algorithms=["HS256"])
    assert (claims["sub"], claims["name"]) == (first["identity"], "林岚")
    assert claims["video"]["room"] == first["room"] and not claims["video"].get("roomAdmin")
    assert claims["exp"] - claims["nbf"] <= 15 * 60


async def test_who_comes_second_is_told_who_has_it(house: House) -> None:
    number, link = await linked(house)
    (second,) = (await house.call_people(number, ahead=PATIENCE)).values()
    assert (await house.page("acknowledge", link)).status_code == 200
    for language, words in (("en", "林岚 has it"), ("zh", "林岚 已经接手")):
        answer = await house.page("acknowledge", second, language)
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "page_taken"
        assert words in answer.json()["error"]["message"]
    assert await house.person() == ("coming", "林岚")
    assert (await house.page("acknowledge", link)).json()["grant"]


async def test_a_call_that_is_over_is_shown_and_cannot_be_joined(house: House) -> None:
    _, link = await linked(house)
    await CallStore(house.database).end_call(house.claim)
    assert not (await house.page("open", link)).json()["call"]["live"]
    answer = await house.page("acknowledge", link)
    assert answer.status_code == 200 and answer.json()["grant"] is None


# --- a customer who has left is called back


async def test_who_calls_back_rings_in_the_page_of_a_customer_who_has_left(house: House) -> None:
    number, link = await linked(house)
    await CallStore(house.database).end_call(house.claim)
    for _ in range(2):  # pressed twice
        answer = await house.page("ring", link)
        assert answer.status_code == 200, answer.text
        assert answer.json()["answer"] == "acknowledged"
        assert answer.json()["ticket"]["person"]["state"] == "ringing"
        assert await house.person() == ("ringing", "林岚")
    told = await TicketStore(house.database, {}).read(house.scope, number)
    assert told and [event.kind for event in told.events].count("rang") == 1
    # They answer: a new call, of whom they were, which the same link opens.
    given = await grant(house.http, answers=house.given["call_token"])
    seat = read_seat(dispatched(given))
    assert (seat.principal.account, seat.principal.guest) == (
        house.scope.account,
        not house.scope.account,
    )
    claim = await CallStore(house.database).claim_call(given["call_id"], "process")
    theirs = House(house.http, house.database, given, claim, Scope("", ""))
    assert [one["number"] for one in await theirs.tickets()] == [number]
    assert await house.person() == ("coming", "林岚")
    taken = (await house.page("acknowledge", link)).json()
    assert taken["call"]["call_id"] == given["call_id"]
    assert taken["grant"]["room"] == given["room"] != house.given["room"]


async def test_nothing_rings_while_the_customer_is_in_the_call(house: House) -> None:
    _, link = await linked(house)
    answer = await house.page("ring", link)
    assert answer.status_code == 200 and answer.json()["call"]["live"]
    assert await house.person() == ("coming", "林岚")


async def test_only_who_is_called_back_answers_and_once(house: House) -> None:
    _, link = await linked(house)
    body = await wish(house.http, "en", answers=house.given["call_token"])
    quiet = await house.http.post("/api/calls", json=body)
    assert (quiet.status_code, quiet.json()["error"]["code"]) == (409, "nobody_rings")
    forged = await house.http.post("/api/calls", json=body | {"answers": "x"})
    assert (forged.status_code, forged.json()["error"]["code"]) == (401, "not_your_call")
    await CallStore(house.database).end_call(house.claim)
    await house.page("ring", link)
    assert (await house.http.post("/api/calls", json=body)).status_code == 201
    again = await house.http.post("/api/calls", json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "nobody_rings")


async def test_who_cannot_is_followed_by_the_next_at_once(house: House) -> None:
    number, link = await linked(house)
    assert (await house.page("decline", link)).status_code == 204
    assert (await house.page("open", link)).json()["answer"] == "declined"
    assert list(await house.call_people(number)) == ["zhao"]
    assert await house.person() == ("calling", "")
    answer = await house.page("acknowledge", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "page_declined")


async def test_who_has_it_cannot_decline_any_more(house: House) -> None:
    _, link = await linked(house)
    await house.page("acknowledge", link)
    answer = await house.page("decline", link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "page_acknowledged")
    assert await house.person() == ("coming", "林岚")


@pytest.mark.parametrize(("language", "words"), [("zh", "链接"), ("en", "link")])
async def test_a_link_that_is_forged_or_old_opens_nothing(
    house: House, language: str, words: str
) -> None:
    number = await house.open_ticket(page_at=datetime.now(UTC))
    (old,) = (await house.call_people(number, ahead=-LINK_LIFE)).values()
    for link in ("x" * 43, old):
        for what in ("open", "acknowledge", "decline"):
            answer = await house.page(what, link, language)
            assert answer.status_code == 404, what
            error = answer.json()["error"]
            assert error["code"] == "no_page" and words in error["message"] and error["remedy"]
    assert (await house.page("open", "")).status_code == 422
