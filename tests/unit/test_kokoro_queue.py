"""The queue in front of the voice, with a voice that a test opens and closes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.speech.say.cache import SpeechCache, SpeechKey
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.queue import KokoroQueue
from common.errors import ServiceError
from common.languages import Language

pytestmark = pytest.mark.unit


class GatedVoice:
    """Speaks a text as its own bytes, one for each permit that a test gives."""

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.started = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)
        self.fails = False
        self.aborted: list[str] = []

    def key(self, clause: str, language: Language) -> SpeechKey:
        return SpeechKey("voice", language, 1.0, clause, "fingerprint")

    def synthesize(self, clause: str, language: Language) -> bytes:
        self.spoken.append(clause)
        self.started.release()
        self.permits.acquire()
        if self.fails or clause in self.aborted:
            raise RuntimeError("out of memory, or aborted")
        return clause.encode()

    def abort(self) -> None:
        self.aborted.append(self.spoken[-1])
        self.permits.release()

    def open(self) -> None:
        self.permits.release(1000)


@pytest.fixture
def voice() -> GatedVoice:
    return GatedVoice()


@pytest.fixture
async def kokoro_queue(voice: GatedVoice, tmp_path: Path) -> AsyncIterator[KokoroQueue]:
    made = KokoroQueue(voice, SpeechCache(tmp_path, 1 << 20), load_lexicon(), max_waiting=3)
    yield made
    voice.open()
    await made.aclose()


async def heard(kokoro_queue: KokoroQueue, text: str) -> list[str]:
    return [clip.decode() async for clip in kokoro_queue.speak(text, "zh")]


async def started(voice: GatedVoice) -> None:
    await asyncio.to_thread(voice.started.acquire)


async def settled() -> None:
    """Let the look-ups in the cache, which are in threads, come back."""
    await asyncio.sleep(0.05)


async def test_clauses_come_one_by_one(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    audio = kokoro_queue.speak("请先检查网络权限，然后重启您的应用。", "zh")
    voice.permits.release()
    assert (await anext(audio)).decode() == "请先检查网络权限，"
    voice.permits.release()
    assert (await anext(audio)).decode() == "然后重启您的应用。"
    with pytest.raises(StopAsyncIteration):
        await anext(audio)


async def test_what_was_said_comes_from_the_cache(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    voice.open()
    assert not await kokoro_queue.is_cached("您好，欢迎来电。", "zh")
    first = await heard(kokoro_queue, "您好，欢迎来电。")
    assert await kokoro_queue.is_cached("您好，欢迎来电。", "zh")
    assert await heard(kokoro_queue, "您好，欢迎来电。") == first
    assert len(voice.spoken) == 1


async def test_the_same_clause_wanted_twice_is_made_once(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    both = [asyncio.create_task(heard(kokoro_queue, "正在查询。")) for _ in range(2)]
    await started(voice)
    await settled()
    voice.open()
    assert await asyncio.gather(*both) == [["正在查询。"], ["正在查询。"]]
    assert voice.spoken == ["正在查询。"]


async def test_who_leaves_is_not_spoken_to(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    running = asyncio.create_task(heard(kokoro_queue, "第一句话。"))
    await started(voice)
    gone = asyncio.create_task(heard(kokoro_queue, "没人要听。"))
    await settled()
    gone.cancel()
    await settled()
    voice.open()
    await running
    await heard(kokoro_queue, "还有一句。")
    assert voice.spoken == ["第一句话。", "还有一句。"]


async def test_what_nobody_waits_for_any_more_is_aborted(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    interrupted = asyncio.create_task(heard(kokoro_queue, "这句话被打断了。"))
    await started(voice)
    interrupted.cancel()
    await settled()
    assert voice.aborted == ["这句话被打断了。"]
    voice.open()
    assert await heard(kokoro_queue, "下一句话。") == ["下一句话。"]
    assert not await kokoro_queue.is_cached("这句话被打断了。", "zh")


async def test_one_of_two_who_leaves_takes_nothing_from_the_other(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    gone = asyncio.create_task(heard(kokoro_queue, "正在查询。"))
    stays = asyncio.create_task(heard(kokoro_queue, "正在查询。"))
    await started(voice)
    gone.cancel()
    await settled()
    voice.open()
    assert await stays == ["正在查询。"]
    assert voice.aborted == []


async def test_a_full_queue_refuses_for_now(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    tasks = [asyncio.create_task(heard(kokoro_queue, f"这是第{n}句。")) for n in "一"]
    await started(voice)
    tasks += [asyncio.create_task(heard(kokoro_queue, f"这是第{n}句。")) for n in "二三四"]
    await settled()
    with pytest.raises(ServiceError) as refused:
        await heard(kokoro_queue, "这是第五句。")
    assert refused.value.retryable
    voice.open()
    assert len(await asyncio.gather(*tasks)) == 4


async def test_first_come_first_served(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    tasks = [asyncio.create_task(heard(kokoro_queue, "第一句话。"))]
    await started(voice)
    for text in ("第三个人。", "第二个人。"):
        tasks.append(asyncio.create_task(heard(kokoro_queue, text)))
        await settled()
    voice.open()
    await asyncio.gather(*tasks)
    assert voice.spoken == ["第一句话。", "第三个人。", "第二个人。"]


async def test_a_failing_voice_is_a_clear_error_and_not_the_end(
    kokoro_queue: KokoroQueue, voice: GatedVoice, caplog: pytest.LogCaptureFixture
) -> None:
    voice.open()
    voice.fails = True
    with pytest.raises(ServiceError, match="could not speak") as told:
        await heard(kokoro_queue, "说不出来。")
    assert "说不出来" not in str(told.value) + caplog.text
    voice.fails = False
    assert await heard(kokoro_queue, "说得出来。") == ["说得出来。"]


async def test_closing_lets_nobody_wait(voice: GatedVoice, tmp_path: Path) -> None:
    made = KokoroQueue(voice, SpeechCache(tmp_path, 1 << 20), load_lexicon())
    tasks = [asyncio.create_task(heard(made, text)) for text in ("第一句话。", "第二句话。")]
    await started(voice)
    await settled()
    closing = asyncio.create_task(made.aclose())
    voice.open()
    await closing
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, ServiceError) for result in results)
    with pytest.raises(ServiceError):
        await heard(made, "第三句话。")
