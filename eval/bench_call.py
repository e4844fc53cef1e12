"""Benchmark of the whole call: ten real calls on the running stack in, one JSON line out.

In each language three questions are asked and two of them asked again and interrupted. Half of the
ten calls use an entry's own wording, half a wording from `eval/questions`. Where to interrupt is
chosen from the uninterrupted recording of the same question, so that no pause of the answer can
pass for a stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import random
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import soundfile

from agent.caller.audio import LASTING_SILENCE_MS, Span, sounds
from agent.caller.call import CallReport, load_script, place_call
from agent.caller.report import TurnReport
from agent.cli.output import err, print_json, report_error
from agent.errors import LiukeError, ServiceError, SetupError
from agent.host.supervisor import cancel_on_signals
from agent.host.up import page_url
from agent.prompts import fixed_phrases
from agent.settings import PROJECT_ROOT, Language, Settings
from agent.speech.client import SpeechClient
from knowledge.entry import Corpus, Entry, read_corpus
from knowledge.errors import KnowledgeError

QUESTIONS_DIR = PROJECT_ROOT / "eval" / "questions"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
#: The choice of questions is a sample of the corpus, and the same one each time.
SEED = 3
QUESTIONS_PER_LANGUAGE = 3
#: Topic of the entries about the call itself ("who are you?"), which no customer calls for.
SMALL_TALK = "conversation"
#: Seconds into the answer at which the repeated questions are interrupted.
INTERRUPT_AT_S: dict[Language, tuple[float, ...]] = {"zh": (1.0, 2.2), "en": (1.6, 2.8)}
VOICE_RATE_HZ = 24_000
#: Setting everything up for the first time takes minutes.
START_TIMEOUT_S = 1800.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Question:
    """What a customer asks, and whether in the words of a knowledge entry."""

    text: str
    language: Language
    own_wording: bool


@dataclass(frozen=True)
class PlannedCall:
    """One call of the benchmark; ``interrupt_at_s`` is None where nobody interrupts."""

    question: Question
    interrupt_at_s: float | None = None


@dataclass(frozen=True)
class Measured:
    """A call that was placed, and whether its answer began with an approved opening."""

    plan: PlannedCall
    report: CallReport
    with_opening: bool


def plan_calls(corpus: Corpus, asked: dict[str, list[str]]) -> list[PlannedCall]:
    """Ten calls. ``asked``: customers' own wordings by the id of the entry that answers them."""
    plan: list[PlannedCall] = []
    for language in LANGUAGES:
        entries = [
            entry
            for entry in corpus.entries
            if entry.language == language and entry.topic != SMALL_TALK and asked.get(entry.id)
        ]
        if len(entries) < QUESTIONS_PER_LANGUAGE:
            raise SetupError(
                f"Only {len(entries)} entries in {language!r} have questions in {QUESTIONS_DIR}.",
                f"The benchmark needs {QUESTIONS_PER_LANGUAGE}; add questions or entries.",
            )
        chosen = random.Random(SEED).sample(entries, QUESTIONS_PER_LANGUAGE)
        # Own wording first in one language and second in the other: five of ten in all.
        own_first = language == LANGUAGES[0]
        questions = [
            _question(entry, asked[entry.id], own_wording=(number % 2 == 0) == own_first)
            for number, entry in enumerate(chosen)
        ]
        plan += [PlannedCall(question) for question in questions]
        plan += [
            PlannedCall(question, at_s)
            for question, at_s in zip(questions, INTERRUPT_AT_S[language], strict=False)
        ]
    return plan


def _question(entry: Entry, asked: Sequence[str], *, own_wording: bool) -> Question:
    return Question((entry.questions if own_wording else asked)[0], entry.language, own_wording)


def read_questions(folder: Path) -> dict[str, list[str]]:
    """Customers' wordings by entry id, from the answerable question files."""
    asked: dict[str, list[str]] = {}
    for path in sorted(folder.glob("answerable*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            asked.setdefault(f"{row['language']}/{row['entry']}", []).append(row["text"])
    return asked


def steady_moment_s(answer: Iterable[Span], wanted_s: float) -> float:
    """The moment nearest to ``wanted_s`` from which the answer sounds without a pause.

    Times count from the beginning of the answer; the stretch is as long as a lasting silence.
    """
    ranges = [(w.start_ms / 1000, (w.end_ms - LASTING_SILENCE_MS) / 1000) for w in answer]
    moments = [min(max(wanted_s, begin), end) for begin, end in ranges if begin <= end]
    return min(moments, key=lambda moment: abs(moment - wanted_s), default=wanted_s)


class Bench:
    """Places the planned calls against one installation."""

    def __init__(self, settings: Settings, corpus: Corpus) -> None:
        self._api_url = page_url(settings)
        self._speech_url = settings.speech.url
        self._voices = {"zh": settings.speech.voice_zh, "en": settings.speech.voice_en}
        self._folder = settings.paths.data_dir / "bench"
        self._entries = {entry.id: entry for entry in corpus.entries}

    async def run(self, plan: Sequence[PlannedCall]) -> tuple[list[Measured], int]:
        """All calls, one after another; the calls that succeeded, and how many did not."""
        speech = SpeechClient(self._speech_url)
        try:
            await self._await_openings(speech)
            questions = {call.question for call in plan}
            clips = {question: await self._record(speech, question) for question in questions}
        finally:
            await speech.aclose()
        measured: list[Measured] = []
        failed = 0
        for number, call in enumerate(plan, start=1):
            err.print(
                f"call {number} of {len(plan)}: {call.question.text}", highlight=False, markup=False
            )
            try:
                measured.append(await self._place(number, call, clips, measured))
            except LiukeError as error:
                report_error(error)
                failed += 1
                continue
            err.print(f"  {_summary(measured[-1])}", highlight=False, markup=False)
        return measured, failed

    async def _place(
        self,
        number: int,
        call: PlannedCall,
        clips: dict[Question, Path],
        measured: Sequence[Measured],
    ) -> Measured:
        interruption = None
        if call.interrupt_at_s is not None:
            at_s = await self._interrupt_at_s(call, measured)
            interruption = (_other_clip(call.question, clips), at_s)
        script = await load_script(call.question.language, [clips[call.question]], interruption)
        recording = self._folder / "calls" / f"{number:02}.wav"
        report = await place_call(self._api_url, script, record=recording)
        turn = report.timeline.turns[0]
        cited = (self._entries.get(str(citation.get("id"))) for citation in turn.citations)
        openings = tuple(entry.opening for entry in cited if entry)
        return Measured(call, report, with_opening=turn.answer.startswith(openings))

    async def _interrupt_at_s(self, call: PlannedCall, measured: Sequence[Measured]) -> float:
        """Where to interrupt: as planned, moved out of the pauses that this answer has."""
        assert call.interrupt_at_s is not None
        twin = next((m for m in measured if m.plan == PlannedCall(call.question)), None)
        if twin is None:
            return call.interrupt_at_s
        answer = await asyncio.to_thread(_answer_sounds, twin.report)
        return steady_moment_s(answer, call.interrupt_at_s)

    async def _await_openings(self, speech: SpeechClient) -> None:
        """Liuke makes their audio after its first start, and would do so while it is measured."""
        openings = [(entry.opening, entry.language) for entry in self._entries.values()]
        async for done, total in speech.cache([*fixed_phrases(), *openings]):
            if done % 20 == 0 or done == total:
                err.print(
                    f"audio of the openings: {done} of {total}", highlight=False, markup=False
                )

    async def _record(self, speech: SpeechClient, question: Question) -> Path:
        """The question as a customer says it; synthesised once and kept."""
        key = f"{self._voices[question.language]}\n{question.language}\n{question.text}"
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        path = self._folder / "questions" / f"{name}.wav"
        if not path.exists():
            chunks = [chunk async for chunk in speech.speak(question.text, question.language)]
            await asyncio.to_thread(_write_clip, path, b"".join(chunks))
        return path


def _other_clip(question: Question, clips: dict[Question, Path]) -> Path:
    """Something else to say in the same language: what the interruption says."""
    others = sorted(q.text for q in clips if q.language == question.language and q != question)
    return next(path for q, path in clips.items() if q.text == others[0])


def _write_clip(path: Path, pcm: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    samples = np.frombuffer(pcm, dtype="<i2")
    soundfile.write(unfinished, samples, VOICE_RATE_HZ, format="WAV", subtype="PCM_16")
    unfinished.replace(path)


def _answer_sounds(report: CallReport) -> list[Span]:
    """The stretches of sound of the first answer, counted from its beginning."""
    heard = report.timeline.turns[0].answer_heard
    if heard is None or report.recording is None:
        return []
    stereo, _rate = soundfile.read(report.recording, dtype="int16", always_2d=True)
    return [
        Span(word.start_ms - heard.start_ms, word.end_ms - heard.start_ms)
        for word in sounds(stereo[:, 1])
        if heard.start_ms <= word.start_ms < heard.end_ms
    ]


def summarise(measured: Sequence[Measured], failed: int) -> dict[str, Any]:
    """The figures of a run."""
    return {
        "calls": len(measured),
        "voice_to_voice_ms": _percentiles(_voice_to_voice(measured)),
        "stop_ms": _percentiles(_stops(measured)),
        "failed": failed,
        "talked_over": sum(t.talked_over_ms > 0 for t in _turns(measured)),
        "answered_with_opening": sum(m.with_opening for m in measured),
        "stops_measured": len(_stops(measured)),
        "by_language": {
            language: {
                "voice_to_voice_ms": _percentiles(_voice_to_voice(mine)),
                "stop_ms": _percentiles(_stops(mine)),
            }
            for language in LANGUAGES
            if (mine := [m for m in measured if m.plan.question.language == language])
        },
        "machine": _machine(),
    }


def _turns(measured: Iterable[Measured]) -> list[TurnReport]:
    return [turn for m in measured for turn in m.report.timeline.turns]


def _voice_to_voice(measured: Iterable[Measured]) -> list[float]:
    """Answers that waited for the customer to finish; one that did not is no quick answer."""
    first = [turn.first_audio_ms for turn in _turns(measured)]
    return [ms for ms in first if ms is not None and ms >= 0]


def _stops(measured: Iterable[Measured]) -> list[float]:
    """Only where the assistant was speaking when it was interrupted."""
    interruptions = (m.report.timeline.interruption for m in measured)
    return [
        i.stop_ms
        for i in interruptions
        if i is not None and i.sounding_at_onset and i.stop_ms is not None
    ]


def _percentiles(values: Sequence[float]) -> dict[str, int | None]:
    """Median and 95th percentile, interpolated between the nearest values."""
    if not values:
        return {"p50": None, "p95": None}
    return {f"p{p}": round(float(np.percentile(values, p))) for p in (50, 95)}


def _summary(measured: Measured) -> str:
    turn = measured.report.timeline.turns[0]
    parts = [f"heard {turn.transcript!r}", f"first audio {_ms(turn.first_audio_ms)}"]
    if measured.with_opening:
        parts.append("with its opening")
    if interruption := measured.report.timeline.interruption:
        at_s = interruption.after_answer_began_ms / 1000
        parts.append(f"stop {_ms(interruption.stop_ms)} at {at_s:.1f} s of the answer")
    return ", ".join(parts)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _machine() -> dict[str, Any]:
    """What the figures were measured on; the load tells whether it was busy with other work."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load_1min": round(psutil.getloadavg()[0], 1),
    }


def _cpu_name() -> str:
    """Linux names the processor in /proc; elsewhere Python knows what there is to know."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@contextlib.asynccontextmanager
async def running_stack(api_url: str) -> AsyncIterator[None]:
    """Liuke, up and ready: the one that runs, else one started here and stopped afterwards."""
    if await _is_ready(api_url):
        yield
        return
    err.print("starting Liuke")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.cli.main", "up", cwd=PROJECT_ROOT, stdout=sys.stderr
    )
    try:
        await _wait_until_ready(api_url, process)
        yield
    finally:
        await _stop(process)


async def _wait_until_ready(api_url: str, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _is_ready(api_url):
                if process.returncode is not None:
                    raise ServiceError(
                        f"Liuke did not start: `liuke up` ended with status {process.returncode}.",
                        "Its messages are above.",
                        retryable=False,
                    )
                await asyncio.sleep(1)
    except TimeoutError:
        raise ServiceError(
            f"Liuke was not ready within {START_TIMEOUT_S / 60:.0f} minutes.",
            "Run `liuke doctor` to see which part is not.",
            retryable=True,
        ) from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _is_ready(api_url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            return (await client.get(f"{api_url}/readyz")).is_success
    except httpx.HTTPError:
        return False


async def bench() -> int:
    """Run the benchmark; returns the exit status."""
    cancel_on_signals()
    settings = Settings()
    try:
        corpus = await asyncio.to_thread(read_corpus, settings.knowledge.corpus_dir)
    except KnowledgeError as error:
        raise SetupError(error.message, error.remedy) from None
    plan = plan_calls(corpus, await asyncio.to_thread(read_questions, QUESTIONS_DIR))
    async with running_stack(page_url(settings)):
        measured, failed = await Bench(settings, corpus).run(plan)
    reports = [m.report.as_json() | {"with_opening": m.with_opening} for m in measured]
    details = settings.paths.data_dir / "bench" / "calls.json"
    await asyncio.to_thread(_write_json, details, reports)
    err.print(f"recordings and timelines: {details.parent}", highlight=False, markup=False)
    print_json(summarise(measured, failed))
    return 1 if failed else 0


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    unfinished.replace(path)


def main() -> None:
    """`make bench-call`."""
    try:
        sys.exit(asyncio.run(bench()))
    except LiukeError as error:
        report_error(error)
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        err.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()
