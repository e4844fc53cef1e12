"""PDF: a file in, langchain Documents out (see formats.blocks), read page by page.

A PDF knows letters, places and lines only. Text in larger letters is a heading, what is ruled is a
table, text at the edge that several pages have in common is dropped, and the rest is joined into
paragraphs.
"""

from __future__ import annotations

import logging
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from pypdf import PageObject, PdfReader

from common.errors import InputError, LiukeError
from knowledge.documents.formats import tables
from knowledge.documents.formats.blocks import Block, Heading, Paragraph, Table, documents
from knowledge.documents.formats.ruled import SMALLEST, RuledTable, ruled_tables
from knowledge.documents.formats.visible import leave_out_unseen
from knowledge.documents.formats.wording import tidy

# Files have small faults by the hundred, which pypdf repairs and reports one by one.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

#: Lines at the top and at the bottom of a page where running titles and page numbers stand.
_EDGE: Final = 2
#: Pages on which such a line stands at least; a title may be its chapter's.
_RUNNING: Final = 3
#: How many times the height of the text a heading has, at least.
_LARGER: Final = 1.12
_HEADING_CHARACTERS: Final = 80
#: A line shorter than this share of the longest ends its paragraph.
_FULL: Final = 0.75
#: A distance of this many usual ones begins a paragraph.
_GAP: Final = 1.35
#: Letters of tables that count for one outside: where both are, the height of text is that outside.
_TO_ONE: Final = 5
#: Strokes and boxes that the smallest table is ruled with, at least.
_RULES: Final = 4

_BULLET: Final = re.compile(r"^([•●▪■◦‣○·*]\s*|[-–—]\s+)")
_NUMBER: Final = re.compile(r"\d{1,2}[.)、．](?!\d)|[(（]\d{1,2}[)）]|[①-⑳]|第.{1,3}步")
#: "Introduction ........ 7" is a line of the table of contents.
_LEADERS: Final = re.compile(r"((\.\s?){4,}|(…\s?){2,}|(·\s?){4,})\s*\d*$")
_PAGE_NUMBER: Final = re.compile(r"[-–— ]*\d{1,4}[-–— ]*")
#: Where in a running title the number of the page is.
_NUMBER_IN_TITLE: Final = re.compile(r"^\d+|\d+$|第 ?\d+ ?页|\d+ ?(/|of) ?\d+", re.I)
#: What programs call a document by themselves.
_MADE_UP: Final = re.compile(
    r"(microsoft )?(word|powerpoint) - .*|\(?(untitled|anonymous).*|.*\.\w{3,4}|[\d\W]*", re.I
)


@dataclass(frozen=True)
class _Line:
    text: str
    size: float
    """Height of its letters, in points."""
    x: float
    """Place of its beginning, in points from the left edge of the page."""
    y: float
    """Place above the foot of the page, in points."""
    begins_item: bool
    """Whether it has a bullet or a number in front."""


@dataclass(frozen=True)
class _Page:
    items: list[_Line | Table]
    """From top to bottom."""
    letters: Counter[float]
    """How much is written in letters of each height."""


@dataclass(frozen=True)
class _Piece:
    """Text as it was written, with the height of its letters and its place, in points."""

    text: str
    size: float
    x: float
    y: float


class PdfParser(BaseBlobParser):
    """PDF files with text in them."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """What stands under each heading.

        Raises InputError for a file that is broken, locked, or holds only pictures of text.
        """
        source = str(blob.source)
        try:
            with blob.as_bytes_io() as file:
                title, pages = _read(PdfReader(file), source)
        except LiukeError:
            raise
        except Exception as error:
            # Whatever a broken file does to the library is the file's fault.
            raise InputError(
                f"{source} cannot be read as a PDF.",
                "Open it in a PDF reader and print or save it as PDF again.",
            ) from error
        blocks = list(_blocks(_without_edges(pages)))
        if not blocks:
            raise InputError(
                f"{source} holds pictures of text and no text.",
                "Run text recognition (OCR) on it, for example with ocrmypdf, and load the result.",
            )
        if _MADE_UP.fullmatch(title):
            tops = [one for one in blocks[:8] if isinstance(one, Heading)]
            title = min(tops, key=lambda one: one.level).text if tops else ""
        yield from documents(blocks, source, title)


def _read(reader: PdfReader, source: str) -> tuple[str, list[_Page]]:
    """The title, and the pages."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise InputError(f"{source} is locked with a password.", "Save a copy of it without one.")
    title = str((reader.metadata and reader.metadata.title) or "")
    pages = []
    for page in reader.pages:
        pages.append(_page(page))
        # Else every page stays in memory, with its pictures.
        reader.resolved_objects.clear()
    return title, pages


def _page(page: PageObject) -> _Page:
    """The page's lines and tables, from top to bottom."""
    leave_out_unseen(page)
    left, bottom, right, top = map(float, page.mediabox)
    pieces: list[_Piece] = []
    rules = 0

    def keep(text: str, cm: Sequence[float], tm: Sequence[float], _: Any, size: float) -> None:
        # A letter's height is scaled twice; turned by 90 degrees, by the other two numbers.
        scale = abs(cm[3] * tm[3]) or abs(cm[1] * tm[2]) or 1.0
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        height = round(size * scale, 1)
        is_on_page = left <= x <= right and bottom <= y <= top
        # The ends of lines stay: they part what comes before and after.
        seen = text if height >= SMALLEST and is_on_page else "\n" * text.count("\n")
        pieces.append(_Piece(seen, height, x, y))

    def count(operator: bytes, *_: Any) -> None:
        nonlocal rules
        rules += operator in (b"re", b"l")

    page.extract_text(visitor_text=keep, visitor_operand_before=count)
    # Looking for tables takes longer than reading, and most pages have none.
    ruled = ruled_tables(page) if rules >= _RULES else []
    placed = [(place, _table(place)) for place in ruled]
    items: list[_Line | Table] = []
    letters = Counter[float]()
    for line in _lines(pieces):
        table = next((table for place, table in placed if place.holds(line.x, line.y)), None)
        letters[line.size] += len(line.text) * (_TO_ONE if table is None else 1)
        if table is None:
            items.append(line)
        elif table not in items:
            items.append(table)
    return _Page(items, letters)


def _table(ruled: RuledTable) -> Table:
    rows = tuple(tuple(_unwrapped(cell) for cell in row) for row in ruled.rows)
    return Table(rows, tables.names_columns(rows[0]))


def _unwrapped(cell: str) -> str:
    """A cell's text, a paragraph a line."""
    paragraphs: list[list[str]] = [[]]
    for line in cell.split("\n"):
        if _begins_item(line):
            paragraphs.append([])
        paragraphs[-1].append(_BULLET.sub("", line))
    return "\n".join(text for lines in paragraphs if (text := _joined(lines)))


def _lines(pieces: Iterable[_Piece]) -> Iterator[_Line]:
    line: list[_Piece] = []
    for piece in [*pieces, _Piece("\n", 0.0, 0.0, 0.0)]:
        before, *after = piece.text.split("\n")
        line.append(replace(piece, text=before))
        for part in after:
            yield from _line(line)
            line = [replace(piece, text=part)]


def _line(pieces: Iterable[_Piece]) -> Iterator[_Line]:
    seen = [piece for piece in pieces if piece.text.strip()]
    written = "".join(piece.text for piece in pieces).strip()
    text = tidy(_BULLET.sub("", written)).replace("\n", " ")
    if text and not _LEADERS.search(text):
        sizes = Counter[float]()
        for piece in seen:
            sizes[piece.size] += len(piece.text)
        size = sizes.most_common(1)[0][0]
        yield _Line(text, size, seen[0].x, seen[0].y, _begins_item(written))


def _begins_item(written: str) -> bool:
    return bool(_BULLET.match(written) or _NUMBER.match(written))


def _without_edges(pages: list[_Page]) -> list[_Page]:
    """The pages without running titles and page numbers, which are no larger than the text."""
    levels = _levels(pages)
    at_edge = [
        [
            item
            for item in page.items[:_EDGE] + page.items[-_EDGE:]
            if isinstance(item, _Line) and item.size not in levels
        ]
        for page in pages
    ]
    edges = Counter(key for page in at_edge for key in {_key(line) for line in page})
    running = {key for key, count in edges.items() if count >= _RUNNING}

    def is_text(item: _Line | Table, edge: list[_Line]) -> bool:
        if isinstance(item, Table) or item not in edge:
            return True
        return _key(item) not in running and not _PAGE_NUMBER.fullmatch(item.text)

    return [
        replace(page, items=[item for item in page.items if is_text(item, edge)])
        for page, edge in zip(pages, at_edge, strict=True)
    ]


def _key(line: _Line) -> str:
    """The line without the page's number."""
    return _NUMBER_IN_TITLE.sub("", line.text)


def _blocks(pages: list[_Page]) -> Iterator[Block]:
    level_of = _levels(pages)
    parts: list[list[_Line] | Table] = []
    for page in pages:
        for number, part in enumerate(_parts(page)):
            whole = _continued(parts[-1], part) if parts and not number else None
            if whole:
                parts[-1] = whole
            else:
                parts.append(part)
    for part in parts:
        if isinstance(part, Table):
            yield part
            continue
        text = _joined([line.text for line in part])
        level = level_of.get(part[0].size)
        if level and len(text) <= _HEADING_CHARACTERS:
            yield Heading(level, text)
        else:
            yield Paragraph(text)


def _levels(pages: list[_Page]) -> dict[float, int]:
    """Heading levels by height of the letters; the text's own height is none."""
    sizes = sum((page.letters for page in pages), Counter[float]())
    if not sizes:
        return {}
    text = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= text * _LARGER), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _parts(page: _Page) -> Iterator[list[_Line] | Table]:
    """The lines of each heading and paragraph of a page, and its tables."""
    lines = [item for item in page.items if isinstance(item, _Line)]
    longest = max((_width(line) for line in lines), default=0)
    steps = [above.y - below.y for above, below in pairwise(lines) if above.y > below.y]
    step = statistics.median(steps) if steps else 0.0
    part: list[_Line] = []
    for item in page.items:
        if part and (
            isinstance(item, Table)
            or item.size != part[-1].size
            or _width(part[-1]) < longest * _FULL
            or part[-1].y - item.y > max(step, item.size * 1.2) * _GAP
            or item.begins_item
        ):
            yield part
            part = []
        if isinstance(item, Table):
            yield item
        else:
            part.append(item)
    if part:
        yield part


def _continued(
    above: list[_Line] | Table, below: list[_Line] | Table
) -> list[_Line] | Table | None:
    """The last part of a page and the first of the next as one, where that goes on."""
    if isinstance(above, Table) and isinstance(below, Table):
        if len(above.rows[0]) != len(below.rows[0]):
            return None
        # The names of the columns are on every page, or on the first alone.
        rows = below.rows[below.rows[0] == above.rows[0] :]
        return Table(above.rows + rows, above.has_header)
    if isinstance(above, Table) or isinstance(below, Table):
        return None
    return above + below if _goes_on(above[-1], below[0]) else None


def _goes_on(above: _Line, below: _Line) -> bool:
    """Whether the first line of a page continues the last of the page before."""
    ended = re.search(r"[。！？.!?:：；;]$", above.text)
    return above.size == below.size and not ended and not below.begins_item


def _width(line: _Line) -> int:
    """Length in letters; a Han character is as wide as two."""
    return sum(1 if character.isascii() else 2 for character in line.text)


def _joined(lines: list[str]) -> str:
    """Lines as one: words cut by a hyphen are put together again."""
    text = "\n".join(lines)
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", text)
    return tidy(text.replace("\n", " "))
