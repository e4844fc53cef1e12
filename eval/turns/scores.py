"""Judging turns and interruptions: what was said and heard, with its times, in; outcomes out.

Nothing here knows how the session decided. Times are milliseconds of one clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal

import numpy as np

from agent.probe.audio import Span
from eval.audio import RATE_HZ, Samples

#: The energy that ends a word and the session's own view of it differ by up to this much.
_EDGE_MS = 80.0
#: Of what was understood of the first part, this share must be in the question that was answered.
_JOINED = 0.6
#: Shorter breaks in an answer are its own: the next clause's audio came late.
_BREAK_MS = 60.0
#: After the sound, an answer must go on within this time …
RESUME_MS = 1000.0
#: … from where it stopped, or from at most so much before or behind: the word that was cut.
_BACK_MS, _AHEAD_MS = 1000.0, 250.0
#: An answer that still sounds this long after the customer began to speak was not stopped.
STOP_LIMIT_MS = 1500.0
#: Heard and recorded audio that correlate as much are the same.
_SAME = 0.8

TurnOutcome = Literal["answered", "joined", "joined late", "talked over", "split", "unheard"]
StopOutcome = Literal["stopped", "resumed", "went on"]
SoundOutcome = Literal["untouched", "resumed", "resumed late", "lost its place", "ended"]


@dataclass(frozen=True)
class Commit:
    """The session took the turn: what it then set out to answer."""

    at_ms: float
    question: str


@dataclass(frozen=True)
class TurnScore:
    """How one turn went."""

    outcome: TurnOutcome
    endpointing_ms: float | None = None
    """From the end of the speech to the commit that held."""
    answer_ms: float | None = None
    """From the end of the speech to the first sound of the answer."""

    @property
    def cut_off(self) -> bool:
        """The customer was taken to have finished, and was made to feel it."""
        return self.outcome in ("talked over", "split")


@dataclass(frozen=True)
class Stretch:
    """A stretch of an answer that was heard; ``position_ms`` is its place in the recording of the
    whole answer, None when it is none of that answer."""

    start_ms: float
    end_ms: float
    position_ms: float | None

    @property
    def reached_ms(self) -> float | None:
        """The place in the recording where it ends."""
        if self.position_ms is None:
            return None
        return self.position_ms + self.end_ms - self.start_ms


@dataclass(frozen=True)
class StopScore:
    """How an interruption went; ``stop_ms`` counts from the onset of the customer's speech."""

    outcome: StopOutcome
    stop_ms: float | None = None


@dataclass(frozen=True)
class SoundScore:
    """How an answer bore a sound that was no interruption."""

    outcome: SoundOutcome
    pause_ms: float = 0.0
    """How long the answer was silent."""

    @property
    def false_stop(self) -> bool:
        """The answer did not go on as it should have."""
        return self.outcome not in ("untouched", "resumed")


def score_turn(
    speech: Span,
    commits: Sequence[Commit],
    answers_began_ms: Sequence[float],
    whole_from_ms: float | None = None,
) -> TurnScore:
    """Judge a turn spoken during ``speech``, by the commits and answers since its beginning.

    An answer that sounds before the end talks over the customer, whatever comes of it. A commit
    before the end that nobody heard of is harmless if the question answered in the end has what
    was said before it ("joined"); else the customer's question was answered in pieces ("split").
    From ``whole_from_ms`` on, what had been said was whole by itself and anybody might have begun
    to answer: then only the answer in the end counts ("joined late").
    """
    end = speech.end_ms
    begun = [began for began in answers_began_ms if speech.start_ms <= began < end - _EDGE_MS]
    if begun and (whole_from_ms is None or begun[0] < whole_from_ms):
        return TurnScore("talked over")
    early = [c for c in commits if c.at_ms < end - _EDGE_MS]
    late = [c for c in commits if c.at_ms >= end - _EDGE_MS]
    if not commits:
        return TurnScore("unheard")
    if early and not late:
        return TurnScore("split")
    if not all(_contains(late[-1].question, c.question) for c in [*early, *late[:-1]]):
        return TurnScore("split")
    first = min((began for began in answers_began_ms if began >= end - _EDGE_MS), default=None)
    joined: TurnOutcome = "joined late" if begun else "joined"
    return TurnScore(
        joined if len(commits) > 1 else "answered",
        endpointing_ms=late[-1].at_ms - end,
        answer_ms=None if first is None else first - end,
    )


def score_stop(onset_ms: float, heard: Sequence[Stretch]) -> StopScore:
    """Judge whether an answer stopped for the customer who spoke from ``onset_ms`` on.

    ``heard``: the stretches of that answer, from the one that sounded at the onset on. What counts
    is that it is not played any more, so that a pause of its own cannot pass for a stop.
    """
    answer = _without_own_breaks([s for s in heard if s.position_ms is not None])
    at_onset = next((s for s in answer if s.end_ms > onset_ms), None)
    if at_onset is None or at_onset.end_ms - onset_ms > STOP_LIMIT_MS:
        return StopScore("went on")
    if answer[-1] is not at_onset:
        return StopScore("resumed")
    return StopScore("stopped", at_onset.end_ms - onset_ms)


def score_sound(sound: Span, heard: Sequence[Stretch], until_ms: float) -> SoundScore:
    """Judge whether an answer bore ``sound``; it was listened to until ``until_ms``."""
    answer = _without_own_breaks([s for s in heard if s.position_ms is not None])
    answer = [s for s in answer if s.end_ms > sound.start_ms]
    if not answer or answer[-1].end_ms < until_ms - _BREAK_MS:
        return SoundScore("ended", until_ms - (answer[-1].end_ms if answer else sound.start_ms))
    breaks = list(pairwise(answer))
    pause_ms = sum(after.start_ms - before.end_ms for before, after in breaks)
    if any(after.start_ms - sound.end_ms > RESUME_MS for _, after in breaks):
        return SoundScore("resumed late", pause_ms)
    slips = [
        after.position_ms - before.reached_ms
        for before, after in breaks
        if after.position_ms is not None and before.reached_ms is not None
    ]
    if any(not -_BACK_MS <= slip <= _AHEAD_MS for slip in slips):
        return SoundScore("lost its place", pause_ms)
    return SoundScore("resumed" if breaks else "untouched", pause_ms)


def place_in(recording: Samples, heard: Samples) -> float | None:
    """Where in the recording of an answer (ms) the heard samples are; None if they are not."""
    if len(heard) > len(recording) or not np.any(heard):
        return None
    size = len(recording) + len(heard)
    spectrum = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(heard, size))
    likeness = np.fft.irfft(spectrum, size)[: len(recording) - len(heard) + 1]
    energy = np.concatenate([[0.0], np.cumsum(recording.astype(np.float64) ** 2)])
    there = np.sqrt(np.maximum(energy[len(heard) :] - energy[: -len(heard)], 1e-9))
    likeness = likeness / (there * np.sqrt(np.sum(heard.astype(np.float64) ** 2)))
    best = int(np.argmax(likeness))
    return best * 1000 / RATE_HZ if likeness[best] >= _SAME else None


def remembered_ahead_ms(
    remembered: str, heard_ms: float, clauses: Sequence[tuple[str, float]]
) -> float:
    """How much more of an answer is remembered than was heard; less: negative.

    ``clauses``: the answer's, each with the length of its audio (ms); within one, letters are taken
    to pass evenly.
    """
    letters = np.concatenate([[0], np.cumsum([len(_letters(text)) for text, _ in clauses])])
    times = np.concatenate([[0.0], np.cumsum([length for _, length in clauses])])
    return float(np.interp(len(_letters(remembered)), letters, times)) - heard_ms


def _without_own_breaks(stretches: Sequence[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and stretch.start_ms - joined[-1].end_ms < _BREAK_MS:
            before = joined[-1]
            joined[-1] = Stretch(before.start_ms, stretch.end_ms, before.position_ms)
        else:
            joined.append(stretch)
    return joined


def _contains(question: str, part: str) -> bool:
    """Whether ``part`` is in the question; heard again, a word or two may have changed."""
    wanted = _letters(part)
    if not wanted:
        return True
    matcher = SequenceMatcher(None, _letters(question), wanted, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) >= _JOINED * len(wanted)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())
