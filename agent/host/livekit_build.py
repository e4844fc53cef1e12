"""The LiveKit server's program: the one on PATH if it is of our series, else built from its module.

The project publishes no package that every machine can reach, but its tagged Go module builds as it
is, and Go checks the module's hash against the public checksum database.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from agent.host.cache import exclusive, require_space, writing_to
from agent.host.command import run_command
from agent.host.progress import Progress, Report
from agent.host.toolchains import GO, bin_dir_of
from common.errors import SetupError

VERSION = "1.13.5"
#: Other releases of this series speak to the same clients and read the same configuration.
SERIES = "1.13."
MODULE = f"github.com/livekit/livekit-server/cmd/server@v{VERSION}"
#: Go's module and build caches while it builds; removed afterwards.
BUILD_BYTES = 2_500_000_000


async def find_livekit_server(cache_dir: Path) -> Path | None:
    """The program to start, or None when set-up has still to build it."""
    on_path = shutil.which("livekit-server")
    if on_path and SERIES in await _version(Path(on_path)):
        return Path(on_path)
    built = _built(cache_dir)
    return built if await asyncio.to_thread(built.is_file) else None


async def livekit_server(cache_dir: Path, report: Report) -> Path:
    """The program to start, built first where there is none: 2 to 4 minutes on two cores."""
    return await find_livekit_server(cache_dir) or await _build(cache_dir, report)


def _built(cache_dir: Path) -> Path:
    return cache_dir / "bin" / f"livekit-server-{VERSION}"


async def _version(program: Path) -> str:
    try:
        return await run_command([program, "--version"], failure=f"{program} fails", remedy="")
    except SetupError:
        return ""


async def _build(cache_dir: Path, report: Report) -> Path:
    task, target = f"LiveKit server {VERSION}", _built(cache_dir)
    # Kept until the build is through, so that one that broke off goes on with the modules it has.
    workshop = cache_dir / "build" / target.name
    async with writing_to(workshop), exclusive(target.parent, task, report):
        if target.exists():
            report(Progress(task, "ready", finished=True))
            return target
        report(Progress(task, "building from source, 2 to 4 minutes"))
        await asyncio.to_thread(workshop.mkdir, parents=True, exist_ok=True)
        require_space(workshop, BUILD_BYTES, task)
        await run_command(
            ["go", "install", "-v", "-trimpath", MODULE],
            failure=f"{task} could not be built",
            remedy=f"Check the network (Go fetches modules through GOPROXY), or install "
            f"livekit-server {SERIES}x so that it is on PATH, or set LIVEKIT_URL, LIVEKIT_API_KEY "
            "and LIVEKIT_API_SECRET of a server you have.",
            cwd=workshop,
            first_on_path=await bin_dir_of(GO, cache_dir, report),
            variables={
                "GOBIN": str(workshop / "bin"),
                "GOPATH": str(workshop / "go"),
                "GOCACHE": str(workshop / "cache"),
                "GOFLAGS": "-modcacherw",  # else the module cache cannot be removed
                "CGO_ENABLED": "0",
            },
            on_line=lambda line: report(Progress(task, _shorten(line))),
        )
        program = workshop / "bin" / "server"
        if VERSION not in await _version(program):
            raise SetupError(
                f"{task} was built but does not run on this machine.",
                f"Run {program} --version to see why, or set LIVEKIT_URL to a server you have.",
            )
        await asyncio.to_thread(program.replace, target)
        await asyncio.to_thread(shutil.rmtree, workshop, ignore_errors=True)
        report(Progress(task, "ready", finished=True))
        return target


def _shorten(line: str) -> str:
    """Go's line as a note: 'go: downloading MODULE VERSION', or the package it compiles."""
    return line.removeprefix("go: ") if line.startswith("go: ") else f"compiling {line}"
