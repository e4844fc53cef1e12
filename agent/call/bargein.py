"""Barge-in: what is heard while the assistant has the floor in; only what takes the turn out.

The framework pauses the answer at the first 64 ms of a voice, whatever it says, and any words would
then end it. Here the words decide: "mm-hm", a cough, and what gives no words leave the answer to
resume at the same word; anything else, and "wait" above all, ends it. Of single words only "wait"
and the like do, and those that ask for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from livekit.agents import stt

from agent.call.floor import Floor
from agent.call.stt import CONFIRMED
from agent.call.turn_words import TurnTaking

#: Confidence of the recogniser below which a stop of one word, a longer one, or a few other words
#: over an answer are a guess at a cough (decision 010).
_SURE_STOP, _SURE_LONGER_STOP, _SURE_WORDS = 0.6, 0.5, 0.7


@dataclass(frozen=True)
class Admission:
    """What becomes of an event of the recogniser."""

    event: stt.SpeechEvent | None
    """What may reach the turn that is being listened to."""
    ends_answer: bool = False


class BargeIn:
    """Judges what is heard in one call."""

    def __init__(self, floor: Floor, manners: TurnTaking, is_wish: Callable[[str], object]) -> None:
        """``is_wish``: whether words, be it one, ask for a person or tell of an emergency."""
        self._floor = floor
        self._manners = manners
        self._is_wish = is_wish

    def admit(self, event: stt.SpeechEvent) -> Admission:
        """Whether the event may reach the turn, and whether it ends the answer."""
        heard = event.alternatives[0] if event.alternatives else None
        match event.type:
            case stt.SpeechEventType.INTERIM_TRANSCRIPT:
                return self._admit_partial(event, heard)
            case stt.SpeechEventType.PREFLIGHT_TRANSCRIPT | stt.SpeechEventType.FINAL_TRANSCRIPT:
                # A final may be of nothing.
                return self._admit_words(event, heard) if heard else Admission(event)
            case _:
                return Admission(event)

    def _admit_partial(self, event: stt.SpeechEvent, heard: stt.SpeechData | None) -> Admission:
        """Nothing over an answer, unless it ends it before the customer has finished."""
        floor = self._floor
        floor.customer_goes_on()
        if not floor.is_over_answer:
            return Admission(event)
        if heard is None or not (self._is_certain_stop(heard) or self._is_confirmed(heard)):
            return Admission(None)
        floor.answer_ends()
        return Admission(event, ends_answer=True)

    def _admit_words(self, event: stt.SpeechEvent, heard: stt.SpeechData) -> Admission:
        floor = self._floor
        over_answer = floor.is_over_answer
        admitted = not over_answer or self._takes_the_turn(heard.text, heard.confidence)
        # What does not take the turn is no unfinished sentence either: the answer resumes at once.
        words = heard.text if admitted else ""
        floor.pauses_after(words)
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            floor.utterance_is_over(words)
        if not admitted:
            return Admission(_silenced(event))
        floor.words_count()
        return Admission(event, ends_answer=over_answer)

    def _takes_the_turn(self, words: str, confidence: float) -> bool:
        manners = self._manners
        if manners.is_stop(words):
            return confidence >= (_SURE_STOP if manners.is_fragment(words) else _SURE_LONGER_STOP)
        if manners.is_backchannel(words):
            return False
        if manners.is_fragment(words):
            return confidence >= _SURE_STOP and bool(self._is_wish(words))
        return confidence >= _SURE_WORDS or not manners.is_short(words)

    def _is_certain_stop(self, heard: stt.SpeechData) -> bool:
        """Enough to end an answer by, although noise goes on behind it and may hide it again."""
        return self._manners.is_stop(heard.text) and heard.confidence >= _SURE_WORDS

    def _is_confirmed(self, heard: stt.SpeechData) -> bool:
        """Whether words that will not change any more are enough, however the rest turns out."""
        confirmed = (heard.metadata or {}).get(CONFIRMED, "")
        return bool(confirmed) and self._takes_the_turn(confirmed, confidence=1.0)


def _silenced(event: stt.SpeechEvent) -> stt.SpeechEvent | None:
    """A final without words, which the session waits for; other events are dropped."""
    if event.type is not stt.SpeechEventType.FINAL_TRANSCRIPT:
        return None
    return replace(event, alternatives=[replace(event.alternatives[0], text="")])
