"""A running installation for benchmarks: settings in; Liuke up and warm, and its memory, out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import psutil

from agent.cli.output import err
from agent.prompts import fixed_phrases
from agent.settings import Settings
from agent.speech.client import SpeechClient
from common.errors import ServiceError
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

LIUKE: Final = (sys.executable, "-m", "agent.cli.main")
_TCP_PORTS: Final = (
    "LIVEKIT_PORT", "LIUKE_LLM_PORT", "LIUKE_AGENT_HEALTH_PORT", "LIUKE_API_PORT",
)  # fmt: skip
_FACTS: Final = ("machine.json", "knowledge", "speech-cache")
#: Setting everything up for the first time takes minutes.
START_TIMEOUT_S = 1800.0
STOP_TIMEOUT_S = 30.0
QUIET_TIMEOUT_S = 30


@contextlib.contextmanager
def new_installation(name: str) -> Iterator[Settings]:
    """Settings of one in an empty folder, on free ports; the folder is removed afterwards.

    What is started from here on is it. ``name``: of the bench.
    """
    with tempfile.TemporaryDirectory(prefix=f"liuke-{name}-") as folder:
        os.environ.update(_free_ports(), LIUKE_DATA_DIR=folder)
        yield Settings()


def _free_ports() -> dict[str, str]:
    with contextlib.ExitStack() as stack:
        free = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(len(_TCP_PORTS) + 4)
        ]
    return dict(zip(_TCP_PORTS, map(str, free), strict=False)) | {
        "LIVEKIT_RTC_UDP_PORT": str(free[-4]),
        "LIUKE_SCREEN_URL": f"http://127.0.0.1:{free[-3]}",
        "LIUKE_SPEECH_URL": f"http://127.0.0.1:{free[-2]}",
        "LIUKE_KNOWLEDGE_URL": f"http://127.0.0.1:{free[-1]}",
    }


def reuse_facts(whence: Path, folder: Path) -> None:
    """Give a new installation what an earlier set-up has made, and another need not make again."""
    for name in _FACTS:
        made = whence / name
        if made.is_dir():
            shutil.copytree(made, folder / name)
        elif made.is_file():
            shutil.copyfile(made, folder / name)


async def set_up() -> None:
    """Set-up of the installation that is configured. Raises ServiceError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(*LIUKE, "setup"), cwd=PROJECT_ROOT, stdout=sys.stderr
    )
    if await process.wait():
        raise ServiceError("`liuke setup` failed.", "Its messages are above.", retryable=False)


@contextlib.asynccontextmanager
async def running_stack(settings: Settings) -> AsyncIterator[None]:
    """Liuke, up and ready: the one that runs, else one started here and stopped afterwards."""
    if await answers(f"{settings.api.url_here}/readyz", settings.internal_token):
        yield
        return
    async with started_stack(settings):
        yield


@contextlib.asynccontextmanager
async def started_stack(settings: Settings) -> AsyncIterator[None]:
    """Liuke, up and ready, started here and stopped afterwards; it cannot where one runs already.

    Raises ServiceError when it does not get there.
    """
    err.print("starting Liuke")
    process = await asyncio.create_subprocess_exec(
        *(*LIUKE, "up"),
        cwd=PROJECT_ROOT,
        stdin=asyncio.subprocess.DEVNULL,  # a terminal would be asked whether it wants the demo
        stdout=sys.stderr,
    )
    try:
        await wait_until_up(
            process,
            f"{settings.api.url_here}/readyz",
            name="Liuke (`liuke up`)",
            timeout_s=START_TIMEOUT_S,
            token=settings.internal_token,
        )
        yield
    finally:
        await stop(process)


async def wait_until_up(
    process: asyncio.subprocess.Process,
    url: str,
    *,
    name: str,
    timeout_s: float,
    token: str = "",
) -> None:
    """Wait until ``url`` answers. Raises ServiceError when ``process`` ends, or takes too long."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await answers(url, token):
                if process.returncode is not None:
                    raise ServiceError(
                        f"{name} did not start: it ended with status {process.returncode}.",
                        "Its messages are above.",
                        retryable=False,
                    )
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise ServiceError(
            f"{name} was not ready within {timeout_s / 60:.0f} minutes.",
            "Run `liuke doctor` to see which part is not.",
            retryable=True,
        ) from None


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process started here, by force if it does not end by itself."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def answers(url: str, token: str = "") -> bool:
    """Whether a GET there succeeds; ``token``: the installation's own, where it is asked for."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return (await client.get(url, headers=headers)).is_success
    except httpx.HTTPError:
        return False


async def await_openings(settings: Settings) -> None:
    """Have the audio of fixed phrases and openings, as after a day; with all cores.

    Liuke makes it in its pauses, which takes longer than anybody waits for a benchmark.
    """
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    try:
        openings = await knowledge.openings()
        phrases = [*fixed_phrases(), *((o.text, o.language) for o in openings)]
        for done, (text, language) in enumerate(phrases, start=1):
            async for _ in speech.speak(text, language):
                pass
            if done % 20 == 0 or done == len(phrases):
                err.print(f"audio of the openings: {done} of {len(phrases)}", highlight=False)
    finally:
        await knowledge.aclose()
        await speech.aclose()


@contextlib.contextmanager
def forgetting_what_is_spoken(settings: Settings) -> Iterator[None]:
    """Takes what is synthesised meanwhile out of the speech cache again.

    Else the second run of a benchmark would find the clauses of the first. A server that goes on
    running still has the last of them in its memory.
    """
    folder = settings.paths.data_dir / "speech-cache"
    before = set(folder.glob("*/*"))
    try:
        yield
    finally:
        for file in set(folder.glob("*/*")) - before:
            file.unlink(missing_ok=True)


def liuke_roots(settings: Settings) -> tuple[psutil.Process, ...]:
    """The supervisor of the installation that runs here; nothing where it runs elsewhere."""
    api = listener(settings.api.port)
    supervisor = api.parent() if api else None
    return (supervisor,) if supervisor else ()


def shared_roots(settings: Settings) -> tuple[psutil.Process, ...]:
    """The servers of the installation that any stack needs: LiveKit, language model, knowledge."""
    ports = (
        settings.livekit.port,
        settings.embedded_model.port,
        urlsplit(settings.knowledge.url).port or 80,
    )
    return tuple(root for port in ports if (root := listener(port)))


async def quiet(roots: Sequence[psutil.Process]) -> float:
    """Wait until the processes and all they started rest: take less than half a core.

    What a worker makes ready for the next call, or has left of the last, is no part of this one.
    Returns the share of the machine that is busy then, 0 to 1: most of it is others' work.
    """
    busy = 0.0
    psutil.cpu_percent()
    used_s = await asyncio.to_thread(_cpu_s, roots)
    for _ in range(QUIET_TIMEOUT_S):
        await asyncio.sleep(1)
        busy = psutil.cpu_percent() / 100
        before_s, used_s = used_s, await asyncio.to_thread(_cpu_s, roots)
        if abs(used_s - before_s) < 0.5:
            break
    return busy


def _cpu_s(roots: Sequence[psutil.Process]) -> float:
    """Processor time taken so far; less when one of them has ended."""
    total = 0.0
    for process in _trees(roots):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def memory_mb(roots: Sequence[psutil.Process]) -> float:
    """Memory of processes and all they started, MB: pages that several share count once in all.

    Where the system does not tell that (proportional set size, Linux), resident memory. Blocks.
    """
    total = 0
    for process in _trees(roots):
        with contextlib.suppress(psutil.Error):
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
    return total / 1e6


def _trees(roots: Sequence[psutil.Process]) -> set[psutil.Process]:
    found = set(roots)
    for root in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(root.children(recursive=True))
    return found


def listener(port: int) -> psutil.Process | None:
    """Who listens on a TCP port of this machine, as far as we may know."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return process
    return None
