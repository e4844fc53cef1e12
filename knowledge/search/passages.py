"""The corpus as an index is made of it: entries in, the texts that are embedded out.

An entry gives *passages* (its sections, each with title and heading as context) and *questions*
(the ways customers ask for it), which point back to it: a question is matched best by a question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

from common.languages import Language
from knowledge.documents.sections import CHUNK_CHARACTERS
from knowledge.entries.body import spoken
from knowledge.entries.entry import Corpus, Entry
from knowledge.search.texts import PassageText, QuestionText, VersionedEntry

#: Of what is kept of a passage: counted up when it changes, so that an index is made anew.
_FORM = 2

_HEADINGS = MarkdownHeaderTextSplitter(
    [("#", "section"), ("##", "section"), ("###", "section")], strip_headers=True
)


class CorpusTexts:
    """What the index of a corpus is made of: `knowledge.search.texts.Texts`."""

    def __init__(self, corpus: Corpus, versions: Mapping[str, int] | None = None) -> None:
        """``versions``: of the entries, by id; 1 where none is given."""
        versions = versions or {}
        self._entries = [VersionedEntry(one, versions.get(one.id, 1)) for one in corpus.entries]
        whole = json.dumps([_FORM, [asdict(entry) for entry in corpus.entries]])
        self.digest = hashlib.sha256(whole.encode()).hexdigest()

    def passages(self, language: Language) -> Iterator[PassageText]:
        """The sections; ``content`` begins with title and heading."""
        for entry, version in self._of(language):
            for number, (section, text) in enumerate(_sections(entry)):
                context = f"{entry.title} · {section}" if section else entry.title
                yield PassageText(
                    id=f"{entry.id}#{number}",
                    entry_id=entry.id,
                    version=version,
                    language=entry.language,
                    title=entry.title,
                    section=section,
                    text=spoken(text),
                    content=f"{context}\n{text}",
                )

    def questions(self, language: Language) -> Iterator[QuestionText]:
        """Each way of asking."""
        for entry, _ in self._of(language):
            for number, text in enumerate(entry.questions):
                yield QuestionText(f"{entry.id}?{number}", entry.id, text)

    def whole(self, language: Language) -> Iterator[tuple[str, str]]:
        """Each entry's id and all its words."""
        for entry, _ in self._of(language):
            yield entry.id, "\n".join((entry.title, *entry.questions, entry.body))

    def entries(self) -> list[VersionedEntry]:
        """All of them."""
        return self._entries

    def _of(self, language: Language) -> Iterator[tuple[Entry, int]]:
        for one in self._entries:
            if one.entry.language == language:
                yield one.entry, one.version


def _sections(entry: Entry) -> Iterator[tuple[str, str]]:
    """Heading and text of each, those that are long in several."""
    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", "。", "；", ". ", "; ", "，", ", ", " ", ""],
        keep_separator="end",
        chunk_size=CHUNK_CHARACTERS[entry.language],
        chunk_overlap=0,
    )
    for section in _HEADINGS.split_text(entry.body):
        for text in splitter.split_text(section.page_content):
            yield section.metadata.get("section", ""), text
