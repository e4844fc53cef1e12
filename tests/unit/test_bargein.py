"""Barge-in: what ends an answer and what leaves it alone."""

from __future__ import annotations

import pytest
from livekit.agents import LanguageCode, stt

from agent.call.bargein import Admission, BargeIn
from agent.call.floor import Floor
from agent.call.stt import CONFIRMED
from agent.call.turn_words import load_turn_taking
from agent.dialogue.wishes import load_reader
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
PREFLIGHT = stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT

LEFT_ALONE = Admission(None)


def heard(
    kind: stt.SpeechEventType, text: str, confidence: float = 0.9, confirmed: str = ""
) -> stt.SpeechEvent:
    data = stt.SpeechData(
        language=LanguageCode("zh"),
        text=text,
        confidence=confidence,
        metadata={CONFIRMED: confirmed} if confirmed else None,
    )
    return stt.SpeechEvent(type=kind, alternatives=[data])


def while_answering() -> BargeIn:
    """A call in which the customer speaks over an answer."""
    floor = Floor()
    floor.answer_is_composed()
    floor.customer_begins(over_answer=True)
    return BargeIn(floor, load_turn_taking(), load_reader().definite)


@virtual_time
async def test_without_an_answer_everything_is_listened_to() -> None:
    floor = Floor()
    floor.customer_begins(over_answer=False)
    event = heard(FINAL, "嗯")
    assert BargeIn(floor, load_turn_taking(), load_reader().definite).admit(event) == Admission(
        event
    )


@virtual_time
async def test_a_backchannel_leaves_the_answer_alone() -> None:
    bargein = while_answering()
    assert bargein.admit(heard(INTERIM, "嗯")) == LEFT_ALONE
    assert bargein.admit(heard(PREFLIGHT, "嗯。")) == LEFT_ALONE
    final = bargein.admit(heard(FINAL, "嗯。"))
    assert final.event and final.event.alternatives[0].text == ""
    assert not final.ends_answer


@pytest.mark.parametrize("words", ["等一下", "stop", "那印尼呢"])
@virtual_time
async def test_words_that_take_the_turn_end_it_once(words: str) -> None:
    bargein, event = while_answering(), heard(PREFLIGHT, words)
    assert bargein.admit(event) == Admission(event, ends_answer=True)
    assert bargein.admit(event) == Admission(event)


@virtual_time
async def test_a_guess_at_a_noise_does_not_and_confirmed_words_do() -> None:
    bargein = while_answering()
    assert bargein.admit(heard(INTERIM, "谢谢观看")) == LEFT_ALONE
    event = heard(INTERIM, "那如果是印尼", confirmed="那如果是")
    assert bargein.admit(event) == Admission(event, ends_answer=True)


@virtual_time
async def test_confirmed_backchannels_do_not_either() -> None:
    assert while_answering().admit(heard(INTERIM, "嗯对然后", confirmed="嗯对")) == LEFT_ALONE


@virtual_time
@pytest.mark.parametrize("word", ["人工", "Human!", "agent"])
async def test_one_word_for_a_person_takes_the_turn(word: str) -> None:
    floor = Floor()
    floor.customer_begins(over_answer=True)
    bargein = BargeIn(floor, load_turn_taking(), load_reader().definite)
    assert not bargein.admit(heard(PREFLIGHT, word, 0.4)).ends_answer  # a guess at a cough
    assert bargein.admit(heard(PREFLIGHT, word, 0.9)).ends_answer


async def test_a_fragment_is_no_turn_while_somebody_speaks() -> None:
    assert while_answering().admit(heard(PREFLIGHT, "ouch.")) == LEFT_ALONE


@pytest.mark.parametrize(
    ("words", "confidence", "ends"),
    [
        ("I thought.", 0.45, False),
        ("那印尼呢", 0.4, False),
        ("那印尼呢", 0.8, True),
        ("what about the users in Indonesia", 0.45, True),
        ("等一下", 0.4, False),
        ("等一下", 0.65, True),
    ],
)
@virtual_time
async def test_a_few_words_end_it_only_when_they_are_surely_heard(
    words: str, confidence: float, ends: bool
) -> None:
    assert while_answering().admit(heard(FINAL, words, confidence)).ends_answer == ends


@virtual_time
async def test_a_stop_that_was_surely_heard_ends_it_before_the_customer_is_quiet() -> None:
    bargein = while_answering()
    assert bargein.admit(heard(INTERIM, "Hold on.", 0.6)) == LEFT_ALONE
    event = heard(INTERIM, "Hold on.", 0.8)
    assert bargein.admit(event) == Admission(event, ends_answer=True)


@virtual_time
async def test_what_does_not_take_the_turn_lets_the_answer_resume_at_once() -> None:
    """Its words would otherwise be waited behind, as those of an unfinished sentence."""
    floor = Floor()
    floor.customer_begins(over_answer=True)
    BargeIn(floor, load_turn_taking(), load_reader().definite).admit(
        heard(PREFLIGHT, "我一看", 0.3)
    )
    assert await floor.pause_words() == ""


@virtual_time
async def test_words_that_take_the_turn_belong_to_its_question() -> None:
    floor = Floor()
    floor.customer_begins(over_answer=False)
    bargein = BargeIn(floor, load_turn_taking(), load_reader().definite)
    bargein.admit(heard(FINAL, "我想问一下，"))
    bargein.admit(heard(INTERIM, "回"))
    bargein.admit(heard(PREFLIGHT, "回声怎么办"))
    assert (floor.said_before, await floor.pause_words()) == ("我想问一下，", "回声怎么办")
