"""Whom a newcomer may call as: the demo's people alone, signed in as a site would sign them in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from agent.rooms.tokens import read_seat
from agent.service.accounts.store import AccountStore
from agent.service.calls.store import CallStore
from agent.service.database import Database
from agent.service.scope import Scope
from agent.settings import Settings
from tests.unit.test_api import SITE_SECRET, api, dispatched, environment, grant, wish

pytestmark = pytest.mark.unit

__all__ = ["environment"]

SITI = {"account": "demo-pasarlive", "contact": "siti"}


@pytest.fixture
def demo(environment: pytest.MonkeyPatch, seeded_file: Path, tmp_path: Path) -> pytest.MonkeyPatch:
    """An installation with the demo, where no site signs anybody in."""
    shutil.copy(seeded_file, tmp_path / "liuke.db")
    environment.setenv("LIUKE_API_SITE_SECRET", "")
    return environment


async def contacts(http: httpx.AsyncClient, language: str = "en") -> list[dict[str, Any]]:
    answer = await http.get("/api/demo/contacts", params={"language": language})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["contacts"]
    return found


async def sign_in(http: httpx.AsyncClient, **changed: str) -> httpx.Response:
    return await http.post("/api/demo/principals", json=SITI | changed)


async def test_without_the_demo_there_is_nobody_to_call_as(
    environment: pytest.MonkeyPatch,
) -> None:
    async with api() as http:
        assert await contacts(http) == []
        assert (await sign_in(http)).status_code == 404


async def test_each_is_shown_with_company_and_story_in_the_language_of_the_page(
    demo: pytest.MonkeyPatch,
) -> None:
    async with api() as http:
        shown = {one["contact"]: one for one in await contacts(http)}
        assert shown["siti"]["company"] == "PasarLive"
        assert shown["siti"]["story"].startswith("Live shopping in Indonesia")
        shown = {one["contact"]: one for one in await contacts(http, "zh")}
        assert shown["siti"]["company"] == "巴刹直播" and shown["siti"]["language"] == "en"
        answer = await http.get("/api/demo/contacts", params={"language": "fr"})
        assert answer.status_code == 422


@pytest.mark.parametrize("site_secret", ["", SITE_SECRET])
async def test_a_call_as_one_of_them_is_that_customers_call(
    demo: pytest.MonkeyPatch, site_secret: str
) -> None:
    demo.setenv("LIUKE_API_SITE_SECRET", site_secret)
    async with api() as http:
        signed = await sign_in(http)
        assert signed.status_code == 201
        principal = signed.json()["principal"]
        claims = jwt.decode(principal, options={"verify_signature": False})
        assert claims["exp"] - claims["iat"] <= 5 * 60
        given = await grant(http, principal=principal)
    seat = read_seat(dispatched(given))
    assert (seat.principal.account, seat.principal.contact) == ("demo-pasarlive", "siti")
    assert not seat.principal.guest and not seat.principal.rights
    database = Database(Settings().database_url)
    assert await CallStore(database).call(Scope("demo-pasarlive"), given["call_id"])
    await database.aclose()


@pytest.mark.parametrize(
    "changed",
    [
        {"account": "acme"},
        {"contact": "wang"},
        {"account": "demo-starisle"},
        {"account": "", "contact": ""},
    ],
)
async def test_nobody_is_signed_in_who_is_not_of_the_demo(
    demo: pytest.MonkeyPatch, changed: dict[str, str]
) -> None:
    async with api() as http:
        assert (await sign_in(http, **changed)).status_code == 404


async def test_a_customer_ends_the_demo(demo: pytest.MonkeyPatch) -> None:
    database = Database(Settings().database_url)
    await AccountStore(database).put("acme", "Acme")
    await AccountStore(database).put_contact(Scope("acme"), "wang", name="王明", language="zh")
    await database.aclose()
    async with api() as http:
        assert await contacts(http) == []
        for choice in (SITI, {"account": "acme", "contact": "wang"}):
            assert (await sign_in(http, **choice)).status_code == 404


async def test_where_guests_are_turned_away_the_demo_lets_nobody_in(
    demo: pytest.MonkeyPatch,
) -> None:
    demo.setenv("LIUKE_API_GUESTS", "false")
    async with api() as http:
        assert await contacts(http) == []
        assert (await sign_in(http)).status_code == 404


async def test_nobody_else_can_sign_where_no_site_does(demo: pytest.MonkeyPatch) -> None:
    """Neither with no secret, nor with the installation's token itself."""
    async with api() as http:
        claims = jwt.decode(
            (await sign_in(http)).json()["principal"], options={"verify_signature": False}
        )
        for secret in ("x" * 32, SITE_SECRET, Settings().internal_token):
            forged = jwt.encode(claims | {"account": "acme"}, secret, "HS256")
            answer = await http.post("/api/calls", json=await wish(http, principal=forged))
            assert (answer.status_code, answer.json()["error"]["code"]) == (
                *(401, "signature_refused"),
            )
        unsigned = jwt.encode(claims, "", "none")
        answer = await http.post("/api/calls", json=await wish(http, principal=unsigned))
        assert answer.status_code == 401
