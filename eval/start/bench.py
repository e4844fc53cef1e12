"""The first minute of an installation beside a later one: empty data in, times of both out.

Liuke starts for the first time in a data folder and on ports of its own, with models and packages
in their caches. In its first minute it is asked five questions for which retrieval has no opening,
one after another with `liuke ask`, and called once; then it is stopped, started again with all
audio made, and asked and called the same. That is done again from an empty speech cache, so that
what else the machine does meets both halves.

What "all audio made" is: the clips of the fixed phrases and of the call are real. The other
openings and playbooks are heard by nobody in this run; a second of silence stands in for each of
their clauses, since making them takes both cores of a small machine half an hour and more. Times
are those of the whole command `liuke ask`, from its start to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from agent.cli.output import err, print_json
from agent.probe.call import Script, load_script, place_call
from agent.settings import Settings
from agent.speech.clauses import split_clauses
from agent.speech.contract import SPEAKING_RATE_HZ
from agent.speech.say.cache import SpeechCache
from agent.speech.say.kokoro import load_kokoro
from agent.speech.say.lexicon import load_lexicon
from agent.speech.say.spoken import spoken
from common.errors import ServiceError
from common.languages import Language
from common.settings import PROJECT_ROOT
from eval.installation import LIUKE, new_installation, set_up, stop
from eval.retrieval.asked import Question, digest, load_questions
from eval.speaking import CUSTOMERS, Studio
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

#: Questions to `liuke ask` in each half.
ASKED = 5
#: What the customer of the call says.
CALLED: tuple[str, Language] = ("对方总是听到自己的回声，怎么办？", "zh")
#: The supervisor says nothing for longer than this only if it hangs.
SILENCE_S = 600.0


@dataclass(frozen=True)
class Half:
    """What one half of a round measured, milliseconds; ``start_s``: from `liuke up` to ready."""

    start_s: float
    ask_ms: tuple[float, ...]
    call_ms: float | None
    """From the end of the customer's speech to the first sound of the answer."""
    made: int
    """Phrases whose audio was there when the half was over, of ``total``."""
    total: int


class Up:
    """A `liuke up` of ours, and how much of the audio it says is made."""

    def __init__(self, process: asyncio.subprocess.Process, start_s: float) -> None:
        self.start_s = start_s
        self.done = 0
        self.total = 0
        self._process = process
        self._made = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "speech-cache":
                self.done, self.total = event["done"], event["total"]
                if self.done == self.total:
                    self._made.set()

    async def all_made(self) -> None:
        """Wait until nothing is left to be made."""
        await self._made.wait()

    async def aclose(self) -> None:
        """Stop everything."""
        await stop(self._process)
        await self._reading


@contextlib.asynccontextmanager
async def up() -> AsyncIterator[Up]:
    """Liuke, ready. Raises ServiceError when it does not get there."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(*LIUKE, "up", "--json"), cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        first = await asyncio.wait_for(process.stdout.readline(), SILENCE_S)
        if not first:
            raise ServiceError(
                "Liuke (`liuke up`) did not start.", "Its messages are above.", retryable=False
            )
        running = Up(process, time.monotonic() - started)
        try:
            yield running
        finally:
            await running.aclose()
    finally:
        await stop(process)


async def ask(question: Question) -> float:
    """How long the command takes to answer, milliseconds."""
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(*LIUKE, "ask", "--json", question.text), cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    took_ms = (time.monotonic() - started) * 1000
    if process.returncode:
        raise ServiceError("`liuke ask` failed.", "Its messages are above.", retryable=False)
    answer = json.loads(output)
    err.print(f"{took_ms:6.0f} ms {question.text} {answer['timings_ms']}", highlight=False)
    return took_ms


async def without_opening(settings: Settings) -> list[Question]:
    """Questions that are answered, and have no opening, in both languages in turn."""
    candidates = {
        language: [
            q
            for q in sorted(load_questions(), key=lambda q: digest(q.text))
            if q.language == language and q.subjects
        ]
        for language in ("zh", "en")
    }
    found: list[Question] = []
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    try:
        for pair in zip(candidates["zh"], candidates["en"], strict=False):
            for question in pair:
                retrieval = await knowledge.search(question.text, question.language)
                if retrieval.supported and retrieval.opening is None:
                    found.append(question)
            if len(found) >= ASKED:
                return found[:ASKED]
    finally:
        await knowledge.aclose()
    raise ServiceError(
        f"Of all our questions only {len(found)} have no opening.",
        "Ask fewer: ASKED in eval/start/bench.py.",
        retryable=False,
    )


async def half(settings: Settings, script: Script, asked: list[Question], running: Up) -> Half:
    """Ask and call."""
    ask_ms = tuple([await ask(question) for question in asked])
    report = (await place_call(settings.api.url_here, script)).as_json()
    call_ms = report["turns"][0]["first_audio_ms"]
    err.print(f"call: {call_ms} ms; audio: {running.done} of {running.total}", highlight=False)
    return Half(running.start_s, ask_ms, call_ms, running.done, running.total)


async def approved(settings: Settings) -> list[tuple[str, Language]]:
    """All openings and steps of playbooks with their languages."""
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    try:
        openings = [(one.text, one.language) for one in await knowledge.openings()]
        playbooks = await knowledge.playbooks()
        return openings + [(step.say, one.language) for one in playbooks for step in one.steps]
    finally:
        await knowledge.aclose()


def stand_in(settings: Settings, unheard: list[tuple[str, Language]]) -> None:
    """A second of silence for each clause of ``unheard`` that has no audio; blocks."""
    lexicon = load_lexicon()
    kokoro = load_kokoro(settings.paths, settings.speech, threads=1)
    cache = SpeechCache.of(settings.paths, settings.speech)
    silence = bytes(2 * SPEAKING_RATE_HZ)
    for text, language in unheard:
        for clause in split_clauses(text):
            key = kokoro.key(spoken(clause, language, lexicon), language)
            if key not in cache:
                cache.put(key, silence)


async def measure(settings: Settings, script: Script, rounds: int) -> list[tuple[Half, Half]]:
    """(first minute, later) of each round."""
    speech_cache = settings.paths.data_dir / "speech-cache"
    asked: list[Question] = []
    unheard: list[tuple[str, Language]] = []
    measured = []
    for number in range(1, rounds + 1):
        err.print(f"round {number} of {rounds}: the first minute")
        await asyncio.to_thread(shutil.rmtree, speech_cache, ignore_errors=True)
        async with up() as running:
            if not asked:
                asked = await without_opening(settings)
            first = await half(settings, script, asked, running)
            unheard = unheard or await approved(settings)
        err.print(f"round {number} of {rounds}: later")
        await asyncio.to_thread(stand_in, settings, unheard)
        async with up() as running:
            await running.all_made()
            measured.append((first, await half(settings, script, asked, running)))
    return measured


def summarise(setup_s: float, measured: list[tuple[Half, Half]]) -> dict[str, Any]:
    """The last line. ``ratio``: of the medians of all asks."""
    first_ms, later_ms = (
        statistics.median(ms for pair in measured for ms in pair[which].ask_ms) for which in (0, 1)
    )
    return {
        "ask_ms": {"first_minute": {"p50": round(first_ms)}, "later": {"p50": round(later_ms)}},
        "ratio": round(first_ms / later_ms, 3),
        "call_ms": {
            name: [pair[which].call_ms for pair in measured]
            for which, name in enumerate(("first_minute", "later"))
        },
        "setup_s": round(setup_s, 1),
        "start_s": round(measured[0][0].start_s, 1),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make bench-start` takes."""
    parser.add_argument("--rounds", type=int, default=2, help="pairs of halves, 2 if not given")


async def bench(arguments: argparse.Namespace) -> None:
    """Measure, print the figures."""
    with new_installation("start") as settings:
        started = time.monotonic()
        await set_up()
        setup_s = time.monotonic() - started
        text, language = CALLED
        clip = await asyncio.to_thread(Studio(settings).record, text, language, CUSTOMERS[0])
        script = await load_script(language, [clip], None)
        print_json(summarise(setup_s, await measure(settings, script, arguments.rounds)))
