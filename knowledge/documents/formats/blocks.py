"""Blocks: what a page is made of in, langchain Documents out, one under each heading.

Every kind of page becomes blocks first, so that all are worded alike. A Document's ``page_content``
has a paragraph a line; ``metadata`` has "title" and "headings", those it stands under, outermost
first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from langchain_core.documents import Document

from common.languages import Language, language_of
from knowledge.documents.formats import tables
from knowledge.documents.formats.wording import announces, closed, sentence, tidy, titled


@dataclass(frozen=True)
class Heading:
    """Begins a section; without text it only ends those as deep."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, or one item of a list."""

    text: str
    number: int = 0
    """Place in a numbered list, from 1; 0 outside of one."""


@dataclass(frozen=True)
class Code:
    """Code, which is not read aloud."""


@dataclass(frozen=True)
class Table:
    """The cells of each row; whether the first row names the columns."""

    rows: tuple[tuple[str, ...], ...]
    has_header: bool


Block = Heading | Paragraph | Code | Table

#: Deeper than any heading: a label of what follows it.
LABEL: Final = 7

_CODE_IS_SHOWN: Final[dict[Language, str]] = {
    "zh": "代码见文档。",
    "en": "The documentation shows the code.",
}
_ORDINALS: Final = (
    "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
)  # fmt: skip
#: An item as it is worded; before the first stands what leads to the list.
_NUMBERED: Final = re.compile(rf"(?:^|[：:] ?)(?:第\d+，|(?:{'|'.join(_ORDINALS)}|Next), )")


def documents(blocks: Iterable[Block], source: str, title: str) -> Iterator[Document]:
    """What stands under each heading, in the order of the page; without a title the file's name."""
    page = _Page(titled(title, source))
    for block in blocks:
        match block:
            case Heading():
                yield from page.section()
                page.enter(block)
            case Paragraph():
                page.add(_numbered(tidy(block.text), block.number))
            case Code():
                page.add_code()
            case Table() if tables.is_errors(block.rows):
                # Each code is asked for by itself, so each is a section of its own.
                yield from page.section()
                for label, text in tables.errors(block.rows):
                    yield page.document([text], label)
            case Table():
                for text in tables.sentences(block.rows, block.has_header):
                    page.add(text)
    yield from page.section()


@dataclass
class _Page:
    """Where in the page we are: the headings above, and the paragraphs since the last."""

    title: str
    above: list[Heading] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def enter(self, heading: Heading) -> None:
        self.above = [one for one in self.above if one.level < heading.level]
        self.above.append(Heading(heading.level, tidy(heading.text).strip("：:§¶ ")))

    def add(self, text: str) -> None:
        if not text:
            return
        if self.lines and announces(self.lines[-1]) and announces(text):
            # Nothing came between: it was the caption of a picture.
            self.lines[-1] = closed(self.lines[-1])
        elif self.lines and announces(self.lines[-1]):
            # What leads to a list is not cut off from it.
            text = self.lines[-1] + _space(self.lines.pop()) + text
        self.lines.append(sentence(text))

    def add_code(self) -> None:
        if self.lines and announces(self.lines[-1]):
            said = closed(self.lines[-1])
            shown = _CODE_IS_SHOWN[language_of(said)]
            # Once in a section is enough to hear.
            is_told = any(line.endswith(shown) for line in self.lines)
            self.lines[-1] = said if is_told else said + _space(said) + shown

    def section(self) -> Iterator[Document]:
        if self.lines:
            self.lines[-1] = closed(self.lines[-1])
            yield self.document(self.lines)
            self.lines = []

    def document(self, lines: Sequence[str], label: str = "") -> Document:
        headings = [
            one.text for one in self.above if one.text and not self.title.endswith(one.text)
        ]
        metadata = {"title": self.title, "headings": [*headings, *([label] if label else [])]}
        return Document("\n".join(lines), metadata=metadata)


def is_numbered(line: str) -> bool:
    """Whether a paragraph was an item of a numbered list."""
    return _NUMBERED.search(line) is not None


def _numbered(text: str, number: int) -> str:
    if not number or not text:
        return text
    if language_of(text) == "zh":
        return f"第{number}，{text}"
    return f"{_ORDINALS[number - 1] if number <= len(_ORDINALS) else 'Next'}, {text}"


def _space(said: str) -> str:
    return "" if said.endswith(("。", "：")) else " "
