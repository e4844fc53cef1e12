"""PyPI as data: a pinned requirement goes in, a folder of its unpacked wheel comes out.

Nothing of them is installed into an environment, imported or run. Every archive has to have one of
the hashes that its requirement names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from agent.host.command import run_command

PINS = Path(__file__).with_name("pins")


def pinned(name: str) -> str:
    """The requirement in ``pins/NAME.txt``, hashes included, as `uv pip compile` writes it."""
    return (PINS / f"{name}.txt").read_text("utf-8")


async def unpack(
    requirement: str,
    into: Path,
    *,
    failure: str,
    remedy: str,
    platform: str = "",
    on_line: Callable[[str], None] = lambda line: None,
) -> None:
    """Unpack the wheel of ``requirement`` into a folder; whole or not at all.

    ``platform``: as uv names it; empty: this machine's. Raises SetupError when no archive with a
    right hash can be had.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=into.parent, prefix=f".{into.name}.") as temporary:
        listed, unpacked = Path(temporary) / "requirements.txt", Path(temporary) / "unpacked"
        listed.write_text(requirement)
        await run_command(
            [
                *(find_uv_bin(), "pip", "install", "--python", sys.executable),
                *("--no-deps", "--only-binary", ":all:", "--no-config", "--no-cache"),
                *(("--python-platform", platform) if platform else ()),
                *("--require-hashes", "--target", unpacked, "--requirement", listed),
            ],
            failure=failure,
            remedy=remedy,
            # Beside what is unpacked: /tmp may be smaller than a toolchain.
            variables={"TMPDIR": temporary},
            on_line=on_line,
        )
        unpacked.rename(into)
