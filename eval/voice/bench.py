"""Benchmark of whole calls: spoken questions in, voice-to-voice times of Liuke and of stock out.

A real participant asks every question of both stacks, in real rooms of the same LiveKit server, one
stack after the other; then Liuke alone with several calls at once. Then customers want a person:
how soon both stacks say so, have a ticket, and have paged somebody.

The page goes to a receiver of the bench's own, which is the whole rota of an installation that the
bench starts, with records of its own. Where Liuke runs already it has a rota of real people: nobody
there is paged, and those rows are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Any, Final, Protocol

import numpy as np
from matplotlib.figure import Figure

from agent.cli.output import err, print_json
from agent.probe.audio import load_clip, prepare_recording, resample, sounds
from agent.probe.call import Line, ask, hear_greeting, hear_out, joined
from agent.prompts import load_phrases
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import LiukeError, SetupError
from common.languages import LANGUAGES
from eval.installation import (
    answers,
    await_openings,
    forgetting_what_is_spoken,
    memory_mb,
    quiet,
    running_stack,
    started_stack,
)
from eval.report import write_report
from eval.voice.escalation import CustomerInNeed, Records
from eval.voice.escalation_scores import (
    Called,
    escalation_details,
    escalation_plot,
    summarise_escalation,
)
from eval.voice.pager import Pager, on_call
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
from eval.voice.scores import STACKS, Asked, Known, Run, StackName, details, judge, plots, summarise
from eval.voice.stacks import Stack, liuke_stack, stock_stack
from eval.voice.wishes import Wish, make_wishes
from knowledge.entries.entry import Corpus, read_corpus

#: One call asks so many questions, each after the answer before it.
QUESTIONS_PER_CALL = 4
#: Calls at once, how many questions each of them asks, and how far apart they begin.
CROWDS = (2, 4)
QUESTIONS_PER_CROWDED_CALL = 2
DIALLING_APART_S = 2.0
#: An answer that goes on for longer is left; the questions behind it go into a call of their own.
LONGEST_ANSWER_S = 12.0
#: Of the questions of each language, the share that stock is asked too: one in so many.
STOCK_EVERY = 3
ROWS: Final = ("questions", "escalation")


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
    found = Settings()
    rows = [arguments.rows] if arguments.rows else list(ROWS)
    with contextlib.ExitStack() as around:
        pager = None
        if "escalation" in rows:
            if not await _runs(found):
                folder = found.paths.data_dir / "bench" / "installation"
                pager = around.enter_context(on_call(folder))
            elif len(rows) == 1:
                raise SetupError(f"{_REAL_PEOPLE}.", "Stop it: the bench starts one of its own.")
            else:
                err.print(f"{_REAL_PEOPLE}; the rows of escalation are left out", highlight=False)
        await _bench(arguments, asks="questions" in rows, pager=pager)


_REAL_PEOPLE: Final = "Liuke runs already, and nobody of its rota is to be paged by a benchmark"


async def _runs(settings: Settings) -> bool:
    return await answers(f"{settings.api.url_here}/healthz")


async def _bench(arguments: argparse.Namespace, *, asks: bool, pager: Pager | None) -> None:
    """``pager``: whom the installation calls; None: nobody wants a person."""
    settings = Settings()
    corpus = await asyncio.to_thread(_read_corpus, settings)
    questions = await asyncio.to_thread(_questions, corpus, arguments.data)
    plan = make_plan(questions, quick=arguments.quick)
    wishes = make_wishes(quick=arguments.quick) if pager else []
    names = [arguments.only] if arguments.only else STACKS
    runs: dict[StackName, Run] = {}
    needs: dict[StackName, list[Called]] = {}
    async with (started_stack if pager else running_stack)(settings):
        await await_openings(settings)
        said = (*plan.warm_up, *plan.single, *plan.crowded, *(wish.said for wish in wishes))
        files = await asyncio.to_thread(record, settings, said)
        ready = Ready(settings, plan, files, await known_words(settings, corpus))
        with forgetting_what_is_spoken(settings):
            if asks:
                runs = {name: await _ask(ready, name) for name in names}
            if pager:
                needs = {name: await _wish(ready, name, wishes, pager) for name in names}
    result: dict[str, Any] = {}
    more: dict[str, Any] = {}
    figures: list[tuple[str, Figure]] = []
    if runs:
        result, more, figures = summarise(runs), details(runs), plots(runs)
    if needs:
        result["escalation"] = summarise_escalation(needs)
        more |= escalation_details(needs)
        figures.append(escalation_plot(needs))
    folder = settings.paths.data_dir / "bench"
    title = "Voice to voice: Liuke and the stock stack"
    page = await asyncio.to_thread(write_report, folder, "voice", title, result | more, figures)
    err.print(f"report: {page}; recordings: {folder / 'calls'}", highlight=False, markup=False)
    print_json(result)


@dataclass(frozen=True)
class Ready:
    """What is there before a stack is called."""

    settings: Settings
    plan: Plan
    files: Mapping[Question, Path]
    known: Known

    def calls_of(self, name: StackName) -> Path:
        """Where recordings of the calls are kept."""
        return self.settings.paths.data_dir / "bench" / "calls" / name


async def _ask(ready: Ready, name: StackName) -> Run:
    """Put the questions to one stack."""
    plan = ready.plan if name == "liuke" else _shortened(ready.plan)
    async with _stack(ready.settings, name) as stack:
        customer = Customer(stack, ready.files, ready.known, ready.calls_of(name))
        return await measure(customer, plan, CROWDS if plan.crowded else ())


async def _wish(
    ready: Ready, name: StackName, wishes: Sequence[Wish], pager: Pager
) -> list[Called]:
    """Say the wishes for a person to one stack, after a warm-up that does not count."""
    folder = ready.calls_of(name) / "escalation"
    records = Records(ready.settings)
    try:
        async with _stack(ready.settings, name, calls_people=True) as stack:
            err.print(f"{name}: warm-up, then wishes for a person", highlight=False)
            customer = Customer(stack, ready.files, ready.known, folder / "warm-up")
            for mine in _by_language(ready.plan.warm_up):
                await customer.ask_all(mine, per_call=1)
            in_need = CustomerInNeed(stack, ready.files, ready.known, pager, records, folder)
            return await in_need.wish_all(wishes)
    finally:
        await records.aclose()


def _stack(
    settings: Settings, name: StackName, *, calls_people: bool = False
) -> contextlib.AbstractAsyncContextManager[Stack]:
    """``calls_people``: of the stock stack, for Liuke does in any case."""
    if name == "liuke":
        return liuke_stack(settings)
    return stock_stack(settings, calls_people=calls_people)


def _read_corpus(settings: Settings) -> Corpus:
    return read_corpus(settings.knowledge.corpus_dir)


def _questions(corpus: Corpus, data: Path | None) -> list[Question]:
    if data:
        return clip_questions(data)
    return corpus_questions(corpus, customers_wordings(QUESTIONS_DIR))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench-voice` takes."""
    parser.add_argument("--data", type=Path, help="folder with speech/manifest.tsv and its clips")
    parser.add_argument(
        "--quick", action="store_true", help="six questions, one call at a time, eight wishes"
    )
    parser.add_argument("--rows", choices=ROWS, help="the questions alone, or the wishes alone")
    parser.add_argument("--only", choices=("liuke", "stock"), help="one of the two stacks")
