"""Endpointing: the words of a pause decide where the melody cannot."""

from __future__ import annotations

import asyncio

import pytest

from agent.call.endpointing import HESITATION_S, THINKING_S, PauseWords, TurnEndDetector
from agent.call.turn_taking import load_turn_taking


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
    assert detector.judge(0.01, "有回声怎么办") == 0.01


def test_a_statement_is_the_melodys_to_judge(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    assert detector.judge(0.3, "There is an echo in our calls") == 0.3
    assert patience == [HESITATION_S]


def test_a_sentence_whose_melody_is_not_sure_is_waited_for_less(
    detector: TurnEndDetector, patience: list[float]
) -> None:
    detector.judge(0.3, "There is an echo in our calls.")
    detector.judge(0.01, "There is an echo in our calls.")
    assert patience[0] < patience[1] == HESITATION_S


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
    async with asyncio.timeout(0.2):
        assert await waiting == "有回声怎么办"


async def test_no_words_are_an_answer_too() -> None:
    assert await PauseWords().get() == ""
