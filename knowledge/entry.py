"""Where knowledge begins: Markdown files with front matter in, checked entries out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

import frontmatter
import yaml

from knowledge.errors import KnowledgeError

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

#: An opening is heard at once, before anything else: it has to be short.
OPENING_LIMIT: Final[dict[Language, int]] = {"zh": 30, "en": 18}
_OPENING_UNIT: Final[dict[Language, str]] = {"zh": "characters", "en": "words"}

_LISTS: Final = ("scenario", "region", "questions")
_TEXTS: Final = ("id", "language", "title", "topic", "source", "opening")

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class Entry:
    """One subject in one language."""

    id: str
    language: Language
    title: str
    scenario: tuple[str, ...]
    region: tuple[str, ...]
    topic: str
    questions: tuple[str, ...]
    """The ways customers ask for it."""
    source: str
    opening: str
    """One spoken sentence, true by itself, approved by the operator."""
    body: str
    """Markdown."""


@dataclass(frozen=True)
class Corpus:
    """The entries of a folder, and what keeps the other files out."""

    entries: tuple[Entry, ...]
    problems: tuple[KnowledgeError, ...]


def read_corpus(folder: Path) -> Corpus:
    """All usable entries below ``folder``, in the order of their ids.

    A bad file becomes a problem and the others go in. Raises KnowledgeError when there are none.
    """
    entries: list[Entry] = []
    problems: list[KnowledgeError] = []
    for path in sorted(folder.rglob("*.md")):
        try:
            entries.append(read_entry(path, folder))
        except KnowledgeError as problem:
            problems.append(problem)
    if not entries:
        raise (
            problems[0]
            if problems
            else KnowledgeError(
                f"There is no knowledge entry below {folder}.",
                "Put Markdown entries there, or set LIUKE_KNOWLEDGE_CORPUS_DIR to where they are.",
            )
        )
    return Corpus(tuple(entries), tuple(problems))


def read_entry(path: Path, folder: Path) -> Entry:
    """The entry in one file of the corpus ``folder``.

    Raises KnowledgeError naming the file, the line and the field.
    """
    text = _read(path)
    metadata, body = _front_matter(text, path)
    entry_id = path.relative_to(folder).with_suffix("").as_posix()
    for field, problem in _problems(metadata, body, entry_id):
        raise _error(path, _line_of(field, text), f"'{field}' {problem}", f"Correct '{field}'.")
    values: dict[str, Any] = {field: metadata[field].strip() for field in _TEXTS}
    values |= {field: tuple(text.strip() for text in metadata[field]) for field in _LISTS}
    return Entry(**values, body=body.strip())


def opening_length(opening: str, language: Language) -> int:
    """Length as the limit counts it: letters and digits without punctuation, or English words."""
    if language == "en":
        return len(opening.split())
    return sum(character.isalnum() for character in opening)


def language_of(text: str) -> Language:
    """The language of a question; English terms inside Mandarin do not make it English.

    A Mandarin word is about two characters, so a Han character weighs half an English word; a
    sentence of Mandarin with as many English terms again is still Mandarin.
    """
    han = len(_HAN.findall(text))
    return "zh" if han and han >= len(re.findall(r"[A-Za-z]{2,}", text)) else "en"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _error(path, 1, "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise _error(path, 1, f"cannot be read ({error})", "Check its permissions.") from None


def _front_matter(text: str, path: Path) -> tuple[dict[str, Any], str]:
    try:
        metadata, body = frontmatter.parse(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or "it is not YAML"
        raise _error(
            path, line, f"has front matter that cannot be read: {what}", "Correct that line."
        ) from None
    if not metadata:
        raise _error(
            path,
            1,
            "has no front matter",
            f"Begin it with --- and the fields {_names()}, then ---.",
        )
    return metadata, body


def _problems(metadata: dict[str, Any], body: str, entry_id: str) -> Iterator[tuple[str, str]]:
    """What is wrong, as (field, what), gravest first."""
    for field in (*_TEXTS, *_LISTS):
        if field not in metadata:
            yield field, "is missing"
    for field in _TEXTS:
        if not isinstance(metadata.get(field), str) or not metadata[field].strip():
            yield field, "must be a text"
    for field in _LISTS:
        values = metadata.get(field)
        if not isinstance(values, list) or not values or not all(_is_text(v) for v in values):
            yield field, "must be a list of texts"
    if metadata.get("language") not in LANGUAGES:
        yield "language", f"must be one of {', '.join(LANGUAGES)}"
        return
    if metadata.get("id") != entry_id:
        yield "id", f"must be {entry_id!r}, the file's place in the corpus"
    if not entry_id.startswith(f"{metadata['language']}/"):
        yield "language", f"must be that of the folder, {entry_id.split('/')[0]!r}"
    language: Language = metadata["language"]
    length = opening_length(str(metadata.get("opening", "")), language)
    if length > OPENING_LIMIT[language]:
        unit = _OPENING_UNIT[language]
        yield "opening", f"has {length} {unit}, at most {OPENING_LIMIT[language]} can be spoken"
    if not re.search(r"^\s*[^#\s]", body, re.MULTILINE):
        yield "body", "is empty: no text below the front matter"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _line_of(field: str, text: str) -> int:
    """Line of a front-matter field, 1 where it is missing."""
    found = re.search(rf"^{re.escape(field)}\s*:", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _names() -> str:
    return ", ".join((*_TEXTS, *_LISTS))


def _error(path: Path, line: int, what: str, remedy: str) -> KnowledgeError:
    return KnowledgeError(
        f"{path}, line {line}: {what}.", f"{remedy} The other entries are used without it."
    )
