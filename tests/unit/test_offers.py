"""A "yes" to the offer of a colleague is a wish for one; elsewhere it is none."""

from __future__ import annotations

import pytest

from agent.dialogue.offers import Offers
from agent.models.client import Message
from agent.prompts import load_escalation, load_phrases
from common.languages import Language

pytestmark = pytest.mark.unit

OFFERED = {
    language: [Message("user", "回声"), Message("assistant", phrases.declined)]
    for language, phrases in load_phrases().items()
}


@pytest.mark.parametrize(
    "said",
    [
        "好的。",
        "嗯，麻烦您了",
        "需要",
        "要的，谢谢！",
        "Yes, please.",
        "Okay, do that.",
        "OK",
        "sure",
        "好转单",  # 好，转吧
        "好的麻烦您准一下",  # 好的，麻烦您转一下
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_yes_accepts(said: str, language: str) -> None:
    assert Offers().accepted(said, OFFERED[language]) == "person"  # type: ignore[index]


@pytest.mark.parametrize(
    "said",
    [
        "不用了",
        "不需要",
        "No, thanks.",
        "好吗？",
        "好慢啊怎么办",
        "是没有声音",
        "好的，那回声怎么办",
        "yes but why is there an echo",
        "",
    ],
)
def test_anything_else_does_not(said: str) -> None:
    assert Offers().accepted(said, OFFERED["zh"]) is None


@pytest.mark.parametrize("said", ["不用了先不麻烦同事", "No, not needed for now.", "不需要"])
def test_a_no_declines(said: str) -> None:
    assert Offers().refused(said, OFFERED["zh"])
    assert not Offers().refused(said, [])


@pytest.mark.parametrize("said", ["好的", "不是有回声吗？", "Why not?"])
def test_anything_else_declines_nothing(said: str) -> None:
    assert not Offers().refused(said, OFFERED["zh"])


def test_a_yes_to_nothing_is_none() -> None:
    assert Offers().accepted("好的", []) is None
    answered = [Message("user", "回声"), Message("assistant", "先打开回声消除。")]
    assert Offers().accepted("好的", answered) is None


def test_an_offer_is_open_at_the_end_of_an_answer() -> None:
    said = load_phrases()["en"]
    late = [Message("assistant", f"{said.acknowledgements[0]} {said.declined}")]
    assert Offers().accepted("yes", late) == "person"


def test_the_longest_text_is_no_work() -> None:
    assert Offers().accepted("好的好" * 10_000, OFFERED["zh"]) is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_yes_to_the_question_for_an_emergency_is_one(language: Language) -> None:
    asked = [Message("assistant", load_escalation()[language].ask_emergency)]
    assert Offers().accepted("yes" if language == "en" else "对，快", asked) == "emergency"


@pytest.mark.parametrize(
    "said", ["不用了，先不麻烦同事。", "暂时不用转人工。", "No, not needed for now.", "No thanks."]
)
def test_a_no_refuses(said: str) -> None:
    assert Offers().refused(said, OFFERED["zh"])
    assert not Offers().refused(said, [])


@pytest.mark.parametrize("said", ["不用，看看延迟是多少", "No. What is our delay?", "好的", ""])
def test_who_goes_on_is_not_only_refusing(said: str) -> None:
    assert not Offers().refused(said, OFFERED["zh"])
