"""The speech cache: what the voice has spoken before, kept on disk within a bound of bytes.

A key is voice, language, speed, spoken words and the fingerprint of what made them; a value is PCM
s16le mono at 24 kHz. Several processes may use one folder: files are written beside and moved into
place, and one that another process has removed, or that a crash has cut short, is a miss.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import astuple, dataclass
from pathlib import Path

from agent.speech.settings import SpeechSettings
from common.settings import PathSettings

log = logging.getLogger(__name__)

#: A file: SHA-256 of the PCM, then the PCM.
_DIGEST_BYTES = 32
_SUFFIX = ".pcm"
#: A file being written; one that is an hour old was left by a crash.
_UNFINISHED = ".part"
_UNFINISHED_S = 3600


@dataclass(frozen=True)
class SpeechKey:
    """What decides how a clause sounds."""

    voice: str
    language: str
    speed: float
    text: str
    fingerprint: str

    @property
    def name(self) -> str:
        """File name without its suffix."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()


class SpeechCache:
    """Least recently used clips go first. Blocks on the disk: call it in a thread. Thread-safe."""

    @classmethod
    def of(cls, paths: PathSettings, settings: SpeechSettings) -> SpeechCache:
        """That of the installation; blocks while it learns what is there."""
        return cls(paths.data_dir / "speech-cache", settings.cache_mb << 20)

    def __init__(self, folder: Path, max_bytes: int, *, memory_bytes: int = 16 << 20) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        #: Bytes of each file, and the clips used last; both with the least recently used first.
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._scan()

    def __contains__(self, key: SpeechKey) -> bool:
        with self._lock:
            return key.name in self._memory or self._path(key.name).is_file()

    def get(self, key: SpeechKey) -> bytes | None:
        """The clip, or None. A damaged file is removed."""
        name = key.name
        with self._lock:
            pcm = self._memory.get(name)
            if pcm is None:
                pcm = self._read(name)
            if pcm is None:
                self._sizes.pop(name, None)
                return None
            self._touch(name, pcm)
            return pcm

    def put(self, key: SpeechKey, pcm: bytes) -> None:
        """Keep a clip. A disk that is full or read-only costs the next call time, not this one."""
        name = key.name
        with self._lock:
            try:
                self._write(name, pcm)
            except OSError as error:
                log.warning("the speech cache %s cannot be written: %s", self._folder, error)
            self._touch(name, pcm)
            self._evict()

    def _scan(self) -> None:
        """Learn what is there, oldest use first (the time of a file is that of its last use)."""
        for file in self._folder.glob(f"*/*{_UNFINISHED}"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _UNFINISHED_S:
                    file.unlink()
        files = []
        for file in self._folder.glob(f"*/*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                files.append((file.stat().st_mtime, file.stem, file.stat().st_size))
        for _used, name, size in sorted(files):
            self._sizes[name] = size
        self._evict()

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / (name + _SUFFIX)

    def _read(self, name: str) -> bytes | None:
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        digest, pcm = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(pcm).digest() == digest:
            return pcm
        log.warning("dropped the damaged file %s of the speech cache", self._path(name))
        self._remove(name)
        return None

    def _write(self, name: str, pcm: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_UNFINISHED, delete=False) as file:
            try:
                file.write(hashlib.sha256(pcm).digest() + pcm)
                file.close()
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        self._sizes[name] = _DIGEST_BYTES + len(pcm)

    def _touch(self, name: str, pcm: bytes) -> None:
        """Mark as used last, in memory and, for the next process, on disk."""
        with contextlib.suppress(OSError):
            os.utime(self._path(name))
            self._sizes.setdefault(name, _DIGEST_BYTES + len(pcm))
            self._sizes.move_to_end(name)
        self._memory[name] = pcm
        self._memory.move_to_end(name)
        while sum(map(len, self._memory.values())) > self._memory_bytes:
            self._memory.popitem(last=False)

    def _evict(self) -> None:
        total = sum(self._sizes.values())
        while total > self._max_bytes:
            name, size = self._sizes.popitem(last=False)
            self._remove(name)
            total -= size

    def _remove(self, name: str) -> None:
        self._memory.pop(name, None)
        with contextlib.suppress(OSError):
            self._path(name).unlink(missing_ok=True)
