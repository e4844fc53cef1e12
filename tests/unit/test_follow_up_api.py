"""The page of a call shows its summary and checklist, which its customer ticks; nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from agent.duty.summing_up import SummingUp
from agent.service.calls.store import CallStore
from agent.service.database import Database
from agent.service.matters.store import Matters
from agent.service.scope import Scope
from agent.service.support import default_support
from agent.settings import Settings
from tests.unit.test_api import api, asked, environment, grant, signed

__all__ = ["environment"]
pytestmark = pytest.mark.unit


@pytest.fixture
async def database(environment: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    database = Database(Settings().database_url)
    yield database
    await database.aclose()


async def ask(
    http: httpx.AsyncClient, given: dict[str, Any], path: str, *, done: Any = None
) -> httpx.Response:
    return await http.request(
        "GET" if done is None else "PUT",
        f"/api/calls/{given['call_id']}{path}",
        headers={"Authorization": f"Bearer {given['call_token']}"},
        json=None if done is None else {"done": done},
    )


@pytest.mark.parametrize("account", ["", "acme"])
async def test_what_is_to_be_done_is_shown_once_it_is_set_and_ticked_by_its_customer(
    database: Database, account: str
) -> None:
    principal = {"principal": signed(account)} if account else {}
    async with api() as http:
        mine, other = [await grant(http, **principal) for _ in range(2)]
        assert (await ask(http, mine, "/checklist")).json() == {"checklists": []}
        scope = Scope(account, mine["call_id"])
        await Matters(database).set_checklist(scope, "live", ["Register", "Test"])

        async def items() -> list[dict[str, Any]]:
            (checklist,) = (await ask(http, mine, "/checklist")).json()["checklists"]
            found: list[dict[str, Any]] = checklist["items"]
            return found

        first, second = await items()
        assert (first["text"], first["done_at"], second["text"]) == ("Register", None, "Test")
        path = f"/checklist/{first['id']}"
        for done in (True, True, False):
            assert (await ask(http, mine, path, done=done)).status_code == 204
            assert ((await items())[0]["done_at"] is not None) is done
            assert (await items())[1]["done_at"] is None
        assert (await ask(http, other, "/checklist")).json() == {"checklists": []}
        for whose, item, status in (
            (other, first["id"], 404),
            (mine, 2**31 - 1, 404),
            (mine, 2**63, 422),
            (mine, 0, 422),
            (mine, "one", 422),
        ):
            refused = await ask(http, whose, f"/checklist/{item}", done=True)
            assert refused.status_code == status and refused.json()["error"]["remedy"]
        assert (await ask(http, mine, path, done="so-so")).status_code == 422
        assert (await items())[0]["done_at"] is None


async def test_the_summary_is_shown_once_the_call_is_over(database: Database) -> None:
    async with api() as http:
        mine, other = [await grant(http, principal=signed()) for _ in range(2)]
        calls, scope = CallStore(database), Scope("acme", mine["call_id"])
        await asked(mine["call_id"])
        assert (await ask(http, mine, "/summary")).json() == {"summary": None}
        await calls.end_call(await calls.claim_call(mine["call_id"], "process"))
        await SummingUp(database, default_support()).at_the_end(scope, mine["call_id"])
        shown = (await ask(http, mine, "/summary")).json()["summary"]
        assert shown["sections"] == [{"heading": "通话内容", "lines": ["回声"]}]
        assert (shown["language"], shown["mailed_at"]) == ("zh", None)
        assert (await ask(http, other, "/summary")).json() == {"summary": None}
