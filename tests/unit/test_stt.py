"""Speech to text in a call: utterances are cut, captioned and finished at the right moments.

The audio is scripted; the speech server is a real HTTP server that answers what the test says.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from fastapi import FastAPI, Request
from livekit import rtc
from livekit.agents import stt

from agent.call.stt import UtteranceStream, WhisperSTT
from agent.speech.client import SpeechClient
from agent.speech.transcript import HEARING_RATE_HZ
from tests.unit.serving import serve

FRAME_S = 0.02


class Ear:
    """A speech server that writes down what it was asked to hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []
        self.text: Callable[[float], str] = lambda seconds: f"{seconds:.1f} seconds"
        self.failing = False
        self.url = ""
        self.app = FastAPI()
        self.app.post("/transcribe")(self.transcribe)

    async def transcribe(self, request: Request, purpose: str) -> dict[str, object]:
        seconds = len(await request.body()) / 2 / HEARING_RATE_HZ
        if self.failing:
            raise RuntimeError
        self.heard.append((purpose, seconds))
        return {
            "text": self.text(seconds),
            "language": "en",
            "language_probability": 1.0,
            "no_speech_probability": 0.0,
            "mean_log_probability": -0.2,
            "seconds": seconds,
            "ms": 1.0,
        }


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    async with serve(ear.app) as ear.url:
        yield ear


@pytest.fixture
async def stream(ear: Ear) -> AsyncIterator[UtteranceStream]:
    client = SpeechClient(ear.url)
    stream = WhisperSTT(client).stream()
    yield stream
    await stream.aclose()
    await client.aclose()


def voice(seconds: float) -> np.ndarray:
    """Something the VAD takes for speech: a vowel-like sound with a moving pitch."""
    t = np.arange(int(seconds * HEARING_RATE_HZ)) / HEARING_RATE_HZ
    pitch = 140 + 25 * np.sin(2 * np.pi * 2.5 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / HEARING_RATE_HZ
    wave = sum(
        np.sin(n * phase) * np.exp(-(((n * 140 - formant) / 220) ** 2))
        for n in range(1, 25)
        for formant in (500, 1500, 2500)
    )
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * t)
    samples: np.ndarray = (wave / np.abs(wave).max() * syllables * 12000).astype(np.int16)
    return samples


def silence(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 8, int(seconds * HEARING_RATE_HZ))
    return noise.astype(np.int16)


async def play(stream: UtteranceStream, *parts: np.ndarray) -> None:
    """Push audio in real time, as a room does."""
    samples = np.concatenate(parts)
    size = int(FRAME_S * HEARING_RATE_HZ)
    for start in range(0, len(samples) - size + 1, size):
        stream.push_frame(
            rtc.AudioFrame(samples[start : start + size].tobytes(), HEARING_RATE_HZ, 1, size)
        )
        await asyncio.sleep(FRAME_S)


async def events_until_final(stream: UtteranceStream) -> list[stt.SpeechEvent]:
    events = []
    async with asyncio.timeout(5):
        async for event in stream:
            events.append(event)
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                break
    return events


async def test_captions_come_while_the_customer_speaks(ear: Ear, stream: UtteranceStream) -> None:
    await play(stream, silence(0.5), voice(1.5), silence(0.4))
    stream.flush()
    events = await events_until_final(stream)
    kinds = [event.type for event in events]
    assert stt.SpeechEventType.INTERIM_TRANSCRIPT in kinds
    assert kinds.index(stt.SpeechEventType.INTERIM_TRANSCRIPT) < kinds.index(
        stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
    )


async def test_the_final_was_recognised_before_the_turn_ended(
    ear: Ear, stream: UtteranceStream
) -> None:
    await play(stream, silence(0.5), voice(1.0), silence(0.4))
    finals_before = [seconds for purpose, seconds in ear.heard if purpose == "final"]
    stream.flush()
    events = await events_until_final(stream)
    assert finals_before, "nothing was recognised ahead"
    assert [s for purpose, s in ear.heard if purpose == "final"] == finals_before
    assert events[-1].alternatives[0].text == f"{finals_before[-1]:.1f} seconds"


async def test_a_pause_inside_the_utterance_does_not_cut_it(
    ear: Ear, stream: UtteranceStream
) -> None:
    await play(stream, silence(0.5), voice(0.8), silence(0.3), voice(0.8), silence(0.4))
    stream.flush()
    final = (await events_until_final(stream))[-1]
    assert float(final.alternatives[0].text.split()[0]) > 1.4  # the first part alone is 1.2 s


async def test_silence_gives_nothing(ear: Ear, stream: UtteranceStream) -> None:
    await play(stream, silence(1.5))
    stream.flush()
    await asyncio.sleep(0.2)
    assert ear.heard == []


async def test_a_server_that_fails_does_not_end_the_stream(
    ear: Ear, stream: UtteranceStream
) -> None:
    ear.failing = True
    await play(stream, silence(0.5), voice(0.8), silence(0.4))
    stream.flush()
    await asyncio.sleep(0.3)
    ear.failing = False
    await play(stream, voice(0.8), silence(0.4))
    stream.flush()
    assert (await events_until_final(stream))[-1].alternatives[0].text
