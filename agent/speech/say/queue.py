"""The queue in front of Kokoro: texts in, audio out clause by clause (PCM s16le mono, 24 kHz).

One clause is synthesised at a time, for two would share the same cores. A clause that two wait for
is made once, and one that nobody waits for any more is dropped, even while it is being made: the
customer who interrupted must be heard with all cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from agent.speech.clauses import split_clauses
from agent.speech.say.cache import SpeechCache, SpeechKey
from agent.speech.say.kokoro import load_kokoro
from agent.speech.say.lexicon import Lexicon, load_lexicon
from agent.speech.say.spoken import spoken
from agent.speech.settings import SpeechSettings
from common.errors import LiukeError, ServiceError
from common.languages import Language
from common.settings import PathSettings

log = logging.getLogger(__name__)

#: Clauses that may wait: on two cores, half a minute's work already.
MAX_WAITING = 32


class Speaker(Protocol):
    """What the queue needs of Kokoro."""

    def key(self, clause: str, language: Language) -> SpeechKey:
        """Under which the clause is cached."""

    def synthesize(self, clause: str, language: Language) -> bytes:
        """Speak spoken words; blocks. Raises when it was aborted."""

    def abort(self) -> None:
        """Give up the synthesis that is going on, if any."""


@dataclass
class _Job:
    """A clause to be made, for one or several who wait for it."""

    key: SpeechKey
    language: Language
    number: int
    audio: asyncio.Future[bytes]
    waiting: int = 0


class KokoroQueue:
    """Shares one Kokoro between the calls of a host, and remembers what it has said."""

    def __init__(
        self,
        kokoro: Speaker,
        cache: SpeechCache,
        lexicon: Lexicon,
        *,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._kokoro = kokoro
        self._cache = cache
        self._lexicon = lexicon
        self._max_waiting = max_waiting
        #: What is being made is in it too, for those who come to wait for the same.
        self._jobs: dict[SpeechKey, _Job] = {}
        self._waiting: set[SpeechKey] = set()
        self._numbers = itertools.count()
        self._work = asyncio.Event()
        self._worker = asyncio.create_task(self._run(), name="kokoro-queue")

    async def aclose(self) -> None:
        """Stop; the clause being made is finished, those who wait get a ServiceError."""
        self._worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._worker
        for job in self._jobs.values():
            if not job.audio.done():
                job.audio.set_exception(_stopping())
        self._jobs.clear()
        self._waiting.clear()

    async def speak(self, text: str, language: Language) -> AsyncIterator[bytes]:
        """The audio of each clause of ``text`` as soon as it is there.

        Raises ServiceError (retryable) when too many wait. Leaving the iteration drops the rest.
        """
        for key in self.keys(text, language):
            if pcm := await self._audio(key, language):
                yield pcm

    async def is_cached(self, text: str, language: Language) -> bool:
        """Whether all of ``text`` can be spoken without synthesis."""
        keys = self.keys(text, language)
        return await asyncio.to_thread(lambda: all(key in self._cache for key in keys))

    def keys(self, text: str, language: Language) -> list[SpeechKey]:
        """Under which the clauses of ``text`` are cached, those that have a sound."""
        said = (spoken(clause, language, self._lexicon) for clause in split_clauses(text))
        return [self._kokoro.key(words, language) for words in said if words]

    async def _audio(self, key: SpeechKey, language: Language) -> bytes:
        cached = await asyncio.to_thread(self._cache.get, key)
        if cached is not None:
            return cached
        job = self._enqueue(key, language)
        job.waiting += 1
        try:
            return await asyncio.shield(job.audio)
        finally:
            job.waiting -= 1
            if not job.waiting and not job.audio.done():
                self._give_up(job)

    def _give_up(self, job: _Job) -> None:
        """Nobody waits for the clause any more."""
        del self._jobs[job.key]
        if job.key in self._waiting:
            self._waiting.discard(job.key)
        else:
            job.audio.cancel()
            self._kokoro.abort()

    def _enqueue(self, key: SpeechKey, language: Language) -> _Job:
        if self._worker.done():
            raise _stopping()
        if job := self._jobs.get(key):
            return job
        if len(self._waiting) >= self._max_waiting:
            raise ServiceError(
                f"Kokoro has {len(self._waiting)} clauses waiting and takes no more.",
                "Try again in a few seconds, or add a speech server (LIUKE_SPEECH_URL).",
                retryable=True,
            )
        audio: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        job = _Job(key, language, next(self._numbers), audio)
        self._jobs[key] = job
        self._waiting.add(key)
        self._work.set()
        return job

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            if not self._waiting:
                self._work.clear()
                continue
            job = min((self._jobs[key] for key in self._waiting), key=lambda job: job.number)
            self._waiting.discard(job.key)
            await self._make(job)
            if self._jobs.get(job.key) is job:
                del self._jobs[job.key]

    async def _make(self, job: _Job) -> None:
        try:
            pcm = await asyncio.to_thread(self._kokoro.synthesize, job.key.text, job.language)
            await asyncio.to_thread(self._cache.put, job.key, pcm)
        except Exception as error:
            if not job.audio.cancelled():  # else it was given up
                # Not what was to be said: it may hold what the customer has told.
                log.error("Kokoro failed at a clip, %s: %s", job.key.name, type(error).__name__)
                job.audio.set_exception(_failed(error))
                job.audio.exception()  # it may be that nobody waits any more
        else:
            if not job.audio.cancelled():
                job.audio.set_result(pcm)


def _failed(error: Exception) -> LiukeError:
    if isinstance(error, LiukeError):
        return error
    return ServiceError(
        f"Kokoro could not speak a clause ({type(error).__name__}).",
        "See the speech server's log; `liuke doctor` checks its files.",
        retryable=False,
    )


def _stopping() -> ServiceError:
    return ServiceError(
        "The speech server is stopping.", "Try again when it is back.", retryable=True
    )


async def open_kokoro_queue(
    paths: PathSettings, settings: SpeechSettings, cache: SpeechCache
) -> KokoroQueue:
    """Load Kokoro. Raises SetupError when a file is missing or broken."""
    kokoro = await asyncio.to_thread(load_kokoro, paths, settings, threads=settings.model_threads)
    # The first inference allocates: better now than in somebody's turn.
    await asyncio.to_thread(kokoro.synthesize, "你好。", "zh")
    return KokoroQueue(kokoro, cache, load_lexicon())
