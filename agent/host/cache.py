"""The cache directory, shared by all checkouts of a user: locks, room on the disk, hashes."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import AsyncFileLock, Timeout

from agent.host.progress import Progress, Report
from common.errors import SetupError

#: Left free on the disk beyond what is fetched: databases and logs need some too.
SPARE_BYTES = 200 * 1024**2


@asynccontextmanager
async def exclusive(directory: Path, task: str, report: Report) -> AsyncIterator[None]:
    """Hold the directory against every other process; the system frees it when the holder dies."""
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    lock = AsyncFileLock(directory / ".lock")
    try:
        await lock.acquire(timeout=0)
    except Timeout:
        report(Progress(task, "another process is at it: waiting"))
        await lock.acquire(poll_interval=0.2)
        report(Progress(task, "the other process is done", finished=True))
    try:
        yield
    finally:
        await lock.release()


@asynccontextmanager
async def writing_to(directory: Path) -> AsyncIterator[None]:
    """Say what a refusal of the disk means: no room, no right to write."""
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"{error.filename or directory} cannot be used: {error.strerror or error}.",
            f"Make sure that {directory} can be written and its disk has room, then try again.",
        ) from error


def require_space(directory: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse before the first byte is fetched rather than fill the disk."""
    free = shutil.disk_usage(directory).free
    if free < needed_bytes + SPARE_BYTES:
        raise SetupError(
            f"{purpose} needs {megabytes(needed_bytes + SPARE_BYTES)} on the disk of {directory}, "
            f"which has {megabytes(free)} free.",
            "Free some space there, or set LIUKE_CACHE_DIR to a folder on a larger disk.",
        )


def megabytes(size: int) -> str:
    """A size for a person."""
    return f"{size / 1e6:,.1f} MB"


def sha256_of(path: Path) -> str:
    """Hash of a file's content; seconds for a gigabyte, so call it in a thread."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
