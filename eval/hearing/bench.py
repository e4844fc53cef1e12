"""`make bench-stt`: hearing, ours and stock faster-whisper's, on the same clips in the same run.

Ours is the real path: the speech server in its own process, and the stream that cuts a call's audio
into utterances, fed at the speed of speech for people's recordings, eight times as quickly for
clips that are only counted. Stock is `WhisperModel.transcribe` as it comes (beam of 5, window of 30
s) with the same weights, in a process of its own.

The last line of stdout is JSON. `wer_en`, `cer_zh`: errors per word and per character, as
`eval/clips.py` compares them. `partial_ms`: from the audio to the text of a partial, median.
`final_ms`: median from the end of speech to the final text, less the 120 ms of silence that anybody
must wait for; stock begins to listen there. `rtf`: time in the recogniser per second of audio,
partials included. `memory_mb`: of the process with the weights; ours has the voice in it too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
from faster_whisper import WhisperModel
from livekit import rtc
from livekit.agents import stt
from matplotlib.figure import Figure

from agent.call.stt import CONFIRMED, UtteranceStream, WhisperSTT
from agent.call.voice_activity import RestedVAD, SharedVAD
from agent.cli.output import err, print_json
from agent.probe.audio import resample, sounds
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, Purpose, Transcript
from common.languages import Language
from common.settings import PROJECT_ROOT
from eval.audio import Samples, silence, to_pcm
from eval.clips import (
    DATA_DIR,
    Clip,
    error_rate,
    noises,
    readings,
    term_questions,
    term_recall,
    word_count,
)
from eval.installation import stop, wait_until_up
from eval.report import write_report

#: Silence that any end-pointing waits for after speech, ms.
SILENCE_MS = 120.0
#: Around each clip, ms; the turn ends so long after it.
BEFORE_MS, AFTER_MS = 400.0, 700.0
FRAME_MS = 20.0
#: How much quicker than speech clips are played whose times do not count.
QUICKLY = 8.0
START_TIMEOUT_S = 120.0
#: An utterance is heard within this, or was lost, seconds.
FINAL_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Heard:
    """What became of one clip; times in milliseconds."""

    clip: str
    said: str
    heard: str
    language: str
    seconds: float
    #: In the recogniser, for all readings of the clip.
    work_ms: float
    #: From the end of speech to the text, less the silence that must be waited for.
    final_ms: float | None = None
    partial_ms: list[float] = field(default_factory=list)
    #: How much of the text was confirmed before the end, 0 to 1.
    confirmed: float | None = None


# Ours


class _Watched(SpeechClient):
    """A client that notes how long each reading took: purpose, at the client, in Whisper."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self.readings: list[tuple[Purpose, float, float]] = []

    async def transcribe(
        self,
        pcm: bytes,
        *,
        purpose: Purpose = "final",
        language: Language | None = None,
        confirmed: str = "",
        after: str = "",
    ) -> Transcript:
        started = time.perf_counter()
        transcript = await super().transcribe(
            pcm, purpose=purpose, language=language, confirmed=confirmed, after=after
        )
        took_ms = (time.perf_counter() - started) * 1000
        self.readings.append((purpose, took_ms, transcript.ms))
        return transcript


class Ours:
    """The speech server, heard through a call's stream."""

    def __init__(self, url: str, token: str) -> None:
        self._client = _Watched(url, token)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def hear(self, clip: Clip, speed: float = 1.0) -> Heard:
        """Play one clip into a stream of its own and wait for its final text."""
        self._client.readings.clear()
        stream = WhisperSTT(self._client, SharedVAD(RestedVAD())).stream()
        events: list[tuple[float, stt.SpeechEvent]] = []
        listening = asyncio.create_task(_collect(stream, events))
        try:
            began = await _play(stream, clip.samples, speed)
            stream.end_input()
            async with asyncio.timeout(FINAL_TIMEOUT_S):
                await listening
        finally:
            listening.cancel()
            await stream.aclose()
        confirmed = _confirmed(event for _, event in events) if speed == 1.0 else None
        return self._heard(clip, events, began, confirmed)

    def _heard(
        self,
        clip: Clip,
        events: Sequence[tuple[float, stt.SpeechEvent]],
        began: float,
        confirmed: str | None,
    ) -> Heard:
        finals = [e for _, e in events if e.type is stt.SpeechEventType.FINAL_TRANSCRIPT]
        text = " ".join(e.alternatives[0].text for e in finals if e.alternatives[0].text)
        readings = self._client.readings
        return Heard(
            clip=clip.name,
            said=clip.text,
            heard=text,
            language=finals[-1].alternatives[0].language if finals else "",
            seconds=round(clip.seconds, 2),
            work_ms=sum(ms for *_, ms in readings),
            final_ms=_final_ms(clip, events, began) if confirmed is not None else None,
            partial_ms=[took for purpose, took, _ in readings if purpose == "partial"],
            confirmed=len(confirmed) / len(text) if confirmed is not None and text else None,
        )


def _confirmed(events: Iterable[stt.SpeechEvent]) -> str:
    """What the last utterance had confirmed of itself before it ended."""
    told = (event.alternatives[0].metadata for event in events if event.alternatives)
    return next(reversed([metadata[CONFIRMED] for metadata in told if metadata]), "")


async def _collect(stream: UtteranceStream, events: list[tuple[float, stt.SpeechEvent]]) -> None:
    async for event in stream:
        now = time.perf_counter()
        events.append((now, event))


async def _play(stream: UtteranceStream, samples: Samples, speed: float) -> float:
    """Push a clip and end its turn; returns when its first sample was spoken."""
    whole = to_pcm(np.concatenate([silence(BEFORE_MS), samples, silence(AFTER_MS)]))
    size = int(FRAME_MS * HEARING_RATE_HZ / 1000)
    started = time.perf_counter()
    for number, at in enumerate(range(0, len(whole) - size + 1, size), start=1):
        # A frame is complete, and sent, when its last sample has been spoken.
        await asyncio.sleep(started + number * FRAME_MS / 1000 / speed - time.perf_counter())
        frame = whole[at : at + size].tobytes()
        stream.push_frame(rtc.AudioFrame(frame, HEARING_RATE_HZ, 1, size))
    await asyncio.sleep(0.1)  # the VAD runs behind when the clip is played quickly
    stream.flush()
    return started + BEFORE_MS / 1000 / speed


def _final_ms(
    clip: Clip, events: Sequence[tuple[float, stt.SpeechEvent]], began: float
) -> float | None:
    """When the text of the turn was announced; the final event itself waits for the turn's end."""
    ready = [at for at, e in events if e.type is stt.SpeechEventType.PREFLIGHT_TRANSCRIPT]
    spoken = sounds(resample(to_pcm(clip.samples), HEARING_RATE_HZ))
    if not ready or not spoken:
        return None
    return max((ready[-1] - began) * 1000 - spoken[-1].end_ms - SILENCE_MS, 0.0)


@contextlib.asynccontextmanager
async def speech_server() -> AsyncIterator[tuple[str, psutil.Process]]:
    """A speech server of this benchmark's own; its URL and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.speech.server"),
        cwd=PROJECT_ROOT,
        env=os.environ | {"LIUKE_SPEECH_URL": url},
        stdout=sys.stderr,
    )
    try:
        await wait_until_up(
            server, f"{url}/healthz", name="the speech server", timeout_s=START_TIMEOUT_S
        )
        yield url, psutil.Process(server.pid)
    finally:
        await stop(server)


# Stock


_stock: WhisperModel


def _load_stock(folder: str, threads: int) -> None:
    global _stock
    _stock = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    _stock.transcribe(np.zeros(HEARING_RATE_HZ, np.float32))  # the first one allocates


def _hear_stock(clip: Clip) -> Heard:
    started = time.perf_counter()
    segments, info = _stock.transcribe(clip.samples)
    text = "".join(segment.text for segment in segments).strip()
    took_ms = (time.perf_counter() - started) * 1000
    return Heard(
        clip.name, clip.text, text, info.language, round(clip.seconds, 2), took_ms, took_ms
    )


def _own_memory_mb() -> float:
    return _memory_mb(psutil.Process())


def _memory_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 1e6)


class Stock:
    """faster-whisper as it comes, in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        folder = str(settings.paths.cache_dir / "models" / "whisper-base")
        self._process = ProcessPoolExecutor(
            1, get_context("spawn"), _load_stock, (folder, settings.speech.model_threads)
        )

    def close(self) -> None:
        self._process.shutdown()

    async def hear(self, clip: Clip, speed: float = 1.0) -> Heard:
        """Hear one clip; it takes as long at any speed."""
        return await asyncio.get_running_loop().run_in_executor(self._process, _hear_stock, clip)

    async def memory_mb(self) -> float:
        return await asyncio.get_running_loop().run_in_executor(self._process, _own_memory_mb)


# Both


@dataclass(frozen=True)
class Clips:
    """Everything that is heard in a run."""

    people: list[Clip]
    terms: list[Clip]
    noises: list[Clip]


@dataclass(frozen=True)
class Results:
    """What one recogniser made of all clips."""

    people: list[tuple[Clip, Heard]]
    terms: list[tuple[Clip, Heard]]
    noises: list[tuple[Clip, Heard]]
    memory_mb: float

    def summary(self) -> dict[str, Any]:
        """The figures of the last line."""
        every = [heard for _, heard in self.people + self.terms + self.noises]
        partials = [ms for _, heard in self.people for ms in heard.partial_ms]
        minutes = sum(clip.seconds for clip, _ in self.noises) / 60
        words = sum(word_count(heard.heard) for _, heard in self.noises)
        return {
            "wer_en": _rounded(self._error_rate("en")),
            "cer_zh": _rounded(self._error_rate("zh")),
            "term_recall": _rounded(term_recall((c, h.heard) for c, h in self.terms)),
            "partial_ms": _median(partials),
            "final_ms": _median(h.final_ms for _, h in self.people),
            "invented_words_per_minute": _rounded(words / minutes if minutes else 0.0),
            "rtf": _rounded(sum(h.work_ms for h in every) / 1000 / sum(h.seconds for h in every)),
            "memory_mb": round(self.memory_mb),
        }

    def details(self) -> dict[str, Any]:
        """What stands behind them."""
        finals = {
            language: [h.final_ms for c, h in self.people if c.language == language]
            for language in ("zh", "en")
        }
        five = [h.final_ms for c, h in self.people if 4.0 <= c.seconds <= 6.0]
        shares = [h.confirmed for _, h in self.people if h.confirmed is not None]
        return {
            "final_ms_zh": _median(finals["zh"]),
            "final_ms_en": _median(finals["en"]),
            "final_ms_of_4_to_6_s": _median(five),
            "final_ms_p95": _percentile([h.final_ms for _, h in self.people], 95),
            "wrong_language": sum(h.language != c.language for c, h in self.people),
            "not_heard": sum(not h.heard for _, h in self.people),
            "confirmed_before_the_end": _rounded(sum(shares) / len(shares)) if shares else None,
        }

    def _error_rate(self, language: Language) -> float:
        texts = ((c.text, h.heard) for c, h in self.people if c.language == language)
        return error_rate(texts, language)


async def hear_all(hearer: Ours | Stock, clips: Clips, name: str) -> Results:
    """Have every clip heard, one after the other."""
    heard: dict[str, list[tuple[Clip, Heard]]] = {}
    for kind, speed in (("people", 1.0), ("terms", QUICKLY), ("noises", QUICKLY)):
        err.print(f"{name}: {kind}", highlight=False)
        heard[kind] = [(clip, await hearer.hear(clip, speed)) for clip in getattr(clips, kind)]
    return Results(**heard, memory_mb=0.0)


def load_clips(data: Path, settings: Settings, *, quick: bool) -> Clips:
    """The clips of a run; every fourth of those that are only counted in a quick one."""
    people, sounds = readings(data), noises(data)
    terms = list(term_questions(settings, every=4 if quick else 1))
    if quick:
        return Clips(people[::2], terms, sounds[::3])
    return Clips(people, terms, sounds)


async def measure(data: Path, settings: Settings, *, quick: bool) -> dict[str, Results]:
    """Both recognisers on the same clips; one is away while the other is measured."""
    clips = await asyncio.to_thread(load_clips, data, settings, quick=quick)
    async with speech_server() as (url, process):
        ours = Ours(url, settings.internal_token)
        mine = await hear_all(ours, clips, "liuke")
        mine = Results(mine.people, mine.terms, mine.noises, _memory_mb(process))
        await ours.aclose()
    stock = Stock(settings)
    theirs = await hear_all(stock, clips, "stock")
    theirs = Results(theirs.people, theirs.terms, theirs.noises, await stock.memory_mb())
    stock.close()
    return {"liuke": mine, "stock": theirs}


# The report


def report(results: dict[str, Results], folder: Path) -> Path:
    """Write stt.json and stt.html; returns the page's path."""
    result = {
        **{name: r.summary() | r.details() for name, r in results.items()},
        "clips": [
            {
                "clip": clip.name,
                "said": clip.text,
                **{f"{name}": heard for name, heard in zip(results, texts, strict=True)},
            }
            for kind in ("people", "terms", "noises")
            for clip, texts in _side_by_side(kind, results.values())
        ],
        "readings": [asdict(heard) for _, heard in results["liuke"].people],
    }
    figures = [
        ("From the end of speech to the final text, by the length of the clip", _plot(results)),
        ("Time of partials at the client", _partials(results["liuke"])),
    ]
    return write_report(folder, "stt", "Hearing", result, figures)


def _side_by_side(kind: str, results: Iterable[Results]) -> list[tuple[Clip, list[str]]]:
    columns = [getattr(result, kind) for result in results]
    return [(row[0][0], [heard.heard for _, heard in row]) for row in zip(*columns, strict=True)]


def _plot(results: dict[str, Results]) -> Figure:
    figure = Figure(figsize=(7, 3.5))
    axes = figure.subplots()
    for name, result in results.items():
        points = [(h.seconds, h.final_ms) for _, h in result.people if h.final_ms is not None]
        axes.scatter([x for x, _ in points], [y for _, y in points], s=14, label=name)
    axes.set(xlabel="length, s", ylabel="ms", ylim=(0, None))
    axes.legend()
    return figure


def _partials(result: Results) -> Figure:
    figure = Figure(figsize=(7, 2.5))
    axes = figure.subplots()
    axes.hist([ms for _, h in result.people for ms in h.partial_ms], bins=30)
    axes.set(xlabel="ms", ylabel="partials")
    return figure


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known)) if known else None


def _percentile(values: Iterable[float | None], percent: float) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.percentile(known, percent))) if known else None


def _rounded(value: float) -> float:
    return round(value, 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench-stt` takes."""
    parser.add_argument(
        "--data", type=Path, default=DATA_DIR, help="folder with speech/ and noise/, see clips.py"
    )
    parser.add_argument("--quick", action="store_true", help="a sample, in about three minutes")


async def bench(arguments: argparse.Namespace) -> None:
    """Measure both, write the page, print the figures."""
    settings = Settings()
    results = await measure(arguments.data, settings, quick=arguments.quick)
    page = report(results, settings.paths.data_dir / "bench")
    err.print(f"report: {page}", highlight=False, markup=False)
    print_json({name: result.summary() for name, result in results.items()})
