"""The library: the operator's own documents in sections, their openings, every version of entries.

One SQLite file. Documents belong to a tenant (one of the operator's customers; `PUBLIC` for all).
What is replaced or removed stays readable: an answer's citation names the version it rests on.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from common.errors import SetupError
from common.languages import LANGUAGES, Language
from knowledge.documents.sections import (
    LoadedDocument,
    Section,
    document_id,
    parts_of,
    section_id,
)
from knowledge.entries.entry import Entry, stored_entry
from knowledge.search.texts import PassageText, QuestionText, VersionedEntry

#: Form of the file, in SQLite's `user_version`. Form 0 kept documents by their ids alone.
_FORM: Final = 1
_TABLES: Final = (
    """CREATE TABLE document (
        tenant TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, title TEXT NOT NULL,
        digest TEXT NOT NULL, version INTEGER NOT NULL, changed_at TEXT NOT NULL, removed_at TEXT,
        PRIMARY KEY (tenant, id)
    ) WITHOUT ROWID""",
    """CREATE TABLE section (
        tenant TEXT NOT NULL, document TEXT NOT NULL, version INTEGER NOT NULL,
        number INTEGER NOT NULL, language TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL,
        suspicions TEXT NOT NULL,
        PRIMARY KEY (tenant, document, version, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE section_opening (
        tenant TEXT NOT NULL, document TEXT NOT NULL, version INTEGER NOT NULL,
        number INTEGER NOT NULL, text TEXT NOT NULL, approved_at TEXT,
        PRIMARY KEY (tenant, document, version, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS entry_version (
        entry TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (entry, version)
    ) WITHOUT ROWID""",
)
_OF_TENANTS: Final = ("document", "section", "section_opening")
#: What form 0 kept, with the tenant of each document beside all that is of it.
_FROM_FORM_0: Final = (
    "INSERT INTO document SELECT tenant, id, source, title, digest, version, changed_at, removed_at"
    " FROM old_document",
    "INSERT INTO section SELECT tenant, old.* FROM old_section AS old"
    " JOIN old_document ON old_document.id = old.document",
    "INSERT INTO section_opening SELECT tenant, old.* FROM old_section_opening AS old"
    " JOIN old_document ON old_document.id = old.document",
)
_LIVE = """
FROM section JOIN document ON document.tenant = section.tenant AND document.id = section.document
    AND document.version = section.version
WHERE document.removed_at IS NULL AND document.tenant = ?
"""
#: What is kept of openings when a document changes: those of sections that say what they said.
_KEEP_OPENINGS = """
INSERT OR IGNORE INTO section_opening
SELECT new.tenant, new.document, new.version, new.number, opening.text, opening.approved_at
FROM section AS new
JOIN section AS old ON old.tenant = new.tenant AND old.document = new.document
    AND old.version = new.version - 1
    AND old.language = new.language AND old.heading = new.heading AND old.text = new.text
JOIN section_opening AS opening ON opening.tenant = old.tenant
    AND opening.document = old.document AND opening.version = old.version
    AND opening.number = old.number
WHERE new.tenant = ? AND new.document = ? AND new.version = ?
"""
_SECTION = (
    "document.id, number, section.version, document.tenant, title, source, language, heading, text"
)


@dataclass(frozen=True)
class StoredDocument:
    """A document as it is now."""

    id: str
    tenant: str
    source: str
    title: str
    version: int
    sections: int
    suspicious: int
    """Sections of which something was taken out because it spoke to a model."""
    changed_at: str


@dataclass(frozen=True)
class StoredOpening:
    """The opening of a section, spoken once somebody has approved it."""

    section: str
    """Its id."""
    version: int
    tenant: str
    source: str
    heading: str
    text: str
    approved_at: str | None


@dataclass(frozen=True)
class StoredSection:
    """A section; its id is that of an entry."""

    id: str
    version: int
    tenant: str
    title: str
    source: str
    language: Language
    heading: str
    text: str


class Library:
    """One file, open for reading and writing. Not for use by two threads at once."""

    def __init__(self, path: Path) -> None:
        """A file of an older form is brought forward. Raises SetupError for one of a newer."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False)
        try:
            _bring_forward(self._database, path)
            self._database.execute("PRAGMA journal_mode = WAL")
            # What is deleted is not left to be found in the file.
            self._database.execute("PRAGMA secure_delete = ON")
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # Documents

    def digest_of(self, source: str, tenant: str) -> str | None:
        """Digest of a document as it was added last; None where it is not here."""
        row = self._database.execute(
            "SELECT digest FROM document WHERE tenant = ? AND id = ? AND removed_at IS NULL",
            (tenant, document_id(source, tenant)),
        ).fetchone()
        return row[0] if row else None

    def add(self, document: LoadedDocument, tenant: str) -> None:
        """Add a document, or the next version of it, as one step."""
        name = document_id(document.source, tenant)
        with self._database:
            (last,) = self._database.execute(
                "SELECT max(version) FROM section WHERE tenant = ? AND document = ?", (tenant, name)
            ).fetchone()
            version = (last or 0) + 1
            self._database.executemany(
                "INSERT INTO section VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (tenant, name, version, number, *_columns(section))
                    for number, section in enumerate(document.sections)
                ),
            )
            self._database.execute(
                "INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    *(tenant, name, document.source, document.title, document.digest),
                    *(version, _now()),
                ),
            )
            self._database.execute(_KEEP_OPENINGS, (tenant, name, version))

    def remove(self, source: str, tenant: str) -> bool:
        """Take a document out of use; false where it is not here."""
        with self._database:
            done = self._database.execute(
                "UPDATE document SET removed_at = ?"
                " WHERE tenant = ? AND id = ? AND removed_at IS NULL",
                (_now(), tenant, document_id(source, tenant)),
            )
        return done.rowcount == 1

    def erase(self, source: str, tenant: str) -> bool:
        """Delete all that was ever said by a document, removed or not; false where it never was."""
        name = (tenant, document_id(source, tenant))
        with self._database:
            self._database.execute(
                "DELETE FROM section_opening WHERE tenant = ? AND document = ?", name
            )
            self._database.execute("DELETE FROM section WHERE tenant = ? AND document = ?", name)
            done = self._database.execute("DELETE FROM document WHERE tenant = ? AND id = ?", name)
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return done.rowcount == 1

    def sources(self, tenant: str) -> list[str]:
        """Of all documents of a tenant, those too that were taken out of use."""
        rows = self._database.execute(
            "SELECT source FROM document WHERE tenant = ? ORDER BY source", (tenant,)
        )
        return [source for (source,) in rows]

    def documents(self, tenant: str) -> list[StoredDocument]:
        """The documents of a tenant, by source."""
        rows = self._database.execute(
            "SELECT document.id, document.tenant, source, title, document.version, count(number),"
            " count(nullif(suspicions, '[]')), changed_at FROM document LEFT JOIN section"
            " ON document.tenant = section.tenant AND document.id = section.document"
            " AND document.version = section.version"
            " WHERE removed_at IS NULL AND document.tenant = ?"
            " GROUP BY document.id ORDER BY source",
            (tenant,),
        )
        return [StoredDocument(*row) for row in rows]

    def tenants(self) -> list[str]:
        """Who has documents."""
        rows = self._database.execute(
            "SELECT DISTINCT tenant FROM document WHERE removed_at IS NULL ORDER BY tenant"
        )
        return [tenant for (tenant,) in rows]

    # Sections

    def sections(self, tenant: str, language: Language) -> Iterator[StoredSection]:
        """The sections of a tenant in one language, read as they are used."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute(
                f"SELECT {_SECTION} {_LIVE} AND language = ? AND text != ''"
                " ORDER BY document.id, number",
                (tenant, language),
            )
            for row in cursor:
                yield _section(row)

    def section(
        self, entry_id: str, version: int | None = None, *, tenants: Sequence[str]
    ) -> StoredSection | None:
        """A section of these tenants' as it is now; with a version also of one that is gone.

        What a tenant has itself goes before what is for everybody.
        """
        parts = parts_of(entry_id)
        if parts is None:
            return None
        row = self._database.execute(
            f"SELECT {_SECTION} FROM section JOIN document"
            " ON document.tenant = section.tenant AND document.id = section.document"
            " WHERE section.tenant IN (SELECT value FROM json_each(?))"
            " AND section.document = ? AND number = ?"
            " AND section.version = coalesce(?, document.version)"
            " AND (removed_at IS NULL OR ? IS NOT NULL)"
            " ORDER BY section.tenant DESC LIMIT 1",
            (json.dumps(tenants), *parts, version, version),
        ).fetchone()
        return _section(row) if row else None

    # Openings

    def openings(self, tenant: str) -> list[StoredOpening]:
        """The openings of a tenant's documents, drafts too, by source."""
        rows = self._database.execute(
            "SELECT o.document, o.number, language, o.version, o.tenant, source, heading, o.text,"
            " approved_at FROM section_opening AS o JOIN section AS s ON s.tenant = o.tenant"
            " AND s.document = o.document AND s.version = o.version AND s.number = o.number"
            " JOIN document AS d ON d.tenant = o.tenant AND d.id = o.document"
            " AND d.version = o.version"
            " WHERE removed_at IS NULL AND o.tenant = ? ORDER BY source, o.number",
            (tenant,),
        )
        return [
            StoredOpening(section_id(document, number, language), *rest)
            for document, number, language, *rest in rows
        ]

    def without_opening(self, tenant: str) -> list[StoredSection]:
        """The sections of a tenant's documents that have none, not even a draft."""
        has = {opening.section for opening in self.openings(tenant)}
        return [
            section
            for language in LANGUAGES
            for section in self.sections(tenant, language)
            if section.id not in has
        ]

    def put_opening(self, section: StoredSection, text: str, *, approved: bool) -> None:
        """Keep the opening of a section as it is now, in the place of the one before."""
        parts = parts_of(section.id)
        assert parts is not None  # a section's id is one
        document, number = parts
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO section_opening VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(section.tenant, document, section.version, number, text),
                    _now() if approved else None,
                ),
            )

    def texts(self, tenant: str) -> LibraryTexts:
        """What the index of a tenant's documents is made of."""
        return LibraryTexts(self, tenant)

    def digest(self, tenant: str) -> str:
        """Changes when the documents of a tenant do."""
        rows = self._database.execute(
            "SELECT id, digest, version FROM document WHERE removed_at IS NULL AND tenant = ?"
            " ORDER BY id",
            (tenant,),
        )
        return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()

    # Versions of the corpus

    def record(self, entries: Iterable[Entry]) -> None:
        """Give each entry that differs from its last version the next one."""
        last = {
            entry: (version, digest)
            for entry, version, digest in self._database.execute(
                "SELECT entry, max(version), digest FROM entry_version GROUP BY entry"
            )
        }
        with self._database:
            for entry in entries:
                content = json.dumps(asdict(entry), ensure_ascii=False, sort_keys=True)
                digest = hashlib.sha256(content.encode()).hexdigest()
                version, before = last.get(entry.id, (0, ""))
                if digest != before:
                    self._database.execute(
                        "INSERT INTO entry_version VALUES (?, ?, ?, ?)",
                        (entry.id, version + 1, digest, content),
                    )

    def entry_versions(self) -> dict[str, int]:
        """The last version of each entry of the corpus."""
        rows = self._database.execute(
            "SELECT entry, max(version) FROM entry_version GROUP BY entry"
        )
        return dict(rows.fetchall())

    def entry(self, entry_id: str, version: int) -> Entry | None:
        """An entry of the corpus as it was in a version."""
        row = self._database.execute(
            "SELECT content FROM entry_version WHERE entry = ? AND version = ?", (entry_id, version)
        ).fetchone()
        return stored_entry(json.loads(row[0])) if row else None


class LibraryTexts:
    """A tenant's documents as an index is made of them: `knowledge.search.texts.Texts`."""

    def __init__(self, library: Library, tenant: str) -> None:
        self._library = library
        self._tenant = tenant
        self.digest = library.digest(tenant)

    def passages(self, language: Language) -> Iterator[PassageText]:
        """Each section; ``content`` begins with its headings."""
        for section in self._library.sections(self._tenant, language):
            yield PassageText(
                id=f"{section.id}#0",
                entry_id=section.id,
                version=section.version,
                language=section.language,
                title=section.title,
                section=section.heading,
                text=section.text,
                content=f"{section.heading}\n{section.text}",
            )

    def questions(self, language: Language) -> tuple[QuestionText, ...]:
        """Nobody has written down how customers ask for a document."""
        return ()

    def entries(self) -> tuple[VersionedEntry, ...]:
        """None: the library itself keeps what cards show."""
        return ()

    def whole(self, language: Language) -> Iterator[tuple[str, str]]:
        """Each section's id and its words."""
        for section in self._library.sections(self._tenant, language):
            yield section.id, f"{section.heading}\n{section.text}"


def _bring_forward(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or those of an older form into them, as one step."""
    if _form_of(database) == _FORM:
        return
    database.execute("BEGIN IMMEDIATE")
    with database:
        form = _form_of(database)  # another process may have been first
        if form > _FORM:
            raise SetupError(
                f"{path} was written by a newer Liuke (form {form}; this one knows {_FORM}).",
                "Start that version again, or restore the file from a backup of before.",
            )
        if form == _FORM:
            return
        kept = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        for table in kept & set(_OF_TENANTS):
            database.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
        for statement in _TABLES:
            database.execute(statement)
        for table, move in zip(_OF_TENANTS, _FROM_FORM_0, strict=True):
            if table in kept:
                database.execute(move)
        for table in kept & set(_OF_TENANTS):
            database.execute(f"DROP TABLE old_{table}")
        database.execute(f"PRAGMA user_version = {_FORM}")


def _form_of(database: sqlite3.Connection) -> int:
    (form,) = database.execute("PRAGMA user_version").fetchone()
    return int(form)


def _columns(section: Section) -> tuple[str, str, str, str]:
    found = json.dumps(section.suspicions, ensure_ascii=False)
    return section.language, section.heading, section.text, found


def _section(row: Sequence[Any]) -> StoredSection:
    document, number, version, tenant, title, source, language, heading, text = row
    name = section_id(document, number, language)
    return StoredSection(name, version, tenant, title, source, language, heading, text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
