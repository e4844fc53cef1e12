"""Isolation: a fetched document in, what it says out, read by a child within limits.

Documents come from strangers, and the libraries that take them apart are large. One that takes too
long or too much memory, or brings its reader down, is named; the others go in. The child is started
with the first document and kept for the next, for its libraries take a second to import.
"""

from __future__ import annotations

import multiprocessing
import resource
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from langchain_core.document_loaders import Blob

from common.errors import InputError, LiukeError, SetupError
from knowledge.documents.sections import LoadedDocument

#: Until the libraries of the child are imported, on a machine that is busy.
_START_S: Final = 120.0
#: Seconds of a core that a child may take beyond a document's: it ends when nobody ends it.
_SPARE_S: Final = 5


@dataclass(frozen=True)
class Limits:
    """Of one document; the largest manual we know takes 10 s and 300 MB."""

    seconds: float = 120.0
    memory_bytes: int = 2 * 2**30
    """Beyond what the libraries take."""


class IsolatedLoader:
    """Reads one document after the other; threads wait for each other. A context, or for good."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._child: tuple[BaseProcess, Connection] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def load(self, blob: Blob) -> LoadedDocument:
        """What `knowledge.documents.load.load` says. Blocks.

        Raises InputError also for a document that exceeds the limits, and SetupError when no child
        can be started.
        """
        with self._lock:
            return self._loaded(blob)

    def _loaded(self, blob: Blob) -> LoadedDocument:
        self._child = self._child or self._start()
        _, pipe = self._child
        try:
            pipe.send(blob)
            if not pipe.poll(self._limits.seconds):
                raise self._took_too_long(blob)
            answer = pipe.recv()
        except (EOFError, OSError):
            self._end()
            answer = None
        except BaseException:
            self._end()
            raise
        if isinstance(answer, LoadedDocument):
            return answer
        if answer is None:
            raise self._needed_too_much(blob)
        raise InputError(*answer)

    def _start(self) -> tuple[BaseProcess, Connection]:
        # Not a fork: this process may have threads, whose locks the child would inherit.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        child = context.Process(target=_serve, args=(theirs, self._limits), daemon=True)
        try:
            child.start()
            theirs.close()
            if ours.poll(_START_S) and ours.recv():
                return child, ours
        except (EOFError, OSError):
            pass
        if child.pid:
            child.kill()
        raise SetupError(
            "The process that reads documents does not start.",
            "Check that the machine has memory to spare, and run it again.",
        )

    def _end(self) -> None:
        if self._child:
            child, pipe = self._child
            pipe.close()
            child.kill()
            child.join()
            self._child = None

    def _took_too_long(self, blob: Blob) -> InputError:
        return InputError(
            f"{blob.source} takes longer than {self._limits.seconds:.0f} seconds to read.",
            "Split it into several documents, or save it again in a simpler form.",
        )

    def _needed_too_much(self, blob: Blob) -> InputError:
        return InputError(
            f"{blob.source} cannot be read with {self._limits.memory_bytes // 2**20} MB of memory "
            f"and {self._limits.seconds:.0f} seconds of a core.",
            "Split it into several documents, or save it again in a simpler form.",
        )


# In the child


def _serve(pipe: Connection, limits: Limits) -> None:
    """Answer each document that comes with what it says, or with message and remedy."""
    # The parsers' libraries are large: whoever reads no document needs none of them.
    from knowledge.documents.load import load

    memory = _address_space() + limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Out of memory it ends, and the next one begins anew.
    with suppress(EOFError, KeyboardInterrupt, MemoryError):
        pipe.send(True)
        while True:
            blob = pipe.recv()
            _allow(limits.seconds + _SPARE_S)
            pipe.send(_answer(load, blob))


def _answer(read: Callable[[Blob], LoadedDocument], blob: Blob) -> Any:
    try:
        return read(blob)
    except LiukeError as error:
        return error.message, error.remedy
    except MemoryError:
        raise
    except Exception as error:  # whatever a broken document does to a library is its own fault
        return (
            f"{blob.source} cannot be read ({type(error).__name__}).",
            "Save it again with the program that it comes from, or in another format.",
        )


def _allow(seconds: float) -> None:
    """So many seconds of a core from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _address_space() -> int:
    """Bytes that this process has mapped; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
