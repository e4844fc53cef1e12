"""The queue in front of Whisper: order, cancellation, overload."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

from agent.speech.contract import Transcript
from agent.speech.hear.queue import WhisperQueue
from agent.speech.hear.whisper import AbandonedError, Samples
from common.errors import ServiceError

pytestmark = pytest.mark.unit


class SlowEar:
    """Hears one utterance when told to; the first sample is the utterance's name."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.go = threading.Semaphore(0)

    def transcribe(self, samples: Samples, *, goes_on: Callable[[], bool], **_: Any) -> Transcript:
        self.go.acquire()
        if not goes_on():
            raise AbandonedError
        self.heard.append(int(samples[0]))
        if samples[0] < 0:
            raise ValueError("unusable")
        return Transcript(str(int(samples[0])), "en", 1.0, 0.0, -0.1, True, 1.0, 1.0)


@pytest.fixture
def ear() -> SlowEar:
    return SlowEar()


@pytest.fixture
async def whisper_queue(ear: SlowEar) -> AsyncIterator[WhisperQueue]:
    whisper_queue = WhisperQueue(ear)  # type: ignore[arg-type]
    yield whisper_queue
    ear.go.release(100)
    await whisper_queue.aclose()


def utterance(name: int) -> Samples:
    return np.full(4, name, dtype=np.float32)


async def test_finals_go_before_partials_and_recordings(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    first = asyncio.create_task(whisper_queue.transcribe(utterance(1), purpose="file"))
    await asyncio.sleep(0.05)  # it is being heard; the others wait
    rest = [
        asyncio.create_task(whisper_queue.transcribe(utterance(2), purpose="file")),
        asyncio.create_task(whisper_queue.transcribe(utterance(3), purpose="partial")),
        asyncio.create_task(whisper_queue.transcribe(utterance(4), purpose="final")),
    ]
    await asyncio.sleep(0.05)
    ear.go.release(5)
    await asyncio.gather(first, *rest)
    assert ear.heard == [4, 3, 1, 2]


async def test_a_partial_under_way_lets_a_final_pass(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    partial = asyncio.create_task(whisper_queue.transcribe(utterance(1), purpose="partial"))
    await asyncio.sleep(0.05)
    final = asyncio.create_task(whisper_queue.transcribe(utterance(2), purpose="final"))
    await asyncio.sleep(0.05)
    ear.go.release(3)
    assert (await final).text == "2"
    assert (await partial).text == "1"
    assert ear.heard == [2, 1]


async def test_calls_take_turns(ear: SlowEar, whisper_queue: WhisperQueue) -> None:
    """Three calls that ask for the next partial as soon as they have the last."""

    async def call(name: int) -> None:
        for _ in range(3):
            await whisper_queue.transcribe(utterance(name), purpose="partial")

    ear.go.release(9)
    await asyncio.gather(*(call(name) for name in (1, 2, 3)))
    assert [set(ear.heard[i : i + 3]) for i in (0, 3, 6)] == [{1, 2, 3}] * 3


async def test_what_nobody_waits_for_is_not_heard(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    first = asyncio.create_task(whisper_queue.transcribe(utterance(1), purpose="final"))
    given_up = asyncio.create_task(whisper_queue.transcribe(utterance(2), purpose="partial"))
    last = asyncio.create_task(whisper_queue.transcribe(utterance(3), purpose="partial"))
    await asyncio.sleep(0.05)
    given_up.cancel()
    ear.go.release(3)
    await asyncio.gather(first, last)
    assert ear.heard == [1, 3]


async def test_what_nobody_waits_for_any_more_is_given_up_halfway(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    given_up = asyncio.create_task(whisper_queue.transcribe(utterance(1), purpose="partial"))
    await asyncio.sleep(0.05)
    given_up.cancel()
    await asyncio.sleep(0.05)
    ear.go.release(2)
    await whisper_queue.transcribe(utterance(2), purpose="final")
    assert ear.heard == [2]


async def test_an_utterance_that_fails_does_not_stop_the_next(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    ear.go.release(2)
    with pytest.raises(ValueError, match="unusable"):
        await whisper_queue.transcribe(utterance(-1), purpose="final")
    assert (await whisper_queue.transcribe(utterance(5), purpose="final")).text == "5"


async def test_too_many_waiting_utterances_are_refused(
    ear: SlowEar, whisper_queue: WhisperQueue
) -> None:
    waiting = [
        asyncio.create_task(whisper_queue.transcribe(utterance(n), purpose="partial"))
        for n in range(40)
    ]
    await asyncio.sleep(0.05)
    refused = [t.exception() for t in waiting if t.done()]
    assert refused and all(isinstance(e, ServiceError) and e.retryable for e in refused)
    ear.go.release(40)
    await asyncio.gather(*waiting, return_exceptions=True)
