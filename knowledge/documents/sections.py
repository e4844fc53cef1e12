"""Ids of sections: zh/doc-0123456789ab-7 is the eighth of a document, an entry like others."""

from __future__ import annotations

import hashlib


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
