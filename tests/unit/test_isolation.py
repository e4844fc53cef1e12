"""Documents are read by a child within limits: a bad one is named, the others go in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import InputError
from knowledge.documents.fetch import Fetcher
from knowledge.documents.isolation import IsolatedLoader, Limits

pytestmark = pytest.mark.unit

#: A manual of 60 words on a line, so many times.
LINE = "A long manual says a little about echo, and a little about networks, line after line. "


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def read(loader: IsolatedLoader, path: Path) -> str:
    document = loader.load(Fetcher().fetch(str(path)))
    return document.sections[0].text


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return written(tmp_path, "small.md", "# Echo\n\nUse headphones.\n")


@pytest.fixture
def loader() -> Iterator[IsolatedLoader]:
    with IsolatedLoader(Limits(seconds=1)) as loader:
        yield loader


def test_one_child_reads_one_document_after_the_other(loader: IsolatedLoader, small: Path) -> None:
    assert read(loader, small) == "Use headphones."
    assert loader._child
    first = loader._child[0].pid
    broken = small.with_name("broken.docx")
    broken.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"broken\.docx") as caught:
        read(loader, broken)
    assert "Word" in caught.value.remedy
    assert read(loader, small) == "Use headphones."
    assert loader._child[0].pid == first


def test_a_document_that_takes_too_long_is_named_and_the_next_goes_in(
    loader: IsolatedLoader, small: Path
) -> None:
    long = written(small.parent, "long.md", "".join(f"# {n}\n\n{LINE}\n\n" for n in range(90_000)))
    assert read(loader, small) == "Use headphones."
    with pytest.raises(InputError, match=r"long\.md takes longer than") as caught:
        read(loader, long)
    assert caught.value.remedy
    assert read(loader, small) == "Use headphones."


def test_a_document_that_takes_too_much_memory_is_named_and_the_next_goes_in(
    small: Path,
) -> None:
    wide = written(small.parent, "wide.html", f"<p>{LINE}</p>" * 60_000)
    with IsolatedLoader(Limits(seconds=60, memory_bytes=40 * 2**20)) as loader:
        assert read(loader, small) == "Use headphones."
        with pytest.raises(InputError, match=r"wide\.html cannot be read with 40 MB"):
            read(loader, wide)
        assert read(loader, small) == "Use headphones."


def test_no_child_is_left_behind(small: Path) -> None:
    with IsolatedLoader() as loader:
        read(loader, small)
        assert loader._child
        child, _ = loader._child
        assert child.is_alive()
    assert not child.is_alive()
