"""Barge-in: what is heard while the assistant has the floor in; only what takes the turn out.

The framework pauses the answer at the first 64 ms of a voice, whatever it says, and any words would
then end it. Here the words decide: "mm-hm", a cough, and what gives no words leave the answer to
resume at the same word; anything else, and "wait" above all, ends it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    UserStateChangedEvent,
    stt,
)

from agent.call.endpointing import PauseWords
from agent.call.turn_words import TurnTaking
from common.languages import Language

#: Who goes on speaking this soon after the answer began to sound had not finished, seconds: nobody
#: has understood and replied to anything by then.
_LATE_PART_S = 1.2
#: Confidence of the recogniser below which a stop of one word, a longer one, or a few other words
#: over an answer are a guess at a cough (decision 010).
_SURE_STOP, _SURE_LONGER_STOP, _SURE_WORDS = 0.6, 0.5, 0.7


class BargeIn:
    """Watches one call."""

    def __init__(self, session: AgentSession[Any], words: PauseWords, manners: TurnTaking) -> None:
        self._session = session
        self._words = words
        self._manners = manners
        self._over_answer = False
        self._audible_since: float | None = None
        #: What is being said belongs to the question before: it was not finished.
        self.is_late_part = False
        #: And words that do have ended its answer in this turn: what follows them does so too.
        self._goes_on = False
        session.on("user_state_changed", self._on_user_state)
        session.on("agent_state_changed", self._on_agent_state)

    def admit(self, event: stt.SpeechEvent) -> stt.SpeechEvent | None:
        """The event, if it may reach the turn that is being listened to; ends the answer if so."""
        heard = event.alternatives[0] if event.alternatives else None
        match event.type:
            case stt.SpeechEventType.INTERIM_TRANSCRIPT:
                self._words.reset()
                if heard and self._over_answer and self._is_certain_stop(heard):
                    self._end_answer()
                return None if self._over_answer else event
            case stt.SpeechEventType.PREFLIGHT_TRANSCRIPT | stt.SpeechEventType.FINAL_TRANSCRIPT:
                if heard is None:  # a final of nothing
                    return event
            case _:
                return event
        admitted = not self._over_answer or self._takes_the_turn(heard.text, heard.confidence)
        # What does not take the turn is no unfinished sentence either: the answer resumes at once.
        words = heard.text if admitted else ""
        self._words.settle(words)
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            self._words.keep(words)
        if not admitted:
            return _silenced(event)
        self._goes_on = self.is_late_part
        self._end_answer()
        return event

    def turn_over(self) -> None:
        """The customer's turn was taken: what comes next is another one."""
        self._words.turn_over()
        self._goes_on = False

    def on_confirmed(self, words: str, _language: Language) -> None:
        """Words that will not change any more end an answer before the customer has finished."""
        if self._over_answer and self._takes_the_turn(words, confidence=1.0):
            self._end_answer()

    def _takes_the_turn(self, words: str, confidence: float) -> bool:
        manners = self._manners
        if manners.is_stop(words):
            return confidence >= (_SURE_STOP if manners.is_fragment(words) else _SURE_LONGER_STOP)
        if manners.is_backchannel(words) or manners.is_fragment(words):
            return False
        return confidence >= _SURE_WORDS or not manners.is_short(words)

    def _is_certain_stop(self, heard: stt.SpeechData) -> bool:
        """Enough to end an answer by, although noise goes on behind it and may hide it again."""
        return self._manners.is_stop(heard.text) and heard.confidence >= _SURE_WORDS

    def _end_answer(self) -> None:
        if not self._over_answer:
            return
        self._over_answer = False
        speech = self._session.current_speech
        if speech and not speech.interrupted:
            speech.interrupt()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state != "speaking":
            return
        self._words.reset()
        self._over_answer = self._session.current_speech is not None
        now = asyncio.get_running_loop().time()
        self.is_late_part = self._goes_on or (
            self._over_answer
            and (self._audible_since is None or now - self._audible_since < _LATE_PART_S)
        )

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "thinking":
            self._audible_since = None
        elif event.new_state == "speaking" and self._audible_since is None:
            self._audible_since = asyncio.get_running_loop().time()


def _silenced(event: stt.SpeechEvent) -> stt.SpeechEvent | None:
    """A final without words, which the session waits for; other events are dropped."""
    if event.type is not stt.SpeechEventType.FINAL_TRANSCRIPT:
        return None
    return replace(event, alternatives=[replace(event.alternatives[0], text="")])
