"""The pages: sources in `web/` go in, `web/dist` comes out, built anew only when they changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.host.cache import exclusive, writing_to
from agent.host.command import run_command
from agent.host.progress import Progress, Report
from agent.host.toolchains import NODE, bin_dir_of
from common.errors import SetupError

TASK = "web pages"
#: Made by the tools, not by us.
NOT_SOURCES = frozenset({"node_modules", "dist", ".vite", "coverage", "test-results"})


async def build_pages(web_dir: Path, cache_dir: Path, report: Report) -> None:
    """Build the pages unless they are of the sources as they are now."""
    if await asyncio.to_thread(is_built, web_dir):
        return
    if not await asyncio.to_thread((web_dir / "package-lock.json").is_file):
        raise SetupError(
            f"{web_dir} holds no sources of the pages: package-lock.json is missing.",
            "Run from a whole checkout of the project.",
        )
    async with writing_to(web_dir), exclusive(cache_dir / "build" / "web", TASK, report):
        if not await asyncio.to_thread(is_built, web_dir):  # by the process we waited for
            await _build(_Npm(web_dir, await bin_dir_of(NODE, cache_dir, report), report))
        report(Progress(TASK, "ready", finished=True))


def is_built(web_dir: Path) -> bool:
    """Whether `dist` was built from just these sources."""
    return _says(_dist_stamp(web_dir), _hash(web_dir, _sources(web_dir)))


async def run_script(script: str, web_dir: Path, cache_dir: Path, report: Report) -> None:
    """Run a script of `web/package.json`; SetupError with the tool's last lines when it fails."""
    async with writing_to(web_dir), exclusive(cache_dir / "build" / "web", TASK, report):
        npm = _Npm(web_dir, await bin_dir_of(NODE, cache_dir, report), report)
        await _install_packages(npm)
        await npm.run(f"`npm run {script}` in {web_dir} failed", "See above.", "run", script)


@dataclass(frozen=True)
class _Npm:
    web_dir: Path
    bin_dir: Path
    report: Report

    async def run(self, failure: str, remedy: str, *arguments: str) -> None:
        await run_command(
            ["npm", *arguments],
            failure=failure,
            remedy=remedy,
            cwd=self.web_dir,
            first_on_path=self.bin_dir,
            on_line=lambda line: self.report(Progress(TASK, line.strip())),
        )


_REMEDY = "Check the network and npm's registry setting, then run `liuke setup` again."


async def _install_packages(npm: _Npm) -> None:
    installed = npm.web_dir / "node_modules" / ".package-lock.sha256"
    locked = await asyncio.to_thread(_hash, npm.web_dir, [npm.web_dir / "package-lock.json"])
    if await asyncio.to_thread(_says, installed, locked):
        return
    npm.report(Progress(TASK, "installing packages"))
    await npm.run("The packages of the pages could not be installed", _REMEDY, "ci", "--no-fund")
    await asyncio.to_thread(_write, installed, locked)


async def _build(npm: _Npm) -> None:
    await _install_packages(npm)
    npm.report(Progress(TASK, "building"))
    stamp = _dist_stamp(npm.web_dir)
    # Without its stamp a build that breaks off counts as none.
    await asyncio.to_thread(stamp.unlink, missing_ok=True)
    await npm.run("The pages could not be built", _REMEDY, "run", "build")
    # After the build, which may write sources too.
    await asyncio.to_thread(lambda: _write(stamp, _hash(npm.web_dir, _sources(npm.web_dir))))


def _dist_stamp(web_dir: Path) -> Path:
    return web_dir / "dist" / ".sources.sha256"


def _says(stamp: Path, expected: str) -> bool:
    return stamp.is_file() and stamp.read_text() == expected


def _write(stamp: Path, text: str) -> None:
    stamp.parent.mkdir(exist_ok=True)  # npm makes no folder for no packages
    stamp.write_text(text)


def _sources(web_dir: Path) -> Iterator[Path]:
    for path in sorted(web_dir.iterdir()):
        if path.is_dir() and path.name not in NOT_SOURCES:
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif path.is_file() and path.suffix != ".tsbuildinfo":
            yield path


def _hash(folder: Path, files: Iterable[Path]) -> str:
    """Hash of the files' paths in ``folder`` and their contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
