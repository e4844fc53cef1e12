"""Runs a tool (pip, npm, go): its output line by line as it comes, its last lines when it fails."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from common.errors import SetupError

#: As much of a failed tool's output as a person reads.
KEPT_LINES = 12


async def run_command(
    command: Sequence[str | Path],
    *,
    failure: str,
    remedy: str,
    cwd: Path | None = None,
    first_on_path: Path | None = None,
    variables: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> str:
    """Run to the end and return the last lines of output; SetupError when the tool fails.

    The child inherits our environment, `variables` on top, `first_on_path` before the rest of PATH.
    If we are cancelled, the tool and everything it started end too.
    """
    environment = {**os.environ, **(variables or {})}
    if first_on_path:
        environment["PATH"] = f"{first_on_path}{os.pathsep}{environment.get('PATH', os.defpath)}"
    shown = shlex.join(str(part) for part in command)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, to end as a whole
            limit=2**20,
        )
    except OSError as error:
        raise SetupError(
            f"{failure}: `{shown}` does not start: {error.strerror}.", remedy
        ) from error
    assert process.stdout
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line:
                kept.append(line)
                on_line(line)
        status = await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    output = "\n".join(kept)
    if status != 0:
        raise SetupError(f"{failure}: `{shown}` ended with status {status}.\n{output}\n", remedy)
    return output
