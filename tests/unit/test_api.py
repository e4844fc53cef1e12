"""The web API: who gets a grant, what a grant opens, errors that tell a customer no secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse

from agent.api.app import create_app, describe
from agent.rooms.access import LiveKitAccess
from agent.rooms.tokens import read_seat
from agent.service.calls.store import CallStore
from agent.service.calls.workers import WorkerStore
from agent.service.database import Database
from agent.service.scope import Scope
from agent.settings import Settings
from common.settings import PROJECT_ROOT
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

ACCESS = LiveKitAccess("ws://127.0.0.1:9", "key", "secret-of-at-least-32-characters-x", ours=True)
SITE_SECRET = "the operator's own secret, long enough"
CITED = {"id": "zh/echo-howling", "version": 2, "title": "回声", "language": "zh", "score": 0.9}


@pytest.fixture
def environment(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """An installation whose parts are away."""
    (tmp_path / "liuke.db").write_bytes(migrated_file.read_bytes())
    for variable, value in {
        "LIUKE_DATA_DIR": str(tmp_path),
        "LIUKE_KNOWLEDGE_URL": "http://127.0.0.1:9",
        "LIUKE_SPEECH_URL": "http://127.0.0.1:9",
        "LIUKE_LLM_MODEL": "none",
        "LIUKE_AGENT_HEALTH_PORT": "9",
        "LIUKE_API_SITE_SECRET": SITE_SECRET,
        "OPENAI_API_KEY": "",
        "LIVEKIT_URL": "",
        "LIVEKIT_PUBLIC_URL": "",
    }.items():
        monkeypatch.setenv(variable, value)
    return monkeypatch


@asynccontextmanager
async def api(places: int = 50, client: str = "198.51.100.7") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API for the environment's settings; live workers have so many places."""
    settings = Settings()
    database = Database(settings.database_url)
    if places:
        await WorkerStore(database).heartbeat("worker", places)
    app = create_app(settings, ACCESS)
    transport = httpx.ASGITransport(app, client=(client, 1), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://liuke") as http:
        http.headers["Accept-Language"] = "en"
        yield http
    await database.aclose()


@pytest.fixture
async def web(environment: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    async with api() as http:
        yield http


async def wish(http: httpx.AsyncClient, language: str = "zh", **changed: Any) -> dict[str, Any]:
    shown = await http.get("/api/consent", params={"language": language})
    return {
        "language": language,
        "consent": True,
        "consent_version": shown.json()["version"],
    } | changed


async def grant(http: httpx.AsyncClient, **changed: Any) -> dict[str, Any]:
    answer = await http.post("/api/calls", json=await wish(http, **changed))
    assert answer.status_code == 201, answer.text
    given: dict[str, Any] = answer.json()
    return given


def signed(account: str = "acme") -> str:
    now = datetime.now(UTC)
    claims = {"aud": "liuke", "iat": now, "exp": now + timedelta(minutes=5), "sub": "wang"}
    return jwt.encode(claims | {"account": account}, SITE_SECRET, "HS256")


def dispatched(given: dict[str, Any]) -> str:
    """The metadata that the room's token hands to the assistant."""
    claims = jwt.decode(given["token"], ACCESS.api_secret, algorithms=["HS256"])
    (dispatch,) = claims["roomConfig"]["agents"]
    assert dispatch["agentName"] == "liuke"
    metadata: str = dispatch["metadata"]
    return metadata


async def test_a_customer_who_consents_gets_a_seat_in_one_room(web: httpx.AsyncClient) -> None:
    given = await grant(web)
    claims = jwt.decode(given["token"], ACCESS.api_secret, algorithms=["HS256"])
    assert claims["sub"] == given["identity"]
    assert claims["video"]["room"] == given["room"] and claims["video"]["roomJoin"]
    assert not claims["video"].get("roomAdmin")
    assert claims["exp"] - claims["nbf"] <= 10 * 60
    seat = read_seat(dispatched(given))
    assert (seat.call_id, seat.identity) == (given["call_id"], given["identity"])
    assert seat.principal.guest and seat.principal.account == ""


async def test_two_customers_never_share_a_room(web: httpx.AsyncClient) -> None:
    first, second = await grant(web), await grant(web)
    assert first["room"] != second["room"] and first["identity"] != second["identity"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"consent": False}, "consent"),
        ({"consent": None}, "consent"),
        ({"language": "fr"}, "language"),
        ({"consent_version": None}, "consent_version"),
        ({"principal": 7}, "principal"),
    ],
)
async def test_a_request_that_cannot_be_used_names_the_field(
    web: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    answer = await web.post("/api/calls", json=(await wish(web)) | changed)
    assert answer.status_code == 422
    assert field in answer.json()["error"]["message"]


# --- who is calling


@pytest.mark.parametrize("place", ["header", "body"])
async def test_whom_the_site_signed_in_calls_for_their_account(
    web: httpx.AsyncClient, place: str
) -> None:
    body = await wish(web)
    if place == "body":
        answer = await web.post("/api/calls", json=body | {"principal": signed()})
    else:
        headers = {"Authorization": f"Bearer {signed()}"}
        answer = await web.post("/api/calls", json=body, headers=headers)
    assert answer.status_code == 201
    principal = read_seat(dispatched(answer.json())).principal
    assert (principal.account, principal.contact, principal.guest) == ("acme", "wang", False)
    database = Database(Settings().database_url)
    kept = await CallStore(database).call(Scope("acme"), answer.json()["call_id"])
    assert kept is not None and kept.contact == "wang"
    await database.aclose()


async def test_a_signature_that_does_not_hold_is_no_guest(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/calls", json=await wish(web, principal="e.y.J"))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "signature_refused"


async def test_nobody_is_believed_where_the_site_has_no_secret(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LIUKE_API_SITE_SECRET", "")
    forged = jwt.encode({"account": "acme", "sub": "x", "aud": "liuke"}, "", "none")
    async with api() as http:
        answer = await http.post("/api/calls", json=await wish(http, principal=forged))
        assert answer.status_code == 401


async def test_guests_are_let_in_only_where_the_operator_allows_them(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LIUKE_API_GUESTS", "false")
    async with api() as http:
        answer = await http.post("/api/calls", json=await wish(http))
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "not_signed_in"
        await grant(http, principal=signed())


# --- consent


async def test_what_was_agreed_to_is_kept_with_the_call(web: httpx.AsyncClient) -> None:
    body = await wish(web, principal=signed())
    given = (await web.post("/api/calls", json=body)).json()
    database = Database(Settings().database_url)
    kept = await CallStore(database).call(Scope("acme"), given["call_id"])
    assert kept is not None and kept.consent_version == body["consent_version"]
    await database.aclose()


async def test_a_customer_who_read_another_text_has_not_agreed(web: httpx.AsyncClient) -> None:
    answer = await web.post("/api/calls", json=await wish(web, consent_version="older"))
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "consent_changed"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_text_names_whoever_else_gets_the_customers_words(
    environment: pytest.MonkeyPatch, language: str
) -> None:
    async def text() -> tuple[str, str]:
        async with api() as http:
            shown = (await http.get("/api/consent", params={"language": language})).json()
        return shown["version"], " ".join(shown["sentences"])

    versions = [await text()]
    assert "example" not in versions[0][1] and "{" not in versions[0][1]
    for variables, host in (
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://models.example/v1"},
            "models.example",
        ),
        (
            {"LIUKE_VISION_MODEL": "sees"},
            "a screen" if language == "en" else "画面会发送到 models.",
        ),
        ({"LIUKE_KNOWLEDGE_EMBEDDING_URL": "https://vectors.example/v1"}, "vectors.example"),
        ({"LIVEKIT_PUBLIC_URL": "wss://rooms.example"}, "rooms.example"),
    ):
        for variable, value in variables.items():
            environment.setenv(variable, value)
        versions.append(await text())
        assert host in versions[-1][1]
    assert len({version for version, _ in versions}) == len(versions)


# --- admission


@pytest.mark.parametrize(("language", "words"), [("zh", "秒后再试"), ("en", "Try again in")])
async def test_where_no_place_is_left_the_customer_is_told_to_wait(
    environment: pytest.MonkeyPatch, language: str, words: str
) -> None:
    async with api(places=1) as http:
        await grant(http)
        answer = await http.post("/api/calls", json=await wish(http, language))
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert error["code"] == "busy" and words in error["remedy"]
    assert answer.headers["Retry-After"] in error["remedy"]


async def test_one_address_is_held_back_and_another_is_not(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LIUKE_API_CALLER_GRANTS", "1")
    async with api(client="2001:db8:1:2::5") as http:
        await grant(http)
        answer = await http.post("/api/calls", json=await wish(http))
        assert answer.status_code == 429 and "Retry-After" in answer.headers
    async with api(client="2001:db8:1:2:ffff::9") as http:  # the same customer's next address
        assert (await http.post("/api/calls", json=await wish(http))).status_code == 429
    async with api(client="2001:db8:1:3::5") as http:
        await grant(http)


async def test_only_a_proxy_that_is_trusted_says_who_asks(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("LIUKE_API_CALLER_GRANTS", "1")
    statuses = {}
    for trusted in ("", "198.51.100.0/24"):
        environment.setenv("LIUKE_API_TRUSTED_PROXIES", trusted)
        async with api() as http:
            for last in (1, 2):
                headers = {"X-Forwarded-For": f"203.0.113.{last}{len(trusted)}"}
                answer = await http.post("/api/calls", json=await wish(http), headers=headers)
                statuses[trusted, last] = answer.status_code
    assert statuses == {
        ("", 1): 201,
        ("", 2): 429,
        ("198.51.100.0/24", 1): 201,
        ("198.51.100.0/24", 2): 201,
    }


async def test_an_account_holds_so_many_calls_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LIUKE_API_ACCOUNT_CALLS", "1")
    async with api() as http:
        await grant(http, principal=signed())
        answer = await http.post("/api/calls", json=await wish(http, principal=signed()))
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "too_many_calls"
        await grant(http, principal=signed("acne"))


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_larger_than_any_wish_is_not_read(
    web: httpx.AsyncClient, declared: bool
) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    if declared:
        headers["Content-Length"] = str(1000 * 1024)
    answer = await web.post("/api/calls", content=pieces(), headers=headers)
    assert answer.status_code == 413


async def test_a_grant_is_given_where_its_record_cannot_be_written(
    web: httpx.AsyncClient, tmp_path: Path
) -> None:
    body = await wish(web)
    (tmp_path / "liuke.db").unlink()
    (tmp_path / "liuke.db").mkdir()
    answer = await web.post("/api/calls", json=body)
    assert answer.status_code == 201


async def test_a_call_that_was_left_gives_its_place_back(environment: pytest.MonkeyPatch) -> None:
    async with api(places=1) as http:
        left = await grant(http)
        headers = {"Authorization": f"Bearer {left['call_token']}"}
        answer = await http.post(f"/api/calls/{left['call_id']}/end", headers=headers)
        assert answer.status_code == 204
        await grant(http)


async def test_a_customer_rates_their_call_and_the_last_word_counts(
    environment: pytest.MonkeyPatch,
) -> None:
    async with api() as http:
        given = await grant(http, principal=signed())
        headers = {
            "Authorization": f"Bearer {given['call_token']}",
            "Content-Type": "application/json",
        }

        async def rate(**said: Any) -> int:
            url = f"/api/calls/{given['call_id']}/rating"
            return (await http.post(url, headers=headers, content=json.dumps(said))).status_code

        assert await rate(rating=2) == 204
        assert await rate(rating=5, comment="解决了\0") == 204
        for wrong in (
            {"rating": 0},
            {"rating": 6},
            {},
            {"rating": 5, "comment": "x" * 1001},
            {"rating": 5, "comment": "\ud83d"},
        ):
            assert await rate(**wrong) == 422
        database = Database(Settings().database_url)
        kept = await CallStore(database).call(Scope("acme"), given["call_id"])
        assert kept is not None and (kept.rating, kept.comment) == (5, "解决了")
        await database.aclose()


# --- what a call's token opens


@pytest.fixture
async def knowledge(environment: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A server that has every entry, as the knowledge server answers."""
    app = FastAPI()

    @app.get("/entries/{entry_id:path}")
    def entry(entry_id: str, version: int, tenant: str) -> Any:
        shown: dict[str, Any] = dict.fromkeys(("topic", "source", "opening", "body"), "text")
        shown |= {"id": entry_id, "version": version, "language": "zh", "title": tenant}
        lists = ("scenario", "region", "product", "platform", "error_codes")
        return JSONResponse(
            shown | {name: [] for name in (*lists, "steps", "sections", "playbook")} | {"names": {}}
        )

    async with serve(app) as url:
        environment.setenv("LIUKE_KNOWLEDGE_URL", url)
        yield


async def asked(call_id: str, citation: dict[str, Any] = CITED) -> None:
    """A question in that call whose answer is being spoken."""
    database = Database(Settings().database_url)
    store = CallStore(database)
    claim = await store.claim_call(call_id, "process")
    now = datetime.now(UTC)
    await store.open_turn(claim, 1, asked_at=now, language="zh", question="回声")
    await store.extend_turn(claim, 1, answer="", citations=[citation])
    await database.aclose()


async def card(
    http: httpx.AsyncClient, given: dict[str, Any], path: str = "zh/echo-howling", version: int = 2
) -> httpx.Response:
    return await http.get(
        f"/api/calls/{given['call_id']}/entries/{path}",
        params={"version": version},
        headers={"Authorization": f"Bearer {given['call_token']}"},
    )


@pytest.mark.usefixtures("knowledge")
async def test_a_call_shows_what_it_cited_and_nothing_else(
    environment: pytest.MonkeyPatch,
) -> None:
    async with api() as http:
        given = await grant(http)
        assert (await card(http, given)).status_code == 404
        await asked(given["call_id"])
        shown = await card(http, given)
        assert shown.status_code == 200 and shown.json()["version"] == 2
        for path, version in (
            ("zh/echo-howling", 1),
            ("zh/stall-rate", 2),
            ("zh/%2e%2e/zh/echo-howling", 2),
            ("%2e%2e/healthz", 2),
            ("zh/%2e%2e/%2e%2e/healthz", 2),
        ):
            refused = await card(http, given, path, version)
            assert refused.status_code == 404, path


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize("accounts", [("", ""), ("acme", "acme"), ("acme", "acne"), ("acme", "")])
async def test_no_route_of_a_call_is_open_to_another_call(
    environment: pytest.MonkeyPatch, accounts: tuple[str, str]
) -> None:
    async with api() as http:
        mine, theirs = [
            await grant(http, principal=signed(account) if account else "") for account in accounts
        ]
        await asked(mine["call_id"])
        routes = [
            ("GET", "/entries/zh/echo-howling?version=2"),
            ("POST", "/end"),
            ("POST", "/assistant"),
            ("GET", "/tickets"),
            ("GET", "/summary"),
            ("GET", "/checklist"),
            ("PUT", "/checklist/1"),
            ("POST", "/rating"),
            ("POST", "/joining"),
            ("POST", "/measurements"),
        ]
        keys = {
            "theirs": theirs["call_token"],
            "the room's": mine["token"],
            "the site's": signed(),
            "none": "",
        }
        for method, route in routes:
            for whose, token in keys.items():
                answer = await http.request(
                    method,
                    f"/api/calls/{mine['call_id']}{route}",
                    headers={"Authorization": f"Bearer {token}"},
                )
                assert answer.status_code in (401, 403), (method, route, whose)
        # The same entry is no part of the other call, for its own customer either.
        assert (await card(http, theirs)).status_code == 404
        shown = await card(http, mine)
        assert shown.status_code == 200 and shown.json()["title"] == accounts[0]


def test_every_route_is_known_to_the_tests_above(environment: pytest.MonkeyPatch) -> None:
    """A new route needs a test of who may use it."""
    assert set(describe(create_app(Settings(), ACCESS))["paths"]) == {
        "/api/calls",
        "/api/calls/{call_id}/assistant",
        "/api/calls/{call_id}/end",
        "/api/calls/{call_id}/joining",
        "/api/calls/{call_id}/measurements",
        "/api/calls/{call_id}/entries/{entry_id}",
        "/api/calls/{call_id}/tickets",
        "/api/calls/{call_id}/summary",  # test_follow_up_api.py, too
        "/api/calls/{call_id}/checklist",
        "/api/calls/{call_id}/checklist/{item}",
        "/api/calls/{call_id}/rating",
        "/api/consent",
        "/api/demo/contacts",  # test_demo_api.py
        "/api/demo/principals",
        "/api/pages/acknowledge",
        "/api/pages/decline",
        "/api/pages/ring",
        "/api/pages/open",
        "/healthz",
        "/readyz",
        "/v1/qos",  # test_qos_api.py
        "/v1/livekit",  # test_own_calls.py
    }


# --- errors and readiness


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_error_shows_no_address_of_ours(web: httpx.AsyncClient, language: str) -> None:
    given = await grant(web)
    await asked(given["call_id"])
    web.headers["Accept-Language"] = language
    headers = {"Authorization": f"Bearer {given['call_token']}"}
    away = [await card(web, given)]
    away.append(await web.post(f"/api/calls/{(await grant(web))['call_id']}/end", headers=headers))
    database = Database(Settings().database_url)
    store = CallStore(database)
    again = await grant(web)
    headers = {"Authorization": f"Bearer {again['call_token']}"}
    away.append(await web.post(f"/api/calls/{again['call_id']}/assistant", headers=headers))
    assert [answer.status_code for answer in away] == [503, 403, 503]
    for answer in away:
        assert answer.json()["error"]["message"] and answer.json()["error"]["remedy"]
        for secret in ("127.0.0.1", "LIUKE_", "http:", "liuke up"):
            assert secret not in answer.text
    assert store
    await database.aclose()


async def test_everybody_learns_that_the_api_runs_and_operators_what_is_away(
    web: httpx.AsyncClient,
) -> None:
    assert (await web.get("/healthz")).json() == {"status": "ok"}
    for headers in ({}, {"Authorization": "Bearer guess"}):
        answer = await web.get("/readyz", headers=headers)
        assert answer.status_code == 404 and "parts" not in answer.text
    headers = {"Authorization": f"Bearer {Settings().internal_token}"}
    answer = await web.get("/readyz", headers=headers)
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert parts["database"]["ok"]
    for name in ("livekit", "speech", "knowledge", "worker"):
        assert not parts[name]["ok"] and parts[name]["remedy"]


async def test_readiness_is_not_checked_anew_for_every_question(
    environment: pytest.MonkeyPatch,
) -> None:
    asked_for = 0
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        nonlocal asked_for
        asked_for += 1
        return {"status": "ok"}

    async with serve(app) as url:
        environment.setenv("LIUKE_SPEECH_URL", url)
        async with api() as http:
            headers = {"Authorization": f"Bearer {Settings().internal_token}"}
            await asyncio.gather(*(http.get("/readyz", headers=headers) for _ in range(10)))
    assert asked_for == 1


async def test_readiness_begins_no_answer_of_a_hosted_model_with_every_check(
    environment: pytest.MonkeyPatch,
) -> None:
    begun = 0
    app = FastAPI()

    @app.get("/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": []}

    @app.post("/chat/completions")
    def complete() -> StreamingResponse:
        nonlocal begun
        begun += 1
        return StreamingResponse(iter(["data: [DONE]\n\n"]), media_type="text/event-stream")

    async with serve(app) as url:
        environment.setenv("OPENAI_BASE_URL", url)
        environment.setenv("OPENAI_API_KEY", "key")
        environment.setattr("agent.api.readiness._FRESH_S", 0.0)
        async with api() as http:
            headers = {"Authorization": f"Bearer {Settings().internal_token}"}
            for _ in range(3):
                parts = (await http.get("/readyz", headers=headers)).json()["parts"]
                assert parts["language-model"]["ok"]
    assert begun == 1


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/api/nothing"])
async def test_what_is_not_for_customers_is_not_there(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(path)
    assert answer.status_code == 404


@pytest.fixture
def described(environment: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    yield describe(create_app(Settings(), ACCESS))


def test_the_pages_are_built_against_this_very_api(described: dict[str, Any]) -> None:
    kept = json.loads((PROJECT_ROOT / "web" / "openapi.json").read_text("utf-8"))
    assert kept == described, "run: python -m agent.api.app openapi > web/openapi.json"


async def test_a_fault_of_ours_is_answered_like_any_error_with_the_headers_of_any_answer(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("agent.service.calls.admission.Admission.admit", fails)
    answer = await web.post("/api/calls", json=await wish(web))
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "inside" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
