"""Work for a client over HTTP: refused when it is too much, given up when the client has gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request

from common.errors import ServiceError

T = TypeVar("T")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of ``work``; None, and ``work`` cancelled, when the client goes away first."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        task.cancel()
        gone.cancel()


async def body_within(request: Request, most_bytes: int) -> bytes | None:
    """The body, or None as soon as it is longer."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            return None
    return bytes(body)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class BoundedThreads:
    """Threads for work that blocks. So much more may wait for one; what waits can be given up."""

    def __init__(self, threads: int, *, waiting: int, what: str) -> None:
        """``what``: a word for the work, in the message that there is too much of it."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=what)
        self._count = threads
        self._most = threads + waiting
        self._what = what
        self._taken = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """The result of ``work``. Raises ServiceError, retryable, when there is too much already.

        Cancelled, it is never begun; begun, it ends in its thread, which nobody gets before.
        """
        with self._lock:
            if self._taken >= self._most:
                raise ServiceError(
                    f"Too many {self._what} at once.", "Try again in a second.", retryable=True
                )
            self._taken += 1
        future = self._threads.submit(work)
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return max(0, self._taken - self._count)

    def close(self) -> None:
        """Give up what waits; what is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _future: Future[Any]) -> None:
        with self._lock:
            self._taken -= 1
