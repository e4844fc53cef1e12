"""Audio made ahead: in the pauses of calls only, by a process that stands back for all others."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from agent.speech.client import SpeechClient
from agent.speech.say.ahead import Ahead, Maker, Pauses
from agent.speech.say.cache import SpeechCache, SpeechKey
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.queue import KokoroQueue
from agent.speech.server import create_app
from agent.speech.settings import SpeechSettings
from common.languages import Language
from common.settings import PathSettings
from tests.unit.serving import serve
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.models

MAKING_S = 4.0


def keys(text: str, language: Language) -> list[SpeechKey]:
    return [SpeechKey("voice", language, 1.0, clause, "f") for clause in text.split() if clause]


class SlowMaker:
    """Takes four seconds for a clip; what it was at when it was ended is lost."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.begun: list[str] = []
        self.ended = 0
        self.dies_at = ""

    async def make(self, words: str, language: Language) -> bytes:
        self.begun.append(words)
        await asyncio.sleep(MAKING_S)
        if words == self.dies_at:
            raise EOFError
        self.made.append(words)
        return words.encode()

    async def end(self) -> None:
        self.ended += 1


class Bench:
    """All that fills a cache, on the clock of a test."""

    def __init__(self, folder: Path) -> None:
        self.cache = SpeechCache(folder, 1 << 20)
        self.maker = SlowMaker()
        self.pauses = Pauses(rest_s=20.0)
        self.ahead = Ahead(keys, self.cache, self.pauses, self.maker)

    async def fill(self, *texts: str) -> list[dict[str, object]]:
        return [p.as_json() async for p in self.ahead.fill([(text, "en") for text in texts])]


@virtual_time
async def test_what_is_missing_is_made_in_order_and_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    told = await bench.fill("a b", "", "a", "c")
    assert bench.maker.made == ["a", "b", "c"]
    assert [line["done"] for line in told] == [1, 2, 3, 4]
    assert [line["made"] for line in told] == [True, False, False, True]
    assert bench.maker.ended, "its memory is given back"


@virtual_time
async def test_a_call_ends_it_at_once_and_it_goes_on_in_the_next_pause(tmp_path: Path) -> None:
    bench, now = Bench(tmp_path), asyncio.get_running_loop().time
    began = now()
    filling = asyncio.create_task(bench.fill("a", "b"))
    await asyncio.sleep(MAKING_S + 1)
    bench.pauses.note_call()
    await asyncio.sleep(15)
    bench.pauses.note_call()
    assert (bench.maker.made, bench.maker.begun) == (["a"], ["a", "b"])
    await filling
    assert bench.maker.begun == ["a", "b", "b"]
    assert now() - began == pytest.approx(MAKING_S + 1 + 15 + 20 + MAKING_S)


@virtual_time
async def test_nothing_is_made_while_a_call_goes_on_however_long(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.pauses.note_call()
    filling = asyncio.create_task(bench.fill("a"))
    for _ in range(60):
        await asyncio.sleep(15)
        bench.pauses.note_call()
    assert bench.maker.begun == []
    await filling
    assert bench.maker.made == ["a"]


@virtual_time
async def test_what_cannot_be_made_is_left_and_the_rest_is_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    bench.maker.dies_at = "secret"
    told = await bench.fill("secret", "b")
    assert bench.maker.made == ["b"]
    assert [line["made"] for line in told] == [False, True]
    assert "cannot be made ahead" in caplog.text
    assert "secret" not in caplog.text


#: The process as it is, but with a right to the cores: a busy machine would let it wait for ever.
IMPATIENT = (sys.executable, "-c", "from agent.speech.say.maker import serve; serve()")


class QuickKokoro:
    """The voice of the server itself."""

    def key(self, clause: str, language: Language) -> SpeechKey:
        return SpeechKey("voice", language, 1.0, clause, "f")

    def synthesize(self, clause: str, language: Language) -> bytes:
        return b"made for a call "

    def abort(self) -> None: ...


@virtual_time
async def test_a_call_that_wants_what_is_being_made_has_it_at_once(tmp_path: Path) -> None:
    bench, now = Bench(tmp_path), asyncio.get_running_loop().time
    app = create_app(PathSettings(data_dir=tmp_path), SpeechSettings(), "token")
    app.state.kokoro_queue = queue = KokoroQueue(QuickKokoro(), bench.cache, load_lexicon())
    app.state.pauses = bench.pauses
    app.state.ahead = Ahead(queue.keys, bench.cache, bench.pauses, bench.maker)
    async with serve(app, starts=False) as url:
        client = SpeechClient(url, "token")

        async def fill() -> list[tuple[int, int]]:
            return [told async for told in client.cache([("戴上耳机试试。", "zh")])]

        filling = asyncio.create_task(fill())
        await asyncio.sleep(MAKING_S / 2)
        assert bench.maker.begun
        asked = now()
        pcm = b"".join([chunk async for chunk in client.speak("戴上耳机试试。", "zh")])
        assert pcm == b"made for a call "
        assert now() - asked < 0.1
        assert await filling == [(1, 1)]
        await client.aclose()
    assert bench.maker.made == [], "it was ended, and what it was at is there"
    await queue.aclose()


@pytest.mark.models
async def test_the_process_speaks_and_is_gone_when_it_is_given_up() -> None:
    maker = Maker(IMPATIENT)
    clip = await maker.make("你好。", "zh")
    assert len(clip) > 2 * 24_000 // 4
    (process,) = psutil.Process().children()
    making = asyncio.create_task(maker.make("请稍等一下，" * 10, "zh"))
    await asyncio.sleep(0.2)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    assert not process.is_running()


async def test_the_process_stands_back_for_all_others() -> None:
    maker = Maker()
    making = asyncio.create_task(maker.make("你好。", "zh"))
    while not (children := psutil.Process().children()) or children[0].nice() < 19:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    if sys.platform == "linux":
        while os.sched_getscheduler(children[0].pid) != os.SCHED_IDLE:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)


async def test_a_process_that_cannot_work_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIUKE_CACHE_DIR", str(tmp_path))
    with pytest.raises(EOFError):
        await Maker(IMPATIENT).make("你好。", "zh")
