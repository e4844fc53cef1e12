"""The pages' own tests, types and style, run by their own tools."""

from __future__ import annotations

import pytest

from agent.host.command import run_command
from agent.host.toolchains import NODE, bin_dir_of
from agent.settings import Settings
from common.settings import PROJECT_ROOT


@pytest.mark.parametrize("script", ["check", "test"])
async def test_the_pages_pass(script: str) -> None:
    """Raises with the tool's last lines when they do not."""
    bin_dir = await bin_dir_of(NODE, Settings().paths.cache_dir, lambda _progress: None)
    await run_command(
        ["npm", "run", script],
        failure=f"npm run {script} failed",
        remedy="See `npm` in web/.",
        cwd=PROJECT_ROOT / "web",
        first_on_path=bin_dir,
    )
