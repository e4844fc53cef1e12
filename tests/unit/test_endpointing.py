"""Endpointing: the words of a pause decide where the melody cannot."""

from __future__ import annotations

import asyncio

import pytest

from agent.call.endpointing import THINKING_S, PauseWords, TurnEndDetector
from agent.call.turn_words import load_turn_taking


@pytest.fixture
def patience() -> list[float]:
    return []


@pytest.fixture
def detector(patience: list[float]) -> TurnEndDetector:
    detector = TurnEndDetector(PauseWords(), load_turn_taking())
    detector.on_patience = patience.append
    return detector


def test_searching_for_words_is_not_the_end_however_it_falls(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    assert detector.judge(0.9, "我想问一下，就是") == 0.0
    assert patience == [THINKING_S]


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
    assert 0.8 <= patience[0] <= THINKING_S


def test_the_rest_is_judged_together_with_the_beginning(detector: TurnEndDetector) -> None:
    rest = "the stall rate of our rooms"
    assert detector.judge(0.8, rest) == 0.0
    detector.words.keep("What is a good figure for")
    detector.words.reset()
    assert detector.judge(0.8, rest) == 1.0
    detector.words.turn_over()
    assert detector.judge(0.8, rest) == 0.0


def test_a_sound_of_thinking_within_a_turn_is_waited_behind(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    detector.words.keep("我们在印度尼西亚的用户")
    detector.words.reset()
    assert detector.judge(0.8, "嗯。") == 0.0
    assert patience == [THINKING_S]


@pytest.mark.parametrize("words", ["", "嗯。", "stop"])
def test_a_cough_and_a_backchannel_are_whole_by_themselves(
    detector: TurnEndDetector, words: str
) -> None:
    assert detector.judge(0.0, words) == 1.0


async def test_the_words_of_a_pause_are_waited_for() -> None:
    words = PauseWords()
    waiting = asyncio.create_task(words.get())
    await asyncio.sleep(0.01)
    words.settle("有回声怎么办")
    words.keep("有回声怎么办")
    assert await waiting == "有回声怎么办"
    assert await words.get() == "有回声怎么办"


async def test_words_of_a_later_pause_replace_those_of_an_earlier() -> None:
    words = PauseWords()
    words.settle("我想问")
    words.settle("我想问回声")
    assert await words.get() == "我想问回声"
    words.reset()
    later = asyncio.create_task(words.get())
    await asyncio.sleep(0.01)
    words.settle("怎么办")
    assert await later == "怎么办"


async def test_a_partial_meanwhile_does_not_leave_anybody_waiting() -> None:
    words = PauseWords()
    waiting = asyncio.create_task(words.get())
    await asyncio.sleep(0.01)
    words.reset()
    words.settle("有回声怎么办")
    words.keep("有回声怎么办")
    async with asyncio.timeout(0.2):
        assert await waiting == "有回声怎么办"


async def test_no_words_are_an_answer_too() -> None:
    assert await PauseWords().get() == ""
