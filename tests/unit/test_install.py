"""What set-up takes in hand, and the pages it builds with real npm from a tiny project."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest

from agent.host.install import own_data_folder, packs_needed
from agent.host.progress import Progress
from agent.host.toolchains import NODE, _on_path
from agent.host.web_build import build_pages, is_built
from agent.settings import Settings
from common.errors import SetupError

pytestmark = pytest.mark.unit


def quiet(progress: Progress) -> None:
    """Nobody looks at the progress here."""


#: What every installation needs.
ALWAYS = ("whisper-base", "kokoro", "multilingual-e5-small")


@pytest.mark.parametrize(
    ("variables", "models"),
    [
        ({"LIUKE_LLM_MODEL": "qwen2.5-0.5b"}, ["qwen2.5-0.5b"]),
        ({"LIUKE_LLM_MODEL": "none"}, []),
        ({"OPENAI_API_KEY": "a key"}, []),
        ({}, ["qwen2.5-1.5b", "qwen2.5-0.5b"]),  # until this machine is measured
    ],
)
def test_only_the_language_model_in_use_is_needed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    models: list[str],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert packs_needed(Settings()) == (*ALWAYS, *models)


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """Sources whose build joins them into one page."""
    folder = tmp_path / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "page.txt").write_text("first")
    build = (
        "const fs = require('fs'); fs.mkdirSync('dist', {recursive: true});"
        "fs.writeFileSync('dist/index.html', fs.readFileSync('src/page.txt'));"
    )
    (folder / "build.js").write_text(build)
    package = {"name": "tiny", "version": "1.0.0", "scripts": {"build": "node build.js"}}
    (folder / "package.json").write_text(json.dumps(package))
    lock = {"name": "tiny", "version": "1.0.0", "lockfileVersion": 3, "packages": {"": package}}
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


@pytest.fixture(scope="session")
async def npm() -> None:
    if not await _on_path(NODE):
        pytest.skip("Node is not on PATH")


@pytest.mark.usefixtures("npm")
async def test_pages_are_built_when_their_sources_changed(web: Path, tmp_path: Path) -> None:
    page = web / "dist" / "index.html"
    await build_pages(web, tmp_path, quiet)
    assert page.read_text() == "first"
    assert is_built(web)
    page.write_text("untouched")
    await build_pages(web, tmp_path, quiet)
    assert page.read_text() == "untouched"
    (web / "src" / "page.txt").write_text("second")
    assert not is_built(web)
    await asyncio.gather(*(build_pages(web, tmp_path, quiet) for _ in range(2)))
    assert page.read_text() == "second"


@pytest.mark.usefixtures("npm")
async def test_a_failed_build_is_quoted_and_counts_as_none(web: Path, tmp_path: Path) -> None:
    (web / "build.js").write_text("console.error('src/page.txt: broken'); process.exit(1)")
    with pytest.raises(SetupError, match=r"pages could not be built(.|\n)*page\.txt: broken"):
        await build_pages(web, tmp_path, quiet)
    assert not is_built(web)


async def test_a_checkout_without_pages_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"package-lock\.json is missing"):
        await build_pages(tmp_path, tmp_path, quiet)


def test_the_data_folder_is_its_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").mkdir(mode=0o755)
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path / "var"))
    own_data_folder(Settings())
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LIUKE_DATA_DIR", str(tmp_path / "file" / "var"))
    with pytest.raises(SetupError, match="LIUKE_DATA_DIR") as caught:
        own_data_folder(Settings())
    assert str(tmp_path / "file" / "var") in caught.value.message
