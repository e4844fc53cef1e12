"""The queue in front of Whisper: utterances from all calls of this host in, transcripts out.

One utterance is heard at a time, on all threads: two at once on the same cores would both be late.
Finals go before partials, also before one that has begun: it is put back as soon as it can be.
What nobody waits for any more is dropped. A call has one utterance here at a time, so that first
come, first served gives each of several calls its turn.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from agent.speech.contract import Purpose, Transcript
from agent.speech.hear.whisper import AbandonedError, Samples, Whisper
from common.errors import ServiceError
from common.languages import Language

_PRIORITY: dict[Purpose, int] = {"final": 0, "partial": 1, "file": 2}

#: Utterances that may wait; more than this is seconds of delay, and better refused.
_MAX_WAITING = 32


@dataclass(order=True)
class _Job:
    priority: int
    number: int
    #: Hears the utterance, as long as the function it is given agrees. Raises AbandonedError.
    hear: Callable[[Callable[[], bool]], Transcript] = field(compare=False)
    result: asyncio.Future[Transcript] = field(compare=False)


class WhisperQueue:
    """Shares one Whisper between the calls of a host."""

    def __init__(self, whisper: Whisper) -> None:
        self._whisper = whisper
        self._jobs: asyncio.PriorityQueue[_Job] = asyncio.PriorityQueue()
        self._numbers = itertools.count()
        #: How many wait, by priority.
        self._waiting = [0] * len(_PRIORITY)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        self._worker = asyncio.create_task(self._work(), name="whisper-queue")

    async def transcribe(
        self,
        samples: Samples,
        *,
        purpose: Purpose,
        language: Language | None = None,
        confirmed: str = "",
        after: str = "",
    ) -> Transcript:
        """Hear one utterance, as ``Whisper.transcribe``. Cancel the call to give it up.

        Raises ServiceError (retryable) when too many utterances wait.
        """
        if self._jobs.qsize() >= _MAX_WAITING:
            raise ServiceError(
                f"Whisper is overloaded: {_MAX_WAITING} utterances wait.",
                "Try again in a moment; lower LIUKE_AGENT_MAX_CALLS if it happens often.",
                retryable=True,
            )

        def hear(goes_on: Callable[[], bool]) -> Transcript:
            return self._whisper.transcribe(
                samples,
                language=language,
                confirmed=confirmed,
                after=after,
                purpose=purpose,
                goes_on=goes_on,
            )

        result: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self._put(_Job(_PRIORITY[purpose], next(self._numbers), hear, result))
        return await result

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            job = await self._jobs.get()
            self._waiting[job.priority] -= 1
            if job.result.cancelled():
                continue
            try:
                transcript = await loop.run_in_executor(
                    self._thread, job.hear, partial(self._goes_on, job)
                )
            except AbandonedError:
                self._put(job)
            except Exception as error:  # one bad utterance must not stop the others
                if not job.result.cancelled():
                    job.result.set_exception(error)
            else:
                if not job.result.cancelled():
                    job.result.set_result(transcript)

    def _put(self, job: _Job) -> None:
        self._waiting[job.priority] += 1
        self._jobs.put_nowait(job)

    def _goes_on(self, job: _Job) -> bool:
        """Whether ``job`` is still wanted and nothing more urgent is; called in its thread."""
        return not job.result.cancelled() and not any(self._waiting[: job.priority])

    async def aclose(self) -> None:
        """Stop; utterances that wait are given up."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)
