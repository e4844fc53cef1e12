"""Intake: places of the operator's documents in; documents of the library, and their index, out.

Each document goes in as one step and each vector is kept as it is made, so that an intake that was
killed goes on where it was; calls hear of new documents when their index goes live, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.base import KnowledgeBase
from knowledge.errors import KnowledgeError
from knowledge.index import BuildReport
from knowledge.library import Library
from knowledge.loading import find_sources, load
from knowledge.vectors import Progress

#: Called with each document before it is read.
Reading = Callable[[str], None]


@dataclass
class Intake:
    """What an intake did; sources, in the order they came."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    problems: list[KnowledgeError] = field(default_factory=list)
    """What could not be taken in; everything else was."""
    built: BuildReport | None = None
    """None: the index could not be built, and the one before serves."""


def add(
    base: KnowledgeBase,
    places: Sequence[str],
    tenant: str,
    *,
    threads: int,
    reading: Reading,
    progress: Progress,
) -> Intake:
    """Take in the documents at files, folders and URLs. Blocks.

    Raises KnowledgeError when somebody else is changing the knowledge base.
    """
    with base.changing(), closing(base.library()) as library:
        intake = Intake()
        for source in _sources(places, intake):
            _take_in(library, source, tenant, intake, reading)
        _build(base, library, tenant, intake, threads, progress)
    return intake


def sync(
    base: KnowledgeBase,
    folder: Path,
    tenant: str,
    *,
    threads: int,
    reading: Reading,
    progress: Progress,
) -> Intake:
    """Take in what is new or different below ``folder``, take out what is there no more. Blocks.

    Raises KnowledgeError when there is no such folder, or when somebody else is changing the
    knowledge base.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise KnowledgeError(f"{folder} is not a folder.", "Check the path.")
    with base.changing(), closing(base.library()) as library:
        intake = Intake()
        there = set()
        for source in _sources([str(folder)], intake):
            there.add(source)
            _take_in(library, source, tenant, intake, reading)
        for document in library.documents(tenant):
            below = "://" not in document.source and Path(document.source).is_relative_to(folder)
            if below and document.source not in there and library.remove(document.source, tenant):
                intake.removed.append(document.source)
        _build(base, library, tenant, intake, threads, progress)
    return intake


def remove(
    base: KnowledgeBase, places: Sequence[str], tenant: str, *, threads: int, progress: Progress
) -> Intake:
    """Take out documents, each given by its path or URL, or by a folder that they are below.

    Raises KnowledgeError when somebody else is changing the knowledge base.
    """
    with base.changing(), closing(base.library()) as library:
        intake = Intake()
        sources = [document.source for document in library.documents(tenant)]
        for place in places:
            mine = [source for source in sources if _is_at(source, place)]
            if not mine:
                intake.problems.append(
                    KnowledgeError(
                        f"{place} is not among the documents.",
                        "See `liuke knowledge status` for what is.",
                    )
                )
            intake.removed += [source for source in mine if library.remove(source, tenant)]
        _build(base, library, tenant, intake, threads, progress)
    return intake


def _sources(places: Sequence[str], intake: Intake) -> Iterator[str]:
    for place in places:
        try:
            yield from find_sources(place)
        except KnowledgeError as problem:
            intake.problems.append(problem)


def _take_in(library: Library, source: str, tenant: str, intake: Intake, reading: Reading) -> None:
    reading(source)
    before = library.digest_of(source, tenant)
    try:
        document = load(source)
    except KnowledgeError as problem:
        intake.problems.append(problem)
        return
    if document.digest == before:
        intake.unchanged.append(source)
        return
    library.add(document, tenant)
    (intake.changed if before else intake.added).append(source)


def _build(
    base: KnowledgeBase,
    library: Library,
    tenant: str,
    intake: Intake,
    threads: int,
    progress: Progress,
) -> None:
    try:
        intake.built = base.build_documents(library, tenant, threads=threads, progress=progress)
    except KnowledgeError as problem:
        intake.problems.append(problem)
    except OSError as error:
        intake.problems.append(
            KnowledgeError(
                f"The index of the documents could not be written ({error}).",
                "Make room on the disk and run it again; it goes on where it was.",
            )
        )


def _is_at(source: str, place: str) -> bool:
    if "://" in place or "://" in source:
        return source == place
    path = Path(place).expanduser().absolute()
    return source == str(path) or Path(source).is_relative_to(path)
