"""Intake: places of the operator's documents in; documents of the library, and their index, out.

Each document goes in as one step and each vector is kept as it is made, so that an intake that was
killed goes on where it was; calls hear of new documents when their index goes live, all at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from common.errors import InputError, LiukeError
from knowledge.base import KnowledgeBase
from knowledge.documents.fetch import Fetcher, digest_of, find_sources
from knowledge.documents.isolation import IsolatedLoader
from knowledge.documents.library import Library
from knowledge.search.build import BuildReport, forget_replaced
from knowledge.search.vectors import Progress

#: Its child is kept for the next intake of this process, and ends with it.
_LOADER: Final = IsolatedLoader()


@dataclass(frozen=True)
class Work:
    """How an intake goes about it, and whom it tells."""

    threads: int
    reading: Callable[[str], None] = lambda source: None
    """Called with each document before it is read."""
    embedding: Progress = lambda done, total: None


@dataclass
class Intake:
    """What an intake did; sources, in the order they came."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[LiukeError] = field(default_factory=list)
    """What could not be taken in; everything else was."""
    built: BuildReport | None = None
    """None: the index could not be built, and the one before serves."""


def add(base: KnowledgeBase, places: Sequence[str], tenant: str, work: Work) -> Intake:
    """Take in the documents at files, folders and URLs. Blocks.

    Raises InputError for a name that is none of a tenant, and when somebody else is changing
    the knowledge base.
    """
    with _changing(base, tenant, work) as (library, intake):
        fetcher = Fetcher(base.config.private_hosts)
        for source in _sources(places, intake):
            work.reading(source)
            _take_in(fetcher, library, source, tenant, intake)
    return intake


def sync(base: KnowledgeBase, folder: Path, tenant: str, work: Work) -> Intake:
    """Take in what is new or different below ``folder``, take out what is there no more. Blocks.

    Raises InputError when there is no such folder, and as ``add``.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Check the path.")
    with _changing(base, tenant, work) as (library, intake):
        there = set()
        fetcher = Fetcher(base.config.private_hosts)
        for source in _sources([str(folder)], intake):
            there.add(source)
            work.reading(source)
            _take_in(fetcher, library, source, tenant, intake)
        for document in library.documents(tenant):
            if is_at(document.source, str(folder)) and document.source not in there:
                library.remove(document.source, tenant)
                intake.removed.append(document.source)
    return intake


def remove(base: KnowledgeBase, places: Sequence[str], tenant: str, work: Work) -> Intake:
    """Take out documents, each given by its path or URL, or by a folder that they are below.

    Raises InputError as ``add``.
    """
    with _changing(base, tenant, work) as (library, intake):
        sources = [document.source for document in library.documents(tenant)]
        for place in places:
            mine = [source for source in sources if is_at(source, place)]
            if not mine:
                intake.problems.append(
                    InputError(
                        f"{place} is not among the documents.",
                        "See `liuke knowledge status` for what is.",
                    )
                )
            intake.removed += [source for source in mine if library.remove(source, tenant)]
    return intake


def erase(base: KnowledgeBase, places: Sequence[str], tenant: str, work: Work) -> Intake:
    """Delete documents, in use or removed, from the library, the index and the vectors.

    Citations of them lead nowhere. Raises InputError as ``add``.
    """
    with _changing(base, tenant, work) as (library, intake):
        sources = library.sources(tenant)
        for place in places:
            mine = [source for source in sources if is_at(source, place)]
            if not mine:
                intake.problems.append(
                    InputError(
                        f"{place} never was among the documents.",
                        "Check the path or address, and whose documents they are.",
                    )
                )
            intake.removed += [source for source in mine if library.erase(source, tenant)]
    if intake.built:
        forget_replaced(base.place_of(tenant))
    return intake


@contextmanager
def _changing(base: KnowledgeBase, tenant: str, work: Work) -> Iterator[tuple[Library, Intake]]:
    """The library to change, with the index built behind it."""
    base.place_of(tenant)  # raises for a name that cannot be one
    intake = Intake()
    with base.changing(), closing(base.library()) as library:
        yield library, intake
        try:
            intake.built = base.build_documents(
                library, tenant, threads=work.threads, progress=work.embedding
            )
        except LiukeError as problem:
            intake.problems.append(problem)


def _sources(places: Sequence[str], intake: Intake) -> Iterator[str]:
    for place in places:
        try:
            yield from find_sources(place)
        except LiukeError as problem:
            intake.problems.append(problem)


def _take_in(fetcher: Fetcher, library: Library, source: str, tenant: str, intake: Intake) -> None:
    before = library.digest_of(source, tenant)
    try:
        blob = fetcher.fetch(source)
        if digest_of(blob) == before:
            intake.unchanged.append(source)
            return
        library.add(_LOADER.load(blob), tenant)
    except LiukeError as problem:
        intake.problems.append(problem)
    except sqlite3.Error as error:
        intake.problems.append(
            InputError(
                f"{source} could not be kept ({error}).",
                "Make room on the disk and run it again; it goes on where it was.",
            )
        )
    else:
        (intake.changed if before else intake.added).append(source)


def is_at(source: str, place: str) -> bool:
    """Whether a document is the one at ``place``, or below that folder."""
    if "://" in place or "://" in source:
        return source == place
    path = Path(place).expanduser().absolute()
    return source == str(path) or Path(source).is_relative_to(path)
