"""Host: process specifications go in; running, healthy processes and events about them come out.

Each process starts when those it needs are healthy, is watched through its health URL, and is
started again with growing delays when it dies or stops answering. Its output goes to a log file of
its own.
Nothing outlives the supervisor, however that ends: see `agent/host/child.py`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from common.errors import SetupError

CHILD = Path(__file__).with_name("child.py")

#: Bytes. What a log holds when it grows beyond this is set aside, one such part is kept.
LOG_LIMIT = 5 * 2**20
#: A process that has no work to finish has ended by then, seconds.
SOON_S = 1.0
#: Bytes at the end of a log that are searched for the reason of a death.
LOG_TAIL = 64 * 2**10


class State(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    RESTARTING = "restarting"
    FINISHING = "finishing"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ProcessSpec:
    """One program to keep running."""

    name: str
    argv: tuple[str, ...]
    health_url: str
    """Answers GET with a status below 400 while the process can work."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """On top of the supervisor's own; may hold secrets."""
    nice: int = 0
    start_timeout_s: float = 60.0
    drain_s: float = 0.0
    """What it may need to finish its work when it is told to end, besides the grace of all."""
    needs: tuple[str, ...] = ()
    """Names of processes that must be healthy before this one starts."""
    essential: bool = True
    """Whether the whole start fails when this one cannot be brought up."""


@dataclass(frozen=True)
class ProcessEvent:
    """A process changed its state."""

    name: str
    state: State
    detail: str = ""


@dataclass(frozen=True)
class Timing:
    """When the supervisor looks, waits and gives up; seconds unless the name says otherwise."""

    first_delay: float = 1.0
    longest_delay: float = 30.0
    reset_after: float = 60.0
    """Health for this long makes the next delay the first again."""
    start_poll: float = 0.2
    health_poll: float = 5.0
    health_timeout: float = 5.0
    """Generous: on a busy machine a process of low priority answers late."""
    misses: int = 3
    """Failed checks in a row that count as unhealthy."""
    attempts: int = 3
    """Deaths before the first health after which a start has failed."""
    grace: float = 10.0
    """From SIGTERM to SIGKILL, for a process without work to finish."""


class Supervisor:
    """Keeps processes running for as long as its `async with` block lasts."""

    def __init__(
        self,
        specs: Iterable[ProcessSpec],
        log_dir: Path,
        report: Callable[[ProcessEvent], None],
        timing: Timing | None = None,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._log_dir = log_dir
        self._report = report
        self._timing = timing or Timing()
        self._healthy = {name: asyncio.Event() for name in self._specs}
        self._settled = {name: asyncio.Event() for name in self._specs}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pids: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        self._http = httpx.AsyncClient(timeout=self._timing.health_timeout, trust_env=False)
        self._alive_read, self._alive_write = os.pipe()  # guards watch it: closed, we are gone
        for name, spec in self._specs.items():
            self._tasks[name] = asyncio.create_task(self._keep(spec), name=name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all, those that need others first."""
        try:
            for names in reversed(self._levels()):
                tasks = [self._tasks[name] for name in names]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._http.aclose()
        finally:
            os.close(self._alive_write)
            os.close(self._alive_read)

    async def healthy(self) -> None:
        """Wait until every process has been healthy once. SetupError when one cannot be."""

        async def all_settled() -> None:
            for event in self._settled.values():
                await event.wait()

        await self._first_of(asyncio.create_task(all_settled()))

    def pids(self) -> tuple[int, ...]:
        """Ids of the programs that run at this moment; what they have started is not among them."""
        return tuple(self._pids.values())

    async def forever(self) -> None:
        """Supervise until cancelled."""
        await self._first_of(asyncio.get_running_loop().create_future())

    async def _first_of(self, wanted: asyncio.Future[Any]) -> None:
        """Wait for ``wanted``, or for a supervising task to fail."""
        try:
            done, _ = await asyncio.wait(
                {wanted, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED
            )
            for finished in done:
                finished.result()
        finally:
            wanted.cancel()

    def _levels(self) -> list[tuple[str, ...]]:
        """Names in order of need; those of one level do not need each other."""
        sorter = TopologicalSorter({name: spec.needs for name, spec in self._specs.items()})
        sorter.prepare()
        levels = []
        while sorter.is_active():
            levels.append(ready := sorter.get_ready())
            sorter.done(*ready)
        return levels

    async def _keep(self, spec: ProcessSpec) -> None:
        """One process, from its first start to the supervisor's end."""
        timing = self._timing
        self._report(ProcessEvent(spec.name, State.WAITING))
        deaths, delay = 0, timing.first_delay
        try:
            for need in spec.needs:
                await self._healthy[need].wait()
            while True:
                healthy_s, reason = await self._run_once(spec)
                deaths += 1
                if deaths >= timing.attempts and not self._settled[spec.name].is_set():
                    self._fail(spec, deaths, reason)
                if healthy_s >= timing.reset_after:
                    delay = timing.first_delay
                detail = f"Starting again in {delay:g} s. {reason}"
                self._report(ProcessEvent(spec.name, State.RESTARTING, detail))
                await asyncio.sleep(delay)
                delay = min(2 * delay, timing.longest_delay)
        finally:
            self._report(ProcessEvent(spec.name, State.STOPPED))

    def _fail(self, spec: ProcessSpec, deaths: int, reason: str) -> None:
        """The start has failed: alone where the others can do without, else altogether."""
        self._settled[spec.name].set()
        if spec.essential:
            raise SetupError(
                f"{spec.name} could not be started, {deaths} times in a row. {reason}",
                f"Its log is {self._log_path(spec)}; `liuke doctor` checks each part.",
            )

    async def _run_once(self, spec: ProcessSpec) -> tuple[float, str]:
        """Start it and watch it to its end; seconds of health and the reason it ended."""
        log_path = self._log_path(spec)
        await asyncio.to_thread(_set_aside_if_large, log_path)
        log_start = await asyncio.to_thread(_size, log_path)
        self._report(ProcessEvent(spec.name, State.STARTING))
        try:
            process = await self._spawn(spec)
        except OSError as error:  # no memory, no process, no room for the log: it may pass
            return 0.0, f"It could not be started: {error.strerror or error}."
        drain_s = spec.drain_s
        self._pids[spec.name] = process.pid
        try:
            healthy_s, reason = await self._watch(spec, process)
            drain_s = 0.0  # it is dead, or does not answer: there is nothing to finish
        finally:
            self._healthy[spec.name].clear()
            del self._pids[spec.name]
            await self._end(spec, process, drain_s)
        last_error = await asyncio.to_thread(last_error_line, log_path, log_start)
        return healthy_s, f"It {reason}." + (f" Its log: {last_error}" if last_error else "")

    async def _spawn(self, spec: ProcessSpec) -> asyncio.subprocess.Process:
        """Start the program in a process group of its own, with a guard.

        A group and not a session: where the kernel shares its time among sessions (autogroup, on by
        default), niceness counts only among the processes of one session.
        """
        log = await asyncio.to_thread(self._log_path(spec).open, "ab")
        with log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(CHILD), str(spec.nice)),
                *spec.argv,
                stdin=self._alive_read,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **spec.env},
                process_group=0,
            )

    async def _watch(
        self, spec: ProcessSpec, process: asyncio.subprocess.Process
    ) -> tuple[float, str]:
        """Return when the process is dead or should be."""
        timing, clock = self._timing, asyncio.get_running_loop().time
        died = asyncio.create_task(process.wait())
        started, healthy_at, misses = clock(), 0.0, 0
        try:
            while True:
                poll = timing.health_poll if healthy_at else timing.start_poll
                await asyncio.wait({died}, timeout=poll)
                healthy_s = clock() - healthy_at if healthy_at else 0.0
                if died.done():
                    return healthy_s, _manner_of_death(died.result())
                await asyncio.to_thread(_set_aside_if_large, self._log_path(spec))
                if await self._answers(spec):
                    misses = 0
                    if not healthy_at:
                        healthy_at = clock()
                        self._healthy[spec.name].set()
                        self._settled[spec.name].set()
                        self._report(ProcessEvent(spec.name, State.HEALTHY))
                elif healthy_at:
                    misses += 1
                    if misses >= timing.misses:
                        return healthy_s, "stopped answering its health check"
                elif clock() - started > spec.start_timeout_s:
                    return 0.0, f"was not ready after {spec.start_timeout_s:g} s"
        finally:
            died.cancel()

    async def _answers(self, spec: ProcessSpec) -> bool:
        try:
            response = await self._http.get(spec.health_url)
        except httpx.HTTPError:
            return False
        return response.status_code < httpx.codes.BAD_REQUEST

    async def _end(
        self, spec: ProcessSpec, process: asyncio.subprocess.Process, drain_s: float
    ) -> None:
        """SIGTERM to the program, which may end its own children in order; then kill the group."""
        try:
            if process.returncode is None:
                process.terminate()
                async with asyncio.timeout(drain_s + self._timing.grace):
                    if drain_s:
                        await self._tell_of_drain(spec, process, drain_s)
                    await process.wait()
        except (TimeoutError, ProcessLookupError):
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _tell_of_drain(
        self, spec: ProcessSpec, process: asyncio.subprocess.Process, drain_s: float
    ) -> None:
        """Whoever stops everything must know what they wait for, and how not to."""
        try:
            async with asyncio.timeout(SOON_S):
                await process.wait()
        except TimeoutError:
            detail = f"It has up to {drain_s:g} s for its work. Stop again to end it now."
            self._report(ProcessEvent(spec.name, State.FINISHING, detail))

    def _log_path(self, spec: ProcessSpec) -> Path:
        return self._log_dir / f"{spec.name}.log"


def cancel_on_signals() -> None:
    """SIGTERM and a closed terminal cancel the current task, as asyncio.run lets Ctrl-C do."""
    task = asyncio.current_task()
    assert task
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TELLS_ERROR = re.compile(r"error|exception|fatal|panic|failed|cannot|✗", re.IGNORECASE)


def last_error_line(log_path: Path, start: int = 0) -> str:
    """What a log gives, from byte ``start`` on, as the reason: its last line about an error."""
    try:
        with log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            # It is shorter than it was where it has been set aside since.
            log.seek(max(start if start <= end else 0, end - LOG_TAIL))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in _ESCAPES.sub("", text).splitlines() if line.strip()]
    errors = [line for line in lines if _TELLS_ERROR.search(line)]
    return (errors or lines or [""])[-1]


def _manner_of_death(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by signal {signal.Signals(-status).name}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _set_aside_if_large(log: Path) -> None:
    """Copy and empty a log while its process goes on writing, at the end of what is there.

    Lines written between the two steps are lost, milliseconds of them. A disk that is full leaves
    the log without its copy: it would fill further.
    """
    if _size(log) <= LOG_LIMIT:
        return
    try:
        shutil.copyfile(log, log.with_suffix(".log.1"))
    except OSError:
        log.with_suffix(".log.1").unlink(missing_ok=True)
    os.truncate(log, 0)
