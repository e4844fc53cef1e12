"""Loading: the operator's own documents in, passages that can be read aloud out.

Of a fetched document (documents.fetch) its kind's parser gives a langchain Document for what
stands under each heading, and these are cut into sections as long as a passage of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
from typing import Final

from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

from common.errors import InputError
from common.languages import Language, language_of
from knowledge.documents.fetch import KINDS, digest_of
from knowledge.documents.injection import neutralised, suspicions, without_orders
from knowledge.documents.sections import CHUNK_CHARACTERS, LoadedDocument, Section

#: The parser of each kind; any langchain parser that gives "title" and "headings" can take its
#: place. Its libraries are imported with the first document of the kind.
_PARSERS: Final[dict[str, str]] = {
    KINDS[".md"]: "markdown.MarkdownParser",
    KINDS[".html"]: "html.HtmlParser",
    KINDS[".pdf"]: "pdf.PdfParser",
    KINDS[".docx"]: "word.WordParser",
    KINDS[".csv"]: "tables.CsvParser",
    KINDS[".json"]: "openapi.OpenApiParser",
    KINDS[".yaml"]: "openapi.OpenApiParser",
}

#: Characters below which a text is of the language that surrounds it: "RoomKit PC端" tells none.
_TELLING: Final = 40
#: The best places to cut first; what ends there stays on the left.
_CUTS: Final = ["\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", ", ", " ", ""]


def load(blob: Blob) -> LoadedDocument:
    """A document as it was fetched. Blocks, for seconds where it is long.

    Raises InputError, naming the source and the remedy, for whatever keeps it from being read.
    """
    source = str(blob.source)
    try:
        parts = [
            part for part in _parser_of(str(blob.mimetype)).lazy_parse(blob) if part.page_content
        ]
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
    return LoadedDocument(source, title, digest_of(blob), tuple(sections))


def _parser_of(kind: str) -> BaseBlobParser:
    module, name = _PARSERS[kind].split(".")
    found: type[BaseBlobParser] = getattr(
        import_module(f"knowledge.documents.formats.{module}"), name
    )
    return found()


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
