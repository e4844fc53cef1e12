"""What calls use of livekit-agents beyond its public interface.

An update of the framework may move or change it without a word. Then these tests fail and say what
rests on it, before a call's turns end at the wrong moment.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from livekit import agents, rtc
from livekit.agents import stt

from agent.call.floor import Floor
from agent.call.turn_words import load_turn_taking
from agent.speech.contract import HEARING_RATE_HZ
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

if TYPE_CHECKING:
    from agent.call.endpointing import TurnEndStream

FRAME = HEARING_RATE_HZ // 50
RESTS_ON_IT = (
    f"livekit-agents {agents.__version__} has changed `{{}}`, on which agent/call/endpointing.py "
    "rests: look there how a verdict of the audio model is held until the words are known."
)


def part(module: str, name: str) -> Any:
    path = f"livekit.agents.inference.eot.{module}"
    try:
        return getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError):
        pytest.fail(RESTS_ON_IT.format(f"{path}.{name}"))


@pytest.mark.parametrize(
    ("module", "name", "method", "takes"),
    [
        ("base", "_BaseStreamingTurnDetectorStream", "__init__", {"detector", "opts", "transport"}),
        (
            "base",
            "_BaseStreamingTurnDetectorStream",
            "_resolve_prediction",
            {"request_id", "probability"},
        ),
        ("transports", "_LocalTransport", "__init__", {"opts"}),
    ],
)
def test_the_private_classes_are_there_and_take_what_they_are_given(
    module: str, name: str, method: str, takes: set[str]
) -> None:
    function = getattr(part(module, name), method, None)
    given = set(inspect.signature(function).parameters) if function else set()
    assert takes <= given, RESTS_ON_IT.format(f"{name}.{method}")


@asynccontextmanager
async def pause_after(floor: Floor, words: str) -> AsyncIterator[TurnEndStream]:
    """The real detector at a pause in speech; these words come 0.3 s into it."""
    # Imported here, so that what has moved is told by the tests above and not by an ImportError.
    from agent.call.endpointing import TurnEndDetector
    from tests.unit.scripted import voice

    detector = TurnEndDetector(
        floor, load_turn_taking(), wait=lambda _seconds: None, awaited=lambda: "nothing"
    )
    stream = detector.stream()
    speech = np.concatenate([voice(1.5), np.zeros(HEARING_RATE_HZ // 5, np.int16)])
    for start in range(0, len(speech), FRAME):
        frame = speech[start : start + FRAME]
        stream.push_audio(rtc.AudioFrame(frame.tobytes(), HEARING_RATE_HZ, 1, len(frame)))
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_later(0.3, floor.pauses_after, words)
    yield stream
    await stream.aclose()


@pytest.mark.parametrize(("words", "verdict"), [("有回声怎么办", 1.0), ("我想问一下，就是", 0.0)])
@virtual_time
async def test_a_verdict_of_the_audio_model_becomes_ours_once_the_words_are_there(
    words: str, verdict: float
) -> None:
    async with pause_after(Floor(), words) as stream:
        before = asyncio.get_running_loop().time()
        event = await asyncio.wait_for(stream.predict(), 1.0)
        assert event.end_of_turn_probability == verdict, RESTS_ON_IT.format("_resolve_prediction")
        assert asyncio.get_running_loop().time() - before == pytest.approx(0.3)


@virtual_time
async def test_a_verdict_on_a_pause_that_is_over_reaches_nobody() -> None:
    async with pause_after(Floor(), "有回声怎么办") as stream:
        first = stream.predict()
        await asyncio.sleep(0.1)
        stream.cancel_inference()  # the customer goes on
        assert (await first).end_of_turn_probability == 0.0
        second = stream.predict()
        await asyncio.sleep(0.1)
        assert not second.done()
        assert (await second).end_of_turn_probability == 1.0


def test_the_framework_takes_our_stream_for_one_of_its_own() -> None:
    from agent.call.endpointing import TurnEndDetector, TurnEndStream

    assert issubclass(TurnEndStream, part("base", "_BaseStreamingTurnDetectorStream"))
    assert issubclass(TurnEndDetector, part("base", "_BaseStreamingTurnDetector"))


def test_what_a_reading_confirms_travels_with_its_event() -> None:
    data = stt.SpeechData(agents.LanguageCode("zh"), "有回声", metadata={"confirmed": "有"})
    assert data.metadata == {"confirmed": "有"}
