"""What the calls of `make bench-voice` come to: reports of turns in, figures and plots out.

Times count from the end of the customer's speech, in milliseconds. A question without a proper
answer is a failure: counted and shown, and never part of a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from matplotlib.figure import Figure

from agent.probe.audio import Span
from agent.probe.report import TurnReport
from agent.prompts import load_phrases
from common.languages import LANGUAGES, language_of
from eval.voice.questions import Question

StackName = Literal["liuke", "stock"]
STACKS: Final[tuple[StackName, ...]] = ("liuke", "stock")

#: The stages in the order of a turn; see `stages`.
STAGES = ("stt", "end_pointing", "retrieval", "first_token", "first_audio", "transport")
#: The longest pause that the voice makes of itself, behind a sentence, is 0.32 s
#: (`agent/speech/say/kokoro.py`): a silence longer than this is a gap that it did not mean.
OWN_PAUSE_MS = 350.0
#: A sentence that was made ahead sounds as long as it did then, to within this.
_SAME_LENGTH_MS = 60.0


@dataclass(frozen=True)
class Known:
    """What the assistant says word for word."""

    openings: tuple[str, ...]
    """The approved first sentences of the entries."""
    acknowledgements_ms: Mapping[str, float]
    """Sentences that only ask to wait for the answer, and how long each sounds."""
    leads_ms: Mapping[str, float] = field(default_factory=dict)
    """Sentences of an answer that lead to what was asked for, likewise."""


@dataclass(frozen=True)
class Asked:
    """A question that was put to a stack, and what came of it."""

    question: Question
    calls_at_once: int
    failure: str | None
    """Why it counts as not answered; None: it was answered."""
    turn: TurnReport | None = None
    voice_to_voice_ms: float | None = None
    """To the first sound of the answer itself, behind a sentence that only asks to wait."""
    gaps_ms: tuple[float, ...] = ()
    """Silences inside the answer, between two of its sounds."""
    acknowledged: bool = False
    with_opening: bool = False

    @property
    def first_words_ms(self) -> float | None:
        """``voice_to_voice_ms`` of a proper answer."""
        return None if self.failure else self.voice_to_voice_ms


@dataclass
class Run:
    """What one stack did: one call at a time, then by the number of calls at once."""

    asked: list[Asked] = field(default_factory=list)
    crowds: dict[int, list[Asked]] = field(default_factory=dict)
    memory_mb: float = 0.0
    """All its processes during a single call; the most that was seen."""
    busy_before: float = 0.0
    """Share of the machine that others kept busy, seen before each single call: 0 to 1."""


def judge(question: Question, turn: TurnReport, known: Known, calls_at_once: int) -> Asked:
    """Measure one turn, and say whether it is an answer."""
    answer, heard = heard_behind(turn, known.acknowledgements_ms)
    return Asked(
        question=question,
        calls_at_once=calls_at_once,
        failure=_failure(question, turn, answer, heard),
        turn=turn,
        voice_to_voice_ms=heard[0].start_ms - turn.speech.end_ms if heard else None,
        gaps_ms=tuple(b.start_ms - a.end_ms for a, b in pairwise(heard)),
        acknowledged=answer != turn.answer,
        with_opening=answer.startswith(known.openings),
    )


def heard_behind(turn: TurnReport, lengths_ms: Mapping[str, float]) -> tuple[str, Sequence[Span]]:
    """What of an answer, and of its sounds, follows those sentences at its beginning.

    ``lengths_ms``: how long each sentence sounds.
    """
    answer, heard = turn.answer, turn.sounds
    while first := next((text for text in lengths_ms if answer.startswith(text)), ""):
        answer = answer.removeprefix(first).lstrip()
        heard = _behind(heard, lengths_ms[first])
    return answer, heard


def _behind(sounds: Sequence[Span], length_ms: float) -> tuple[Span, ...]:
    """The sounds that follow a sentence of this length at their beginning."""
    end_ms = sounds[0].start_ms + length_ms - _SAME_LENGTH_MS if sounds else 0.0
    return tuple(sound for sound in sounds if sound.start_ms >= end_ms)


def _failure(
    question: Question, turn: TurnReport, answer: str, heard: Sequence[Span]
) -> str | None:
    if not heard or turn.first_audio_ms is None:
        return "no answer"
    if turn.first_audio_ms < 0 or turn.talked_over_ms > 0:
        return "talked over"
    phrases = load_phrases()[question.language]
    if answer.startswith((phrases.not_understood, phrases.not_working)):
        return "not understood"
    # A plain stack speaks the mark by which its model declines.
    if answer and not turn.declined and language_of(answer) != question.language:
        return "wrong language"
    return None


def stages(name: StackName, turn: TurnReport) -> dict[str, float]:
    """How long each stage of a turn took; those that were not measured are missing.

    - `stt`, `end_pointing`: from the end of speech to the transcript, and to the decision that the
      turn is over; the one waits for the other.
    - `retrieval`: the search. `first_token`: from the passages to the first text of the answer,
      which may be an opening. `first_audio`: from there to its audio. Liuke runs these before the
      decision too, so that the sum can exceed the voice-to-voice time.
    - `transport`: what the client waited longer than the assistant knows of: network, both jitter
      buffers, and the error of its idea of when the speech ended.
    """
    timings = turn.timings_ms
    first_token = timings.get("first_token")
    if name == "liuke" and first_token is not None:
        # Its search is inside; a sentence that only asks to wait comes before `first_text`.
        first_text = timings.get("first_text", first_token)
        first_token = max(0.0, first_text - timings.get("retrieval", 0.0))
    transport = None
    if turn.first_audio_ms is not None and "answer_latency" in timings:
        transport = turn.first_audio_ms - timings["answer_latency"]
    found = {
        "stt": timings.get("transcription"),
        "end_pointing": timings.get("end_of_turn"),
        "retrieval": timings.get("retrieval"),
        "first_token": first_token,
        "first_audio": timings.get("first_audio"),
        "transport": transport,
    }
    return {stage: ms for stage, ms in found.items() if ms is not None}


def summarise(runs: Mapping[StackName, Run]) -> dict[str, Any]:
    """The benchmark's last line."""
    liuke, stock = runs.get("liuke", Run()), runs.get("stock", Run())
    alone = _answered(asked for asked in liuke.asked if _is_the_models_own(asked))
    same = {asked.question for asked in alone}
    others = _answered(asked for asked in stock.asked if asked.question in same)
    return {
        **{name: _figures(name, run) for name, run in runs.items()},
        "ratio": _ratio(_answered(stock.asked), _answered(liuke.asked)),
        "without_opening": {
            "voice_to_voice_ms": percentiles(_times(alone)),
            "first_sound_ms": percentiles(_first_sounds(alone)),
            "questions": len(alone),
            "ratio": _ratio(others, alone),
        },
    }


def _is_the_models_own(asked: Asked) -> bool:
    """No opening was spoken. To decline is quick, but no answer of the model's."""
    return asked.turn is not None and not asked.with_opening and not asked.turn.declined


def _figures(name: StackName, run: Run) -> dict[str, Any]:
    answered = _answered(run.asked)
    gaps = [gap for asked in answered for gap in asked.gaps_ms]
    measured = [stages(name, asked.turn) for asked in answered if asked.turn]
    return {
        "voice_to_voice_ms": percentiles(_times(answered)),
        "first_sound_ms": percentiles(_first_sounds(answered)),
        "stages_ms": {
            stage: percentiles([found[stage] for found in measured if stage in found])
            for stage in STAGES
        },
        "gap_ms": {
            "p95": percentiles(gaps)["p95"],
            "longest": round(max(gaps)) if gaps else None,
            f"over_{OWN_PAUSE_MS:.0f}": sum(gap > OWN_PAUSE_MS for gap in gaps),
        },
        "memory_mb": round(run.memory_mb),
    }


def details(runs: Mapping[StackName, Run]) -> dict[str, Any]:
    """What the last line leaves out: counts, languages, calls at once, every question."""
    return {
        "counts": {
            name: {
                "questions": len(run.asked),
                "failed": sum(asked.failure is not None for asked in run.asked),
                "declined": sum(bool(a.turn and a.turn.declined) for a in run.asked),
                "with_opening": sum(asked.with_opening for asked in run.asked),
                "acknowledged": sum(asked.acknowledged for asked in run.asked),
                "machine_busy_before_calls": round(run.busy_before, 2),
            }
            for name, run in runs.items()
        },
        "by_language": {
            language: {
                name: percentiles(
                    _times(_answered(a for a in run.asked if a.question.language == language))
                )
                for name, run in runs.items()
            }
            for language in LANGUAGES
        },
        "calls_at_once": {
            str(calls): {
                "voice_to_voice_ms": percentiles(_times(_answered(asked))),
                "first_sound_ms": percentiles(_first_sounds(_answered(asked))),
                "questions": len(asked),
                "failed": sum(each.failure is not None for each in asked),
            }
            for calls, asked in _crowds(runs).items()
        },
        "questions": [_row(name, asked) for name, run in runs.items() for asked in _all(run)],
    }


def _crowds(runs: Mapping[StackName, Run]) -> dict[int, list[Asked]]:
    """Liuke's, by the number of calls at once."""
    liuke = runs.get("liuke")
    return {1: liuke.asked, **liuke.crowds} if liuke else {}


def _all(run: Run) -> list[Asked]:
    return [*run.asked, *(asked for crowd in run.crowds.values() for asked in crowd)]


def _row(name: StackName, asked: Asked) -> dict[str, Any]:
    turn, wording = asked.turn, asked.question.own_wording
    row: dict[str, Any] = {
        "question": asked.question.text,
        "stack": name,
        "calls_at_once": asked.calls_at_once,
        "wording": "recorded" if wording is None else "own" if wording else "other",
        "failure": asked.failure or "",
        "voice_to_voice_ms": _rounded(asked.voice_to_voice_ms),
    }
    if turn is None:
        return row
    return row | {
        "first_sound_ms": _rounded(turn.first_audio_ms),
        "with_opening": asked.with_opening,
        "declined": bool(turn.declined),
        "longest_gap_ms": _rounded(max(asked.gaps_ms, default=None)),
        "heard": turn.transcript,
        "answer": turn.answer,
        "stages_ms": {stage: round(ms) for stage, ms in stages(name, turn).items()},
    }


def _answered(asked: Iterable[Asked]) -> list[Asked]:
    return [each for each in asked if each.failure is None]


def _times(answered: Iterable[Asked]) -> list[float]:
    return [a.voice_to_voice_ms for a in answered if a.voice_to_voice_ms is not None]


def _first_sounds(answered: Iterable[Asked]) -> list[float]:
    turns = (asked.turn for asked in answered)
    return [t.first_audio_ms for t in turns if t and t.first_audio_ms is not None]


def _ratio(stock: Sequence[Asked], liuke: Sequence[Asked]) -> float | None:
    """How many times longer stock takes, by the medians."""
    theirs, ours = _times(stock), _times(liuke)
    return round(float(np.median(theirs) / np.median(ours)), 2) if theirs and ours else None


def percentiles(values: Sequence[float]) -> dict[str, int | None]:
    """Median and 95th percentile, interpolated between the nearest values."""
    if not values:
        return {"p50": None, "p95": None}
    return {f"p{p}": round(float(np.percentile(values, p))) for p in (50, 95)}


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)


def plots(runs: Mapping[StackName, Run]) -> list[tuple[str, Figure]]:
    """The page's plots, each with its caption."""
    figures = [
        ("Questions answered within a time (failures never are)", _distribution(runs)),
        ("Stages of a turn, medians (they overlap and do not add up)", _stage_bars(runs)),
    ]
    if crowds := _crowds(runs):
        figures.append(("Liuke by the number of calls at once", _crowd_boxes(crowds)))
    return figures


def _distribution(runs: Mapping[StackName, Run]) -> Figure:
    figure = Figure(figsize=(8, 3.5))
    axes = figure.add_subplot(xlabel="voice to voice, seconds", ylabel="share of questions")
    for name, run in runs.items():
        seconds = np.sort(_times(_answered(run.asked))) / 1000
        share = np.arange(1, len(seconds) + 1) / max(1, len(run.asked))
        axes.step([0, *seconds], [0, *share], where="post", label=name)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _stage_bars(runs: Mapping[StackName, Run]) -> Figure:
    figure = Figure(figsize=(8, 4))
    axes = figure.add_subplot(xlabel="seconds")
    height = 0.8 / len(runs)
    for number, (name, run) in enumerate(runs.items()):
        figures = _figures(name, run)
        medians = [figures["stages_ms"][stage]["p50"] for stage in STAGES]
        medians.append(figures["voice_to_voice_ms"]["p50"])
        places = np.arange(len(medians)) + (number - (len(runs) - 1) / 2) * height
        axes.barh(places, [(ms or 0) / 1000 for ms in medians], height, label=name)
    names = [stage.replace("_", " ") for stage in (*STAGES, "voice_to_voice")]
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.legend(loc="upper right")
    axes.grid(axis="x", alpha=0.3)
    return figure


def _crowd_boxes(crowds: Mapping[int, Sequence[Asked]]) -> Figure:
    figure = Figure(figsize=(8, 3))
    axes = figure.add_subplot(xlabel="calls at once", ylabel="voice to voice, seconds")
    times = [np.array(_times(_answered(asked))) / 1000 for asked in crowds.values()]
    axes.boxplot(times, whis=(5, 95), tick_labels=[str(calls) for calls in crowds])
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    return figure
