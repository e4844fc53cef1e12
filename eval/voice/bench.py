"""Benchmark of whole calls: spoken questions in, voice-to-voice times of Liuke and of stock out.

A real participant asks every question of both stacks, in real rooms of the same LiveKit server, one
stack after the other; then Liuke alone with several calls at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Protocol

import numpy as np
import psutil

from agent.cli.output import err, print_json
from agent.probe.audio import load_clip, prepare_recording, resample, sounds
from agent.probe.call import (
    Grant,
    Line,
    ask,
    hear_greeting,
    hear_out,
    joined,
    request_grant,
)
from agent.prompts import load_phrases
from agent.rooms.access import resolve_livekit
from agent.rooms.principal import guest
from agent.rooms.tokens import Seat, room_token
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import LiukeError
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT
from eval.installation import (
    await_openings,
    forgetting_what_is_spoken,
    liuke_roots,
    memory_mb,
    quiet,
    running_stack,
    shared_roots,
    stop,
    wait_until_up,
)
from eval.report import write_report
from eval.voice.questions import (
    QUESTIONS_DIR,
    Plan,
    Question,
    clip_questions,
    corpus_questions,
    customers_wordings,
    make_plan,
    record,
)
from eval.voice.scores import Asked, Known, Run, StackName, details, judge, plots, summarise
from eval.voice.stock import AGENT_NAME as STOCK_NAME
from knowledge.entries.entry import Corpus, read_corpus

#: One call asks so many questions, each after the answer before it.
QUESTIONS_PER_CALL = 4
#: Calls at once, how many questions each of them asks, and how far apart they begin.
CROWDS = (2, 4)
QUESTIONS_PER_CROWDED_CALL = 2
DIALLING_APART_S = 2.0
#: An answer that goes on for longer is left; the questions behind it go into a call of their own.
LONGEST_ANSWER_S = 12.0
STOCK_START_TIMEOUT_S = 120.0
#: Of the questions of each language, the share that stock is asked too: one in so many.
STOCK_EVERY = 3


@dataclass(frozen=True)
class Stack:
    """A running assistant: how to call it, and the processes that started all others of it."""

    name: StackName
    grant: Callable[[Language], Awaitable[Grant]]
    roots: tuple[psutil.Process, ...]


class Customer:
    """Asks one stack; keeps what it heard under ``folder``."""

    def __init__(
        self, stack: Stack, files: Mapping[Question, Path], known: Known, folder: Path
    ) -> None:
        self._stack = stack
        self._files = files
        self._known = known
        self._folder = folder
        self._calls = count(1)
        self.memory_mb = 0.0
        #: Share of the machine that was busy before each single call.
        self.busy: list[float] = []

    async def ask_all(
        self, questions: Sequence[Question], *, per_call: int, calls_at_once: int = 1
    ) -> list[Asked]:
        """Ask ``questions`` of one language, in as many calls as it takes."""
        asked: list[Asked] = []
        while len(asked) < len(questions):
            if calls_at_once == 1:
                self.busy.append(await quiet(self._stack.roots))
            asked += await self._call(questions[len(asked) :][:per_call], calls_at_once)
        return asked

    async def _call(self, questions: Sequence[Question], calls_at_once: int) -> list[Asked]:
        """One call, for as long as it goes well; the first question is dealt with in any case."""
        recording = self._folder / f"{next(self._calls):02}.wav"
        await prepare_recording(recording)
        line: Line | None = None
        trouble = ""
        try:
            grant = await self._stack.grant(questions[0].language)
            async with joined(grant, recording) as line:
                await self._converse(line, questions, alone=calls_at_once == 1)
        except LiukeError as error:
            trouble = error.message
        turns = (await line.report()).timeline.turns if line and line.microphone.placements else ()
        asked = [
            judge(question, turn, self._known, calls_at_once)
            for question, turn in zip(questions, turns, strict=False)
        ] or [Asked(questions[0], calls_at_once, failure=trouble)]
        for each in asked:
            err.print(f"  {_line(self._stack.name, each)}", highlight=False, markup=False)
        return asked

    async def _converse(self, line: Line, questions: Sequence[Question], *, alone: bool) -> None:
        clips = [await load_clip(self._files[question]) for question in questions]
        await hear_greeting(line)
        if alone:
            await quiet(self._stack.roots)
        await line.until(line.settled, LONGEST_ANSWER_S)  # a greeting that came late
        for clip in clips:
            await ask(line, clip)
            over = await hear_out(line, LONGEST_ANSWER_S)
            if alone:
                now_mb = await asyncio.to_thread(memory_mb, self._stack.roots)
                self.memory_mb = max(self.memory_mb, now_mb)
            if not over:
                return


def _line(name: StackName, asked: Asked) -> str:
    """What is printed of a question when its call is over."""
    parts = [name, asked.question.text]
    if turn := asked.turn:
        parts.append(f"heard {turn.transcript!r}")
    if asked.voice_to_voice_ms is not None:
        parts.append(f"{asked.voice_to_voice_ms:.0f} ms")
    parts += ["acknowledged"] * asked.acknowledged + ["with its opening"] * asked.with_opening
    if asked.failure:
        parts.append(f"FAILED: {asked.failure}")
    return " · ".join(parts)


async def measure(customer: Customer, plan: Plan, crowds: Sequence[int]) -> Run:
    """A warm-up that does not count, all questions in single calls, then several calls at once."""
    err.print("warm-up", highlight=False)
    for mine in _by_language(plan.warm_up):
        await customer.ask_all(mine, per_call=1)
    run = Run()
    for mine in _by_language(plan.single):
        run.asked += await customer.ask_all(mine, per_call=QUESTIONS_PER_CALL)
    run.memory_mb, run.busy_before = customer.memory_mb, mean(customer.busy)
    for calls in crowds:
        err.print(f"{calls} calls at once", highlight=False)
        run.crowds[calls] = await crowd(customer, plan.crowded, calls)
    return run


def _shortened(plan: Plan) -> Plan:
    """Every third question of each language, for a stack that takes half a minute for each."""
    single = [q for mine in _by_language(plan.single) for q in mine[::STOCK_EVERY]]
    return replace(plan, single=tuple(single), crowded=())


def _by_language(questions: Sequence[Question]) -> list[list[Question]]:
    sets = ([q for q in questions if q.language == language] for language in LANGUAGES)
    return [mine for mine in sets if mine]


class Asker(Protocol):
    """Who puts questions to a stack."""

    async def ask_all(
        self, questions: Sequence[Question], *, per_call: int, calls_at_once: int
    ) -> list[Asked]:
        """Ask ``questions`` of one language."""


async def crowd(customer: Asker, questions: Sequence[Question], calls: int) -> list[Asked]:
    """So many calls at once, the languages in turn, each with questions of its own."""
    by_language = _by_language(questions)
    size = QUESTIONS_PER_CROWDED_CALL
    # Two calls take the first questions of each language, four the next: none comes twice.
    first = 0 if calls == CROWDS[0] else size

    async def one(number: int) -> list[Asked]:
        mine = by_language[number % len(by_language)]
        begin = first + number // len(by_language) * size
        own = [mine[(begin + i) % len(mine)] for i in range(size)]
        await asyncio.sleep(number * DIALLING_APART_S)
        return await customer.ask_all(own, per_call=size, calls_at_once=calls)

    return [asked for each in await asyncio.gather(*map(one, range(calls))) for asked in each]


@contextlib.asynccontextmanager
async def liuke_stack(settings: Settings) -> AsyncIterator[Stack]:
    """The running installation."""

    async def grant(language: Language) -> Grant:
        return await request_grant(settings.api.url_here, language)

    yield Stack("liuke", grant, await asyncio.to_thread(liuke_roots, settings))


@contextlib.asynccontextmanager
async def stock_stack(settings: Settings) -> AsyncIterator[Stack]:
    """The stock worker on the running installation's servers, until the end of the block."""
    access = resolve_livekit(settings)

    async def grant(language: Language) -> Grant:
        call = uuid.uuid4().hex
        seat = Seat(call, f"stock-{call}", f"customer-{call[:12]}", guest(language))
        token = room_token(access, seat, STOCK_NAME, timedelta(minutes=10))
        return Grant(call, access.url, token, seat.room)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = settings.paths.data_dir / "log" / "stock.log"
    log = await asyncio.to_thread(log_path.open, "wb")
    with log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "eval.voice.stock", "--health-port", str(port)),
            cwd=PROJECT_ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        await wait_until_up(
            process,
            f"http://127.0.0.1:{port}/",
            name=f"The stock stack (log: {log_path})",
            timeout_s=STOCK_START_TIMEOUT_S,
        )
        shared = await asyncio.to_thread(shared_roots, settings)
        yield Stack("stock", grant, (psutil.Process(process.pid), *shared))
    finally:
        await stop(process)


async def known_words(settings: Settings, corpus: Corpus) -> Known:
    """What the running installation says word for word."""
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    lengths: dict[str, float] = {}
    try:
        for language, phrases in load_phrases().items():
            for text in phrases.acknowledgements:
                pcm = b"".join([chunk async for chunk in speech.speak(text, language)])
                samples = resample(np.frombuffer(pcm, dtype="<i2"), SPEAKING_RATE_HZ)
                heard = sounds(samples)
                lengths[text] = heard[-1].end_ms - heard[0].start_ms
    finally:
        await speech.aclose()
    return Known(tuple(entry.opening for entry in corpus.entries), lengths)


async def bench(arguments: argparse.Namespace) -> None:
    """Run the benchmark."""
    settings = Settings()
    corpus = await asyncio.to_thread(_read_corpus, settings)
    questions = await asyncio.to_thread(_questions, corpus, arguments.data)
    plan = make_plan(questions, quick=arguments.quick)
    folder = settings.paths.data_dir / "bench"
    stacks = {"liuke": liuke_stack, "stock": stock_stack}
    runs: dict[StackName, Run] = {}
    async with running_stack(settings):
        await await_openings(settings)
        asked = (*plan.warm_up, *plan.single, *plan.crowded)
        files = await asyncio.to_thread(record, settings, asked)
        known = await known_words(settings, corpus)
        with forgetting_what_is_spoken(settings):
            for name in [arguments.only] if arguments.only else stacks:
                async with stacks[name](settings) as stack:
                    customer = Customer(stack, files, known, folder / "calls" / name)
                    crowds = CROWDS if plan.crowded and stack.name == "liuke" else ()
                    mine = plan if stack.name == "liuke" else _shortened(plan)
                    runs[stack.name] = await measure(customer, mine, crowds)
    result = summarise(runs)
    title = "Voice to voice: Liuke and the stock stack"
    page = await asyncio.to_thread(
        write_report, folder, "voice", title, result | details(runs), plots(runs)
    )
    err.print(f"report: {page}; recordings: {folder / 'calls'}", highlight=False, markup=False)
    print_json(result)


def _read_corpus(settings: Settings) -> Corpus:
    return read_corpus(settings.knowledge.corpus_dir)


def _questions(corpus: Corpus, data: Path | None) -> list[Question]:
    if data:
        return clip_questions(data)
    return corpus_questions(corpus, customers_wordings(QUESTIONS_DIR))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench-voice` takes."""
    parser.add_argument("--data", type=Path, help="folder with speech/manifest.tsv and its clips")
    parser.add_argument("--quick", action="store_true", help="six questions, one call at a time")
    parser.add_argument("--only", choices=("liuke", "stock"), help="one of the two stacks")
