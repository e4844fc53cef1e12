"""Speech to text in a call: utterances are cut, captioned and finished at the right moments.

The audio is scripted and played on virtual time; the detector is the real one, and the speech
server a real HTTP server that answers what the test says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fastapi import FastAPI, Request
from livekit import rtc
from livekit.agents import stt

from agent.call.stt import CONFIRMED, UtteranceStream, WhisperSTT
from agent.call.timing import TIMING, Timing
from agent.call.voice_activity import RestedVAD, SharedVAD
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ
from tests.unit.scripted import voice
from tests.unit.serving import serve
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

FRAME_S = 0.02
#: What the caller says in the tests, a word every quarter of a second.
WORDS = [
    *("so", "this", "is", "what", "the", "caller", "says", "while", "the", "room", "is", "quiet"),
    *("and", "nobody", "else", "speaks"),
]


class Ear:
    """A speech server that writes down what it was asked to hear."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []
        self.asked: list[dict[str, str]] = []
        self.text: Callable[[float], str] = lambda seconds: f"{seconds:.1f} seconds"
        self.failing = False
        self.reliable = True
        self.most_at_once = self._at_once = 0
        self.language_probability = 1.0
        self.app = FastAPI()
        self.app.post("/transcribe")(self.transcribe)

    async def transcribe(self, request: Request, purpose: str) -> dict[str, object]:
        seconds = len(await request.body()) / 2 / HEARING_RATE_HZ
        if self.failing:
            raise RuntimeError
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0.05)
        self._at_once -= 1
        self.heard.append((purpose, seconds))
        self.asked.append(dict(request.query_params))
        return {
            "text": self.text(seconds),
            "language": "en",
            "language_probability": self.language_probability,
            "no_speech_probability": 0.0,
            "mean_log_probability": -0.2,
            "reliable": self.reliable,
            "seconds": seconds,
            "ms": 1.0,
        }


@asynccontextmanager
async def listening(
    ear: Ear, timing: Timing = TIMING, after: str = ""
) -> AsyncIterator[UtteranceStream]:
    """A call's ear on the speech server; ``after``: what was said to the customer before."""
    async with serve(ear.app) as url:
        client = SpeechClient(url, "token")
        stream = WhisperSTT(client, SharedVAD(RestedVAD(timing)), timing, lambda: after).stream()
        yield stream
        await stream.aclose()
        await client.aclose()


def silence(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 8, int(seconds * HEARING_RATE_HZ))
    return noise.astype(np.int16)


async def play(stream: UtteranceStream, *parts: np.ndarray) -> None:
    """Push audio as a room does."""
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


@virtual_time
async def test_captions_come_while_the_customer_speaks() -> None:
    async with listening(Ear()) as stream:
        await play(stream, silence(0.5), voice(1.5), silence(0.4))
        stream.flush()
        events = await events_until_final(stream)
        kinds = [event.type for event in events]
        assert stt.SpeechEventType.INTERIM_TRANSCRIPT in kinds
        assert kinds.index(stt.SpeechEventType.INTERIM_TRANSCRIPT) < kinds.index(
            stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
        )


@virtual_time
async def test_the_final_was_recognised_before_the_turn_ended() -> None:
    ear = Ear()
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(1.0), silence(0.4))
        finals_before = [seconds for purpose, seconds in ear.heard if purpose == "final"]
        stream.flush()
        events = await events_until_final(stream)
        assert finals_before, "nothing was recognised ahead"
        assert [s for purpose, s in ear.heard if purpose == "final"] == finals_before
        assert events[-1].alternatives[0].text == f"{finals_before[-1]:.1f} seconds"


@virtual_time
async def test_each_reading_is_told_what_was_asked() -> None:
    ear = Ear()
    async with listening(ear, after="Which platforms do you need?") as stream:
        await play(stream, silence(0.5), voice(1.0), silence(0.4))
        stream.flush()
        await events_until_final(stream)
    assert {asked["after"] for asked in ear.asked} == {"Which platforms do you need?"}


@virtual_time
async def test_a_pause_inside_the_utterance_does_not_cut_it() -> None:
    async with listening(Ear()) as stream:
        await play(stream, silence(0.5), voice(0.8), silence(0.3), voice(0.8), silence(0.4))
        stream.flush()
        final = (await events_until_final(stream))[-1]
        assert float(final.alternatives[0].text.split()[0]) > 1.4  # the first part alone is 1.2 s


@virtual_time
async def test_who_speaks_beyond_the_limit_is_heard_on() -> None:
    """The utterance is cut without a pause, and the next begins where it ended."""
    async with listening(Ear(), replace(TIMING, utterance_limit_s=2.0)) as stream:
        await play(stream, silence(0.5), voice(3.5), silence(0.4))
        stream.flush()
        finals = [(await events_until_final(stream))[-1] for _ in range(2)]
        heard_s = sum(float(final.alternatives[0].text.split()[0]) for final in finals)
        assert heard_s > 3.4


def counting(seconds: float) -> str:
    """A word every quarter of a second, and a full stop behind the last."""
    return " ".join(WORDS[: int(seconds * 4)]) + "."


@virtual_time
async def test_what_two_readings_agree_on_stays_and_is_given_to_the_next() -> None:
    ear = Ear()
    ear.text = counting
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(3.0), silence(0.4))
        stream.flush()
        heard = [event.alternatives[0] for event in await events_until_final(stream)]
        confirmed = [said.metadata[CONFIRMED] for said in heard if said.metadata]
        assert len(confirmed) > 2
        assert all(later.startswith(sooner) for sooner, later in pairwise(confirmed))
        assert heard[-1].text.startswith(confirmed[-1])
        given = [asked.get("confirmed", "") for asked in ear.asked]
        assert given[-1] and all(later.startswith(sooner) for sooner, later in pairwise(given))


@virtual_time
async def test_a_sure_language_is_kept_for_the_utterance_and_free_in_the_next() -> None:
    ear = Ear()
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(2.0), silence(0.4))
        stream.flush()
        await events_until_final(stream)
        assert "language" not in ear.asked[0] and ear.asked[-1]["language"] == "en"
        first = len(ear.asked)
        await play(stream, voice(1.6), silence(0.4))
        stream.flush()
        await events_until_final(stream)
        assert "language" not in ear.asked[first]


@virtual_time
async def test_a_doubtful_language_is_not_kept() -> None:
    ear = Ear()
    ear.language_probability = 0.6
    ear.text = counting
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(2.0), silence(0.4))
        stream.flush()
        await events_until_final(stream)
        assert not any(asked.keys() & {"language", "confirmed"} for asked in ear.asked)


@virtual_time
async def test_an_invented_partial_is_neither_shown_nor_confirmed() -> None:
    ear = Ear()
    ear.reliable = False
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(2.0), silence(0.4))
        stream.flush()
        events = await events_until_final(stream)
        assert stt.SpeechEventType.INTERIM_TRANSCRIPT not in [event.type for event in events]
        assert not any("confirmed" in asked for asked in ear.asked)


@virtual_time
async def test_one_reading_of_an_utterance_at_a_time() -> None:
    ear = Ear()
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(3.0), silence(0.4))
        stream.flush()
        await events_until_final(stream)
        assert ear.most_at_once == 1


@virtual_time
async def test_silence_gives_nothing() -> None:
    ear = Ear()
    async with listening(ear) as stream:
        await play(stream, silence(1.5))
        stream.flush()
        await asyncio.sleep(0.2)
        assert ear.heard == []


@virtual_time
async def test_a_server_that_fails_does_not_end_the_stream() -> None:
    ear = Ear()
    ear.failing = True
    async with listening(ear) as stream:
        await play(stream, silence(0.5), voice(0.8), silence(0.4))
        stream.flush()
        await asyncio.sleep(0.3)
        ear.failing = False
        await play(stream, voice(1.6), silence(0.4))
        stream.flush()
        assert (await events_until_final(stream))[-1].alternatives[0].text
