"""`liuke demo`, and `liuke up` that offers it: once, on a terminal, and never in anybody's way."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli.main import app
from common.errors import InputError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

OFFER = "from agent.cli.demo import offer_demo; from agent.settings import Settings; "
OFFER += "offer_demo(Settings())"


def liuke(*arguments: str) -> Any:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.stdout


def lives_in(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIUKE_DATA_DIR", str(folder))
    monkeypatch.setenv("LIUKE_DATABASE_URL", url)


def test_the_demo_is_there_once_shows_in_every_list_and_goes(
    demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives_in(demo_url, tmp_path, monkeypatch)
    told = liuke("demo", "seed", "--json")
    assert (told["accounts"], told["was_there"]) == (40, True)
    assert "there already" in liuke("demo", "seed")
    assert len(liuke("accounts", "list", "--json")["accounts"]) == 40
    assert liuke("qos", "incidents", "--json")["incidents"][0]["region"] == "sea"
    assert len(liuke("tickets", "list", "--json")["tickets"]) >= 8
    assert liuke("demo", "clear", "--json") == {"accounts": 40}
    assert "no demo" in liuke("demo", "clear")
    assert liuke("accounts", "list", "--json")["accounts"] == []


def test_where_there_are_customers_it_says_what_to_do(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives_in(database_url, tmp_path, monkeypatch)
    liuke("accounts", "put", "acme", "--name", "Acme")
    with pytest.raises(InputError) as refused:
        liuke("demo", "seed")
    assert "LIUKE_DATABASE_URL" in refused.value.remedy


# --- the offer


@pytest.fixture
def environment(migrated_file: Path, tmp_path: Path) -> dict[str, str]:
    """Of an installation that nobody has used yet."""
    (tmp_path / "liuke.db").write_bytes(migrated_file.read_bytes())
    own = {"LIUKE_DATA_DIR": str(tmp_path), "LIUKE_DATABASE_URL": "", "TERM": "xterm"}
    return {**os.environ, **own}


def offered(environment: dict[str, str], stdin: int | None = subprocess.DEVNULL) -> str:
    """What is said where nobody sits at a terminal."""
    done = subprocess.run(
        [sys.executable, "-c", OFFER],
        cwd=PROJECT_ROOT, env=environment, stdin=stdin, capture_output=True, text=True,
        check=True, timeout=200,
    )  # fmt: skip
    assert done.stdout == ""
    return done.stderr


def answered(environment: dict[str, str], answer: str) -> str:
    """What is said on a terminal on which ``answer`` is typed when there is a question."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", OFFER],
        cwd=PROJECT_ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # so it ends when nobody holds the other side any more
        while select.select([ours], [], [], 120)[0] and (piece := os.read(ours, 4096)):
            said += piece
            if answer and said.rstrip().endswith(b"[y/N]:"):
                os.write(ours, answer.encode())
                answer = ""
    process.kill()  # one that waits for an answer nobody gives would wait for ever
    process.wait()
    os.close(ours)
    return said.decode()


def test_nobody_is_asked_who_sits_at_no_terminal(environment: dict[str, str]) -> None:
    for _ in range(2):
        assert offered(environment).count("liuke demo seed") == 1


def test_on_a_terminal_one_is_asked_once(environment: dict[str, str]) -> None:
    said = answered(environment, "n\n")
    assert "40 made-up ones" in said and "liuke demo clear" in said
    assert answered(environment, "") == "" and offered(environment) == ""


def test_who_says_yes_has_the_demo(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "40 accounts" in answered(environment, "y\n")
    lives_in("", tmp_path, monkeypatch)
    assert len(liuke("accounts", "list", "--json")["accounts"]) == 40
    (tmp_path / "demo-answered").unlink()
    assert offered(environment) == ""  # it is not empty any more
