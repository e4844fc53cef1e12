"""Audio made ahead: phrases in, their clips in the speech cache out, in the pauses of calls.

A process of its own makes them (`agent/speech/say/maker.py`), with one thread that runs only where
a core is free. Not a thread of the speech server: it would hold Python's lock while it waits for a
core, and the calls would wait with it. As soon as a call uses the models the process is ended, and
its memory with it; the clip that it was at is made in the next pause.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from agent.speech.say.cache import SpeechCache, SpeechKey
from agent.speech.say.maker import LENGTH
from common.languages import Language

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Nothing is made until calls have left the models alone for so long, seconds: between two
#: utterances of a call there are pauses too.
REST_S = 20.0
#: How the process is started.
COMMAND = (sys.executable, "-m", "agent.speech.say.maker")
#: A clip whose process ends by itself so many times is left to be made when it is first spoken.
_ATTEMPTS = 2


class Pauses:
    """The times in which no call uses the models."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s = rest_s
        self._used_at = -math.inf
        self._used = asyncio.Event()

    def note_call(self) -> None:
        """A call uses the models at this moment."""
        self._used_at = asyncio.get_running_loop().time()
        self._used.set()

    async def begin(self) -> bool:
        """Wait for a pause, or return at once in one; whether there was anything to wait for."""
        now = asyncio.get_running_loop().time
        waits = self._used_at + self._rest_s > now()
        # Not polled: each sleep lasts until it would be over, unless a call pushes that back.
        while (left := self._used_at + self._rest_s - now()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        self._used.clear()
        return waits

    async def within(self, work: Coroutine[Any, Any, T]) -> T | None:
        """The result of ``work``; None, and ``work`` cancelled, when a call ends the pause."""
        working = asyncio.create_task(work)
        used = asyncio.create_task(self._used.wait())
        try:
            await asyncio.wait({working, used}, return_when=asyncio.FIRST_COMPLETED)
            return await working if working.done() else None
        finally:
            used.cancel()
            working.cancel()
            await asyncio.gather(used, working, return_exceptions=True)


class Maker:
    """The process that makes clips; it is started when there is something to be made."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def make(self, words: str, language: Language) -> bytes:
        """The clip (PCM s16le mono, 24 kHz) of words that `spoken` has prepared.

        Cancelled, it ends the process. Raises EOFError when the process ends by itself.
        """
        async with self._one_at_a_time:
            process = self._process = self._process or await self._start()
            assert process.stdin and process.stdout
            line = json.dumps({"text": words, "language": language}) + "\n"
            try:
                process.stdin.write(line.encode())
                await process.stdin.drain()
                length = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))[0]
                return await process.stdout.readexactly(length)
            except ConnectionError as error:
                await self.end()
                raise EOFError from error
            except BaseException:
                await self.end()
                raise

    async def end(self) -> None:
        """End the process, if there is one, at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)


@dataclass(frozen=True)
class Progress:
    """How far the making has come; ``made``: this phrase was not there before."""

    done: int
    total: int
    made: bool

    def as_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


class MakesClips(Protocol):
    """What is needed of `Maker`."""

    async def make(self, words: str, language: Language) -> bytes:
        """The clip of spoken words."""

    async def end(self) -> None:
        """Give the memory back."""


class Ahead:
    """Fills the speech cache in the pauses of calls."""

    def __init__(
        self,
        keys: Callable[[str, Language], list[SpeechKey]],
        cache: SpeechCache,
        pauses: Pauses,
        maker: MakesClips,
    ) -> None:
        """``keys``: under which the clauses of a phrase are cached."""
        self._keys = keys
        self._cache = cache
        self._pauses = pauses
        self._maker = maker

    async def fill(self, phrases: Sequence[tuple[str, Language]]) -> AsyncIterator[Progress]:
        """Make what is missing of ``phrases``, in their order; tells of each in turn."""
        try:
            for done, (text, language) in enumerate(phrases, start=1):
                made = [await self._provide(key, language) for key in self._keys(text, language)]
                yield Progress(done=done, total=len(phrases), made=any(made))
        finally:
            await self._maker.end()

    async def _provide(self, key: SpeechKey, language: Language) -> bool:
        """Have one clip in the cache; whether it had to be made."""
        failures = 0
        while not await asyncio.to_thread(self._cache.__contains__, key):
            if await self._pauses.begin():
                continue  # the call may have wanted the same
            try:
                pcm = await self._pauses.within(self._maker.make(key.text, language))
            except EOFError:
                failures += 1
                if failures < _ATTEMPTS:
                    continue
                log.error("the clip %s cannot be made ahead: its process ended twice", key.name)
                return False
            if pcm is not None:
                await asyncio.to_thread(self._cache.put, key, pcm)
                return True
        return False
