"""Text to speech in a call: clauses leave as they are written, and a voice that fails ends nothing.

The speech server is a real HTTP server that answers what the test says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from livekit.agents.tts import SynthesizeStream
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString

from agent.call.timing import TIMING
from agent.call.tts import KokoroTTS, timed
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from tests.unit.scripted import Answers, SpeechServer, scripted_call
from tests.unit.serving import serve
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit


@dataclass
class Spoken:
    """What came out of the voice."""

    words: list[TimedString] = field(default_factory=list)
    audio: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def seconds(self) -> float:
        return len(self.audio) / SPEAKING_RATE_HZ


@asynccontextmanager
async def voice(app: FastAPI) -> AsyncIterator[SynthesizeStream]:
    async with serve(app) as url:
        client = SpeechClient(url, "token")
        stream = KokoroTTS(client).stream()
        yield stream
        await stream.aclose()
        await client.aclose()


async def heard(stream: SynthesizeStream) -> Spoken:
    """All that the stream still says."""
    spoken = Spoken()
    async for part in stream:
        spoken.words += part.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
        spoken.audio = np.append(spoken.audio, np.frombuffer(part.frame.data, np.int16))
    return spoken


async def say(app: FastAPI, text: str) -> Spoken:
    async with voice(app) as stream:
        stream.push_text(text)
        stream.end_input()
        return await heard(stream)


@virtual_time
async def test_a_clause_is_spoken_while_the_next_is_still_written() -> None:
    server = SpeechServer()
    async with voice(server.app) as stream:
        stream.push_text("请先打开回声消除，")
        stream.push_text("再看")
        await asyncio.sleep(1)
        assert server.spoken == [("请先打开回声消除，", "zh")]
        stream.push_text("看扬声器。")
        stream.end_input()
        assert (await heard(stream)).text == "请先打开回声消除，再看看扬声器。"
    assert server.spoken[1:] == [("再看看扬声器。", "zh")]


@virtual_time
async def test_foreign_words_keep_the_voice_of_the_answer() -> None:
    server = SpeechServer()
    await say(server.app, "您可以更新一下凭证。SDK token renewal。然后再加入房间。")
    assert {language for _, language in server.spoken} == {"zh"}


@virtual_time
async def test_each_word_has_the_time_at_which_it_is_heard() -> None:
    spoken = await say(SpeechServer().app, "First open the settings. Then turn echo control on.")
    starts = [cast("float", word.start_time) for word in spoken.words]
    assert starts == sorted(starts) and starts[0] == 0.0
    assert spoken.words[-1].end_time == pytest.approx(spoken.seconds, abs=0.02)
    assert spoken.text == "First open the settings. Then turn echo control on."


def test_the_words_of_a_clause_share_its_time_by_their_syllables() -> None:
    words = timed("打开 SDK 日志", 1.0, 2.0)
    assert [str(word) for word in words] == ["打", "开 ", "SDK ", "日", "志"]
    assert words[0].start_time == 1.0
    assert words[-1].end_time == pytest.approx(3.0)


@virtual_time
async def test_a_server_that_was_busy_for_a_moment_loses_nothing() -> None:
    server = SpeechServer()
    server.is_mute = True
    asyncio.get_running_loop().call_later(1.0, lambda: setattr(server, "is_mute", False))
    spoken = await say(server.app, "请先打开回声消除，再看看扬声器。")
    assert [text for text, _ in server.spoken] == ["请先打开回声消除，", "再看看扬声器。"]
    assert spoken.audio.any()


@virtual_time
async def test_a_clause_that_cannot_be_spoken_is_shown_for_as_long() -> None:
    server = SpeechServer()
    server.is_mute = True
    spoken = await say(server.app, "请先打开回声消除，再看看扬声器。")
    assert spoken.text == "请先打开回声消除，再看看扬声器。"
    assert not spoken.audio.any()
    assert spoken.seconds == pytest.approx(14 * TIMING.silent_syllable_s, abs=0.1)


@virtual_time
async def test_the_waiting_for_one_answer_has_an_end() -> None:
    server = SpeechServer()
    server.is_mute = True
    before = asyncio.get_running_loop().time()
    await say(server.app, "请先打开回声消除，再看看扬声器。最后确认房间里没有第二台设备。")
    waited_s = asyncio.get_running_loop().time() - before
    assert waited_s < sum(TIMING.voice_retries_s) + 1.0


@virtual_time
async def test_an_answer_from_something_else_is_an_error_like_any_other() -> None:
    proxy = FastAPI()

    @proxy.post("/speak")
    async def speak() -> HTMLResponse:
        return HTMLResponse("<h1>Bad Gateway</h1>", 502)

    assert (await say(proxy, "请先打开回声消除。")).text == "请先打开回声消除。"


@virtual_time
async def test_what_cannot_be_said_is_no_failure() -> None:
    assert (await say(SpeechServer().app, "👍")).seconds > 0


@virtual_time
async def test_a_voice_that_is_away_for_many_answers_does_not_end_the_call() -> None:
    """The framework ends a call with the fourth answer that failed."""
    server, answers = SpeechServer(), Answers(pieces=[(0.1, "请先打开回声消除。")])
    async with scripted_call(answers, server) as call:
        server.is_mute = True
        for _ in range(4):
            await call.says("我们的通话里有回声怎么办", 1.8)
            await call.quiet(6000)
        assert call.said == [("请先打开回声消除。", False)] * 4
        server.is_mute = False
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        run = call.loudspeaker.runs[-1]
        assert call.loudspeaker.heard(run.start_ms, run.end_ms).any()
