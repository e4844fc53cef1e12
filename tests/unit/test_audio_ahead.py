"""What `liuke up` has made ahead: what is worth most first, and only while our processes rest."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from agent.cli.up import _Display, _JsonLines
from agent.host.audio_ahead import Load, Phrase, SpeechCached, first_words, in_order, make_ahead
from agent.host.up import Ready
from agent.prompts import fixed_phrases
from agent.settings import Settings
from agent.speech.client import SpeechClient
from knowledge.contract import PERSON, Opening, Playbook, PlaybookStep
from tests.unit.serving import serve

pytestmark = pytest.mark.unit

OPENINGS = [
    Opening("en/restart", "Turn it off and on again, then wait."),
    Opening("en/echo", "Put on headphones."),
    Opening("zh/echo", "先给手机戴上耳机，然后再试一次。"),
]


def playbook(entry_id: str, *says: str) -> Playbook:
    return Playbook(
        entry_id, tuple(PlaybookStep(f"s{n}", s, (), PERSON) for n, s in enumerate(says))
    )


PLAYBOOKS = [
    playbook("en/echo", "Is it there?", "Is it gone?"),
    playbook("en/noise", "Is it the room?"),
    playbook("zh/echo", "先戴上有线的耳机再说一句话，回声还在吗？"),
]


def test_first_what_calls_say_then_openings_then_playbooks_beginnings_first() -> None:
    ordered = in_order([("Hello.", "en")], OPENINGS, PLAYBOOKS)
    assert ordered == [
        ("Hello.", "en"),
        ("先给手机戴上耳机，", "zh"),
        ("Turn it off and on again,", "en"),
        ("先给手机戴上耳机，然后再试一次。", "zh"),
        ("Turn it off and on again, then wait.", "en"),
        ("Put on headphones.", "en"),
        ("先戴上有线的耳机再说一句话，", "zh"),
        ("先戴上有线的耳机再说一句话，回声还在吗？", "zh"),
        ("Is it there?", "en"),
        ("Is it the room?", "en"),
        ("Is it gone?", "en"),
    ]


def test_a_call_begins_with_words_that_are_said_as_they_are() -> None:
    assert set(first_words()) < set(fixed_phrases())


class SlowSpeech:
    """A speech server that makes a phrase in a tenth of a second, and notes what was wanted."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.wanted: list[list[str]] = []
        self.app.post("/cache")(self.cache)

    async def cache(self, request: Request) -> StreamingResponse:
        phrases = (await request.json())["phrases"]
        self.wanted.append([phrase["text"] for phrase in phrases])

        async def lines() -> AsyncIterator[str]:
            for done in range(1, len(phrases) + 1):
                await asyncio.sleep(0.1)
                yield json.dumps({"done": done, "total": len(phrases), "made": True}) + "\n"

        return StreamingResponse(lines())


def working_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "while True: pass"])


async def test_it_breaks_off_while_a_process_of_ours_works_and_goes_on_where_it_was() -> None:
    speech, told = SlowSpeech(), list[SpeechCached]()
    phrases: list[Phrase] = [(f"Phrase {n}.", "en") for n in range(60)]
    busy: list[subprocess.Popen[bytes]] = []
    async with serve(speech.app) as url:
        client = SpeechClient(url, "token")
        load = Load(lambda: [process.pid for process in busy])
        making = asyncio.create_task(make_ahead(client, phrases, load, told.append))
        while len(told) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        busy.append(working_process())
        while not told[-1].waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        was_at = told[-1].done
        await asyncio.sleep(1)
        assert told[-1] == SpeechCached(was_at, 60, waiting=True)
        busy[0].kill()
        busy[0].wait()
        await making
        await client.aclose()
    assert told[-1] == SpeechCached(60, 60, waiting=False)
    assert [len(wanted) for wanted in speech.wanted] == [60, 60 - was_at]


def test_liuke_up_shows_how_far_it_is_and_that_it_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = _Display(0.0, Settings())
    for done in range(31):
        display(SpeechCached(done, 100, waiting=done == 20))
    display(SpeechCached(100, 100, waiting=False))
    lines = [line for line in capsys.readouterr().err.splitlines() if "udio" in line]
    assert [line.split(": ")[-1].rstrip(".") for line in lines[:-1]] == [
        "0 of 100",
        "10 of 100",
        "20 of 100; waiting while something is asked",
        "30 of 100",
    ]
    assert lines[-1].endswith("is ready.")


def test_liuke_up_says_the_same_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _JsonLines(0.0)
    lines(Ready("http://127.0.0.1:8900"))
    lines(SpeechCached(3, 400, waiting=True))
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {"event": "speech-cache", "done": 3, "total": 400, "waiting": True}
