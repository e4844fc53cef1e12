"""Benchmark of whole calls: spoken questions in, voice-to-voice times of Liuke and of stock out.

A real participant asks every question of both stacks, in real rooms of the same LiveKit server, one
stack after the other; then Liuke alone with several calls at once. Then customers want a person:
how soon both stacks say so, have a ticket, and have paged somebody. Then customers whom their site
has signed in tell of a new product, and ask for their own figures: how soon both stacks ask the
next thing, and have the figure.

The page goes to a receiver of the bench's own, which is the whole rota of an installation that the
bench starts, with records of its own, and the demo in them. Where Liuke runs already it has a rota
of real people and records of real customers: all but the questions is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, Final, Protocol

import numpy as np
from matplotlib.figure import Figure

from agent.cli.output import err, print_json
from agent.probe.audio import resample, sounds
from agent.prompts import load_flow, load_onboarding, load_phrases
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import SetupError
from common.languages import LANGUAGES, Language
from eval.installation import (
    answers,
    await_openings,
    forgetting_what_is_spoken,
    running_stack,
    started_stack,
)
from eval.report import write_report
from eval.voice.answers import Answered, answer_plot, answer_rows, summarise_answers
from eval.voice.conversations import Conversation, make_conversations
from eval.voice.conversing import OwnFigures, hold_all, seed
from eval.voice.customer import Customer
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
from eval.voice.rows import ROWS, TOPICS, Row, Topic
from eval.voice.scores import STACKS, Asked, Known, Run, StackName, details, plots, summarise
from eval.voice.stacks import Stack, liuke_stack, stock_stack
from eval.voice.wishes import Wish, make_wishes
from knowledge.entries.entry import Corpus, read_corpus

#: One call asks so many questions, each after the answer before it.
QUESTIONS_PER_CALL = 4
#: Calls at once, how many questions each of them asks, and how far apart they begin.
CROWDS = (2, 4)
QUESTIONS_PER_CROWDED_CALL = 2
DIALLING_APART_S = 2.0
#: Of the questions of each language, the share that stock is asked too: one in so many.
STOCK_EVERY = 3


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
    waiting = [(t, lang) for lang, said in load_phrases().items() for t in said.acknowledgements]
    try:
        return Known(
            tuple(entry.opening for entry in corpus.entries),
            {text: await _length_ms(speech, text, language) for text, language in waiting},
            {text: await _length_ms(speech, text, language) for text, language in _leads()},
        )
    finally:
        await speech.aclose()


async def _length_ms(speech: SpeechClient, text: str, language: Language) -> float:
    """How long a text sounds."""
    pcm = b"".join([chunk async for chunk in speech.speak(text, language)])
    heard = sounds(resample(np.frombuffer(pcm, dtype="<i2"), SPEAKING_RATE_HZ))
    return heard[-1].end_ms - heard[0].start_ms


def _leads() -> Iterator[tuple[str, Language]]:
    """What is said before a figure, and before the next question of onboarding."""
    for language, figures in load_flow("figures").items():
        yield figures.fixed["lead"], language
    for language, said in load_onboarding().items():
        leads = (said.begin, *said.acknowledgements, said.left_open, said.not_understood, said.back)
        for text in leads:
            yield text, language


async def bench(arguments: argparse.Namespace) -> None:
    """Run the benchmark."""
    found = Settings()
    rows: list[Row] = [arguments.rows] if arguments.rows else list(ROWS)
    with contextlib.ExitStack() as around:
        pager = None
        if rows != ["questions"]:
            if not await _runs(found):
                folder = found.paths.data_dir / "bench" / "installation"
                pager = around.enter_context(on_call(folder))
            elif "questions" not in rows:
                raise SetupError(f"{_REAL_PEOPLE}.", "Stop it: the bench starts one of its own.")
            else:
                err.print(f"{_REAL_PEOPLE}; all but the questions is left out", highlight=False)
                rows = ["questions"]
        await _bench(arguments, rows, pager)


_REAL_PEOPLE: Final = (
    "Liuke runs already, and nobody of its rota or its customers is a benchmark's to talk to"
)


async def _runs(settings: Settings) -> bool:
    return await answers(f"{settings.api.url_here}/healthz")


async def _bench(arguments: argparse.Namespace, rows: Sequence[Row], pager: Pager | None) -> None:
    """``pager``: whom the bench's own installation calls; None: for the questions any will do."""
    settings = Settings()
    corpus = await asyncio.to_thread(_read_corpus, settings)
    questions = await asyncio.to_thread(_questions, corpus, arguments.data)
    plan = make_plan(questions, quick=arguments.quick)
    wishes = make_wishes(quick=arguments.quick) if "escalation" in rows else []
    talks = {
        topic: make_conversations(topic, quick=arguments.quick) for topic in TOPICS if topic in rows
    }
    names = [arguments.only] if arguments.only else STACKS
    runs: dict[StackName, Run] = {}
    needs: dict[StackName, list[Called]] = {}
    talked: dict[Topic, dict[StackName, list[Answered]]] = {}
    async with (started_stack if pager else running_stack)(settings):
        await await_openings(settings)
        of_talks = (one for some in talks.values() for talk in some for one in talk.said)
        said = (*plan.warm_up, *(wish.said for wish in wishes), *of_talks)
        asked = (*plan.single, *plan.crowded) if "questions" in rows else ()
        files = await asyncio.to_thread(record, settings, (*said, *asked))
        ready = Ready(settings, plan, files, await known_words(settings, corpus))
        if talks:
            await seed(settings)
        with forgetting_what_is_spoken(settings):
            if "questions" in rows:
                runs = {name: await _ask(ready, name) for name in names}
            if wishes and pager:
                needs = {name: await _wish(ready, name, wishes, pager) for name in names}
            for topic, some in talks.items():
                talked[topic] = {name: await _talk(ready, name, topic, some) for name in names}
    result: dict[str, Any] = {}
    more: dict[str, Any] = {}
    figures: list[tuple[str, Figure]] = []
    if runs:
        result, more, figures = summarise(runs), details(runs), plots(runs)
    if needs:
        result["escalation"] = summarise_escalation(needs)
        more |= escalation_details(needs)
        figures.append(escalation_plot(needs))
    for topic, mine in talked.items():
        result[topic] = summarise_answers(mine)
        more[f"{topic}_turns"] = answer_rows(mine)
        figures.append(answer_plot(topic, mine))
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
    async with _stack(ready.settings, name, "questions") as stack:
        customer = Customer(stack, ready.files, ready.known, ready.calls_of(name))
        return await measure(customer, plan, CROWDS if plan.crowded else ())


async def _wish(
    ready: Ready, name: StackName, wishes: Sequence[Wish], pager: Pager
) -> list[Called]:
    """Say the wishes for a person to one stack, after a warm-up that does not count."""
    folder = ready.calls_of(name) / "escalation"
    records = Records(ready.settings)
    try:
        async with _stack(ready.settings, name, "escalation") as stack:
            err.print(f"{name}: warm-up, then wishes for a person", highlight=False)
            customer = Customer(stack, ready.files, ready.known, folder / "warm-up")
            for mine in _by_language(ready.plan.warm_up):
                await customer.ask_all(mine, per_call=1)
            in_need = CustomerInNeed(stack, ready.files, ready.known, pager, records, folder)
            return await in_need.wish_all(wishes)
    finally:
        await records.aclose()


async def _talk(
    ready: Ready, name: StackName, topic: Topic, conversations: Sequence[Conversation]
) -> list[Answered]:
    """Hold conversations with one stack, after a warm-up that does not count."""
    folder = ready.calls_of(name) / topic
    own = OwnFigures(ready.settings)
    try:
        async with _stack(ready.settings, name, topic) as stack:
            err.print(f"{name}: warm-up, then {topic}", highlight=False)
            warming = Customer(stack, ready.files, ready.known, folder / "warm-up")
            callers = {one.caller.language: one.caller for one in conversations}
            for question in ready.plan.warm_up:
                await warming.converse(callers[question.language], [question])
            customer = Customer(stack, ready.files, ready.known, folder)
            return await hold_all(customer, conversations, ready.known, own)
    finally:
        await own.aclose()


def _stack(
    settings: Settings, name: StackName, row: Row
) -> contextlib.AbstractAsyncContextManager[Stack]:
    """``row``: for which stock is to have the means; Liuke has those for all."""
    return liuke_stack(settings) if name == "liuke" else stock_stack(settings, row)


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
        "--quick", action="store_true", help="a few of each row, one call at a time"
    )
    parser.add_argument("--rows", choices=ROWS, help="one of the rows alone")
    parser.add_argument("--only", choices=("liuke", "stock"), help="one of the two stacks")
