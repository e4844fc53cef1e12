"""`liuke qos`: files go in, and what they say is shown."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import app
from agent.service.accounts.store import AccountStore
from agent.service.database import Database

pytestmark = pytest.mark.unit

ACCOUNTS = ("acme", "blue", "cyan")


@pytest.fixture(autouse=True)
def _accounts(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)

    async def make() -> None:
        database = Database(database_url)
        for account in ACCOUNTS:
            await AccountStore(database).put(account, account.title())
        await database.aclose()

    asyncio.run(make())


def liuke(*arguments: str, stdin: bytes = b"") -> tuple[int, Any]:
    """Exit status, and what was printed, read as JSON where it was asked for."""
    result = CliRunner().invoke(app, ["qos", *arguments], input=stdin)
    if "--json" not in arguments:
        return result.exit_code, result.stdout
    return result.exit_code, json.loads(result.stdout)


def bad_minutes(*accounts: str) -> bytes:
    """Of each account four minutes with a latency of 900 ms, an hour ago."""
    hour = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    rows = [
        f"{account},live,cn-east,{(hour + timedelta(minutes=number)).isoformat()},60,900,0.02"
        for account in accounts
        for number in range(4)
    ]
    header = "account,app,region,minute,users,latency_ms,packet_loss"
    return "\n".join([header, *rows]).encode()


def test_a_file_goes_in_once(tmp_path: Path) -> None:
    file = tmp_path / "quality.csv"
    file.write_bytes(bad_minutes("acme", "nobody"))
    status, told = liuke("import", str(file), "--json")
    assert (status, told["accepted"], told["refused_count"]) == (1, 4, 4)
    assert told["refused"][0] == {"line": 6, "reason": "there is no account 'nobody'"}
    file.write_bytes(bad_minutes("acme"))
    assert liuke("import", str(file)) == (0, "0 rows taken, 4 there already, 0 refused.\n")


def test_rows_are_read_in_from_the_standard_input() -> None:
    row = {"account": "acme", "app": "live", "region": "cn", "users": 1}
    lines = json.dumps(row | {"minute": "2026-11-30T02:15Z"}).encode()
    status, told = liuke("import", "-", "--json", stdin=b"\xef\xbb\xbf\n" + lines)
    assert (status, told["accepted"]) == (0, 1)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["qos", "import", str(tmp_path / "none.csv")])
    assert "none.csv cannot be read" in str(result.exception)


def test_an_account_is_shown_with_what_it_missed() -> None:
    liuke("import", "-", stdin=bad_minutes(*ACCOUNTS))
    status, told = liuke("show", "acme", "--json")
    (group,) = told["groups"]
    assert (group["group"], group["minutes"], group["latency_ms"]) == ("cn-east", 4, 900)
    (crossing,) = told["crossings"]
    assert (crossing["metric"], crossing["minutes"], crossing["account"]) == (
        *("latency_ms", 4, "acme"),
    )
    assert (status, told["hours_to_roll_up"]) == (0, 0)
    _, by_app = liuke("show", "acme", "--by", "app", "--hours", "48")
    assert "live" in by_app and "900 ms" in by_app and "2.00 %" in by_app
    _, nothing = liuke("show", "nobody")
    assert "Nothing was reported" in nothing and "No target" in nothing


def test_an_incident_is_shown_with_its_accounts() -> None:
    liuke("import", "-", stdin=bad_minutes("acme", "blue"))
    assert liuke("incidents") == (0, "No incidents.\n")
    liuke("import", "-", stdin=bad_minutes("cyan"))
    _, told = liuke("incidents", "--json")
    (incident,) = told["incidents"]
    assert (incident["region"], incident["accounts"]) == ("cn-east", list(ACCOUNTS))
    assert "cn-east" in liuke("incidents")[1]
