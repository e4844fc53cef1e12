"""What an operator does by hand: accounts, tickets, who is on call, and what went outside."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from agent.cli.main import app
from agent.duty.rounds import Rounds
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.outbox.forms import Destination, Message
from agent.service.outbox.store import WAITS, Outbox, write_down
from agent.service.promises.store import Given, Promises
from agent.service.retention.store import Retention, Shown
from agent.service.scope import Scope
from agent.service.support import read_support
from agent.service.tickets.store import Happening, TicketStore
from common.errors import InputError, LiukeError
from common.settings import PROJECT_ROOT
from tests.unit.test_keeping import given_call
from tests.unit.test_outbox import delivering

pytestmark = pytest.mark.unit

T = TypeVar("T")
HOOK = '[destinations.hook]\nform = "webhook"\nurl = "http://127.0.0.1:9/"\n'
ROTA = 'alarms = ["hook"]\n' + HOOK + '[[rota]]\nname = "lin"\ndestination = "hook"\n'


class Installation:
    """Its command line, and its records for who looks at them from outside."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.support_file = folder / "support.toml"
        self.support_file.write_text(ROTA, "utf-8")

    def liuke(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if isinstance(done.exception, LiukeError):
            raise done.exception
        assert done.exit_code == status, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def reads(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
        return done.stdout

    def records(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def live() -> T:
            database = Database(self.database_url)
            try:
                return await work(database)
            finally:
                await database.aclose()

        return asyncio.run(live())


@pytest.fixture
def installation(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)
    return Installation(database_url, tmp_path)


def opened(installation: Installation, scope: Scope = Scope("acme")) -> int:  # noqa: B008 - frozen
    now = datetime.now(UTC)

    async def work(database: Database) -> int:
        if scope.call_id:
            async with database.transaction() as session:
                session.add(
                    Call(
                        id=scope.call_id, room=scope.call_id, identity="c", language="zh",
                        consented_at=now, grant_expires_at=now,
                    )
                )  # fmt: skip
        opening = Happening("k", "opened", "customer", now, "wang", severity=1)
        store = TicketStore(database, {})
        ticket = await store.open(
            scope, opening, subject="没有人能进房间", language="zh", page_at=now
        )
        return ticket.number

    return installation.records(work)


def on_duty(installation: Installation, minutes: float = 0) -> None:
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    support = read_support(installation.support_file)
    assert installation.records(lambda database: Rounds(database, support, "http://x").once(now))


def test_an_account_is_made_and_what_is_known_of_it_kept_with_who_said_so(
    installation: Installation,
) -> None:
    assert installation.liuke("accounts", "list") == {"accounts": []}
    installation.liuke("accounts", "put", "acme", "--name", "Acme", "--owner", "zhao")
    installation.liuke("accounts", "state", "acme", "platforms", "android", "web", "--who", "lin")
    installation.liuke("accounts", "state", "acme", "plan", "Pro", "2026")
    known = installation.liuke("accounts", "state", "acme", "plan", "--who", "lin")
    assert (known["name"], known["owner"]) == ("Acme", "zhao")
    assert known["facts"]["platforms"][0]["value"] == ["android", "web"]
    assert [fact["value"] for fact in known["facts"]["plan"]] == [None, "Pro 2026"]
    assert known["facts"]["plan"][0]["who"] == "lin"
    (listed,) = installation.liuke("accounts", "list")["accounts"]
    assert listed["id"] == "acme"
    shown = installation.reads("accounts", "show", "acme")
    assert "android, web" in shown and "not so any more" in shown
    assert "Acme" in installation.reads("accounts", "list")
    for wrong in (("show", "acne"), ("state", "acme", "colour", "red"), ("state", "no", "plan")):
        with pytest.raises(InputError):
            installation.liuke("accounts", *wrong)


def test_a_person_of_an_account_is_put_there_with_their_mail_address(
    installation: Installation,
) -> None:
    installation.liuke("accounts", "put", "acme", "--name", "Acme")
    person = ("accounts", "contact", "acme", "wang", "--name", "王工", "--lang", "zh")
    known = installation.liuke(*person, "--email", "wang@acme.example")
    assert known["contacts"] == [
        {"id": "wang", "name": "王工", "language": "zh", "email": "wang@acme.example"}
    ]
    assert "wang@acme.example" in installation.reads("accounts", "show", "acme")
    for wrong in ((*person, "--email", "wang"), ("accounts", "contact", "acne", *person[3:])):
        with pytest.raises(InputError):
            installation.liuke(*wrong)


def test_a_letter_to_an_account_that_may_leave_is_read_and_settled(
    installation: Installation,
) -> None:
    async def shown(database: Database) -> None:
        await given_call(database, "1")
        for signal in ("competitor", "champion_left"):
            told = Shown(signal, signal, f"their {signal}", "en")
            await Retention(database).note(Scope("acme", "1"), "wang", told)

    installation.records(shown)
    on_duty(installation)
    (draft,) = installation.liuke("accounts", "outreach", "list")["outreach"]
    number = str(draft["number"])
    assert draft["reasons"][0]["sentence"] == "their champion_left"
    assert "competitor" in installation.reads("accounts", "outreach", "list")
    assert "Hello there" in installation.reads("accounts", "outreach", "show", number)
    assert installation.liuke("accounts", "outreach", "drop", number)["state"] == "dropped"
    assert installation.liuke("accounts", "outreach", "list")["outreach"] == []
    assert len(installation.liuke("accounts", "outreach", "list", "--all")["outreach"]) == 1
    for wrong in (("sent", number), ("show", "99")):
        with pytest.raises(InputError):
            installation.liuke("accounts", "outreach", *wrong)


def test_what_was_promised_is_seen_and_said_to_be_kept_by_hand(installation: Installation) -> None:
    due_at = datetime.now(UTC) + timedelta(hours=2)

    async def promised(database: Database) -> None:
        for call_id, account in (("1", "acme"), ("2", "")):
            await given_call(database, call_id, account)
            given = Given(f"p{call_id}", "word", "We write.", due_at, call_id=call_id,
                          account=account)  # fmt: skip
            await Promises(database).give(given, datetime.now(UTC))

    installation.records(promised)
    listed = installation.liuke("promises", "list")["promises"]
    assert [(one["key"], one["state"]) for one in listed] == [("p1", "open"), ("p2", "open")]
    assert "We write." in installation.reads("promises", "list")
    (guests,) = installation.liuke("promises", "keep", "p1")["promises"]
    assert guests["key"] == "p2"
    assert installation.liuke("promises", "withdraw", "p2") == {"promises": []}
    on_duty(installation, 180)
    assert not installation.liuke("outbox", "list")["messages"]
    with pytest.raises(InputError):
        installation.liuke("promises", "keep", "p3")


def test_what_is_done_for_a_customer_is_told_by_hand_and_the_clocks_follow(
    installation: Installation,
) -> None:
    number = str(opened(installation))
    (listed,) = installation.liuke("tickets", "list")["tickets"]
    assert (listed["number"], listed["severity"]) == (int(number), 1)

    def after(*arguments: str) -> tuple[dict[str, Any], dict[str, str]]:
        told = installation.liuke("tickets", *arguments)
        return told, {clock["clock"]: clock["state"] for clock in told["clocks"]}

    assert after("show", number)[1]["human response"] == "running"
    told, clocks = after("say", number, "我们在看", "--who", "lin")
    assert clocks["human response"] == "met" and told["events"][-1]["who"] == "lin"
    assert after("wait", number)[1]["restoration"] == "paused"
    assert after("restore", number, "换了节点")[1]["restoration"] == "met"
    assert after("assign", number, "emma")[0]["assignee"] == "emma"
    assert after("severity", number, "3")[0]["severity"] == 3
    assert after("resolve", number)[0]["status"] == "resolved"
    assert installation.liuke("tickets", "list")["tickets"] == []
    assert len(installation.liuke("tickets", "list", "--all")["tickets"]) == 1
    assert after("reopen", number)[0]["status"] == "open"
    shown = installation.reads("tickets", "show", number)
    assert "没有人能进房间" in shown and "换了节点" in shown
    with pytest.raises(InputError, match="no ticket 99"):
        installation.liuke("tickets", "say", "99", "x")


def test_a_guests_ticket_is_the_operators_to_see_too(installation: Installation) -> None:
    number = opened(installation, Scope("", "a call"))
    told = installation.liuke("tickets", "say", str(number), "x")
    assert told["account"] == "" and len(told["events"]) == 2


def test_who_is_on_call_is_shown_with_what_nobody_has_answered(installation: Installation) -> None:
    number = opened(installation)
    on_duty(installation)
    shown = installation.liuke("oncall", "show", "--severity", "2", "--lang", "en")
    assert [one["name"] for one in shown["on_call"]] == ["lin"]
    assert [(p["ticket"], p["responder"]) for p in shown["pages"]] == [(number, "lin")]
    assert "1. lin, by hook" in installation.reads("oncall", "show")
    on_duty(installation, minutes=6)
    told = installation.liuke("tickets", "show", str(number))
    assert told["pages"][0]["answer"] == "no answer"
    assert [one["state"] for one in told["promises"]] == ["open"]
    installation.liuke("tickets", "say", str(number), "Called back.")
    kept = installation.liuke("tickets", "show", str(number))["promises"][0]
    assert kept["kept_at"] is None  # said before it was promised, by the clock of this test
    installation.liuke("tickets", "resolve", str(number))
    assert installation.liuke("oncall", "show")["pages"] == []
    installation.support_file.unlink()
    assert "Nobody is on call" in installation.reads("oncall", "show")


def test_what_never_arrived_is_seen_and_tried_again(installation: Installation) -> None:
    assert installation.liuke("outbox", "dead") == {"messages": []}

    async def dies(database: Database) -> None:
        now = datetime.now(UTC)
        outbox = Outbox(database)
        async with database.transaction() as session:
            message = Message("ticket.page", "secret link", {"link": "secret"})
            await write_down(session, "k", ["hook", "ops"], message, now)
        for wait in (*WAITS, timedelta()):
            while taken := await outbox.take(now):
                await outbox.failed(taken, "status 500", now)
            now += wait

    installation.records(dies)
    listed = installation.liuke("outbox", "list")["messages"]
    assert {one["state"] for one in listed} == {"dead"} and "secret" not in json.dumps(listed)
    first, second = (
        one["id"] for one in installation.liuke("outbox", "dead", status=1)["messages"]
    )
    assert installation.liuke("outbox", "retry", str(first))["retried"] == [first]
    with pytest.raises(InputError, match=str(first)):
        installation.liuke("outbox", "retry", str(first))
    assert "status 500" in installation.reads("outbox", "list")
    assert installation.liuke("outbox", "retry", "--all")["retried"] == [second]
    with pytest.raises(InputError):
        installation.liuke("outbox", "retry")
    assert {one["state"] for one in installation.liuke("outbox", "list")["messages"]} == {"waiting"}


async def test_a_page_rings_where_somebody_listens(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "whsec_" + base64.b64encode(b"of this test alone, long enough").decode()
    monkeypatch.setenv("MONDAY_SECRET", secret)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    listening = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.cli.main", "oncall", "listen", "--json"),
        *("--port", str(port), "--secret-env", "MONDAY_SECRET"),
        cwd=PROJECT_ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    database = Database(database_url)
    link = "http://127.0.0.1:8900/join.html#abc"
    message = Message("ticket.page", "…", {"ticket": 7, "severity": 1, "link": link})
    url = SecretStr(f"http://127.0.0.1:{port}/")
    try:
        assert listening.stdout and listening.stderr
        async with asyncio.timeout(60):
            assert f"127.0.0.1:{port}" in (await listening.stderr.readline()).decode()
        async with database.transaction() as session:
            for key, whom in (("false", "unsigned"), ("true", "signed")):
                await write_down(session, key, [whom], message, datetime.now(UTC))
        unsigned = Destination("unsigned", "webhook", url)
        async with delivering(
            database, unsigned, Destination("signed", "webhook", url, SecretStr(secret))
        ), asyncio.timeout(60):  # fmt: skip
            told = json.loads(await listening.stdout.readline())
            refused = (await listening.stderr.readline()).decode()
        assert told == {"type": "ticket.page", **message.data}
        assert "Refused" in refused
    finally:
        listening.kill()
        await listening.wait()
        await database.aclose()
