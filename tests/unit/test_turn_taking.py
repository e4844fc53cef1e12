"""Turn-taking: the words tell a supporter from an interruption, and a pause from an end."""

from __future__ import annotations

from typing import SupportsIndex

import pytest

from agent.call.turn_words import Interjections, load_turn_taking
from common.languages import LANGUAGES, Language

pytestmark = pytest.mark.unit

manners = load_turn_taking()


@pytest.mark.parametrize(
    "text",
    [
        "嗯。",
        "嗯嗯，对",
        "好的，好的。",
        "Uh-huh.",
        "Right, okay.",
        "Mm-hmm",
        "I see.",
        "是的",
        "哦",
        "",
    ],
)
def test_a_supporter_does_not_take_the_turn(text: str) -> None:
    assert manners.is_backchannel(text)
    assert not manners.is_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "等一下",
        "停！",
        "灯一下。",
        "听",
        "等以下",
        "嗯，等一下。",
        "Stop.",
        "Okay, stop",
        "Hold on a second.",
        "WAIT",
    ],
)
def test_a_request_to_stop_is_one_among_backchannels_too(text: str) -> None:
    assert manners.is_stop(text)
    assert not manners.is_backchannel(text)


@pytest.mark.parametrize(
    "text",
    [
        "那印尼呢？",
        "好的那怎么收费",
        "对丢包有要求吗",
        "yes but why",
        "right side is black",
        "什么？",
        "waiting for the callback",
        "等一下我想问价格",
    ],
)
def test_anything_else_takes_the_turn(text: str) -> None:
    assert not manners.is_backchannel(text)
    assert not manners.is_stop(text)


@pytest.mark.parametrize("text", ["推", "呜呜", "ouch.", "token", ""])
def test_one_or_two_syllables_are_a_fragment(text: str) -> None:
    assert manners.is_fragment(text)


@pytest.mark.parametrize("text", ["那印尼呢", "为什么", "in Indonesia", "价格多少"])
def test_more_is_not(text: str) -> None:
    assert not manners.is_fragment(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我想问一下，就是", "zh"),
        ("我们的产品是一个", "zh"),
        ("通话有杂音，", "zh"),
        ("丢包很高，而且", "zh"),
        ("Um, so the thing is", "en"),
        ("We have an echo and", "en"),
        ("Our users say that,", "en"),
        ("I was wondering...", "en"),
    ],
)
def test_a_customer_looking_for_words_has_not_finished(text: str, language: Language) -> None:
    assert manners.ending(text, language) == "unfinished"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("有回声怎么办", "zh"),
        ("这个能录制吗", "zh"),
        ("What should we do?", "en"),
        ("that is all, thank you", "en"),
    ],
)
def test_a_question_is_finished(text: str, language: Language) -> None:
    assert manners.ending(text, language) == "finished"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("为什么卡？", "zh"),
        ("Can it record calls?", "en"),
        ("How can we fix that?", "en"),
    ],
)
def test_the_recognisers_question_mark_is_an_end(text: str, language: Language) -> None:
    assert manners.ending(text, language) == "finished"


@pytest.mark.parametrize(
    ("text", "language", "ending"),
    [
        ("因为我们马上要搞活动。", "zh", "unfinished"),
        ("因为丢包，画面卡住了。", "zh", "open"),
        ("And when our users join a room.", "en", "unfinished"),
        ("When our users join a room, the screen is black.", "en", "open"),
        ("Iffy network in the office.", "en", "open"),
    ],
)
def test_a_condition_alone_goes_on(text: str, language: Language, ending: str) -> None:
    assert manners.ending(text, language) == ending


@pytest.mark.parametrize(
    ("text", "language"),
    [("通话里有回声。", "zh"), ("There is an echo in our calls.", "en"), ("", "zh")],
)
def test_a_statement_tells_nothing(text: str, language: Language) -> None:
    assert manners.ending(text, language) == "open"


class Counted(str):
    """A text that counts how often somebody looks at a part of it."""

    looks = 0

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        self.looks += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("ending", ["", "qz", "stop"])
def test_the_work_grows_with_the_length_of_the_text_and_no_more(ending: str) -> None:
    words = Interjections(["uh", "huh", "uhhuh", "uhhuhuh"], ["stop"])
    looks = []
    for repetitions in (500, 1000, 2000):
        text = Counted("uhhuh" * repetitions + ending)
        assert words.read(text) == (ending == "", ending == "stop")
        looks.append(text.looks / len(text))
    assert max(looks) == pytest.approx(min(looks), rel=0.01)


@pytest.mark.timeout(60)  # they take a second or two together; unbounded work takes for ever
@pytest.mark.parametrize(
    "text",
    [
        "uh huh " * 14_286,
        "uhhuh" * 20_000 + "qz",
        "嗯" * 100_000 + "画",
        "等" * 100_000,
        "停一下" * 33_334,
        "and " * 25_000,
        "so " * 33_334 + "when",
        "." * 100_000 + "x",
        "? " * 50_000 + "x",
        "x" * 100_000,
        "是吗" * 50_000,
    ],
    ids=lambda text: text[:7],
)
def test_a_hundred_thousand_characters_are_judged(text: str) -> None:
    manners.is_backchannel(text)
    manners.is_stop(text)
    manners.is_fragment(text)
    manners.is_short(text)
    for language in LANGUAGES:
        manners.ending(text, language)
