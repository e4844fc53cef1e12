"""Loading: the operator's own documents in, passages that can be read aloud out.

A document is fetched (documents.fetch), its kind's parser gives a langchain Document for what
stands under each heading, and these are cut into sections as long as a passage of the corpus.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

from common.errors import InputError
from common.languages import Language, language_of
from knowledge.documents.fetch import KINDS, fetch, is_url
from knowledge.documents.formats.html import HtmlParser
from knowledge.documents.formats.markdown import MarkdownParser
from knowledge.documents.formats.openapi import OpenApiParser
from knowledge.documents.formats.pdf import PdfParser
from knowledge.documents.formats.tables import CsvParser
from knowledge.documents.formats.word import WordParser
from knowledge.documents.injection import neutralised, suspicions, without_orders
from knowledge.search.passages import CHUNK_CHARACTERS

#: The parser of each kind; any langchain parser that gives "title" and "headings" can take its
#: place.
PARSERS: Final[dict[str, BaseBlobParser]] = {
    KINDS[".md"]: MarkdownParser(),
    KINDS[".html"]: HtmlParser(),
    KINDS[".pdf"]: PdfParser(),
    KINDS[".docx"]: WordParser(),
    KINDS[".csv"]: CsvParser(),
    KINDS[".json"]: OpenApiParser(),
    KINDS[".yaml"]: OpenApiParser(),
}

#: Bytes of a JSON or YAML file within which it has to say that it is an OpenAPI description.
_HEAD: Final = 65_536
#: Characters below which a text is of the language that surrounds it: "RoomKit PC端" tells none.
_TELLING: Final = 40
#: The best places to cut first; what ends there stays on the left.
_CUTS: Final = ["\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", ", ", " ", ""]


@dataclass(frozen=True)
class Section:
    """A passage of a document, no longer than CHUNK_CHARACTERS of its language."""

    heading: str
    """The page's title and the headings above the passage: "title · heading · subheading"."""
    text: str
    """Can be read aloud; a paragraph a line. Empty where all of it spoke to a model."""
    language: Language
    suspicions: tuple[str, ...]
    """Why it looks written for a model and not for a reader; empty for nearly every section."""


@dataclass(frozen=True)
class LoadedDocument:
    """What one document says."""

    source: str
    """Absolute path, or URL."""
    title: str
    digest: str
    """SHA-256 of its bytes as they were loaded, in hexadecimal."""
    sections: tuple[Section, ...]


def find_sources(place: str) -> Iterator[str]:
    """The documents at a file, folder or URL, as absolute paths or URLs, sorted in each folder.

    Of a folder come the files of known kinds at any depth, JSON and YAML only if they look like an
    OpenAPI description; hidden ones and node_modules stay out. Raises InputError when there is
    nothing.
    """
    if is_url(place):
        yield place
        return
    path = Path(place).expanduser().absolute()
    if not path.exists():
        raise InputError(f"{path} is not there.", "Check the path.")
    if not path.is_dir():
        yield str(path)
        return
    found = False
    for source in _files(path):
        found = True
        yield str(source)
    if not found:
        raise InputError(
            f"{path} holds no document.", f"Put some there that end in {', '.join(KINDS)}."
        )


def load(source: str) -> LoadedDocument:
    """The document at an absolute path or URL. Blocks, for seconds where it is long.

    Raises InputError, naming the source and the remedy, for whatever keeps it from being read.
    """
    blob = fetch(source)
    try:
        parts = [part for part in PARSERS[str(blob.mimetype)].lazy_parse(blob) if part.page_content]
        main = language_of("\n".join(part.page_content for part in parts))
        sections = dict.fromkeys(section for part in parts for section in _sections(part, main))
    except RecursionError as error:
        raise InputError(
            f"{source} is nested too deeply to be a document.", "Save it again in a simpler form."
        ) from error
    if not sections:
        raise InputError(
            f"{source} holds no text that can be read aloud.",
            "If a browser shows some, a script puts it there: save the page as PDF and load that.",
        )
    title = neutralised(parts[0].metadata["title"])
    return LoadedDocument(source, title, _digest(blob), tuple(sections))


def _files(folder: Path) -> Iterator[Path]:
    """Documents below ``folder``; a folder that a link leads back to is entered once."""
    entered: set[str] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(here) in entered:
            folders.clear()
            continue
        entered.add(os.path.realpath(here))
        folders[:] = sorted(one for one in folders if one != "node_modules" and one[0] != ".")
        paths = (Path(here) / name for name in sorted(files) if name[0] != ".")
        yield from filter(_is_document, paths)


def _is_document(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in KINDS or not path.is_file():
        return False
    if suffix not in (".json", ".yaml", ".yml"):
        return True
    try:
        with path.open("rb") as file:
            return re.search(rb"\b(openapi|swagger)\b", file.read(_HEAD)) is not None
    except OSError:
        return False


def _sections(part: Document, main: Language) -> Iterator[Section]:
    title, headings = part.metadata["title"], part.metadata["headings"]
    heading = " · ".join(dict.fromkeys(filter(None, (title, *headings))))
    for language, text in _by_language(part.page_content, main):
        for chunk in _SPLITTERS[language].split_text(text):
            if any(map(str.isalnum, chunk)):
                # What a reader cannot see is a reason of its own, so it goes after the check.
                doubts = suspicions("\n".join((*headings, chunk)))
                said = neutralised(chunk)
                if doubts:
                    said = without_orders(said)
                yield Section(neutralised(heading), said, language, doubts)


def _by_language(text: str, main: Language) -> Iterator[tuple[Language, str]]:
    """The paragraphs, neighbours of one language together; short ones are of the others'."""
    whole = _language(text, main)
    for language, paragraphs in groupby(text.split("\n"), lambda one: _language(one, whole)):
        yield language, "\n".join(paragraphs)


def _language(text: str, main: Language) -> Language:
    return language_of(text) if len(text) >= _TELLING else main


def _splitter(language: Language) -> RecursiveCharacterTextSplitter:
    return RecursiveCharacterTextSplitter(
        separators=_CUTS,
        keep_separator="end",
        chunk_size=CHUNK_CHARACTERS[language],
        chunk_overlap=0,
    )


_SPLITTERS: Final[dict[Language, RecursiveCharacterTextSplitter]] = {
    "zh": _splitter("zh"),
    "en": _splitter("en"),
}


def _digest(blob: Blob) -> str:
    with blob.as_bytes_io() as file:
        digest = hashlib.sha256()
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
