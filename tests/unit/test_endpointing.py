"""Endpointing: the words of a pause decide where the melody cannot."""

from __future__ import annotations

import pytest

from agent.call.endpointing import TurnEndDetector
from agent.call.floor import Floor
from agent.call.timing import TIMING
from agent.call.turn_words import load_turn_taking

pytestmark = pytest.mark.unit


@pytest.fixture
def patience() -> list[float]:
    return []


@pytest.fixture
def detector(patience: list[float]) -> TurnEndDetector:
    return TurnEndDetector(
        Floor(), load_turn_taking(), wait=patience.append, awaited=lambda: "nothing"
    )


@pytest.fixture
def asking(patience: list[float]) -> TurnEndDetector:
    """Where a flow has asked something."""
    return TurnEndDetector(
        Floor(), load_turn_taking(), wait=patience.append, awaited=lambda: "reply"
    )


def test_searching_for_words_is_not_the_end_however_it_falls(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    assert detector.judge(0.9, "我想问一下，就是") == 0.0
    assert patience == [TIMING.thinking_s]


def test_a_question_is_the_end_although_the_melody_hesitates(detector: TurnEndDetector) -> None:
    assert detector.judge(0.2, "有回声怎么办") == 1.0


def test_a_question_in_the_middle_of_a_rise_is_not(detector: TurnEndDetector) -> None:
    assert detector.judge(0.01, "有回声怎么办") == 0.0


@pytest.mark.parametrize(
    "words",
    [
        "我们直播间的画面一直黑屏",
        "声音老是断断续续的。",
        "How can we fix that?",
        "Can I keep both kits in the app for a while?",
    ],
)
def test_what_looks_like_a_whole_question_is_the_end(detector: TurnEndDetector, words: str) -> None:
    assert detector.judge(0.6, words) == 1.0


@pytest.mark.parametrize(
    "words",
    [
        "昨天晚上。",
        "我们在印度尼西亚的用户。",
        "有个客户跟我们反馈说",
        "When our users join a room.",
        "Because we have a big event next week.",
        "So we have this problem.",
    ],
)
def test_the_beginning_of_one_is_waited_behind(
    detector: TurnEndDetector, patience: list[float], words: str
) -> None:
    assert detector.judge(0.8, words) == 0.0
    assert 0.8 <= patience[0] <= TIMING.thinking_s


@pytest.mark.parametrize(
    "words",
    [
        "主要是喜欢唱歌的大学生。",
        "先在国内上,以后去东南亚。",
        "Mostly college students who like to sing.",
        "android only, no iphones",
    ],
)
def test_a_reply_is_whole_that_would_be_the_beginning_of_a_question(
    detector: TurnEndDetector, asking: TurnEndDetector, words: str
) -> None:
    assert detector.judge(0.6, words) == 0.0
    assert asking.judge(0.6, words) == 1.0


@pytest.mark.parametrize(
    "words", ["主要是。", "大概有。", "About three", "We start in.", "我想想，就是"]
)
def test_the_beginning_of_a_reply_is_waited_behind(asking: TurnEndDetector, words: str) -> None:
    assert asking.judge(0.8, words) == 0.0


@pytest.mark.parametrize(
    ("words", "may_go_on"),
    [
        ("幺三八零零幺三。", True),
        ("138 0013.", True),
        ("J O A N.", True),
        ("对,就是这个号码。", False),
        ("joan at example dot com.", False),
    ],
)
def test_who_spells_may_go_on_behind_a_digit_or_a_letter(
    patience: list[float], words: str, may_go_on: bool
) -> None:
    spelt = TurnEndDetector(
        Floor(), load_turn_taking(), wait=patience.append, awaited=lambda: "spelling"
    )
    assert (spelt.judge(0.8, words), patience[0] == TIMING.hesitation_s) == (
        (0.0, True) if may_go_on else (1.0, False)
    )


def test_the_rest_is_judged_together_with_the_beginning(detector: TurnEndDetector) -> None:
    rest = "the stall rate of our rooms"
    assert detector.judge(0.8, rest) == 0.0
    detector.floor.utterance_is_over("What is a good figure for")
    detector.floor.customer_goes_on()
    assert detector.judge(0.8, rest) == 1.0
    detector.floor.turn_is_taken()
    assert detector.judge(0.8, rest) == 0.0


def test_a_sound_of_thinking_within_a_turn_is_waited_behind(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    detector.floor.utterance_is_over("我们在印度尼西亚的用户")
    detector.floor.customer_goes_on()
    assert detector.judge(0.8, "嗯。") == 0.0
    assert patience == [TIMING.thinking_s]


@pytest.mark.parametrize("words", ["", "嗯。", "stop"])
def test_a_cough_and_a_backchannel_are_whole_by_themselves(
    detector: TurnEndDetector, words: str
) -> None:
    assert detector.judge(0.0, words) == 1.0
