"""The two ends of a headless call: when what is heard, and what the microphone sends."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import PlaybackFinishedEvent

from eval.audio import FRAME, RATE_HZ, Samples, TelephoneLine, from_pcm
from eval.turns.headless import Echo, Loudspeaker, Microphone, Run

pytestmark = pytest.mark.unit

TICK_MS = 10


@pytest.fixture
def loudspeaker() -> Loudspeaker:
    return Loudspeaker()


@pytest.fixture
def finished(loudspeaker: Loudspeaker) -> list[PlaybackFinishedEvent]:
    events: list[PlaybackFinishedEvent] = []
    loudspeaker.on("playback_finished", events.append)
    return events


async def push(loudspeaker: Loudspeaker, duration_ms: int, first: int = 1) -> None:
    """Audio whose samples count up, so that its place can be read off what is heard."""
    samples = np.arange(first, first + duration_ms * RATE_HZ // 1000, dtype=np.int16)
    await loudspeaker.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE_HZ, 1, len(samples)))


def play(loudspeaker: Loudspeaker, duration_ms: int) -> None:
    for _ in range(duration_ms // TICK_MS):
        loudspeaker.play()


async def test_an_answer_is_heard_as_time_passes(
    loudspeaker: Loudspeaker, finished: list[PlaybackFinishedEvent]
) -> None:
    started: list[object] = []
    loudspeaker.on("playback_started", started.append)
    play(loudspeaker, 50)
    await push(loudspeaker, 105)
    assert loudspeaker.open
    assert not started
    play(loudspeaker, 60)
    assert len(started) == 1
    assert loudspeaker.playing
    loudspeaker.flush()
    assert not finished
    play(loudspeaker, 60)
    assert [(e.playback_position, e.interrupted) for e in finished] == [(0.105, False)]
    assert not loudspeaker.open
    assert not loudspeaker.playing
    assert loudspeaker.runs == [Run(0, 50, 155, 0)]
    assert loudspeaker.heard(40, 51).tolist() == [0] * 160 + list(range(1, 17))
    assert not loudspeaker.heard(155, 400).any()


async def test_a_pause_keeps_the_place_to_the_sample(
    loudspeaker: Loudspeaker, finished: list[PlaybackFinishedEvent]
) -> None:
    await push(loudspeaker, 100)
    loudspeaker.flush()
    play(loudspeaker, 30)
    loudspeaker.pause()
    play(loudspeaker, 200)
    assert not loudspeaker.playing
    assert loudspeaker.open
    loudspeaker.resume()
    play(loudspeaker, 80)
    assert loudspeaker.runs == [Run(0, 0, 30, 0), Run(0, 230, 300, 30)]
    together = np.concatenate([loudspeaker.heard(0, 30), loudspeaker.heard(230, 300)])
    assert together.tolist() == list(range(1, 1601))
    assert finished[0].playback_position == pytest.approx(0.1)


async def test_an_interrupted_answer_reports_what_was_heard(
    loudspeaker: Loudspeaker, finished: list[PlaybackFinishedEvent]
) -> None:
    await push(loudspeaker, 1000)
    loudspeaker.flush()
    play(loudspeaker, 40)
    loudspeaker.clear_buffer()
    await asyncio.sleep(0)
    assert [(e.playback_position, e.interrupted) for e in finished] == [(0.04, True)]
    play(loudspeaker, 40)
    assert loudspeaker.runs == [Run(0, 0, 40, 0)]


async def test_what_comes_after_a_cut_belongs_to_nothing(
    loudspeaker: Loudspeaker, finished: list[PlaybackFinishedEvent]
) -> None:
    await push(loudspeaker, 100)
    play(loudspeaker, 20)
    loudspeaker.clear_buffer()
    await push(loudspeaker, 100)  # was on its way
    loudspeaker.flush()
    assert not finished
    await asyncio.sleep(0)
    assert len(finished) == 1
    play(loudspeaker, 50)
    assert loudspeaker.runs[-1].end_ms == 20


async def test_the_next_answer_is_another_segment(loudspeaker: Loudspeaker) -> None:
    for _ in range(2):
        await push(loudspeaker, 20)
        loudspeaker.flush()
        play(loudspeaker, 40)
    assert loudspeaker.runs == [Run(0, 0, 20, 0), Run(1, 40, 60, 0)]
    assert loudspeaker.segment == 1


async def test_audio_that_comes_late_leaves_a_break(loudspeaker: Loudspeaker) -> None:
    await push(loudspeaker, 20)
    play(loudspeaker, 50)
    await push(loudspeaker, 20, first=321)
    loudspeaker.flush()
    play(loudspeaker, 30)
    assert loudspeaker.runs == [Run(0, 0, 20, 0), Run(0, 50, 70, 20)]


def ones(duration_ms: int, level: float = 0.25) -> Samples:
    return np.full(duration_ms * RATE_HZ // 1000, level, np.float32)


async def sent(microphone: Microphone, frames: int) -> Samples:
    for _ in range(frames):
        microphone.send()
    received = [await anext(microphone) for _ in range(frames)]
    assert all(frame.samples_per_channel == FRAME for frame in received)
    return from_pcm(np.concatenate([np.frombuffer(frame.data, np.int16) for frame in received]))


async def test_a_clip_is_spoken_from_the_next_frame_on(loudspeaker: Loudspeaker) -> None:
    microphone = Microphone(loudspeaker, None, None)
    await sent(microphone, 3)
    assert microphone.play(ones(30)) == 60
    samples = await sent(microphone, 3)
    assert samples[:480].tolist() == [0.25] * 480
    assert not samples[480:].any()
    assert microphone.sent(60, 90).tolist() == [8192] * 480


async def test_clips_and_background_add_up(loudspeaker: Loudspeaker) -> None:
    background = np.array([0.0, 0.125], np.float32)
    microphone = Microphone(loudspeaker, background, None)
    microphone.play(ones(20))
    microphone.play(ones(40))
    samples = await sent(microphone, 2)
    assert samples[:2].tolist() == [0.5, 0.625]
    assert samples[FRAME : FRAME + 2].tolist() == [0.25, 0.375]


async def test_an_echo_comes_back_later_and_softer(loudspeaker: Loudspeaker) -> None:
    microphone = Microphone(loudspeaker, None, None)
    microphone.echo = Echo(delay_ms=30, gain_db=-20)
    await push(loudspeaker, 20, first=10_000)
    for tick in range(1, 13):
        loudspeaker.play()
        if tick % 2 == 0:
            microphone.send()
    echo = microphone.sent(0, 120)
    assert not echo[:480].any()
    assert echo[480:800].tolist() == pytest.approx(np.arange(10_000, 10_320) / 10, abs=1)
    assert not echo[800:].any()


async def test_the_line_is_what_the_session_hears(loudspeaker: Loudspeaker) -> None:
    dead = TelephoneLine(1.0, np.random.default_rng(1))
    microphone = Microphone(loudspeaker, ones(20), dead)
    assert not (await sent(microphone, 5)).any()
