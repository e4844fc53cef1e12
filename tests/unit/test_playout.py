"""Playout: it stops at once, resumes at the word, and says how much was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice import io

from agent.call.playout import RoomPlayout, word_start
from agent.speech.contract import SPEAKING_RATE_HZ

pytestmark = pytest.mark.unit


class Publication:
    sid = "TR_voice"

    async def wait_for_subscription(self) -> None:
        return None


class Participant:
    async def publish_track(self, _track: object, _options: object) -> Publication:
        return Publication()


class Room:
    """The one call that playout makes on a room; the real one is in the end-to-end tests."""

    local_participant = Participant()


def tone(seconds: float) -> rtc.AudioFrame:
    samples = (np.sin(np.arange(round(seconds * SPEAKING_RATE_HZ)) / 10) * 8000).astype(np.int16)
    return rtc.AudioFrame(samples.tobytes(), SPEAKING_RATE_HZ, 1, len(samples))


@pytest.fixture
async def playout() -> AsyncIterator[RoomPlayout]:
    playout = RoomPlayout(cast("rtc.Room", Room()))
    await playout.start()
    yield playout
    await playout.aclose()


async def finished(playout: RoomPlayout) -> io.PlaybackFinishedEvent:
    async with asyncio.timeout(5):
        return await playout.wait_for_playout()


async def test_an_answer_is_played_to_its_end(playout: RoomPlayout) -> None:
    await playout.capture_frame(tone(0.3))
    playout.flush()
    event = await finished(playout)
    assert not event.interrupted
    assert event.playback_position == pytest.approx(0.3)


async def test_an_answer_that_is_ended_tells_how_far_it_came(playout: RoomPlayout) -> None:
    await playout.capture_frame(tone(3.0))
    await asyncio.sleep(0.5)
    playout.flush()
    playout.clear_buffer()
    event = await finished(playout)
    assert event.interrupted
    assert 0 < event.playback_position < 3


async def test_a_paused_answer_waits_and_goes_on(playout: RoomPlayout) -> None:
    await playout.capture_frame(tone(0.6))
    playout.flush()
    await asyncio.sleep(0.2)
    playout.pause()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.8):
            await playout.wait_for_playout()
    playout.resume()
    event = await finished(playout)
    assert not event.interrupted
    assert event.playback_position == pytest.approx(0.6)


async def test_an_answer_can_be_ended_while_it_is_paused(playout: RoomPlayout) -> None:
    await playout.capture_frame(tone(2.0))
    playout.flush()
    await asyncio.sleep(0.3)
    playout.pause()
    playout.clear_buffer()
    assert (await finished(playout)).interrupted
    playout.resume()
    await playout.capture_frame(tone(0.1))
    playout.flush()
    assert not (await finished(playout)).interrupted


async def test_playback_begins_once_however_often_it_is_paused(playout: RoomPlayout) -> None:
    begun: list[io.PlaybackStartedEvent] = []
    playout.on("playback_started", begun.append)
    await playout.capture_frame(tone(0.4))
    playout.flush()
    for _ in range(2):
        await asyncio.sleep(0.1)
        playout.pause()
        playout.resume()
    await finished(playout)
    assert len(begun) == 1


def test_it_resumes_between_two_words() -> None:
    words = np.full(SPEAKING_RATE_HZ, 8000, np.int16)
    gap = slice(round(0.80 * SPEAKING_RATE_HZ), round(0.84 * SPEAKING_RATE_HZ))
    words[gap] = 0
    resumed = word_start(words.tobytes(), SPEAKING_RATE_HZ)
    assert gap.start <= resumed < gap.stop


def test_it_resumes_where_it_was_when_nothing_was_heard() -> None:
    assert word_start(b"", 0) == 0
