"""Ingestion: entries in, langchain Documents out, one for each text that is embedded.

An entry gives *passages* (its sections, each with title and heading as context) and *questions*
(the ways customers ask for it), which point back to it: a question is matched best by a question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

from common.languages import Language
from knowledge.entries.body import spoken
from knowledge.entries.entry import Corpus, Entry

#: Characters. A passage is read by a language model at about 80 tokens per second before it says a
#: word, so sections are kept short; e5 reads 512 tokens at most.
CHUNK_CHARACTERS = {"zh": 320, "en": 900}

#: Of what is kept of a passage: counted up when it changes, so that an index is made anew.
_FORM = 2

_HEADINGS = MarkdownHeaderTextSplitter(
    [("#", "section"), ("##", "section"), ("###", "section")], strip_headers=True
)


class EntryLoader(BaseLoader):
    """Entries as langchain Documents: the body, with the rest as metadata."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def lazy_load(self) -> Iterator[Document]:
        """One Document per entry."""
        for entry in self._entries:
            metadata = {"entry_id": entry.id, "title": entry.title, "language": entry.language}
            yield Document(entry.body, id=entry.id, metadata=metadata)


class CorpusTexts:
    """What the index of a corpus is made of: `knowledge.search.index.Texts`."""

    def __init__(self, corpus: Corpus) -> None:
        self._entries = corpus.entries
        indexed = [(e.id, e.title, e.questions, e.body) for e in corpus.entries]
        self.digest = hashlib.sha256(json.dumps([_FORM, indexed]).encode()).hexdigest()

    def passages(self, language: Language) -> Iterator[Document]:
        """The sections; ``page_content`` begins with title and heading."""
        for document in EntryLoader(self._of(language)).lazy_load():
            yield from _split(document)

    def questions(self, language: Language) -> Iterator[Document]:
        """Each way of asking."""
        for entry in self._of(language):
            for number, text in enumerate(entry.questions):
                yield Document(text, id=f"{entry.id}?{number}", metadata={"entry_id": entry.id})

    def whole(self, language: Language) -> Iterator[tuple[str, str]]:
        """Each entry's id and all its words."""
        for entry in self._of(language):
            yield entry.id, "\n".join((entry.title, *entry.questions, entry.body))

    def _of(self, language: Language) -> list[Entry]:
        return [entry for entry in self._entries if entry.language == language]


def _split(document: Document) -> Iterator[Document]:
    title, language = document.metadata["title"], document.metadata["language"]
    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", "。", "；", ". ", "; ", "，", ", ", " ", ""],
        keep_separator="end",
        chunk_size=CHUNK_CHARACTERS[language],
        chunk_overlap=0,
    )
    sections = _HEADINGS.split_text(document.page_content)
    for number, chunk in enumerate(splitter.split_documents(sections)):
        section = chunk.metadata.get("section", "")
        context = f"{title} · {section}" if section else title
        yield Document(
            f"{context}\n{chunk.page_content}",
            id=f"{document.id}#{number}",
            metadata=document.metadata | {"section": section, "text": spoken(chunk.page_content)},
        )
