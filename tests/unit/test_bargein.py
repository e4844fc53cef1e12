"""Barge-in: what ends an answer and what leaves it alone. The session is the boundary here; the
real one is driven in `tests/e2e/test_turns.py`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, LanguageCode, stt

from agent.call.bargein import BargeIn
from agent.call.endpointing import PauseWords
from agent.call.turn_words import load_turn_taking

INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT
PREFLIGHT = stt.SpeechEventType.PREFLIGHT_TRANSCRIPT
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT


class Speech:
    """What the assistant is saying."""

    def __init__(self) -> None:
        self.interrupted = False

    def interrupt(self) -> None:
        self.interrupted = True


class Session(rtc.EventEmitter[Any]):
    """Emits what an AgentSession does around one answer."""

    def __init__(self) -> None:
        super().__init__()
        self.current_speech: Speech | None = None

    def answers(self, *, audibly: bool = True) -> Speech:
        self.current_speech = Speech()
        self.emit("agent_state_changed", SimpleNamespace(new_state="thinking"))
        if audibly:
            self.emit("agent_state_changed", SimpleNamespace(new_state="speaking"))
        return self.current_speech

    def customer_speaks(self) -> None:
        self.emit("user_state_changed", SimpleNamespace(new_state="speaking"))


def heard(kind: stt.SpeechEventType, text: str, confidence: float = 0.9) -> stt.SpeechEvent:
    data = stt.SpeechData(language=LanguageCode("zh"), text=text, confidence=confidence)
    return stt.SpeechEvent(type=kind, alternatives=[data])


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def bargein(session: Session) -> BargeIn:
    return BargeIn(cast("AgentSession[Any]", session), PauseWords(), load_turn_taking())


async def test_without_an_answer_everything_is_listened_to(
    session: Session, bargein: BargeIn
) -> None:
    session.customer_speaks()
    event = heard(FINAL, "嗯")
    assert bargein.admit(event) is event


async def test_a_backchannel_leaves_the_answer_alone(session: Session, bargein: BargeIn) -> None:
    speech = session.answers()
    session.customer_speaks()
    assert bargein.admit(heard(INTERIM, "嗯")) is None
    assert bargein.admit(heard(PREFLIGHT, "嗯。")) is None
    final = bargein.admit(heard(FINAL, "嗯。"))
    assert final and final.alternatives[0].text == ""
    assert not speech.interrupted


@pytest.mark.parametrize("words", ["等一下", "stop", "那印尼呢"])
async def test_words_that_take_the_turn_end_it(
    session: Session, bargein: BargeIn, words: str
) -> None:
    speech = session.answers()
    session.customer_speaks()
    event = heard(PREFLIGHT, words)
    assert bargein.admit(event) is event
    assert speech.interrupted


async def test_a_guess_at_a_noise_does_not_and_confirmed_words_do(
    session: Session, bargein: BargeIn
) -> None:
    speech = session.answers()
    session.customer_speaks()
    assert bargein.admit(heard(INTERIM, "谢谢观看")) is None
    assert not speech.interrupted
    bargein.on_confirmed("那如果是", "zh")
    assert speech.interrupted


async def test_confirmed_backchannels_do_not_either(session: Session, bargein: BargeIn) -> None:
    speech = session.answers()
    session.customer_speaks()
    bargein.on_confirmed("嗯对", "zh")
    assert not speech.interrupted


async def test_a_fragment_is_no_turn_while_somebody_speaks(
    session: Session, bargein: BargeIn
) -> None:
    speech = session.answers()
    session.customer_speaks()
    assert bargein.admit(heard(PREFLIGHT, "ouch.")) is None
    assert not speech.interrupted


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
async def test_a_few_words_end_it_only_when_they_are_surely_heard(
    session: Session, bargein: BargeIn, words: str, confidence: float, ends: bool
) -> None:
    speech = session.answers()
    session.customer_speaks()
    bargein.admit(heard(FINAL, words, confidence))
    assert speech.interrupted == ends


async def test_a_stop_that_was_surely_heard_ends_it_before_the_customer_is_quiet(
    session: Session, bargein: BargeIn
) -> None:
    speech = session.answers()
    session.customer_speaks()
    assert bargein.admit(heard(INTERIM, "Hold on.", 0.6)) is None
    assert not speech.interrupted
    assert bargein.admit(heard(INTERIM, "Hold on.", 0.8))
    assert speech.interrupted


async def test_what_does_not_take_the_turn_lets_the_answer_resume_at_once(
    session: Session, bargein: BargeIn
) -> None:
    """Its words would otherwise be waited behind, as those of an unfinished sentence."""
    session.answers()
    session.customer_speaks()
    bargein.admit(heard(PREFLIGHT, "我一看", 0.3))
    assert await bargein._words.get() == ""


async def test_who_goes_on_before_the_answer_is_heard_had_not_finished(
    session: Session, bargein: BargeIn
) -> None:
    session.answers(audibly=False)
    session.customer_speaks()
    assert bargein.is_late_part


async def test_who_goes_on_in_several_parts_had_not_finished_with_the_first(
    session: Session, bargein: BargeIn
) -> None:
    session.answers(audibly=False)
    session.customer_speaks()
    bargein.admit(heard(PREFLIGHT, "you know what I mean"))
    session.current_speech = None
    session.customer_speaks()
    assert bargein.is_late_part
    bargein.turn_over()
    session.customer_speaks()
    assert not bargein.is_late_part


async def test_a_cough_into_the_first_syllables_makes_no_later_question_part_of_the_first(
    session: Session, bargein: BargeIn
) -> None:
    session.answers(audibly=False)
    session.customer_speaks()
    bargein.admit(heard(FINAL, ""))
    session.current_speech = None
    session.customer_speaks()
    assert not bargein.is_late_part


async def test_who_goes_on_as_it_begins_had_not_finished_either(
    session: Session, bargein: BargeIn
) -> None:
    session.answers()
    session.customer_speaks()
    assert bargein.is_late_part


async def test_a_turn_of_its_own_is_no_late_part(session: Session, bargein: BargeIn) -> None:
    session.customer_speaks()
    assert not bargein.is_late_part
