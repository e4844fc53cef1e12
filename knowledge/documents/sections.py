"""Sections: what a document says, in passages, and their ids.

zh/doc-0123456789ab-7 is the eighth section of a document, an entry like others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from common.languages import Language

#: Characters. A passage is read by a language model at about 80 tokens per second before it says a
#: word, so sections are kept short; e5 reads 512 tokens at most.
CHUNK_CHARACTERS = {"zh": 320, "en": 900}


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


def document_id(source: str, tenant: str) -> str:
    """The id of a tenant's document."""
    digest = hashlib.sha256(f"{tenant}\n{source}".encode()).hexdigest()
    return f"doc-{digest[:12]}"


def section_id(document: str, number: int, language: str) -> str:
    """The id of a section."""
    return f"{language}/{document}-{number}"


def parts_of(entry_id: str) -> tuple[str, int] | None:
    """Document and number of a section; None for an entry of the corpus."""
    document, _, number = entry_id.partition("/")[2].rpartition("-")
    if document.startswith("doc-") and number.isdecimal():
        return document, int(number)
    return None


def document_of(entry_id: str) -> str:
    """What an entry is a part of: a section's document; an entry of the corpus is whole itself."""
    parts = parts_of(entry_id)
    return parts[0] if parts else entry_id
