"""PDF: a file in, langchain Documents out (see knowledge.formats.blocks), read page by page.

A PDF knows letters and places only. Lines in larger letters are headings, lines at the edge that
several pages have in common are dropped, and the rest are joined into paragraphs.
"""

from __future__ import annotations

import logging
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from pypdf import PageObject, PdfReader

from knowledge.errors import KnowledgeError
from knowledge.formats.blocks import Block, Heading, Paragraph, documents
from knowledge.formats.wording import tidy

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

_BULLET: Final = re.compile(r"^([•●▪■◦‣○·*]\s*|[-–—]\s+)")
_NUMBER: Final = re.compile(r"\d{1,2}[.)、．](?!\d)|[(（]\d{1,2}[)）]|[①-⑳]|第.{1,3}步")
#: "Introduction ........ 7" is a line of the table of contents.
_LEADERS: Final = re.compile(r"((\.\s?){4,}|(…\s?){2,}|(·\s?){4,})\s*\d*$")
_PAGE_NUMBER: Final = re.compile(r"[-–— ]*\d{1,4}[-–— ]*")
#: Where in a running title the number of the page is.
_NUMBER_IN_TITLE: Final = re.compile(r"^\d+|\d+$|第 ?\d+ ?页|\d+ ?(/|of) ?\d+", re.I)
#: What programs call a document by themselves.
_MADE_UP: Final = re.compile(
    r"(microsoft )?(word|powerpoint) - .*|untitled.*|.*\.\w{3,4}|[\d\W]*", re.I
)


@dataclass(frozen=True)
class _Line:
    text: str
    size: float
    """Height of its letters, in points."""
    y: float
    """Place above the foot of the page, in points."""
    begins_item: bool
    """Whether it has a bullet or a number in front."""


class PdfParser(BaseBlobParser):
    """PDF files with text in them."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """What stands under each heading.

        Raises KnowledgeError for a file that is broken, locked, or holds only pictures of text.
        """
        source = str(blob.source)
        try:
            with blob.as_bytes_io() as file:
                title, pages = _read(PdfReader(file), source)
        except KnowledgeError:
            raise
        except Exception as error:
            # Whatever a broken file does to the library is the file's fault.
            raise KnowledgeError(
                f"{source} cannot be read as a PDF.",
                "Open it in a PDF reader and print or save it as PDF again.",
            ) from error
        blocks = list(_blocks(_without_edges(pages)))
        if not blocks:
            raise KnowledgeError(
                f"{source} holds pictures of text and no text.",
                "Run text recognition (OCR) on it, for example with ocrmypdf, and load the result.",
            )
        if _MADE_UP.fullmatch(title):
            tops = [one for one in blocks[:8] if isinstance(one, Heading)]
            title = min(tops, key=lambda one: one.level).text if tops else ""
        yield from documents(blocks, source, title)


def _read(reader: PdfReader, source: str) -> tuple[str, list[list[_Line]]]:
    """The title, and the lines of each page."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise KnowledgeError(
            f"{source} is locked with a password.", "Save a copy of it without one."
        )
    title = str((reader.metadata and reader.metadata.title) or "")
    pages = []
    for page in reader.pages:
        pages.append(list(_lines(page)))
        # Else every page stays in memory, with its pictures.
        reader.resolved_objects.clear()
    return title, pages


def _lines(page: PageObject) -> Iterator[_Line]:
    """The page's lines, from top to bottom."""
    pieces: list[tuple[str, float, float]] = []

    def keep(text: str, cm: Sequence[float], tm: Sequence[float], _: Any, size: float) -> None:
        # A letter's height is scaled twice; turned by 90 degrees, by the other two numbers.
        scale = abs(cm[3] * tm[3]) or abs(cm[1] * tm[2]) or 1.0
        pieces.append((text, round(size * scale, 1), tm[5] * cm[3] + cm[5]))

    page.extract_text(visitor_text=keep)
    line: list[tuple[str, float, float]] = []
    for text, size, y in [*pieces, ("\n", 0.0, 0.0)]:
        before, *after = text.split("\n")
        line.append((before, size, y))
        for part in after:
            yield from _line(line)
            line = [(part, size, y)]


def _line(pieces: Iterable[tuple[str, float, float]]) -> Iterator[_Line]:
    seen = [piece for piece in pieces if piece[0].strip()]
    written = "".join(text for text, _, _ in pieces).strip()
    text = tidy(_BULLET.sub("", written)).replace("\n", " ")
    if text and not _LEADERS.search(text):
        sizes = Counter[float]()
        for piece, size, _ in seen:
            sizes[size] += len(piece)
        begins_item = bool(_BULLET.match(written) or _NUMBER.match(written))
        yield _Line(text, sizes.most_common(1)[0][0], seen[0][2], begins_item)


def _without_edges(pages: list[list[_Line]]) -> list[list[_Line]]:
    """The pages without running titles and page numbers, which are no larger than the text."""
    levels = _levels(line for page in pages for line in page)
    edges = Counter(
        key
        for page in pages
        for key in {_key(line) for line in page[:_EDGE] + page[-_EDGE:] if line.size not in levels}
    )
    running = {key for key, count in edges.items() if count >= _RUNNING}
    return [
        [
            line
            for place, line in enumerate(page)
            if _EDGE <= place < len(page) - _EDGE
            or line.size in levels
            or (_key(line) not in running and not _PAGE_NUMBER.fullmatch(line.text))
        ]
        for page in pages
    ]


def _key(line: _Line) -> str:
    """The line without the page's number."""
    return _NUMBER_IN_TITLE.sub("", line.text)


def _blocks(pages: list[list[_Line]]) -> Iterator[Block]:
    level_of = _levels(line for page in pages for line in page)
    pieces: list[list[_Line]] = []
    for page in pages:
        for number, piece in enumerate(_pieces(page)):
            if not number and pieces and _goes_on(pieces[-1][-1], piece[0]):
                pieces[-1] += piece
            else:
                pieces.append(piece)
    for piece in pieces:
        text = _joined([line.text for line in piece])
        level = level_of.get(piece[0].size)
        if level and len(text) <= _HEADING_CHARACTERS:
            yield Heading(level, text)
        else:
            yield Paragraph(text)


def _levels(lines: Iterable[_Line]) -> dict[float, int]:
    """Heading levels by height of the letters; the text's own height is none."""
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text)
    if not sizes:
        return {}
    text = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= text * _LARGER), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _pieces(page: list[_Line]) -> Iterator[list[_Line]]:
    """The lines of each heading and paragraph of a page."""
    longest = max((_width(line) for line in page), default=0)
    steps = [above.y - below.y for above, below in pairwise(page) if above.y > below.y]
    step = statistics.median(steps) if steps else 0.0
    piece: list[_Line] = []
    for line in page:
        if piece and (
            line.size != piece[-1].size
            or _width(piece[-1]) < longest * _FULL
            or piece[-1].y - line.y > max(step, line.size * 1.2) * _GAP
            or line.begins_item
        ):
            yield piece
            piece = []
        piece.append(line)
    if piece:
        yield piece


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
