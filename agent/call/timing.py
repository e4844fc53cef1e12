"""Timing: every length of time that a call's manners rest on, in one table.

Stages are given the table and hold no times of their own, so that what depends on each other stands
side by side. The values were measured together; where a decision chose one, it is named. A change
of one is a change of manners: `make bench-turns` tells what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds where a name ends in ``_s``, milliseconds where it ends in ``_ms``."""

    # Listening: the room's audio, and the detector of voices.

    input_frame_ms: int = 20
    """Length of a frame from the room: half the framework's, so that speech is seen sooner."""

    detector_rest_s: float = 3.0
    """Without speech for so long, the detector begins anew (decision 009)."""

    detector_silence_s: float = 0.25
    """A shorter silence belongs to the speech around it. The least that the framework's audio model
    of turns takes."""

    # Recognition: when what has been said is read, and for how long it is one utterance.

    partial_every_s: float = 0.3
    """New speech before the next partial: captions about three times a second at best."""

    eager_silence_s: float = 0.06
    """Silence after which a reading starts that may become the final one: two windows of the
    detector. Between words it is rarely that long; where it is, the reading serves as a partial."""

    preflight_silence_s: float = 0.12
    """Silence after which that reading is announced as likely to be the final one."""

    sure_language_s: float = 1.0
    """Speech after which a probable language stays for the rest of the utterance."""

    long_utterance_s: float = 20.0
    """An utterance this long ends at its next short pause."""

    utterance_limit_s: float = 28.0
    """And this long in any case: the speech server takes 30 s."""

    # The end of a turn (decision 005: chosen on 330 pauses and ends, 3 % of turns cut off, half of
    # the ends at once).

    turn_end_s: float = 0.25
    """Silence after which a turn that is over is answered. The audio model needs as much."""

    nearly_whole_s: float = 0.6
    """Silence after which a turn is answered although more may come, where the words are nearly a
    whole question."""

    hesitation_s: float = 1.4
    """The same, where they are the beginning of one."""

    thinking_s: float = 1.8
    """The same, where they end in the search for words: who says "um, so the thing is" may think
    for longer."""

    pause_words_s: float = 0.9
    """How long the words of a pause are waited for; the framework waits 1.0 for a verdict."""

    same_turn_s: float = 2.0
    """What is asked so soon after something that nothing was heard to yet is a part of it: the
    framework takes a turn in two parts where its last words come after the verdict."""

    # Barge-in: speech while the assistant has the floor.

    pausing_speech_s: float = 0.06
    """Speech that pauses an answer: two windows of the detector. A pause costs little, for the
    answer resumes at the same word where nothing was said."""

    resumption_s: float = 0.05
    """Silence after which it resumes. The resumption waits for the decision on the turn in any
    case; this is as little as can be added to it."""

    late_part_s: float = 1.2
    """Who goes on speaking this soon after the answer began to sound had not finished: nobody has
    understood and replied to anything by then."""

    # Answering.

    patience_s: float = 0.8
    """After the end of a turn, the customer hears something this soon."""

    no_words_s: float = 2.0
    """Speech that gave no words this long after its end was not understood."""

    cough_s: float = 0.6
    """Shorter sounds that gave no words are coughs and clicks: nothing was asked."""

    voice_retries_s: tuple[float, ...] = (0.1, 2.0, 2.0)
    """Waits before a clause is tried again while the speech server does not speak, once an answer:
    the framework's own. A busy server has room by then; one that is started anew may have."""

    silent_syllable_s: float = 0.2
    """A clause that cannot be spoken is silent for this long a syllable, the voice's own pace, so
    that its words are shown as they would have been heard."""

    # The voice and its playout (decision 006).

    voice_frame_ms: int = 20
    """Length of a frame of the voice: short, so that the first sound is not held back."""

    playout_ahead_s: float = 0.1
    """Audio handed to the room ahead of the ear: enough for an event loop that is late."""

    playout_queue_ms: int = 200
    """What the room's queue may hold."""

    rewind_s: float = 0.35
    """Where a pause cuts a word, playout resumes at the quietest moment this long before."""

    # What a customer shows.

    screen_look_s: float = 0.5
    """Between two looks at a shared screen: what is the same in both of them rests."""

    screen_model_s: float = 10.0
    """Between two readings by a hosted model, which costs the operator each time."""


TIMING = Timing()
