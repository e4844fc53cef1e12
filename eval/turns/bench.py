"""Benchmark of turn-taking and barge-in: real speech and noises into the session, scores out.

No room: `eval/turns/headless.py` feeds the audio straight into the session of a real call, against
the
real speech, knowledge and language-model servers. Under each condition (three levels of room noise,
and a telephone line) customers ask and are answered, and then long answers are disturbed by sounds
that must not end them and interrupted by people who must.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from matplotlib.figure import Figure

from agent.call.conversation import open_conversation
from agent.cli.output import err, print_json
from agent.host.supervisor import Supervisor
from agent.host.up import process_specs
from agent.probe.audio import Span
from agent.rooms.principal import guest
from agent.settings import Settings
from agent.speech.clauses import split_clauses
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import ServiceError
from common.languages import LANGUAGES, Language
from eval.audio import RATE_HZ, Samples, TelephoneLine, amplified, from_pcm
from eval.clips import DATA_DIR
from eval.installation import answers, await_openings
from eval.report import write_report
from eval.turns.headless import HeadlessCall, Item
from eval.turns.material import (
    CONDITIONS,
    SPEECH_DB,
    Condition,
    Disturbance,
    Material,
    Utterance,
)
from eval.turns.scores import (
    Commit,
    SoundScore,
    StopScore,
    Stretch,
    TurnScore,
    place_in,
    remembered_ahead_ms,
    score_sound,
    score_stop,
    score_turn,
)

#: What is drawn by chance (clips, pauses, order, lost packets) is the same each time.
SEED = 7
PACKET_LOSS = 0.05
#: A clock that is so late in one of twenty ticks measures the machine, not the conversation, ms.
LATE_MS = 40.0
#: The conditions of a quick run.
QUICK = ("10 dB", "telephone")
#: Calls held at once: more would measure the speech server's queue.
CALLS_AT_ONCE = 2
#: An answer that has not begun by then will not come, ms after the customer's speech.
PATIENCE_MS = 4000.0
#: Heard of an answer before the turn is judged, ms.
LISTEN_MS = 300.0
#: The answer has sounded for so long when it is interrupted: several offsets, ms.
OFFSETS_MS = (600.0, 1400.0, 2300.0, 3700.0)
#: Between two sounds into one answer, ms.
REST_MS = 400.0
#: How long an answer is watched after a sound: a recognition that comes late may still end it, ms.
WATCH_MS = 2000.0
#: An answer with less left than this behind the next sound begins anew, ms.
MARGIN_MS = 3500.0
#: Heard audio that is looked for in the recording of the answer, ms.
PLACE_MS = 400.0


@dataclass(frozen=True)
class LongAnswer:
    """An answer to be interrupted, as it is heard when nobody does."""

    text: str
    recording: Samples
    clauses: tuple[tuple[str, float], ...]
    """Each with the length of its audio, ms."""

    @property
    def duration_ms(self) -> float:
        """How long it takes."""
        return len(self.recording) * 1000 / RATE_HZ


@dataclass(frozen=True)
class Turn:
    """A turn that was taken, and what the session understood."""

    condition: str
    utterance: Utterance
    score: TurnScore
    understood: str
    silence_seen_ms: float | None
    """From the end of the speech until the session had noticed it."""
    final_ms: float | None
    """From the end of the speech to its last final transcript."""


@dataclass(frozen=True)
class Disturbed:
    """An answer that was disturbed, and what the session made of it."""

    condition: str
    disturbance: Disturbance
    score: StopScore | SoundScore
    offset_ms: float
    """Of the sound's onset in the answer."""
    understood: str
    remembered_ahead_ms: float | None = None
    """Where the answer ended: how much more of it the session remembers than was heard."""

    @property
    def failed(self) -> bool:
        """A false stop, or a missed one."""
        if isinstance(self.score, SoundScore):
            return self.score.false_stop
        return self.score.outcome != "stopped"


class Bench:
    """Runs the trials against servers that are up."""

    def __init__(self, settings: Settings, material: Material, *, quick: bool = False) -> None:
        self._settings = settings
        self._material = material
        self._quick = quick
        self._folder = settings.paths.data_dir / "bench" / "turns"
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self.turns: list[Turn] = []
        self.disturbed: list[Disturbed] = []
        #: How late each tick of each call's clock came, ms.
        self.late_ms: list[float] = []

    async def take_turns(self, conditions: Sequence[Condition]) -> None:
        """End-pointing: every utterance under every condition, into ``turns``."""
        said = [
            await self._material.utterances(_rng(condition, 1), quick=self._quick)
            for condition in conditions
        ]
        await asyncio.gather(
            *(self._take_turns(c, u) for c, u in zip(conditions, said, strict=True))
        )

    async def disturb(self, conditions: Sequence[Condition]) -> None:
        """Barge-in: every sound into an answer under every condition, into ``disturbed``."""
        sounds = [
            await self._material.disturbances(_rng(condition, 2), quick=self._quick)
            for condition in conditions
        ]
        recorded = await asyncio.gather(*(self._record_answer(lang) for lang in LANGUAGES))
        answers = dict(zip(LANGUAGES, recorded, strict=True))
        await asyncio.gather(
            *(self._disturb(c, s, answers) for c, s in zip(conditions, sounds, strict=True))
        )

    async def _record_answer(self, language: Language) -> LongAnswer:
        """The reference: what is heard of the long answer when nobody interrupts it."""
        text = self._material.answer(language)
        speech = SpeechClient(self._settings.speech.url, self._settings.internal_token)
        try:
            clauses = []
            for clause in split_clauses(text):
                pcm = b"".join([chunk async for chunk in speech.speak(clause, language)])
                clauses.append((clause, len(pcm) / 2 * 1000 / SPEAKING_RATE_HZ))
        finally:
            await speech.aclose()
        async with HeadlessCall(open_conversation(self._settings, guest(language))) as call:
            await _begin(call, text)
            await call.wait_until(lambda: not call.loudspeaker.open, 120_000)
            runs = [r for r in call.loudspeaker.runs if r.segment == call.loudspeaker.segment]
            heard = np.concatenate([call.loudspeaker.heard(r.start_ms, r.end_ms) for r in runs])
        return LongAnswer(text, from_pcm(heard), tuple(clauses))

    @contextlib.asynccontextmanager
    async def _call(self, condition: Condition) -> AsyncIterator[HeadlessCall]:
        """A call under this condition, its greeting over."""
        noise = amplified(await self._material.room_noise(), SPEECH_DB - condition.snr_db)
        line = TelephoneLine(PACKET_LOSS, _rng(condition, 3)) if condition.telephone else None
        async with self._places:
            conversation = open_conversation(self._settings, guest("zh"))
            call = HeadlessCall(conversation, background=noise, line=line)
            async with call:
                await call.wait_until(lambda: call.loudspeaker.playing, 5000)
                await call.settle()
                call.late_ms.clear()  # what opening the call took is no matter
                try:
                    yield call
                finally:
                    self.late_ms += call.late_ms

    async def _take_turns(self, condition: Condition, said: Sequence[Utterance]) -> None:
        async with self._call(condition) as call:
            for utterance in said:
                await call.settle()
                at_ms = call.microphone.play(utterance.samples)
                turn = await self._judge_turn(call, condition, utterance, at_ms)
                _tell(condition, utterance.category, utterance.name, turn.score.outcome)
                if turn.score.cut_off:
                    await self._keep(call, at_ms, condition, utterance.name)
                self.turns.append(turn)

    async def _judge_turn(
        self, call: HeadlessCall, condition: Condition, utterance: Utterance, at_ms: float
    ) -> Turn:
        speech = Span(at_ms + utterance.speech.start_ms, at_ms + utterance.speech.end_ms)

        def answered() -> bool:
            run = call.loudspeaker.runs[-1] if call.loudspeaker.runs else None
            return run is not None and run.end_ms > max(speech.end_ms, run.start_ms) + LISTEN_MS

        await call.wait_until(lambda: call.now_ms >= speech.end_ms, speech.end_ms - at_ms + 1000)
        await call.wait_until(answered, PATIENCE_MS)
        items = [i for i in call.items if i.at_ms >= speech.start_ms and i.role == "user"]
        runs = [r for r in call.loudspeaker.runs if r.start_ms >= speech.start_ms]
        score = score_turn(
            speech,
            [Commit(item.at_ms, call.question_of(item)) for item in items],
            [run.start_ms for run in runs],
            whole_from_ms=utterance.pauses[0].start_ms + at_ms
            if utterance.category == "late part"
            else None,
        )
        silences = [s.at_ms for s in call.states if s.who == "customer" and s.state == "listening"]
        finals = [w.at_ms for w in call.words if w.final]
        return Turn(
            condition.name,
            utterance,
            score,
            _understood(call, at_ms),
            silence_seen_ms=_since(speech.end_ms, silences),
            final_ms=_since(speech.end_ms, finals),
        )

    async def _disturb(
        self,
        condition: Condition,
        sounds: Sequence[Disturbance],
        answers: Mapping[Language, LongAnswer],
    ) -> None:
        rng = _rng(condition, 4)
        async with self._call(condition) as call:
            speaking = _Speaking(call)
            for sound in sounds:
                offset_ms = float(rng.choice(OFFSETS_MS))
                await speaking.on(answers[sound.language], sound, offset_ms)
                at_ms = call.now_ms
                one = await speaking.disturbed(sound, condition)
                _tell(condition, sound.category, sound.name, one.score.outcome)
                if one.failed:
                    await self._keep(call, at_ms, condition, sound.name)
                self.disturbed.append(one)

    async def _keep(
        self, call: HeadlessCall, at_ms: float, condition: Condition, name: str
    ) -> None:
        """The failure as stereo WAV: left what the session was given, right what was heard."""
        span = (at_ms - 1000, call.now_ms)
        sides = [call.microphone.sent(*span), call.loudspeaker.heard(*span)]
        stereo = np.stack(sides, axis=1)
        folder = self._folder / "failures"
        file = folder / f"{condition.name} {name[:60].replace('/', ' ')}.wav"
        folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(soundfile.write, file, stereo, RATE_HZ, subtype="PCM_16")


class _Speaking:
    """Keeps one call's assistant speaking a long answer, and disturbs it."""

    def __init__(self, call: HeadlessCall) -> None:
        self._call = call
        self._answer: LongAnswer | None = None
        self._segment = -1

    async def on(self, answer: LongAnswer, sound: Disturbance, offset_ms: float) -> None:
        """Come to a moment of ``answer`` that can be disturbed; begin it anew if need be."""
        needed_ms = offset_ms + sound.sound.end_ms + MARGIN_MS
        if (
            self._answer is answer
            and self._goes_on()
            and self._position_ms() + needed_ms < answer.duration_ms
        ):
            await self._call.wait(offset_ms if sound.stops else REST_MS)
            if self._goes_on():
                return
        self._answer = answer
        for _attempt in range(3):  # the customer's turn before may be taken only now, and end it
            self._segment = await _begin(self._call, answer.text)
            await self._call.wait(offset_ms)
            if self._goes_on():
                return

    async def disturbed(self, sound: Disturbance, condition: Condition) -> Disturbed:
        """Let ``sound`` be heard and judge what becomes of the answer."""
        call, answer = self._call, self._answer
        assert answer
        began = call.loudspeaker.runs[-1]
        call.microphone.echo = sound.echo
        at_ms = call.microphone.play(sound.samples)
        span = Span(at_ms + sound.sound.start_ms, at_ms + sound.sound.end_ms)
        until_ms = await self._watch(span)
        heard = self._stretches(began.start_ms)
        score = (
            score_stop(span.start_ms, heard) if sound.stops else score_sound(span, heard, until_ms)
        )
        return Disturbed(
            condition.name,
            sound,
            score,
            offset_ms=began.position_ms + span.start_ms - began.start_ms,
            understood=_understood(call, at_ms),
            remembered_ahead_ms=await self._remembered_ahead_ms(at_ms, heard),
        )

    def _goes_on(self) -> bool:
        return self._call.loudspeaker.playing and self._call.loudspeaker.segment == self._segment

    def _ended(self) -> bool:
        loudspeaker = self._call.loudspeaker
        return not loudspeaker.open or loudspeaker.segment != self._segment

    def _position_ms(self) -> float:
        run = self._call.loudspeaker.runs[-1]
        return run.position_ms + run.end_ms - run.start_ms

    async def _watch(self, span: Span) -> float:
        """Listen until it is clear whether the answer goes on; the time until then."""
        call = self._call
        await call.wait_until(lambda: call.now_ms >= span.end_ms or self._ended(), 60_000)
        call.microphone.echo = None
        if await call.wait_until(self._ended, span.end_ms + WATCH_MS - call.now_ms):
            await call.wait(LISTEN_MS)  # another answer may take it up
        return call.now_ms

    def _stretches(self, since_ms: float) -> list[Stretch]:
        """What was heard since then, by its place in the recording of the answer."""
        assert self._answer
        loudspeaker = self._call.loudspeaker
        found = []
        for run in loudspeaker.runs:
            if run.start_ms < since_ms:
                continue
            position: float | None = run.position_ms
            if run.segment != self._segment:
                end_ms = min(run.end_ms, run.start_ms + PLACE_MS)
                begin = from_pcm(loudspeaker.heard(run.start_ms, end_ms))
                position = place_in(self._answer.recording, begin)
            found.append(Stretch(run.start_ms, run.end_ms, position))
        return found

    async def _remembered_ahead_ms(self, at_ms: float, heard: Sequence[Stretch]) -> float | None:
        """None as long as the answer has not ended."""
        assert self._answer
        call = self._call
        reached = [s.reached_ms for s in heard if s.reached_ms is not None]

        def remembered() -> Item | None:
            mine = (i for i in call.items if i.at_ms >= at_ms and i.role == "assistant")
            return next(mine, None)

        if not self._ended() or not reached:
            return None
        await call.wait_until(lambda: remembered() is not None, 500)
        item = remembered()
        text = item.text if item else ""
        return remembered_ahead_ms(text, reached[-1], self._answer.clauses)


async def _begin(call: HeadlessCall, text: str) -> int:
    """Have the session speak ``text`` from its beginning; the number of that answer."""
    await call.settle()
    before = call.loudspeaker.segment
    call.session.say(text)
    if not await call.wait_until(
        lambda: call.loudspeaker.segment > before and call.loudspeaker.playing, 10_000
    ):
        raise ServiceError(
            "The session did not begin to speak within 10 s.",
            "See the speech server's log in the data directory.",
            retryable=True,
        )
    return call.loudspeaker.segment


def summarise(turns: Sequence[Turn], disturbed: Sequence[Disturbed]) -> dict[str, Any]:
    """The figures of a run, as the last line gives them; None for what was not measured."""
    stops = [d for d in disturbed if d.disturbance.stops]
    sounds = [d for d in disturbed if not d.disturbance.stops]
    heard = [t for t in turns if t.score.outcome != "unheard"]
    return {
        "stop_ms": _percentiles(d.score.stop_ms for d in stops if isinstance(d.score, StopScore)),
        "false_stop_rate": _rate(d.failed for d in sounds),
        "missed_stop_rate": _rate(d.failed for d in stops),
        "false_cutoff_rate": _rate(t.score.cut_off for t in heard),
        "endpointing_ms": _percentiles(t.score.endpointing_ms for t in turns),
    }


def details(turns: Sequence[Turn], disturbed: Sequence[Disturbed]) -> dict[str, Any]:
    """The figures by condition and by category, what failed, and every trial."""
    return {
        "turn_outcomes": dict(Counter(t.score.outcome for t in turns)),
        "silence_seen_ms": _percentiles(t.silence_seen_ms for t in turns),
        "final_ms": _percentiles(t.final_ms for t in turns),
        "answer_ms": _percentiles(t.score.answer_ms for t in turns),
        "remembered_ahead_ms": _percentiles(
            d.remembered_ahead_ms for d in disturbed if d.disturbance.stops
        ),
        "by_condition": {
            name: summarise(
                [t for t in turns if t.condition == name],
                [d for d in disturbed if d.condition == name],
            )
            for name in dict.fromkeys(
                [*(t.condition for t in turns), *(d.condition for d in disturbed)]
            )
        },
        "turn_categories": [
            {
                "category": name,
                "turns": len(mine),
                "cut_off": sum(t.score.cut_off for t in mine),
                "joined": sum(t.score.outcome == "joined" for t in mine),
                "joined_late": sum(t.score.outcome == "joined late" for t in mine),
                "unheard": sum(t.score.outcome == "unheard" for t in mine),
                "endpointing_ms": _percentiles(t.score.endpointing_ms for t in mine),
                "answer_ms": _percentiles(t.score.answer_ms for t in mine),
            }
            for name, mine in _grouped(turns, lambda t: t.utterance.category)
        ],
        "disturbance_categories": [
            {
                "category": name,
                "should_stop": mine[0].disturbance.stops,
                "trials": len(mine),
                "failed": sum(d.failed for d in mine),
                "outcomes": ", ".join(
                    f"{outcome} {count}"
                    for outcome, count in Counter(d.score.outcome for d in mine).most_common()
                ),
                "stop_ms": _percentiles(
                    d.score.stop_ms for d in mine if isinstance(d.score, StopScore)
                ),
            }
            for name, mine in _grouped(disturbed, lambda d: d.disturbance.category)
        ],
        "failures": [_turn_row(t) for t in turns if t.score.cut_off]
        + [_disturbed_row(d) for d in disturbed if d.failed],
        "turns": [_turn_row(t) for t in turns],
        "disturbances": [_disturbed_row(d) for d in disturbed],
    }


def figures(turns: Sequence[Turn], disturbed: Sequence[Disturbed]) -> list[tuple[str, Figure]]:
    """The plots of the page."""
    plots = []
    if turns:
        plots += [
            (
                "End-pointing delay: from the end of the customer's speech to the turn taken",
                _shares(
                    _grouped(turns, lambda t: t.utterance.category),
                    lambda t: t.score.endpointing_ms,
                    "ms after the end of speech",
                ),
            ),
            (
                "Cut off while still speaking",
                _bars(_grouped(turns, lambda t: t.utterance.category), lambda t: t.score.cut_off),
            ),
        ]
    stops = [d for d in disturbed if d.disturbance.stops]
    sounds = [d for d in disturbed if not d.disturbance.stops]
    if disturbed:
        plots += [
            (
                "Stop: from the onset of the customer's speech to silence",
                _shares(
                    _grouped(stops, lambda d: d.condition),
                    lambda d: d.score.stop_ms if isinstance(d.score, StopScore) else None,
                    "ms after the onset",
                ),
            ),
            (
                "Sounds that ended an answer, or did not let it go on in its place",
                _bars(_grouped(sounds, lambda d: d.disturbance.category), lambda d: d.failed),
            ),
        ]
    return plots


def _shares(groups: Any, value: Callable[[Any], float | None], label: str) -> Figure:
    """Which share of each group had happened by then."""
    figure = Figure(figsize=(8, 4))
    axes = figure.subplots()
    for name, members in groups:
        values = sorted(v for member in members if (v := value(member)) is not None)
        if values:
            shares = np.arange(1, len(values) + 1) / len(values)
            axes.step(values, shares, where="post", label=f"{name} ({len(values)})")
    axes.set(xlabel=label, ylabel="share", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def _bars(groups: Any, failed: Callable[[Any], bool]) -> Figure:
    """How many of each group failed."""
    groups = list(groups)
    figure = Figure(figsize=(8, 0.6 + 0.32 * len(groups)))
    axes = figure.subplots()
    names = [f"{name} ({len(members)})" for name, members in groups]
    axes.barh(names, [100 * sum(map(failed, m)) / len(m) for _, m in groups])
    axes.set(xlabel="% of the trials", xlim=(0, 100))
    axes.invert_yaxis()
    axes.grid(alpha=0.3, axis="x")
    return figure


def _turn_row(turn: Turn) -> dict[str, Any]:
    utterance, score = turn.utterance, turn.score
    return {
        "condition": turn.condition,
        "category": utterance.category,
        "clip": utterance.name,
        "pauses_ms": ", ".join(f"{p.end_ms - p.start_ms:.0f}" for p in utterance.pauses),
        "outcome": score.outcome,
        "understood": turn.understood,
        "silence_seen_ms": _whole(turn.silence_seen_ms),
        "final_ms": _whole(turn.final_ms),
        "endpointing_ms": _whole(score.endpointing_ms),
        "answer_ms": _whole(score.answer_ms),
    }


def _disturbed_row(one: Disturbed) -> dict[str, Any]:
    score = one.score
    return {
        "condition": one.condition,
        "category": one.disturbance.category,
        "clip": one.disturbance.name,
        "at_ms": _whole(one.offset_ms),
        "outcome": score.outcome,
        "understood": one.understood,
        "stop_ms": _whole(score.stop_ms) if isinstance(score, StopScore) else None,
        "pause_ms": _whole(score.pause_ms) if isinstance(score, SoundScore) else None,
        "remembered_ahead_ms": _whole(one.remembered_ahead_ms),
    }


def _grouped(members: Sequence[Any], key: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for member in members:
        groups.setdefault(key(member), []).append(member)
    return list(groups.items())


def _percentiles(values: Iterable[float | None]) -> dict[str, int | None]:
    """Median and 95th percentile, interpolated between the nearest values."""
    known = [value for value in values if value is not None]
    if not known:
        return {"p50": None, "p95": None}
    return {f"p{p}": round(float(np.percentile(known, p))) for p in (50, 95)}


def _rate(happened: Iterable[bool]) -> float | None:
    """The share of the trials in which it happened."""
    trials = list(happened)
    return round(sum(trials) / len(trials), 4) if trials else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _rng(condition: Condition, purpose: int) -> np.random.Generator:
    return np.random.default_rng([SEED, CONDITIONS.index(condition), purpose])


def _since(moment_ms: float, times_ms: Sequence[float]) -> float | None:
    """From the moment to the last of the times, if that is after it."""
    return next((t - moment_ms for t in reversed(times_ms) if t > moment_ms), None)


def _understood(call: HeadlessCall, since_ms: float) -> str:
    return " | ".join(w.text for w in call.words if w.final and w.at_ms >= since_ms)


def _tell(condition: Condition, category: str, name: str, outcome: str) -> None:
    line = f"{datetime.now():%H:%M:%S}  {condition.name:>9}  {category:<20}  {outcome:<14}  {name}"
    err.print(line, highlight=False, markup=False, soft_wrap=True)


@contextlib.asynccontextmanager
async def running_servers(settings: Settings) -> AsyncIterator[None]:
    """Speech, knowledge and language model: those that run, else started as `liuke up` does."""
    if await answers(f"{settings.speech.url}/healthz") and await answers(
        f"{settings.knowledge.url}/healthz"
    ):
        yield
        return
    err.print("starting the speech, knowledge and language-model servers")
    needed = ("speech", "knowledge", "language-model")
    specs = [spec for spec in await process_specs(settings) if spec.name in needed]
    log_dir = settings.paths.data_dir / "log"
    async with Supervisor(specs, log_dir, lambda _event: None) as supervisor:
        await supervisor.healthy()
        yield


async def bench(arguments: argparse.Namespace) -> None:
    """Run the benchmark, write the page, print the figures."""
    settings = Settings()
    material = Material(arguments.data, settings)
    conditions = [c for c in CONDITIONS if c.name in QUICK] if arguments.quick else CONDITIONS
    run = Bench(settings, material, quick=arguments.quick)
    async with running_servers(settings):
        await await_openings(settings)
        try:
            if arguments.only != "bargein":
                await run.take_turns(conditions)
            if arguments.only != "endpointing":
                await run.disturb(conditions)
        finally:  # what was measured until somebody stopped it is worth having too
            page = report(run, settings.paths.data_dir / "bench")
            err.print(f"details, page and recordings of failures: {page.parent}", highlight=False)
            if run.late_ms and np.percentile(run.late_ms, 95) > LATE_MS:
                err.print("The machine was too busy to keep time: these figures tell nothing.")
    print_json(summarise(run.turns, run.disturbed))


def report(run: Bench, folder: Path) -> Path:
    """Write turns.json and its page; the page's path."""
    result = {
        **summarise(run.turns, run.disturbed),
        "clock_late_ms": _percentiles(run.late_ms),
        **details(run.turns, run.disturbed),
    }
    plots = figures(run.turns, run.disturbed)
    return write_report(folder, "turns", "Turn-taking and barge-in", result, plots)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench-turns` takes."""
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA_DIR,
        help="folder with speech/ and noise/, each with a manifest.tsv",
    )
    parser.add_argument("--quick", action="store_true", help="a sample, in about three minutes")
    parser.add_argument("--only", choices=("endpointing", "bargein"), help="one of the two halves")
