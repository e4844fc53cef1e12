"""The gate: what of a customer's text goes on, and when the customer is told that it does not."""

from __future__ import annotations

import pytest

from agent.call.gate import (
    BURST,
    PACE_S,
    PASTE_CHARACTERS,
    QUESTION_CHARACTERS,
    Refusal,
    TextGate,
    gist,
)
from tests.unit.scripted import Answers, scripted_call
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def gate() -> TextGate:
    return TextGate(Clock())


@pytest.mark.parametrize("text", ["有回声怎么办？", "My token has expired.\nWhat should I do?"])
def test_an_ordinary_question_passes_as_it_is(text: str) -> None:
    assert gate().typed(text) == text
    assert gist(text) == text


def test_control_characters_are_dropped_and_lines_stay() -> None:
    assert gate().typed("one\x1b[31m\x00\ttwo\nthree\x07 ") == "one[31m\ttwo\nthree"


def test_nothing_written_is_nothing() -> None:
    assert gate().typed(" \n ") == ""


def test_a_long_question_is_cut_not_refused_and_keeps_beginning_and_end() -> None:
    story = "".join(f"Then I tried step {word} of your guide. " for word in ORDINALS)
    text = f"Our app shows no video. {story}How do I get the picture back?"
    assert len(text) > QUESTION_CHARACTERS
    kept = gist(text)
    assert len(kept) <= QUESTION_CHARACTERS
    assert kept.startswith("Our app shows no video.")
    assert kept.endswith("How do I get the picture back?")
    assert "…" in kept


def test_a_text_without_sentences_is_cut_too() -> None:
    assert 0 < len(gate().typed("回" * 5000)) <= QUESTION_CHARACTERS


def test_of_a_pasted_log_the_own_words_and_the_telling_lines_stay_in_order() -> None:
    noise = [f"2026-11-30 12:00:{i % 60:02} [INFO] uid={i} rtt={40 + i % 7}ms" for i in range(150)]
    noise[70] = "2026-11-30 12:01:10 [ERROR] join channel refused code=109 token expired"
    text = "\n".join(["加入频道一直失败，日志如下：", *noise, "这是什么原因？该怎么解决？"])
    kept = gate().typed(text)
    assert isinstance(kept, str)
    assert len(kept) <= QUESTION_CHARACTERS
    first, *_, last = kept.splitlines()
    assert first == "加入频道一直失败，日志如下："
    assert last == "这是什么原因？该怎么解决？"
    assert noise[70] in kept.splitlines()


def test_of_lines_that_differ_in_digits_only_one_stays() -> None:
    lines = [f"12:00:{i:02} reconnect attempt {i} failed code={i}" for i in range(60)]
    kept = gist("\n".join(["What does it mean?", *lines]))
    assert kept.count("reconnect") == 1


def test_a_log_of_the_stated_size_is_welcome_and_a_longer_one_is_refused() -> None:
    assert isinstance(gate().typed("a" * PASTE_CHARACTERS), str)
    assert gate().typed("a" * (PASTE_CHARACTERS + 1)) is Refusal.TOO_LONG


def test_a_flood_is_refused_and_read_again_after_a_pause() -> None:
    clock = Clock()
    gate = TextGate(clock)
    answers = [gate.typed("hello") for _ in range(BURST + 3)]
    assert answers == ["hello"] * BURST + [Refusal.TOO_FAST] * 3
    clock.now_s += PACE_S
    assert gate.typed("hello") == "hello"
    assert gate.typed("hello") is Refusal.TOO_FAST


def test_a_typists_pace_is_never_refused() -> None:
    clock = Clock()
    gate = TextGate(clock)
    for _ in range(50):
        assert gate.typed("hello") == "hello"
        clock.now_s += PACE_S


#: Steps that are told apart by a word: those that differ in digits alone would be one.
ORDINALS = [
    f"{tens} {one}" for tens in ("twenty", "thirty", "forty") for one in ("one", "two", "six")
]
ORDINALS += [f"{hundred} {word}" for hundred in ("one hundred", "two hundred") for word in ORDINALS]


@virtual_time
async def test_a_long_spoken_question_is_cut_and_answered() -> None:
    answers = Answers()
    story = " ".join(f"then I tried the {word} step of your guide" for word in ORDINALS)
    async with scripted_call(answers, language="en") as call:
        await call.says(f"Our app shows no video. {2 * story}. How do I get it back?", 15)
        assert await call.answering()
        await call.quiet()
    asked = answers.questions[-1]
    assert 500 < len(asked) <= QUESTION_CHARACTERS
    assert asked.startswith("Our app shows no video.")
    assert asked.endswith("How do I get it back?")
