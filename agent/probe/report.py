"""The timeline of a call: both recordings and what the room showed in, a report of each turn out.

Sound decides every time that ends in `first_audio_ms` or `stop_ms`: it is read off the two tracks
of the recording, so anyone can measure it again. What the room shows (captions, states) dates only
the steps that make no sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.probe.audio import LASTING_SILENCE_MS, SAMPLE_RATE_HZ, Samples, Span, sounds
from agent.probe.microphone import Placement
from agent.probe.observer import AnswerNotice, Caption, StateChange
from common.languages import join_utterances


@dataclass(frozen=True)
class Scene:
    """All that was sent, heard and seen in one call, on one clock."""

    heard: Samples
    turns: tuple[Placement, ...]
    interruption: Placement | None
    captions: tuple[Caption, ...]
    states: tuple[StateChange, ...]
    notices: tuple[AnswerNotice, ...]


@dataclass(frozen=True)
class Reply:
    """What the assistant made of one thing the customer said."""

    file: str
    transcript: str
    answer: str
    language: str | None
    declined: bool | None
    interrupted: bool | None
    citations: tuple[dict[str, Any], ...]
    timings_ms: dict[str, float]
    """As the assistant measured itself: `docs/architecture.md`, "In the room"."""


@dataclass(frozen=True)
class TurnReport(Reply):
    """A turn. ``speech`` and ``answer_heard`` are places in the recording; the other times count
    from the end of the customer's speech, and are negative when the assistant did not wait for it.
    ``sounds``: the stretches of the answer that sound, also places in the recording.
    """

    speech: Span
    answer_heard: Span | None
    end_of_turn_ms: float | None
    first_token_ms: float | None
    first_audio_ms: float | None
    talked_over_ms: float
    sounds: tuple[Span, ...]


@dataclass(frozen=True)
class InterruptionReport(Reply):
    """The customer speaks over the last answer; times count from the onset of that speech.

    ``stop_ms`` is the way to a silence that lasts; None when the assistant was silent at the onset
    and stayed so. ``sounding_at_onset`` is false also inside a short pause of the answer.
    """

    speech: Span
    after_answer_began_ms: float
    sounding_at_onset: bool
    stop_ms: float | None
    next_sound_ms: float | None


@dataclass(frozen=True)
class Timeline:
    """The whole call."""

    greeting: str
    turns: tuple[TurnReport, ...]
    interruption: InterruptionReport | None
    duration_ms: float

    def as_json(self) -> dict[str, Any]:
        """As printed: times rounded to milliseconds."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def make_timeline(scene: Scene) -> Timeline:
    """Measure a call."""
    words = sounds(scene.heard)
    begins = [p.speech.start_ms for p in _spoken(scene)]
    windows = [Span(b, e) for b, e in zip(begins, [*begins[1:], float("inf")], strict=True)]
    turns = tuple(
        _turn(scene, placement, window, words)
        for placement, window in zip(scene.turns, windows, strict=False)
    )
    before = Span(0, begins[0])
    return Timeline(
        greeting=_text(
            c for c in scene.captions if not c.by_customer and _within(c.first_ms, before)
        ),
        turns=turns,
        interruption=_interruption(scene, turns[-1], windows[-1], words),
        duration_ms=len(scene.heard) * 1000 / SAMPLE_RATE_HZ,
    )


def _spoken(scene: Scene) -> Sequence[Placement]:
    return (*scene.turns, scene.interruption) if scene.interruption else scene.turns


def _turn(scene: Scene, placement: Placement, window: Span, words: Sequence[Span]) -> TurnReport:
    speech = placement.speech
    # The last answer goes on until it falls silent, also after somebody has spoken into it.
    answer = [w for w in words if w.end_ms > speech.end_ms and _within(w.start_ms, window)]
    first_audio = answer[0].start_ms if answer else None
    token = min((c.first_ms for c in _captions(scene, window, by_customer=False)), default=None)
    return TurnReport(
        **_reply(scene, placement, window),
        speech=speech,
        answer_heard=Span(answer[0].start_ms, answer[-1].end_ms) if answer else None,
        end_of_turn_ms=_since(speech.end_ms, _end_of_turn_ms(scene, window, first_audio)),
        first_token_ms=_since(speech.end_ms, token),
        first_audio_ms=_since(speech.end_ms, first_audio),
        talked_over_ms=sum(speech.overlap_ms(word) for word in words),
        sounds=tuple(answer),
    )


def _end_of_turn_ms(scene: Scene, window: Span, first_audio_ms: float | None) -> float | None:
    """When the room showed that the turn was taken: the assistant thinks; else it speaks."""
    until = Span(window.start_ms, window.end_ms if first_audio_ms is None else first_audio_ms)
    thinking = [s.at_ms for s in scene.states if s.state == "thinking" and _within(s.at_ms, until)]
    if thinking:
        return thinking[-1]
    speaking = (s.at_ms for s in scene.states if s.state == "speaking" and _within(s.at_ms, window))
    final = (c.last_ms for c in _captions(scene, window, by_customer=True) if c.final)
    return min([*speaking, *final], default=None)


def _interruption(
    scene: Scene, turn: TurnReport, window: Span, words: Sequence[Span]
) -> InterruptionReport | None:
    if scene.interruption is None:
        return None
    speech = scene.interruption.speech
    onset = speech.start_ms
    answers = sounds(scene.heard, pause_ms=LASTING_SILENCE_MS)
    stopped = next((a.end_ms for a in answers if a.start_ms <= onset < a.end_ms), None)
    silent_from = onset if stopped is None else stopped
    began = turn.answer_heard.start_ms if turn.answer_heard else turn.speech.end_ms
    return InterruptionReport(
        **_reply(scene, scene.interruption, window),
        speech=speech,
        after_answer_began_ms=onset - began,
        sounding_at_onset=any(w.start_ms <= onset < w.end_ms for w in words),
        stop_ms=_since(onset, stopped),
        next_sound_ms=_since(
            onset, next((a.start_ms for a in answers if a.start_ms >= silent_from), None)
        ),
    )


def _reply(scene: Scene, placement: Placement, window: Span) -> dict[str, Any]:
    """What both kinds of report share."""
    notice = _notice(scene, window)
    finals = [c for c in _captions(scene, window, by_customer=True) if c.final]
    answer = _text(_captions(scene, window, by_customer=False))
    return {
        "file": str(placement.clip.path),
        "transcript": _text(finals) or str(notice.get("question", "")),
        "answer": answer or str(notice.get("answer", "")),
        "language": notice.get("language"),
        "declined": notice.get("declined"),
        "interrupted": notice.get("interrupted"),
        "citations": tuple(notice.get("citations", ())),
        "timings_ms": dict(notice.get("timings_ms", {})),
    }


def _notice(scene: Scene, window: Span) -> dict[str, Any]:
    """The latest word on the answers that were first announced in this window."""
    announced: dict[Any, float] = {}
    for notice in scene.notices:
        announced.setdefault(notice.content.get("turn"), notice.at_ms)
    mine = [n.content for n in scene.notices if _within(announced[n.content.get("turn")], window)]
    return mine[-1] if mine else {}


def _captions(scene: Scene, window: Span, *, by_customer: bool) -> list[Caption]:
    mine = [c for c in scene.captions if c.by_customer == by_customer]
    return sorted((c for c in mine if _within(c.first_ms, window)), key=lambda c: c.first_ms)


def _text(captions: Iterable[Caption]) -> str:
    return join_utterances(" ".join(caption.text.strip() for caption in captions))


def _within(at_ms: float, span: Span) -> bool:
    return span.start_ms <= at_ms < span.end_ms


def _since(start_ms: float, at_ms: float | None) -> float | None:
    return None if at_ms is None else at_ms - start_ms


def _rounded(value: Any, *, is_time: bool = False) -> Any:
    """Times, whose names all end in `_ms`, to whole milliseconds; everything else as it is."""
    if isinstance(value, dict):
        return {
            key: _rounded(item, is_time=is_time or key.endswith("_ms"))
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_rounded(item, is_time=is_time) for item in value]
    return round(value) if is_time and value is not None else value
