"""Host: what is spoken word for word goes in; its audio comes out, made while our processes rest.

The speech server makes it, and stands back for calls by itself; it knows nothing of a question that
is only typed (`liuke ask`). So our processes are watched, and the making is broken off while they
work: the language model answers as if nothing else were going on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import psutil

from agent.prompts import load_phrases
from agent.speech.clauses import split_clauses
from agent.speech.client import SpeechClient
from common.languages import LANGUAGES, Language
from knowledge.contract import Opening, Playbook

Phrase = tuple[str, Language]

#: Our processes work while they take more than this share of a core, over so many seconds.
WORKING_SHARE = 0.25
SAMPLE_S = 0.25
#: They rest when they have not worked for so long, seconds; an answer has pauses of its own.
REST_S = 3.0


@dataclass(frozen=True)
class SpeechCached:
    """How much of what is spoken word for word has its audio made."""

    done: int
    total: int
    waiting: bool
    """It goes on when our processes rest."""


def first_words() -> list[Phrase]:
    """What any call may begin with: greetings, and the words before an answer that is late."""
    return [
        (text, language)
        for language, phrases in load_phrases().items()
        for text in (phrases.greeting, *phrases.acknowledgements)
    ]


def in_order(
    fixed: Sequence[Phrase], openings: Sequence[Opening], playbooks: Sequence[Playbook]
) -> list[Phrase]:
    """In which order their audio is worth most.

    What calls say again and again; then openings; then the steps of playbooks, of all the first,
    then of all the second. Both languages take turns. What is asked often needs no rank: once it
    has been spoken it is there.
    """
    begun = [(opening.text, opening.language) for opening in openings]
    walked = [[(step.say, one.language) for step in one.steps] for one in playbooks]
    return [*fixed, *_beginnings_first(begun), *_beginnings_first(_in_turn(walked))]


def _beginnings_first(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The first clause of each, for while it sounds the rest can be made; then the whole ones."""
    whole = _in_turn([[p for p in phrases if p[1] == language] for language in LANGUAGES])
    firsts = [
        (clauses[0], language)
        for text, language in whole
        if len(clauses := split_clauses(text)) > 1
    ]
    return [*firsts, *whole]


def _in_turn(rows: Sequence[Sequence[Phrase]]) -> list[Phrase]:
    """The first of each row, then the second of each."""
    return [phrase for column in zip_longest(*rows) for phrase in column if phrase]


class Load:
    """How busy processes are, by the processor time that they take."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids

    async def rest(self) -> None:
        """Wait until they have rested for a while."""
        rested_s = 0.0
        while rested_s < REST_S:
            rested_s = 0.0 if await self._work() else rested_s + SAMPLE_S

    async def work(self) -> None:
        """Wait until they work."""
        while not await self._work():
            pass

    async def _work(self) -> bool:
        """Whether they do, for one sample's time."""
        before, began = self._taken_s(), time.monotonic()
        await asyncio.sleep(SAMPLE_S)
        # One that has begun meanwhile counts from then on.
        taken_s = sum(s - before[pid] for pid, s in self._taken_s().items() if pid in before)
        return taken_s > WORKING_SHARE * (time.monotonic() - began)

    def _taken_s(self) -> dict[int, float]:
        taken_s = {}
        for pid in self._pids():
            with contextlib.suppress(psutil.Error):
                times = psutil.Process(pid).cpu_times()
                taken_s[pid] = times.user + times.system
        return taken_s


async def make_ahead(
    speech: SpeechClient,
    phrases: Sequence[Phrase],
    load: Load,
    tell: Callable[[SpeechCached], None],
) -> None:
    """Have the audio of ``phrases`` made in their order. Raises ServiceError without the server."""
    done, total = 0, len(phrases)

    async def make() -> None:
        nonlocal done
        async for _ in speech.cache(phrases[done:]):
            done += 1
            tell(SpeechCached(done, total, waiting=False))

    while done < total:
        await load.rest()
        making, working = asyncio.create_task(make()), asyncio.create_task(load.work())
        try:
            await asyncio.wait({making, working}, return_when=asyncio.FIRST_COMPLETED)
            if making.done():
                making.result()
            else:
                tell(SpeechCached(done, total, waiting=True))
        finally:
            making.cancel()
            working.cancel()
            await asyncio.gather(making, working, return_exceptions=True)
