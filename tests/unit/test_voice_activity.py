"""The detector of voices in a room that is never quiet."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import vad

from agent.call.voice_activity import RestedVAD, SharedVAD
from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.recording import read_recording
from common.languages import language_of
from eval.audio import Samples, amplified, level_db, pink_noise, to_pcm
from eval.speaking import CUSTOMERS, Studio
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

SECOND = HEARING_RATE_HZ
FRAME = HEARING_RATE_HZ // 50


async def detected(samples: Samples) -> list[tuple[int, vad.VADEvent]]:
    """The beginnings of speech in a call's audio, and how many samples had been given by then."""
    stream = RestedVAD().stream()
    starts: list[tuple[int, vad.VADEvent]] = []
    given = 0

    async def watch() -> None:
        async for event in stream:
            if event.type is vad.VADEventType.START_OF_SPEECH:
                starts.append((given, event))  # noqa: PERF401

    watching = asyncio.create_task(watch())
    pcm = to_pcm(samples)
    for start in range(0, len(pcm) - FRAME, FRAME):
        frame = pcm[start : start + FRAME]
        given = start
        stream.push_frame(rtc.AudioFrame(frame.tobytes(), HEARING_RATE_HZ, 1, FRAME))
        await asyncio.sleep(0.003)  # seven times as quickly as in a call, and it keeps up
    stream.end_input()
    await watching
    await stream.aclose()
    return starts


async def test_short_commands_are_heard_in_steady_noise_time_and_again() -> None:
    """The framework's own detector misses six of these thirty."""
    studio, pieces, at, length = Studio(Settings()), [], [], 0
    for turn in range(6):
        for text in ("嗯。", "Stop.", "停。", "Hold on.", "等一下。"):
            path = studio.record(text, language_of(text), CUSTOMERS[(turn + 1) % 2])
            pieces += [np.zeros(3 * SECOND, np.float32), read_recording(path)]
            length += 3 * SECOND
            at.append(length)
            length += len(pieces[-1])
    call = np.concatenate([*pieces, np.zeros(SECOND, np.float32)])
    noise = pink_noise(60_000, np.random.default_rng(1))
    noise = amplified(np.tile(noise, 3)[: len(call)], -46 - level_db(noise))
    starts = await detected(call + noise)
    missed = [n for n in at if not any(n < sample < n + 1.2 * SECOND for sample, _ in starts)]
    assert len(missed) <= 1


async def test_an_utterance_begins_before_the_detector_was_sure() -> None:
    path = await asyncio.to_thread(Studio(Settings()).record, "停。", "zh", CUSTOMERS[0])
    said = np.concatenate([np.zeros(3 * SECOND, np.float32), read_recording(path)])
    ((_, start),) = await detected(np.concatenate([said, np.zeros(SECOND, np.float32)]))
    assert sum(frame.duration for frame in start.frames) >= 0.3


class Recorded(vad.VAD):
    """A detector like any other: what it noticed of a recording, window by window."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.heard_s = 0.0
        self.opened = 0

    def stream(self) -> vad.VADStream:
        self.opened += 1
        return _Recorded(self)


class _Recorded(vad.VADStream):
    async def _main_task(self) -> None:
        detector = self._vad
        assert isinstance(detector, Recorded)
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                detector.heard_s += item.duration
                self._event_ch.send_nowait(window(detector.heard_s))
        self._event_ch.send_nowait(window(99.0))


def window(at_s: float, probability: float = 0.0, *, speaking: bool = False) -> vad.VADEvent:
    return vad.VADEvent(
        type=vad.VADEventType.INFERENCE_DONE,
        samples_index=0,
        timestamp=at_s,
        speech_duration=0.0,
        silence_duration=0.0,
        frames=[rtc.AudioFrame(bytes(2 * 512), HEARING_RATE_HZ, 1, 512)],
        probability=probability,
        speaking=speaking,
        raw_accumulated_silence=0.064,
    )


def push(seconds: float, *readers: vad.VADStream) -> None:
    frame = rtc.AudioFrame(bytes(2 * FRAME), HEARING_RATE_HZ, 1, FRAME)
    for _ in range(round(seconds / frame.duration)):
        for reader in readers:
            reader.push_frame(frame)


@virtual_time
async def test_all_who_listen_to_a_call_read_one_detector_whatever_its_kind() -> None:
    detector = Recorded()
    shared = SharedVAD(detector)
    one, other = shared.stream(), shared.stream()
    push(0.1, one, other)
    await asyncio.sleep(0.1)
    assert detector.opened == 1
    assert detector.heard_s == pytest.approx(0.1)
    for reader in (one, other):
        noticed = [(await anext(reader)).timestamp for _ in range(5)]
        assert noticed == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
        await reader.aclose()


@virtual_time
async def test_one_who_leaves_leaves_the_others_hearing() -> None:
    detector = Recorded()
    shared = SharedVAD(detector)
    one, other = shared.stream(), shared.stream()
    await one.aclose()
    push(0.1, other)
    assert (await anext(other)).timestamp == pytest.approx(0.02)
    await other.aclose()
    again = shared.stream()
    push(0.1, again)
    await anext(again)
    assert detector.opened == 2
    await again.aclose()


@virtual_time
async def test_the_last_one_hears_the_end_of_the_call_out() -> None:
    reader = SharedVAD(Recorded()).stream()
    push(0.04, reader)
    reader.end_input()
    assert [event.timestamp async for event in reader] == pytest.approx([0.02, 0.04, 99.0])
    await reader.aclose()


def test_silence_is_counted_by_what_the_detector_takes_for_speech() -> None:
    ours, other = SharedVAD(Recorded()), SharedVAD(Recorded(), speech=0.5, still_speech=0.35)
    begins, goes_on = window(0, 0.6), window(0, 0.4, speaking=True)
    assert [ours.silence_s(begins), ours.silence_s(goes_on)] == pytest.approx([0.096] * 2)
    assert [other.silence_s(begins), other.silence_s(goes_on)] == [0.0, 0.0]
