"""The detector of voices in a room that is never quiet."""

from __future__ import annotations

import asyncio

import numpy as np
from livekit import rtc
from livekit.agents import vad

from agent.call.voice_activity import RestedVAD
from agent.settings import Settings
from agent.speech.contract import HEARING_RATE_HZ
from agent.speech.hear.recording import read_recording
from common.languages import language_of
from eval.audio import Samples, amplified, level_db, pink_noise, to_pcm
from eval.speaking import CUSTOMERS, Studio

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
