"""The queue in front of Whisper: utterances from all calls of this host in, transcripts out.

One utterance is heard at a time, on all threads: two at once on the same cores would both be late.
Finals go before partials, and what nobody waits for any more is dropped before it costs anything.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from agent.errors import ServiceError
from agent.settings import Language
from agent.speech.hearing import Samples, Whisper
from agent.speech.transcript import Purpose, Transcript

_PRIORITY: dict[Purpose, int] = {"final": 0, "partial": 1, "file": 2}

#: Utterances that may wait; more than this is seconds of delay, and better refused.
_MAX_WAITING = 32


@dataclass(order=True)
class _Job:
    priority: int
    number: int
    samples: Samples = field(compare=False)
    language: Language | None = field(compare=False)
    result: asyncio.Future[Transcript] = field(compare=False)


class Recognizer:
    """Shares one Whisper between the calls of a host."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper
        self._jobs: asyncio.PriorityQueue[_Job] = asyncio.PriorityQueue()
        self._numbers = itertools.count()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        self._worker = asyncio.create_task(self._work(), name="recognition")

    async def transcribe(
        self, samples: Samples, *, purpose: Purpose, language: Language | None = None
    ) -> Transcript:
        """Hear one utterance. Cancel the call to give it up.

        Raises ServiceError (retryable) when too many utterances wait.
        """
        if self._jobs.qsize() >= _MAX_WAITING:
            raise ServiceError(
                f"Speech recognition is overloaded: {_MAX_WAITING} utterances wait.",
                "Try again in a moment; lower LIUKE_AGENT_MAX_CALLS if it happens often.",
                retryable=True,
            )
        result: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait(
            _Job(_PRIORITY[purpose], next(self._numbers), samples, language, result)
        )
        return await result

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job = await self._jobs.get()
            if job.result.cancelled():
                continue
            try:
                transcript = await loop.run_in_executor(
                    self._thread, self._whisper.transcribe, job.samples, job.language
                )
            except Exception as error:  # one bad utterance must not stop the others
                if not job.result.cancelled():
                    job.result.set_exception(error)
            else:
                if not job.result.cancelled():
                    job.result.set_result(transcript)

    async def aclose(self) -> None:
        """Stop; utterances that wait are given up."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)
