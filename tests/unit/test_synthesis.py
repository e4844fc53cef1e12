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


async def warmed(kokoro_queue: KokoroQueue, text: str) -> None:
    async for _ in kokoro_queue.cache([(text, "zh")]):
        pass


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


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not wait until a host is at rest."""
    monkeypatch.setattr("agent.speech.say.queue._REST_S", 0.0)


async def test_nothing_is_made_ahead_until_calls_have_been_quiet_for_a_while(
    kokoro_queue: KokoroQueue, voice: GatedVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.speech.say.queue._REST_S", 0.5)
    voice.open()
    warming = asyncio.create_task(warmed(kokoro_queue, "预先合成。"))
    kokoro_queue.note_call()
    await asyncio.sleep(0.3)
    kokoro_queue.note_call()
    await asyncio.sleep(0.3)
    assert not voice.spoken
    await warming
    assert voice.spoken == ["预先合成。"]


async def test_on_a_busy_host_each_phrase_waits_for_a_time_only(
    kokoro_queue: KokoroQueue, voice: GatedVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.speech.say.queue._REST_S", 60.0)
    monkeypatch.setattr("agent.speech.say.queue._LONGEST_REST_S", 0.1)
    voice.open()
    kokoro_queue.note_call()
    await warmed(kokoro_queue, "预先合成。")
    assert voice.spoken == ["预先合成。"]


async def test_calls_go_before_warming(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    async def warm(text: str) -> list[bool]:
        return [progress.made async for progress in kokoro_queue.cache([(text, "zh")])]

    running = asyncio.create_task(heard(kokoro_queue, "第一句话。"))
    await started(voice)
    warming = asyncio.create_task(warm("预先合成。"))
    await settled()
    call = asyncio.create_task(heard(kokoro_queue, "客户在等。"))
    await settled()
    voice.open()
    await asyncio.gather(running, warming, call)
    assert voice.spoken == ["第一句话。", "客户在等。", "预先合成。"]


async def test_warming_becomes_urgent_when_a_call_wants_it(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    running = asyncio.create_task(heard(kokoro_queue, "第一句话。"))
    await started(voice)
    tasks = [asyncio.create_task(warmed(kokoro_queue, "预先合成。"))]
    await settled()
    tasks.append(asyncio.create_task(heard(kokoro_queue, "客户在等。")))  # type: ignore[arg-type]
    await settled()
    tasks.append(asyncio.create_task(heard(kokoro_queue, "预先合成。")))  # type: ignore[arg-type]
    await settled()
    voice.open()
    await asyncio.gather(running, *tasks)
    assert voice.spoken == ["第一句话。", "预先合成。", "客户在等。"]


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


async def test_a_failing_voice_is_a_clear_error_and_not_the_end(
    kokoro_queue: KokoroQueue, voice: GatedVoice
) -> None:
    voice.open()
    voice.fails = True
    with pytest.raises(ServiceError, match="could not speak"):
        await heard(kokoro_queue, "说不出来。")
    voice.fails = False
    assert await heard(kokoro_queue, "说得出来。") == ["说得出来。"]


async def test_warming_tells_how_far_it_is(kokoro_queue: KokoroQueue, voice: GatedVoice) -> None:
    voice.open()
    phrases: list[tuple[str, Language]] = [
        ("您好。很高兴。", "zh"),
        ("😀", "zh"),
        ("Hello there.", "en"),
    ]
    told = [p.as_json() async for p in kokoro_queue.cache([*phrases, phrases[0]])]
    assert [line["done"] for line in told] == [1, 2, 3, 4]
    assert [line["made"] for line in told] == [True, False, True, False]
    assert all(line["total"] == 4 for line in told)


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
