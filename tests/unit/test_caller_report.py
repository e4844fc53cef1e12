"""A call as sent, heard and seen becomes the times and texts of its turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.probe.audio import SAMPLE_RATE_HZ, Clip, Samples, Span
from agent.probe.microphone import Placement
from agent.probe.observer import AnswerNotice, Caption, StateChange
from agent.probe.report import Scene, Timeline, make_timeline

pytestmark = pytest.mark.unit

TONE = (8000 * np.sin(2 * np.pi * 300 * np.arange(60 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ)).astype(
    np.int16
)
SOURCE = {"id": "en/echo", "title": "Echo", "language": "en", "score": 0.871}


def heard(*spans_ms: tuple[int, int], length_ms: int) -> Samples:
    samples = np.zeros(length_ms * 48, dtype=np.int16)
    for start_ms, end_ms in spans_ms:
        samples[start_ms * 48 : end_ms * 48] = TONE[: (end_ms - start_ms) * 48]
    return samples


def said(start_ms: int, end_ms: int, name: str = "question.wav") -> Placement:
    """A clip whose speech begins 200 ms into it."""
    samples = np.zeros((end_ms - start_ms + 400) * 48, dtype=np.int16)
    clip = Clip(Path(name), samples, Span(200, 200 + end_ms - start_ms))
    return Placement(clip, first=(start_ms - 200) * 48)


def customer(at_ms: float, text: str, *, final: bool = True) -> Caption:
    return Caption(True, "u", at_ms, at_ms, text, final)


def assistant(at_ms: float, text: str) -> Caption:
    return Caption(False, "a", at_ms, at_ms + 500, text, True)


def notice(at_ms: float, turn: int, **more: Any) -> AnswerNotice:
    content = {"turn": turn, "question": "q", "language": "en", "declined": False}
    return AnswerNotice(at_ms, content | {"citations": [SOURCE]} | more)


def timeline(
    sound: Samples,
    turns: tuple[Placement, ...],
    *seen: Caption | StateChange | AnswerNotice,
    interruption: Placement | None = None,
) -> Timeline:
    return make_timeline(
        Scene(
            heard=sound,
            turns=turns,
            interruption=interruption,
            captions=tuple(s for s in seen if isinstance(s, Caption)),
            states=tuple(s for s in seen if isinstance(s, StateChange)),
            notices=tuple(s for s in seen if isinstance(s, AnswerNotice)),
        )
    )


def test_the_times_of_a_turn_count_from_the_end_of_the_customers_speech() -> None:
    report = timeline(
        heard((500, 1500), (6500, 9000), length_ms=10_000),
        (said(3000, 6000),),
        assistant(400, "Hello, how can I help?"),
        StateChange(300, "speaking"),
        StateChange(1600, "listening"),
        customer(5000, "My users", final=False),
        customer(6150, "My users hear an echo."),
        StateChange(6200, "thinking"),
        StateChange(6480, "speaking"),
        assistant(6400, "Turn on echo cancellation."),
        notice(6600, 1),
        notice(9100, 1, answer="Turn on", interrupted=False, timings_ms={}),
    )
    turn = report.turns[0]
    assert report.greeting == "Hello, how can I help?"
    assert turn.file == "question.wav"
    assert turn.transcript == "My users hear an echo."
    assert turn.answer == "Turn on echo cancellation."
    assert turn.citations == (SOURCE,)
    assert (turn.declined, turn.interrupted, turn.language) == (False, False, "en")
    assert turn.end_of_turn_ms == pytest.approx(200)
    assert turn.first_token_ms == pytest.approx(400)
    assert turn.first_audio_ms == pytest.approx(500, abs=10)
    assert turn.talked_over_ms == 0
    assert report.interruption is None
    assert report.duration_ms == 10_000


def test_each_turn_keeps_what_belongs_to_it_whatever_the_order_of_arrival() -> None:
    sound = heard((2500, 4000), (8000, 9000), length_ms=10_000)
    seen: list[Caption | StateChange | AnswerNotice] = [
        notice(8100, 2, question="second"),
        customer(2100, "一。"),
        customer(1800, "第"),
        assistant(2600, "答一"),
        assistant(8050, "答二"),
        notice(2700, 1, question="first"),
        # The closing word on the first answer comes when the second turn has begun.
        notice(6500, 1, interrupted=False, answer="closed"),
    ]
    report = timeline(sound, (said(1000, 2000), said(6000, 7000)), *seen)
    first, second = report.turns
    assert (first.transcript, first.answer, first.interrupted) == ("第一。", "答一", False)
    # No caption of the second question came: what the answer says it was asked stands in.
    assert (second.transcript, second.answer, second.interrupted) == ("second", "答二", None)
    assert first.first_audio_ms == pytest.approx(500, abs=10)
    assert second.first_audio_ms == pytest.approx(1000, abs=10)


def test_without_a_thinking_state_the_final_transcript_dates_the_end_of_turn() -> None:
    sound = heard((2600, 4000), length_ms=5000)
    report = timeline(
        sound, (said(1000, 2000),), customer(2250, "hm"), StateChange(2600, "speaking")
    )
    assert report.turns[0].end_of_turn_ms == pytest.approx(250)


def test_an_assistant_that_talks_over_the_customer_does_not_look_quick() -> None:
    sound = heard((1500, 1900), (2700, 4000), length_ms=5000)
    turn = timeline(sound, (said(1000, 2000),)).turns[0]
    assert turn.talked_over_ms == pytest.approx(400, abs=20)
    assert turn.first_audio_ms == pytest.approx(700, abs=10)
    sound = heard((1800, 4000), length_ms=5000)
    assert timeline(sound, (said(1000, 2000),)).turns[0].first_audio_ms == pytest.approx(
        -200, abs=10
    )


def test_a_turn_nobody_answered_has_no_times() -> None:
    turn = timeline(heard(length_ms=5000), (said(1000, 2000),)).turns[0]
    assert (turn.end_of_turn_ms, turn.first_token_ms, turn.first_audio_ms) == (None, None, None)
    assert turn.answer_heard is None
    assert (turn.transcript, turn.answer, turn.citations) == ("", "", ())


def test_an_interruption_counts_from_its_onset_to_lasting_silence() -> None:
    report = timeline(
        heard((2500, 4250), (6000, 7000), length_ms=8000),
        (said(1000, 2000),),
        assistant(2500, "A long answer"),
        notice(2600, 1),
        notice(4300, 1, interrupted=True),
        customer(5200, "Wait."),
        assistant(6000, "Yes?"),
        notice(6100, 2),
        interruption=said(4000, 5000, "wait.wav"),
    )
    interruption = report.interruption
    assert interruption is not None
    assert interruption.file == "wait.wav"
    assert interruption.sounding_at_onset
    assert interruption.stop_ms == pytest.approx(250, abs=10)
    assert interruption.after_answer_began_ms == pytest.approx(1500, abs=10)
    assert interruption.next_sound_ms == pytest.approx(2000, abs=10)
    assert (interruption.transcript, interruption.answer) == ("Wait.", "Yes?")
    assert report.turns[0].interrupted is True
    assert report.turns[0].answer == "A long answer"


def test_a_pause_of_the_answer_at_the_onset_is_not_taken_for_the_stop() -> None:
    # Silent from 3900 to 4250; the interruption begins at 4000; the assistant stops at 4400.
    sound = heard((2500, 3900), (4250, 4400), length_ms=8000)
    interruption = timeline(sound, (said(1000, 2000),), interruption=said(4000, 5000)).interruption
    assert interruption is not None
    assert not interruption.sounding_at_onset
    assert interruption.stop_ms == pytest.approx(400, abs=10)


def test_an_interruption_of_silence_stops_nothing() -> None:
    sound = heard((2500, 3500), (6000, 6500), length_ms=8000)
    interruption = timeline(sound, (said(1000, 2000),), interruption=said(4500, 5000)).interruption
    assert interruption is not None
    assert interruption.stop_ms is None
    assert not interruption.sounding_at_onset
    assert interruption.next_sound_ms == pytest.approx(1500, abs=10)


def test_the_report_prints_whole_milliseconds_and_exact_scores() -> None:
    report = timeline(heard((2512, 4000), length_ms=5000), (said(1000, 2000),), notice(2600, 1))
    printed = json.loads(json.dumps(report.as_json()))
    turn = printed["turns"][0]
    assert turn["speech"] == {"start_ms": 1000, "end_ms": 2000}
    assert isinstance(turn["first_audio_ms"], int)
    assert turn["first_token_ms"] is None
    assert turn["citations"][0]["score"] == 0.871


def test_the_sounds_of_an_answer_are_told_apart_by_their_silences() -> None:
    report = timeline(
        heard((2000, 3000), (3250, 4000), (4050, 5500), length_ms=6000), (said(500, 1500),)
    )
    assert report.turns[0].sounds == (Span(2000, 3000), Span(3250, 5500))


def test_what_the_assistant_measured_itself_is_told_with_its_turn() -> None:
    timings = {"retrieval": 12.4, "first_token": 80.6}
    report = timeline(
        heard((2000, 3000), length_ms=4000),
        (said(500, 1500),),
        notice(2000, 1),
        notice(3100, 1, timings_ms=timings),
    )
    assert report.turns[0].timings_ms == timings
    assert report.as_json()["turns"][0]["timings_ms"] == {"retrieval": 12, "first_token": 81}
