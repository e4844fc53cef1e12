"""The pages' own tests, run by their own tool; their types and style are checked by `make lint`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.host.web_build import NOT_SOURCES, run_script
from agent.settings import Settings
from common.errors import SetupError
from common.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit

WEB = PROJECT_ROOT / "web"


@pytest.mark.timeout(600)
async def test_the_pages_pass() -> None:
    """Raises with the tool's last lines when they do not."""
    await run_script("test", WEB, Settings().paths.cache_dir, lambda _progress: None)


@pytest.mark.timeout(600)
async def test_types_of_another_api_are_stale(tmp_path: Path) -> None:
    await run_script("check:types", WEB, tmp_path, lambda _progress: None)
    web = tmp_path / "web"
    shutil.copytree(WEB, web, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    (web / "node_modules").symlink_to(WEB / "node_modules")
    described = web / "openapi.json"
    described.write_text(described.read_text("utf-8").replace("AnswerBegun", "AnswerStarted"))
    with pytest.raises(SetupError, match="not up-to-date"):
        await run_script("check:types", web, tmp_path, lambda _progress: None)
