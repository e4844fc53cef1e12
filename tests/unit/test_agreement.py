"""Local agreement: what two readings in a row say alike stays, but not what may still change."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.call.agreement import Agreement
from common.languages import Language

pytestmark = pytest.mark.unit


def confirmed(language: Language, *readings: str) -> list[str]:
    """The confirmed text after each reading."""
    agreement = Agreement()
    texts = []
    for reading in readings:
        agreement.hear(reading, language)
        texts.append(agreement.confirmed)
    return texts


def test_english_is_confirmed_word_by_word_without_the_tail() -> None:
    assert confirmed(
        "en", "There is an eck.", "There is an echo in.", "There is an echo in our call."
    ) == ["", "There is an", "There is an echo in"]


def test_mandarin_is_confirmed_character_by_character_without_the_tail() -> None:
    assert confirmed("zh", "我们的卡", "我们的卡顿", "我们的卡顿率很高。") == [
        "",
        "我们的",
        "我们的卡顿",
    ]


def test_marks_at_the_end_are_not_confirmed() -> None:
    texts = confirmed(
        "en", "Hello there.", "Hello there, I have a question", "Hello there, I have a"
    )
    assert texts[1] == "Hello there"
    assert texts[2] == "Hello there, I have"


@pytest.mark.parametrize(
    ("language", "readings"),
    [
        ("zh", ("错误码100怎么", "错误码100怎么办")),
        ("en", ("error 110 means", "error 110 means what")),
    ],
)
def test_a_number_is_confirmed_when_something_follows(
    language: Language, readings: tuple[str, str]
) -> None:
    assert "1" in confirmed(language, *readings)[-1]


@pytest.mark.parametrize(
    ("language", "readings"),
    [
        ("zh", ("错误码100", "错误码100一十")),
        ("en", ("the error is one hundred", "the error is one hundred and ten now")),
    ],
)
def test_a_number_that_may_go_on_is_held_back(
    language: Language, readings: tuple[str, str]
) -> None:
    text = confirmed(language, *readings)[-1]
    assert text and "1" not in text and "one" not in text


def test_readings_that_begin_differently_confirm_nothing() -> None:
    assert confirmed("en", "A big dog ran home", "The big dog ran home")[-1] == ""


def test_nothing_is_confirmed_while_the_language_is_not_sure() -> None:
    agreement = Agreement()
    assert not agreement.hear("so this is it", None)
    assert not agreement.hear("so this is it", None)
    assert agreement.hear("so this is it now", "en")
    assert agreement.confirmed == "so this is it"


def test_confirmed_text_only_grows() -> None:
    texts = confirmed(
        "en",
        "it was the first",
        "it was the first great sorrow of",
        "it was the first great",
        "it was the first great sorrow of his life, it was",
        "it was the first great sorrow of his life. It was not so",
    )
    assert all(later.startswith(sooner) for sooner, later in pairwise(texts))
    assert texts[-1] == "it was the first great sorrow of his life"
