"""What the benchmark asks, where it interrupts, and how it sums up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.caller.audio import Span
from agent.caller.call import CallReport
from agent.caller.report import InterruptionReport, Timeline, TurnReport
from agent.errors import SetupError
from eval.bench_call import (
    QUESTIONS_DIR,
    Measured,
    PlannedCall,
    Question,
    plan_calls,
    read_questions,
    steady_moment_s,
    summarise,
)
from knowledge.entry import Corpus, Entry, Language, read_corpus

CORPUS_DIR = Path(__file__).resolve().parents[2] / "knowledge" / "corpus"


def entry(entry_id: str, language: Language) -> Entry:
    texts = {"title": "t", "topic": "t", "source": "s", "opening": "o", "body": "b"}
    return Entry(
        entry_id, language, scenario=(), region=(), questions=(f"own {entry_id}",), **texts
    )


def test_ten_calls_five_in_each_language_half_in_own_wording() -> None:
    plan = plan_calls(read_corpus(CORPUS_DIR), read_questions(QUESTIONS_DIR))
    assert Counter(call.question.language for call in plan) == {"zh": 5, "en": 5}
    assert Counter(call.question.own_wording for call in plan) == {True: 5, False: 5}
    moments = [call.interrupt_at_s for call in plan if call.interrupt_at_s is not None]
    assert len(set(moments)) == 4


def test_a_question_is_heard_uninterrupted_before_it_is_interrupted() -> None:
    plan = plan_calls(read_corpus(CORPUS_DIR), read_questions(QUESTIONS_DIR))
    for number, call in enumerate(plan):
        if call.interrupt_at_s is not None:
            assert PlannedCall(call.question) in plan[:number]


def test_too_few_questions_say_where_to_add_some() -> None:
    corpus = Corpus((entry("zh/a", "zh"), entry("en/a", "en")), ())
    with pytest.raises(SetupError, match="'zh'"):
        plan_calls(corpus, {"zh/a": ["x"], "en/a": ["y"]})


def test_an_interruption_moves_out_of_the_pauses_of_the_answer() -> None:
    answer = [Span(0, 1500), Span(1900, 2200), Span(2500, 5000)]
    assert steady_moment_s(answer, 0.5) == 0.5
    assert steady_moment_s(answer, 1.4) == pytest.approx(0.9)
    assert steady_moment_s(answer, 2.0) == pytest.approx(2.5)
    assert steady_moment_s([], 1.0) == 1.0


def measured(
    language: Language,
    first_audio_ms: float,
    stop_ms: float | None = None,
    *,
    talked_over: float = 0,
) -> Measured:
    reply: dict[str, Any] = {
        "file": "q.wav",
        "transcript": "",
        "answer": "",
        "language": language,
        "declined": False,
        "interrupted": False,
        "citations": (),
    }
    turn = TurnReport(
        **reply,
        speech=Span(0, 1000),
        answer_heard=Span(1500, 3000),
        end_of_turn_ms=None,
        first_token_ms=None,
        first_audio_ms=first_audio_ms,
        talked_over_ms=talked_over,
    )
    interruption = InterruptionReport(
        **reply,
        speech=Span(2000, 2500),
        after_answer_began_ms=500,
        sounding_at_onset=stop_ms is not None,
        stop_ms=stop_ms,
        next_sound_ms=None,
    )
    timeline = Timeline("", (turn,), interruption, 5000)
    plan = PlannedCall(Question("q", language, True))
    return Measured(plan, CallReport("id", "room", None, 0, timeline), with_opening=True)


def test_the_summary_counts_only_what_was_measured() -> None:
    summary = summarise(
        [
            measured("zh", 400, 200),
            measured("zh", 600),
            measured("en", 500, 300),
            measured("en", -200, talked_over=200),
        ],
        failed=1,
    )
    assert summary["calls"] == 4
    assert summary["failed"] == 1
    assert summary["voice_to_voice_ms"] == {"p50": 500, "p95": 590}
    assert summary["stop_ms"] == {"p50": 250, "p95": 295}
    assert (summary["talked_over"], summary["stops_measured"]) == (1, 2)
    assert summary["by_language"]["zh"]["voice_to_voice_ms"]["p50"] == 500
    assert summary["machine"]["cores"]


def test_no_calls_have_no_percentiles() -> None:
    assert summarise([], failed=10)["voice_to_voice_ms"] == {"p50": None, "p95": None}
