"""Virtual time: an asynchronous test in; the same test without its waiting, out.

Code about turns waits: for a silence, a limit, an answer that is late. On the loop of this module
nobody really waits. Where nothing is ready, the clock jumps to the next timer, so that half a
minute of conversation takes milliseconds, and what happens when does not depend on the machine. The
clock stands still while a thread of an executor works and while something is under way between two
sockets: detectors and servers on loopback may be real.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import functools
import selectors
import termios
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from typing import Any, ParamSpec, TypeVarTuple
from unittest.mock import patch

from livekit.agents.llm import chat_context
from livekit.agents.voice import events
from pydantic import BaseModel

P = ParamSpec("P")
Ts = TypeVarTuple("Ts")

#: What is sent on loopback arrives within this time, if ever, real seconds; and how often it is
#: looked for.
_DELIVERY_S, _LOOK_AGAIN_S = 1.0, 0.001
#: The calendar's clock when a test begins, seconds since 1970; any would do.
_BEGINNING_S = 1_800_000_000.0
_REAL = {name: getattr(time, name) for name in ("time", "monotonic", "perf_counter")}


def virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on virtual time. Its fixtures must not be asynchronous."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with _virtual_clocks(), asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock begins at 0 s and jumps over every wait."""

    def __init__(self) -> None:
        self._waiting = _Waiting()
        super().__init__(self._waiting)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._waiting.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], Any], *args: *Ts
    ) -> asyncio.Future[Any]:
        """Run it in a thread; the clock stands still until it is done."""
        work = super().run_in_executor(executor, func, *args)
        self._waiting.threads += 1
        work.add_done_callback(self._on_thread_done)
        return work

    def _on_thread_done(self, _work: asyncio.Future[Any]) -> None:
        self._waiting.threads -= 1


class _Waiting(selectors.DefaultSelector):
    """The loop's wait for timers and sockets, and its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        #: Threads that work for the loop.
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or (self.threads and timeout > 0):
            return super().select(None)
        ready = super().select(0)
        deadline = _REAL["monotonic"]() + _DELIVERY_S
        while not ready and self._is_under_way() and _REAL["monotonic"]() < deadline:
            ready = super().select(_LOOK_AGAIN_S)
        if not ready:
            self.now_s += max(timeout, 0)
        return ready

    def _is_under_way(self) -> bool:
        """Whether the kernel has not delivered yet what was sent on one of the sockets."""
        return any(_has_sent(key) for key in self.get_map().values())


def _has_sent(key: selectors.SelectorKey) -> bool:
    if key.events == selectors.EVENT_WRITE:  # connecting, or sending more than fits
        return True
    undelivered = array.array("i", [0])
    with contextlib.suppress(OSError):  # a socket that listens sends nothing
        fcntl.ioctl(key.fd, termios.TIOCOUTQ, undelivered)
    return undelivered[0] > 0


@contextlib.contextmanager
def _virtual_clocks() -> Iterator[None]:
    """Let `time.time` and its like follow the loop, for those who ask on it.

    Others, threads above all, see the real ones.
    """
    with (
        patch("time.time", lambda: _read("time", _BEGINNING_S)),
        patch("time.monotonic", lambda: _read("monotonic")),
        patch("time.perf_counter", lambda: _read("perf_counter")),
    ):
        yield


def _read(clock: str, beginning_s: float = 0.0) -> float:
    loop = asyncio._get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        return beginning_s + loop.time()
    seconds: float = _REAL[clock]()
    return seconds


def _date_when_made() -> None:
    """Let the framework's messages and events look at the clock when they are made.

    They hold on to `time.time` as it was when they were defined, and are ordered by their dates.
    """
    for module in (chat_context, events):
        for model in vars(module).values():
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                continue
            if (dated := model.model_fields.get("created_at")) and dated.default_factory:
                dated.default_factory = lambda: time.time()
                model.model_rebuild(force=True)


_date_when_made()
