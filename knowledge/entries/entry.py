"""Where knowledge begins: Markdown files with front matter in, checked entries out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import yaml

from common.errors import InputError, LiukeError
from common.languages import LANGUAGES, Language, spoken_length
from knowledge.contract import PlaybookStep
from knowledge.entries.playbook import faults, read_playbook
from knowledge.plain_yaml import front_matter

#: An opening is heard at once, before anything else: it has to be short.
OPENING_LIMIT: Final[dict[Language, int]] = {"zh": 30, "en": 18}
_OPENING_UNIT: Final[dict[Language, str]] = {"zh": "characters", "en": "words"}

_TEXTS: Final = ("id", "language", "title", "topic", "source", "opening")
_LISTS: Final = ("scenario", "region", "product", "questions")
_OPTIONAL_LISTS: Final = ("platform", "error_codes")
_PLAYBOOK: Final = "playbook"
FIELDS: Final = (*_TEXTS, *_LISTS, *_OPTIONAL_LISTS, _PLAYBOOK)


@dataclass(frozen=True)
class Entry:
    """One subject in one language."""

    id: str
    """Language and file name: zh/echo-howling."""
    language: Language
    title: str
    scenario: tuple[str, ...]
    region: tuple[str, ...]
    topic: str
    product: tuple[str, ...]
    """The parts of the operator's product that it is about."""
    questions: tuple[str, ...]
    """The ways customers ask for it."""
    source: str
    opening: str
    """One spoken sentence, true by itself, approved by the operator."""
    body: str
    """Markdown."""
    platform: tuple[str, ...] = ()
    """Empty: all of them."""
    error_codes: tuple[str, ...] = ()
    """The codes that customers read out when they mean this entry."""
    playbook: tuple[PlaybookStep, ...] = ()
    """How to walk through it with a customer, from the first step; empty where nobody wrote it."""


def stored_entry(values: Mapping[str, Any]) -> Entry:
    """An entry that was kept as JSON. Raises TypeError or KeyError when it is something else."""
    fields: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    steps = map(PlaybookStep.from_json, values.get(_PLAYBOOK, ()))
    return Entry(**fields | {_PLAYBOOK: tuple(steps)})


class EntryError(InputError):
    """What is wrong with one file of the corpus, with the line."""

    def __init__(self, path: Path, line: int, what: str, remedy: str) -> None:
        super().__init__(
            f"{path}, line {line}: {what}.", f"{remedy} The other entries are used without it."
        )
        self.path = path
        self.line = line
        self.what = what


@dataclass(frozen=True)
class EntryFile:
    """A file of the corpus taken apart, whether or not it makes an entry."""

    path: Path
    place: Path
    """The path within the corpus."""
    text: str
    metadata: dict[str, Any]
    body: str

    @property
    def id(self) -> str:
        """The id that the entry has to have."""
        return entry_id(self.place)

    def line_of(self, field: str, item: str = "") -> int:
        """Line of a front-matter field, or of an item of its list; 1 where it is missing."""
        found = re.search(rf"^{re.escape(field)}\s*:", self.text, re.MULTILINE)
        if not found:
            return 1
        place = self.text.find(item, found.start()) if item else -1
        return self.text.count("\n", 0, max(place, found.start())) + 1

    def line_of_step(self, number: int | None) -> int:
        """Line of a step of the playbook, from 0; of the whole for None."""
        first = self.line_of(_PLAYBOOK)
        below = takewhile(re.compile(r"[ -](?!--)|$").match, self.text.split("\n")[first:])
        items = [line for line in enumerate(below, first + 1) if re.match(r" *- ", line[1])]
        steps = [at for at, line in items if line.index("-") == items[0][1].index("-")]
        return first if number is None or number >= len(steps) else steps[number]

    def body_line(self, offset: int) -> int:
        """Line in the file of a place in the body, given in characters."""
        before = len(self.text.rstrip()) - len(self.body)
        return self.text.count("\n", 0, before + offset) + 1

    def errors(self) -> tuple[EntryError, ...]:
        """All that keeps the file from being an entry, gravest first."""
        of_fields = (
            EntryError(self.path, self.line_of(field), f"'{field}' {what}", f"Correct '{field}'.")
            for field, what in _problems(self.metadata, self.body, self.id)
        )
        return (*of_fields, *self._errors_of_playbook())

    def _errors_of_playbook(self) -> Iterator[EntryError]:
        language = self.metadata.get("language")
        if _PLAYBOOK not in self.metadata or language not in LANGUAGES:
            return
        for fault in faults(self.metadata[_PLAYBOOK], self.id, language):
            step = "" if fault.step is None else f", step {fault.step + 1}"
            what = f"'{_PLAYBOOK}'{step}: {fault.what}"
            yield EntryError(self.path, self.line_of_step(fault.step), what, fault.remedy)

    def entry(self) -> Entry:
        """The entry. Raises EntryError with the gravest of the errors."""
        if errors := self.errors():
            raise errors[0]
        values: dict[str, Any] = {field: self.metadata[field].strip() for field in _TEXTS}
        for field in (*_LISTS, *_OPTIONAL_LISTS):
            values[field] = tuple(text.strip() for text in self.metadata.get(field, ()))
        if _PLAYBOOK in self.metadata:
            values[_PLAYBOOK] = read_playbook(self.metadata[_PLAYBOOK])
        return Entry(**values, body=self.body)


@dataclass(frozen=True)
class Corpus:
    """The entries of a folder, and what keeps the other files out."""

    entries: tuple[Entry, ...]
    problems: tuple[LiukeError, ...]


def read_corpus(folder: Path) -> Corpus:
    """All usable entries below ``folder``, in the order of their ids.

    A bad file becomes a problem and the others go in. Raises InputError when there are none.
    """
    entries: dict[str, Entry] = {}
    problems: list[LiukeError] = []
    first: dict[str, Path] = {}
    for path in entry_paths(folder):
        try:
            file = read_file(path, folder)
            entry = file.entry()
            if entry.id in entries:
                raise same_id(file, first[entry.id])
        except LiukeError as problem:
            problems.append(problem)
        else:
            entries[entry.id] = entry
            first[entry.id] = path
    if not entries:
        raise problems[0]
    return Corpus(tuple(entries[name] for name in sorted(entries)), tuple(problems))


def entry_paths(folder: Path) -> tuple[Path, ...]:
    """The files of the corpus, in order. Raises InputError when there are none."""
    paths = tuple(sorted(folder.rglob("*.md")))
    if not paths:
        raise InputError(
            f"There is no knowledge entry below {folder}.",
            "Put Markdown entries there, or set LIUKE_KNOWLEDGE_CORPUS_DIR to where they are.",
        )
    return paths


def read_entry(path: Path, folder: Path) -> Entry:
    """The entry in one file of the corpus ``folder``.

    Raises EntryError naming the file, the line and the field.
    """
    return read_file(path, folder).entry()


def read_file(path: Path, folder: Path) -> EntryFile:
    """One file of the corpus ``folder``. Raises EntryError where it is no text or has no fields."""
    text = _read(path)
    metadata, body = _front_matter(text, path)
    return EntryFile(path, path.relative_to(folder), text, metadata, body)


def entry_id(place: Path) -> str:
    """zh/echo for zh/audio/echo.md: folders below that of the language are only order.

    The bare name for a file that is in no folder.
    """
    language = place.parts[0] + "/" if len(place.parts) > 1 else ""
    return language + place.stem


def same_id(file: EntryFile, first: Path) -> EntryError:
    """That ``file`` has the id of another one, which is used."""
    return EntryError(
        file.path,
        file.line_of("id"),
        f"'id' {file.id!r} is that of {first} too, which is used",
        "Rename one of the two files, and its id with it.",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise EntryError(path, 1, "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise EntryError(path, 1, f"cannot be read ({error})", "Check its permissions.") from None


def _front_matter(text: str, path: Path) -> tuple[dict[str, Any], str]:
    try:
        metadata, body = front_matter(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        what = getattr(error, "problem", None) or "it is not YAML"
        raise EntryError(
            path, line, f"has front matter that cannot be read: {what}", "Correct that line."
        ) from None
    if not metadata:
        raise EntryError(
            path,
            1,
            "has no front matter",
            f"Begin it with --- and the fields {', '.join((*_TEXTS, *_LISTS))}, then ---.",
        )
    return metadata, body


def _problems(metadata: dict[str, Any], body: str, right_id: str) -> Iterator[tuple[str, str]]:
    """What is wrong, as (field, what), gravest first."""
    for field in (*_TEXTS, *_LISTS):
        if field not in metadata:
            yield field, "is missing"
    for field in _TEXTS:
        if field in metadata and not _is_text(metadata[field]):
            yield field, "must be a text"
    yield from _problems_of_lists(metadata)
    language = metadata.get("language")
    if language not in LANGUAGES:
        if _is_text(language):
            yield "language", f"must be one of {', '.join(LANGUAGES)}"
        return
    if not right_id.startswith(f"{language}/"):
        yield "language", f"is {language!r}, but the file is not in the folder {language!r}"
    elif metadata.get("id") != right_id:
        yield "id", f"must be {right_id!r}, the language and the name of the file"
    length = spoken_length(str(metadata.get("opening", "")), language)
    if length > OPENING_LIMIT[language]:
        unit = _OPENING_UNIT[language]
        yield "opening", f"has {length} {unit}, at most {OPENING_LIMIT[language]} can be spoken"
    if not re.search(r"^\s*[^#\s]", body, re.MULTILINE):
        yield "body", "is empty: no text below the front matter"


def _problems_of_lists(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field in (*_LISTS, *_OPTIONAL_LISTS):
        values = metadata.get(field, ["absent"])
        if not isinstance(values, list) or not (values or field in _OPTIONAL_LISTS):
            yield field, "must be a list of texts"
            continue
        for value in values:
            if not _is_text(value):
                kind = "a number" if type(value) in (int, float) else "no text"
                yield field, f"must be a list of texts; {value!r} is {kind}: put it in quotes"
                break


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
