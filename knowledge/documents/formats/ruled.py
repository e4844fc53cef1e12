"""Ruled tables: a page of a PDF in, its tables with their places out.

Which cell a text belongs to only the ruling lines tell: cells are centred, and their lines are
written in any order. Tables without lines stay the text that they are.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pdfplumber
from pdfplumber.table import Table as FoundTable
from pypdf import PageObject, PdfWriter

# It reports small faults one by one, as pypdf does.
logging.getLogger("pdfminer").setLevel(logging.CRITICAL)

#: A box beside or around text is no table.
_ROWS: Final = 2
_COLUMNS: Final = 2
#: Points by which a text may reach over the lines around it.
_OVER: Final = 2.0

#: Points below which nobody reads a letter.
SMALLEST: Final = 1.0

_Cell = tuple[float, float, float, float]


@dataclass(frozen=True)
class RuledTable:
    """A table and its edges, in points from the lower left corner of the page."""

    left: float
    bottom: float
    right: float
    top: float
    rows: tuple[tuple[str, ...], ...]
    """The cells' lines; what spans rows or columns is in each of them."""

    def holds(self, x: float, y: float) -> bool:
        """Whether a text that begins there is in it."""
        return (
            self.left - _OVER <= x <= self.right + _OVER
            and self.bottom - _OVER <= y <= self.top + _OVER
        )


def ruled_tables(page: PageObject) -> list[RuledTable]:
    """The tables of a page, from top to bottom. Takes some 0.1 s."""
    # A file of its own: it is not locked, not turned, and its objects do not stay in memory.
    alone, file = PdfWriter(), io.BytesIO()
    alone.add_page(page).rotation = 0
    alone.write(file)
    try:
        with pdfplumber.open(file) as document:
            (only,) = document.pages
            seen = only.filter(_is_seen)
            found = [_table(one, float(only.height)) for one in seen.find_tables()]
    except Exception:
        # A page that this library cannot take apart still has its text.
        return []
    return [table for table in found if _is_one(table)]


def _is_seen(part: dict[str, Any]) -> bool:
    """Whether it is anything but a letter that is too small to be read."""
    return bool(part["object_type"] != "char" or part["size"] >= SMALLEST)


def _table(found: FoundTable, height: float) -> RuledTable:
    left, top, right, bottom = found.bbox
    return RuledTable(left, height - bottom, right, height - top, tuple(_rows(found)))


def _is_one(table: RuledTable) -> bool:
    """Whether it is a table, rather than a box, or the frame of a drawing."""
    full = sum(sum(map(bool, row)) >= _COLUMNS for row in table.rows)
    return full >= max(_ROWS, len(table.rows) / 2)


def _rows(found: FoundTable) -> Iterator[tuple[str, ...]]:
    texts = dict(_texts(found))
    columns = sorted({cell[0] for cell in texts})
    for line in sorted({cell[1] for cell in texts}):
        yield tuple(
            next((text for cell, text in texts.items() if _covers(cell, column, line)), "")
            for column in columns
        )


def _texts(found: FoundTable) -> Iterator[tuple[_Cell, str]]:
    extracted: list[list[Any]] = found.extract()
    for row, texts in zip(found.rows, extracted, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            if cell is not None:
                yield cell, text or ""


def _covers(cell: _Cell, column: float, line: float) -> bool:
    left, top, right, bottom = cell
    return left <= column < right and top <= line < bottom
