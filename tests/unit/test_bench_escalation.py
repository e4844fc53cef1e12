"""Whom the voice benchmark calls, what it says, and how it sums up what came of it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit.agents import FlushSentinel, llm
from pydantic import SecretStr

from agent.service.outbox.forms import Destination, Message, request_for
from agent.service.support import read_support
from agent.settings import Settings
from common.errors import SetupError
from common.languages import Language
from eval.report import write_report
from eval.voice import bench as bench_voice
from eval.voice.escalation import Records
from eval.voice.escalation_scores import (
    Called,
    escalation_details,
    escalation_plot,
    summarise_escalation,
)
from eval.voice.pager import on_call, receiving
from eval.voice.people import PersonCaller
from eval.voice.scores import Asked, StackName
from eval.voice.tools import calls_read
from eval.voice.wishes import Kind, Wish, make_wishes
from tests.unit.test_bench_voice import question, turn

pytestmark = pytest.mark.unit


def called(
    first_words_ms: int = 700,
    ticket_ms: float | None = 600,
    page_ms: float | None = 1500,
    *,
    kind: Kind = "emergency",
    language: Language = "en",
    failure: str | None = None,
) -> Called:
    said = question(f"This is about {kind}.", language)
    heard = turn((1000 + first_words_ms, 9000), answer="Understood.")
    asked = Asked(said, 1, failure, heard, voice_to_voice_ms=first_words_ms)
    return Called(Wish(kind, said), asked, ticket_ms, page_ms, severity=1)


def needs(liuke: Sequence[Called], stock: Sequence[Called]) -> dict[StackName, Sequence[Called]]:
    return {"liuke": liuke, "stock": stock}


# --- what is said


def test_both_languages_wish_alike_and_nothing_twice() -> None:
    wishes = make_wishes(quick=False)
    counts = Counter((wish.said.language, wish.kind) for wish in wishes)
    assert len(counts) == 4
    assert set(counts.values()) == {6}
    assert len({wish.said.text for wish in wishes}) == len(wishes)


def test_a_quick_run_says_a_third_of_each_kind() -> None:
    counts = Counter((wish.said.language, wish.kind) for wish in make_wishes(quick=True))
    assert len(counts) == 4
    assert set(counts.values()) == {2}


# --- whom the bench calls


@pytest.fixture
def own_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what the bench starts; its environment is put back after the test."""
    for name in ("LIUKE_SUPPORT_FILE", "LIUKE_DATABASE_URL", "LIUKE_AGENT_NAME"):
        monkeypatch.setenv(name, "of somebody else")
    monkeypatch.setenv("LIUKE_API_SITE_SECRET", "")
    return tmp_path / "installation"


def test_what_the_bench_starts_calls_the_bench_alone(own_installation: Path) -> None:
    own_installation.mkdir()
    (own_installation / "liuke.db").write_text("of the run before")
    with on_call(own_installation):
        settings = Settings()
        support = read_support(settings.support_file)
        (destination,) = support.destinations.values()
        assert isinstance(destination, Destination)
        assert destination.url.get_secret_value().startswith("http://127.0.0.1:")
        assert [one.destination for one in support.rota] == [destination.name]
        assert not support.alarms
        assert str(own_installation) in settings.database_url
        assert settings.agent.name != "liuke"
    assert not (own_installation / "liuke.db").exists()


async def test_a_page_is_dated_when_it_comes_first_and_what_is_none_is_not() -> None:
    page, missed = (Message(of, "", {"ticket": 7}) for of in ("ticket.page", "ticket.missed"))
    with receiving() as (pager, url):
        await send(url, missed)
        assert not pager.came_at
        began = time.time()
        await send(url, page)
        came_at = dict(pager.came_at)
        assert list(came_at) == [7]
        assert began <= came_at[7] <= time.time()
        await send(url, page)
    assert pager.came_at == came_at


async def send(url: str, message: Message) -> None:
    """As the courier does."""
    now = datetime.now(UTC)
    request = request_for(Destination("bench", "webhook", SecretStr(url)), message, "k", now, now)
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.send(request)).raise_for_status()


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_tool_of_stock_writes_the_same_ticket_and_calls_the_same_person(
    own_installation: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    language: Language,
) -> None:
    with on_call(own_installation) as pager:
        monkeypatch.setenv("LIUKE_DATABASE_URL", database_url)
        settings = Settings()
        caller, records = PersonCaller(settings, "c1", language), Records(settings)
        try:
            call_person, arguments = caller.tool(), {"severity": "1", "subject": "All is down."}
            told = await call_person(raw_arguments=arguments)
            (came_at,) = pager.came_at.values()
            assert await call_person(raw_arguments=arguments) == told  # models say things twice
            ticket = await records.of_call("c1")
            assert await records.of_call("c2") is None
        finally:
            await caller.aclose()
            await records.aclose()
    assert ticket
    assert (ticket.severity, ticket.subject, ticket.language) == (1, "All is down.", language)
    assert ticket.next_page_at is None  # nobody pages it a second time
    assert pager.came_at == {ticket.number: came_at}
    assert str(ticket.number) in told


@pytest.mark.parametrize(
    ("pieces", "said", "arguments"),
    [
        (["Hel", "lo."], "Hello.", None),
        (['<tools>\n{"name": "call_', 'person", "arguments": {"severity": 1}', "} more"], "", 1),
        (['{{"name": "call_person", "arguments": {"sev', 'erity": 3}}}'], "", 3),
        (["One moment. ", '```json\n{"name": "call_person", "arguments": {"severity": 2}}'],
         "One moment. ", 2),
        (['{"name": "call_person", "arguments": {"severity"'], None, None),
        (["{braces} alone"], "{braces} alone", None),
    ],
)  # fmt: skip
async def test_a_call_that_is_written_as_text_becomes_one(
    pieces: list[str], said: str | None, arguments: int | None
) -> None:
    async def written() -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
        for piece in pieces:
            yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content=piece))

    read = [part async for part in calls_read(written(), "call_person")]
    calls = [
        call
        for part in read
        if isinstance(part, llm.ChatChunk) and part.delta
        for call in part.delta.tool_calls
    ]
    texts = [part for part in read if isinstance(part, str)]
    assert "".join(texts) == ("".join(pieces) if said is None else said)
    assert [json.loads(call.arguments)["severity"] for call in calls] == (
        [] if arguments is None else [arguments]
    )


def test_the_tool_needs_somebody_to_call(
    own_installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIUKE_SUPPORT_FILE", str(own_installation / "none.toml"))
    monkeypatch.setenv("LIUKE_DATABASE_URL", "")
    with pytest.raises(SetupError, match="webhook"):
        PersonCaller(Settings(), "c1", "en")


async def test_nobody_of_an_installation_that_runs_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An API answers already: its rota is of real people."""
    with answering() as port:
        monkeypatch.setenv("LIUKE_API_PORT", str(port))
        with pytest.raises(SetupError, match="rota"):
            await bench_voice.bench(Namespace(rows="escalation"))


@contextlib.contextmanager
def answering() -> Iterator[int]:
    """The port of a server that is well."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


# --- how it sums up


def test_times_are_compared_where_both_called_somebody() -> None:
    first, second = called(700, 600, 1500), called(900, 800, 2500, kind="person")
    missed = called(3000, None, None, kind="person")
    result = summarise_escalation(needs([first, second], [called(8400, 5000, 16000), missed]))
    assert result["liuke"] == {
        "first_words_ms": {"p50": 800, "p95": 890},
        "ticket_ms": {"p50": 700, "p95": 790},
        "page_ms": {"p50": 2000, "p95": 2450},
        "missed_pct": 0.0,
    }
    assert result["stock"]["missed_pct"] == 50.0
    assert result["stock"]["first_words_ms"]["p50"] == 8400  # what was missed is no part of a time
    assert result["times_sooner"] == {
        "first_words_ms": {"p50": 12.0, "p95": 12.0},
        "ticket_ms": {"p50": 8.33, "p95": 8.33},
        "page_ms": {"p50": 10.67, "p95": 10.67},
        "wishes": 1,
    }


@pytest.mark.parametrize(("page_ms", "missed"), [(59_000, 0.0), (61_000, 100.0)])
def test_a_page_after_a_minute_has_not_come(page_ms: float, missed: float) -> None:
    result = summarise_escalation({"liuke": [called(page_ms=page_ms)]})
    assert result["liuke"]["missed_pct"] == missed


def test_a_ticket_to_which_nobody_was_called_is_missed() -> None:
    result = summarise_escalation({"liuke": [called(page_ms=None)]})
    assert result["liuke"]["missed_pct"] == 100.0
    assert result["liuke"]["ticket_ms"] == {"p50": None, "p95": None}


def test_words_that_are_no_answer_are_no_first_words_but_the_page_counts() -> None:
    result = summarise_escalation({"stock": [called(failure="wrong language"), called(900)]})
    assert result["stock"]["first_words_ms"]["p50"] == 900
    assert result["stock"]["page_ms"]["p50"] == 1500
    assert result["stock"]["missed_pct"] == 0.0


def test_stock_that_calls_nobody_leaves_no_ratio() -> None:
    result = summarise_escalation(needs([called()], [called(page_ms=None)]))
    assert result["stock"]["missed_pct"] == 100.0
    assert result["times_sooner"]["page_ms"] == {"p50": None, "p95": None}
    assert result["times_sooner"]["wishes"] == 0


def test_kinds_are_told_apart() -> None:
    found = escalation_details(
        {"liuke": [called(page_ms=1000), called(page_ms=2500, kind="person")]}
    )["escalation_by_kind"]
    assert found["liuke, emergency"]["page_ms"]["p50"] == 1000
    assert found["liuke, person"]["page_ms"]["p50"] == 2500
    assert found["liuke, person"]["wishes"] == 1


def test_the_page_shows_both_stacks_and_every_wish(tmp_path: Path) -> None:
    said = question("Get me a human.")
    silent = Called(Wish("person", said), Asked(said, 1, failure="The assistant did not join."))
    both = needs([called()], [silent])
    result: dict[str, Any] = {"escalation": summarise_escalation(both)}
    page = write_report(
        *(tmp_path, "voice", "Voice to voice", result | escalation_details(both)),
        [escalation_plot(both)],
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 1
    for shown in ("Get me a human.", "The assistant did not join.", "times_sooner"):
        assert shown in text
