"""How turns and interruptions are judged, on timelines made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from agent.probe.audio import Span
from eval.audio import RATE_HZ, pink_noise, silence
from eval.turns.bench import Disturbed, Turn, details, figures, summarise
from eval.turns.material import Disturbance, Utterance
from eval.turns.scores import (
    Commit,
    SoundScore,
    StopScore,
    Stretch,
    TurnScore,
    place_in,
    remembered_ahead_ms,
    score_sound,
    score_stop,
    score_turn,
)

pytestmark = pytest.mark.unit

#: A customer speaks from the first to the fourth second.
SPEECH = Span(1000, 4000)


def test_a_turn_taken_after_the_end_is_answered() -> None:
    score = score_turn(SPEECH, [Commit(4350, "What is 丢包率?")], [4600])
    assert score == TurnScore("answered", endpointing_ms=350, answer_ms=600)
    assert not score.cut_off


def test_the_last_sound_of_a_word_may_be_missed() -> None:
    assert score_turn(SPEECH, [Commit(3950, "Hello")], [4200]).outcome == "answered"


def test_an_answer_within_a_pause_talks_over_the_customer() -> None:
    commits = [Commit(2500, "There is an echo."), Commit(4300, "There is an echo. What now?")]
    score = score_turn(SPEECH, commits, [2700, 4500])
    assert score.outcome == "talked over"
    assert score.cut_off
    assert score.endpointing_ms is None


def test_a_part_behind_a_whole_sentence_may_be_joined_late() -> None:
    commits = [Commit(2600, "There is an echo."), Commit(4400, "There is an echo. What now?")]
    score = score_turn(SPEECH, commits, [2700, 4500], whole_from_ms=2000)
    assert (score.outcome, score.cut_off, score.endpointing_ms) == ("joined late", False, 400)
    apart = [commits[0], Commit(4400, "What now?")]
    assert score_turn(SPEECH, apart, [2700, 4500], whole_from_ms=2000).outcome == "split"
    assert score_turn(SPEECH, commits, [1900, 4500], whole_from_ms=2000).outcome == "talked over"


def test_a_turn_taken_back_in_silence_is_joined() -> None:
    commits = [Commit(2500, "There is an echo."), Commit(4300, "there's an echo. What now?")]
    score = score_turn(SPEECH, commits, [4500])
    assert score == TurnScore("joined", endpointing_ms=300, answer_ms=500)
    assert not score.cut_off


def test_a_question_answered_without_its_first_part_is_split() -> None:
    commits = [Commit(2500, "我们的通话里有回声。"), Commit(4300, "应该怎么办？")]
    assert score_turn(SPEECH, commits, [4500]).outcome == "split"


def test_a_second_part_that_is_never_answered_is_split() -> None:
    assert score_turn(SPEECH, [Commit(2500, "There is an echo.")], [4500]).outcome == "split"


def test_two_commits_after_the_end_count_once_and_from_the_last() -> None:
    commits = [Commit(4200, "There is an echo."), Commit(4700, "There is an echo. What now?")]
    assert score_turn(SPEECH, commits, [4900]).endpointing_ms == 700


def test_nothing_understood_is_no_turn() -> None:
    assert score_turn(SPEECH, [], [6500]).outcome == "unheard"


#: An answer that has sounded since 0; the customer speaks into it from 2000 on.
ONSET = 2000.0


def test_an_answer_that_falls_silent_and_stays_so_is_stopped() -> None:
    assert score_stop(ONSET, [Stretch(0, 2180, 0)]) == StopScore("stopped", 180)


def test_what_is_said_next_is_another_answer() -> None:
    heard = [Stretch(0, 2180, 0), Stretch(4000, 6000, None)]
    assert score_stop(ONSET, heard) == StopScore("stopped", 180)


def test_an_answer_that_goes_on_after_an_interruption_missed_it() -> None:
    heard = [Stretch(0, 2180, 0), Stretch(3500, 9000, 2180)]
    assert score_stop(ONSET, heard).outcome == "resumed"
    assert score_stop(ONSET, [Stretch(0, 9000, 0)]).outcome == "went on"
    assert score_stop(ONSET, [Stretch(0, 3900, 0)]).outcome == "went on"


def test_a_late_clause_is_no_stop() -> None:
    heard = [Stretch(0, 2100, 0), Stretch(2140, 9000, 2100)]
    assert score_stop(ONSET, heard).outcome == "went on"


#: A cough from 2000 to 2600; the answer is watched until 4300.
COUGH = Span(2000, 2600)


def test_an_answer_that_takes_no_notice_is_untouched() -> None:
    assert score_sound(COUGH, [Stretch(0, 4300, 0)], 4300) == SoundScore("untouched")


def test_an_answer_may_pause_and_go_on_from_the_same_word() -> None:
    heard = [Stretch(0, 2180, 0), Stretch(3100, 4300, 1900)]
    score = score_sound(COUGH, heard, 4300)
    assert score == SoundScore("resumed", pause_ms=920)
    assert not score.false_stop


def test_an_answer_may_be_resumed_twice() -> None:
    heard = [Stretch(0, 2180, 0), Stretch(2700, 2900, 2180), Stretch(3200, 4300, 2380)]
    assert score_sound(COUGH, heard, 4300) == SoundScore("resumed", pause_ms=820)


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        ([Stretch(0, 2180, 0)], "ended"),
        ([Stretch(0, 2180, 0), Stretch(3000, 4300, None)], "ended"),
        ([Stretch(0, 2180, 0), Stretch(3100, 3600, 2180)], "ended"),
        ([Stretch(0, 2180, 0), Stretch(3700, 4300, 2180)], "resumed late"),
        ([Stretch(0, 2180, 0), Stretch(3000, 4300, 0)], "lost its place"),
        ([Stretch(0, 2180, 0), Stretch(3000, 4300, 2800)], "lost its place"),
    ],
)
def test_an_answer_that_does_not_go_on_was_stopped_falsely(
    heard: list[Stretch], outcome: str
) -> None:
    score = score_sound(COUGH, heard, 4300)
    assert score.outcome == outcome
    assert score.false_stop


def test_what_is_heard_is_found_in_the_recording() -> None:
    recording = pink_noise(3000, np.random.default_rng(1))
    begin = int(1.3 * RATE_HZ)
    assert place_in(recording, recording[begin : begin + 6400] * 0.5) == pytest.approx(1300)
    assert place_in(recording, pink_noise(400, np.random.default_rng(2))) is None
    assert place_in(recording, silence(400)) is None


def test_what_is_remembered_is_compared_with_what_was_heard() -> None:
    clauses = [("One two three,", 1000.0), ("four five six.", 1200.0)]
    assert remembered_ahead_ms("One two three,", 1000, clauses) == pytest.approx(0)
    assert remembered_ahead_ms("One two three, four five six.", 1000, clauses) == 1200
    assert remembered_ahead_ms("", 700, clauses) == -700


def turn(score: TurnScore, category: str = "reading") -> Turn:
    utterance = Utterance("clip", category, "en", silence(100), Span(0, 100), (Span(10, 50),))
    return Turn("10 dB", utterance, score, "words", 250.0, 400.0)


def disturbed(score: StopScore | SoundScore, category: str) -> Disturbed:
    stops = isinstance(score, StopScore)
    sound = Disturbance("clip", category, "zh", silence(100), Span(0, 100), stops)
    return Disturbed("10 dB", sound, score, 1000.0, "words", 20.0 if stops else None)


TURNS = [
    turn(TurnScore("answered", 300, 500)),
    turn(TurnScore("joined", 400, 600), "late part"),
    turn(TurnScore("talked over"), "late part"),
    turn(TurnScore("unheard")),
]
DISTURBED = [
    disturbed(StopScore("stopped", 200), "command"),
    disturbed(StopScore("stopped", 240), "command"),
    disturbed(StopScore("resumed"), "question"),
    disturbed(SoundScore("untouched"), "door"),
    disturbed(SoundScore("resumed", 500), "backchannel"),
    disturbed(SoundScore("ended", 2000), "backchannel"),
    disturbed(SoundScore("resumed late", 1900), "door"),
]


def test_the_last_line_has_the_rates_of_all_trials() -> None:
    assert summarise(TURNS, DISTURBED) == {
        "stop_ms": {"p50": 220, "p95": 238},
        "false_stop_rate": 0.5,
        "missed_stop_rate": 0.3333,
        # What was not understood was not cut off either.
        "false_cutoff_rate": 0.3333,
        "endpointing_ms": {"p50": 350, "p95": 395},
    }


def test_what_was_not_measured_is_left_open() -> None:
    assert summarise([], DISTURBED)["false_cutoff_rate"] is None
    assert summarise(TURNS, [])["stop_ms"] == {"p50": None, "p95": None}


def test_failures_are_listed_with_their_clips() -> None:
    found = details(TURNS, DISTURBED)
    assert [f["outcome"] for f in found["failures"]] == [
        "talked over",
        "resumed",
        "ended",
        "resumed late",
    ]
    late = next(row for row in found["turn_categories"] if row["category"] == "late part")
    assert (late["turns"], late["cut_off"], late["joined"]) == (2, 1, 1)
    assert found["remembered_ahead_ms"]["p50"] == 20
    assert len(figures(TURNS, DISTURBED)) == 4
    assert len(figures([], DISTURBED)) == 2
