"""Whole calls by a real participant in a real room: heard, answered, interrupted, recorded."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Installation, Questions

pytestmark = pytest.mark.e2e


def call(installation: Installation, *arguments: str) -> dict[str, Any]:
    return installation.report("call", *arguments)


def test_a_mandarin_question_is_answered_in_mandarin(
    installation: Installation, questions: Questions, tmp_path: Path
) -> None:
    question = questions.say("echo", "我们直播间里回声特别大，应该怎么办？")
    recording = tmp_path / "call.wav"
    report = call(installation, "--play", str(question), "--record", str(recording))
    (turn,) = report["turns"]
    assert "回声" in turn["transcript"]
    assert turn["language"] == "zh"
    assert not turn["declined"]
    assert "zh/echo-howling" in [citation["id"] for citation in turn["citations"]]
    assert turn["first_audio_ms"] is not None
    heard = installation.report("transcribe", str(_right_channel(recording, tmp_path)))
    assert any(fact in heard["text"] for fact in ("耳机", "回声", "消除", "扬声器"))


def test_an_english_question_is_answered_in_english_and_the_follow_up_too(
    installation: Installation, questions: Questions
) -> None:
    first = questions.say("token", "My token has expired. What should I do?")
    second = questions.say("recording", "And how does cloud recording work?")
    report = call(installation, "--lang", "en", "--play", str(first), "--play", str(second))
    assert [turn["language"] for turn in report["turns"]] == ["en", "en"]
    cited = [[c["id"] for c in turn["citations"]] for turn in report["turns"]]
    assert "en/token-errors" in cited[0]
    assert "en/recording" in cited[1]


def test_the_assistant_stops_when_the_customer_speaks(
    installation: Installation, questions: Questions
) -> None:
    # Surely heard, so that its opening sounds when it is spoken over.
    question = questions.say("token", "My token has expired. What should I do?")
    stop = questions.say("wait", "Wait, please stop for a moment. I want to ask something else.")
    spoken_over = ("--play", str(question), "--interrupt", str(stop), "--at", "1.5")
    report = call(installation, "--lang", "en", *spoken_over)
    interruption = report["interruption"]
    assert interruption["stop_ms"] is not None
    # A floor of manners, not a timing: the answer would have gone on for many seconds.
    assert interruption["stop_ms"] < 2500


def test_what_cannot_be_answered_is_declined(
    installation: Installation, questions: Questions
) -> None:
    weather = questions.say("weather", "What will the weather be like in Paris tomorrow?")
    (turn,) = call(installation, "--lang", "en", "--play", str(weather))["turns"]
    assert turn["declined"]
    assert turn["citations"] == []
    assert "audio and video" in turn["answer"]


def test_every_turn_was_recorded(installation: Installation) -> None:
    """The calls above left their records, each with sources and times."""
    with sqlite3.connect(installation.data_dir / "liuke.db") as database:
        # The last call is closed after its customer has left.
        for _ in range(100):
            unfinished = database.execute(
                "SELECT count(*) FROM calls WHERE started_at IS NOT NULL AND ended_at IS NULL"
            ).fetchone()
            if unfinished == (0,):
                break
            time.sleep(0.2)
        turns = database.execute(
            "SELECT question, answer, citations, timings_ms FROM turns WHERE NOT declined"
        ).fetchall()
    assert len(turns) >= 4
    assert all(question for question, *_ in turns)
    assert any("echo-howling" in citations for _, _, citations, _ in turns)
    # "Wait" alone is answered without looking anything up.
    assert all("retrieval" in timings for _, _, citations, timings in turns if citations != "[]")
    assert unfinished == (0,)


def _right_channel(recording: Path, folder: Path) -> Path:
    import soundfile

    samples, rate = soundfile.read(recording)
    path = folder / "assistant.wav"
    soundfile.write(path, samples[:, 1], rate)
    return path
