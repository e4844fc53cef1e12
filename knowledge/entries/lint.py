"""The check before knowledge goes live: a folder of entries in, what a support lead mends out.

It reads entries as a customer hears them and as a model is given them: each one by itself, beside
its translation, and beside all others. `vocabulary.toml` holds the words it goes by.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
from typing import Final, Literal

from common.languages import HAN_CHARACTER, LANGUAGES, Language
from common.numbers.figures import LIST_NUMBER, figures_in, said_in
from knowledge.contract import ANOTHER, SMALL_TALK, PlaybookStep
from knowledge.documents.injection import suspicions
from knowledge.entries.entry import (
    FIELDS,
    Entry,
    EntryError,
    EntryFile,
    entry_id,
    entry_paths,
    read_file,
    same_id,
)
from knowledge.entries.openings import POINTLESS, faults, untold_figures
from knowledge.entries.playbook import endless_from, places_of, unheard
from knowledge.entries.vocabulary import NAMED, VOCABULARY, Vocabulary, any_word

Severity = Literal["error", "warning"]

_LEAST_QUESTIONS: Final = 5
_LEAST_QUESTIONS_OF_SMALL_TALK: Final = 3
#: Less is too little to answer from. Han characters, English words.
_LEAST_BODY: Final[dict[Language, int]] = {"zh": 150, "en": 90}
#: More cannot be said in a breath. Han characters, English words.
_LONGEST_SENTENCE: Final[dict[Language, int]] = {"zh": 120, "en": 60}
_COUNTED: Final[dict[Language, str]] = {"zh": "characters", "en": "words"}
#: Facts of a subject, whatever the language it is told in.
_SHARED: Final = (*NAMED, "error_codes")


@dataclass(frozen=True)
class Finding:
    """One thing to mend."""

    path: Path
    line: int
    severity: Severity
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class _Page:
    """An entry and the file it stands in."""

    file: EntryFile
    entry: Entry

    def section(self, heading: str) -> tuple[int, str]:
        """Where the text below a heading begins in the body, and the text; empty without it."""
        pattern = rf"^#+[ \t]*{re.escape(heading)}[ \t]*$(.*?)(?=^#|\Z)"
        found = re.search(pattern, self.entry.body, re.MULTILINE | re.DOTALL)
        return (found.start(1), found[1]) if found else (0, "")


def lint(folder: Path) -> tuple[Finding, ...]:
    """All there is to mend below ``folder``, by file and line.

    Raises SetupError where there is no entry or no usable vocabulary.
    """
    words = Vocabulary.load()
    paths = entry_paths(folder)
    ids = {entry_id(path.relative_to(folder)): path for path in reversed(paths)}
    findings = list(_untranslated(ids))
    pages: list[_Page] = []
    for path in paths:
        try:
            file = read_file(path, folder)
            findings += (*_fields(file, words), *_addressed_to_a_model(file))
            findings += map(_unusable, file.errors())
            if ids[file.id] != path:
                raise same_id(file, ids[file.id])
            if not file.errors():
                pages.append(_Page(file, file.entry()))
        except EntryError as error:
            findings.append(_unusable(error))
    playbooks = {page.entry.id: page.entry.playbook for page in pages if page.entry.playbook}
    for page in pages:
        findings += _one(page, words, ids)
        findings += _playbook(page, playbooks)
    findings += _beside_translation(pages, words)
    findings += _beside_others(pages, words)
    return tuple(sorted(findings, key=lambda found: (found.path, found.line, found.code)))


def _one(page: _Page, words: Vocabulary, ids: Mapping[str, Path]) -> Iterator[Finding]:
    yield from _topic_folder(page)
    yield from _questions(page)
    yield from _opening(page, words)
    yield from _not_for_the_ear(page)
    yield from _dead_links(page, ids)
    if page.entry.topic != SMALL_TALK:
        yield from _body(page, words)


def _error(file: EntryFile, line: int, code: str, message: str, remedy: str) -> Finding:
    return Finding(file.path, line, "error", code, message, remedy)


def _warning(file: EntryFile, line: int, code: str, message: str, remedy: str) -> Finding:
    return Finding(file.path, line, "warning", code, message, remedy)


# The file


def _unusable(error: EntryError) -> Finding:
    what = f"{error.what[0].upper()}{error.what[1:]}."
    return Finding(error.path, error.line, "error", "front-matter", what, error.remedy)


def _fields(file: EntryFile, words: Vocabulary) -> Iterator[Finding]:
    """Fields and values that nobody knows: slips of the pen, or words the vocabulary lacks."""
    for field in sorted(set(file.metadata) - set(FIELDS)):
        close = get_close_matches(field, FIELDS, n=1)
        remedy = f"Write '{close[0]}'." if close else "Take it out; nothing reads it."
        message = f"'{field}' is not a field of an entry."
        yield _warning(file, file.line_of(field), "unknown-field", message, remedy)
    for field in NAMED:
        for value in _texts(file.metadata.get(field)):
            if value not in words.names[field]:
                close = get_close_matches(value, words.names[field], n=1)
                correct = f"Write {close[0]!r}, or add" if close else "Add"
                remedy = f"{correct} it to [{field}] in {VOCABULARY.name}."
                message = f"'{field}' has {value!r}, which the vocabulary does not know."
                yield _warning(file, file.line_of(field), "unknown-value", message, remedy)


def _texts(value: object) -> Iterator[str]:
    """The texts of a field, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _addressed_to_a_model(file: EntryFile) -> Iterator[Finding]:
    # The fields once more as YAML reads them: only there does "\u200b" hide anything.
    read = (text for value in file.metadata.values() for text in _texts(value))
    for what in suspicions("\n".join((file.text, *read))):
        yield _error(
            file,
            _line_where(file, what),
            "written-for-a-model",
            f"There is {what}.",
            "Take it out: an entry speaks to customers, and the model reads it too.",
        )


def _line_where(file: EntryFile, suspicion: str) -> int:
    lines = enumerate(file.text.split("\n"), 1)
    return next((number for number, line in lines if suspicion in suspicions(line)), 1)


def _topic_folder(page: _Page) -> Iterator[Finding]:
    folders, topic = page.file.place.parts[1:-1], page.entry.topic
    if folders and topic not in folders:
        yield _warning(
            page.file,
            page.file.line_of("topic"),
            "topic-folder",
            f"'topic' is {topic!r}, but the file is in {'/'.join(folders)!r}.",
            f"Move it to {page.entry.language}/{topic}, or correct 'topic'.",
        )


# The ways of asking


def _questions(page: _Page) -> Iterator[Finding]:
    entry, file = page.entry, page.file
    small_talk = entry.topic == SMALL_TALK
    least = _LEAST_QUESTIONS_OF_SMALL_TALK if small_talk else _LEAST_QUESTIONS
    if len(entry.questions) < least:
        yield _error(
            file,
            file.line_of("questions"),
            "few-questions",
            f"It has {len(entry.questions)} of the {least} ways of asking that it needs.",
            "Add how customers put it: short, long, vague, angry, without the technical term.",
        )
    for question in entry.questions:
        if _heard(question) == _heard(entry.title):
            yield _warning(
                file,
                file.line_of("questions", question),
                "question-is-title",
                f"The question “{question}” is the title.",
                "Put it as a customer says it; the title is searched anyway.",
            )


def _heard(text: str) -> str:
    """What is left of a text for the ear: no case, punctuation or spaces."""
    return "".join(character for character in text.casefold() if character.isalnum())


# The opening


def _opening(page: _Page, words: Vocabulary) -> Iterator[Finding]:
    entry, line = page.entry, page.file.line_of("opening")
    # The whole file is searched for orders to a model; small talk may ask, and be only polite.
    passed = {"opening-order", *(POINTLESS if entry.topic == SMALL_TALK else ())}
    for fault in faults(entry.opening, entry.language, entry.body, words):
        if fault.code not in passed:
            path = page.file.path
            yield Finding(path, line, fault.severity, fault.code, fault.message, fault.remedy)


# The body

#: As much as is said in one breath: a line may end in it, an item of a list does not go on.
_BREATH = r"(?=\S)(?:[^。！？；!?;.\n]|\.(?!\s|$)|\n(?=[^\s\d#*-]))+"
_CLAUSE = r"(?=\S)(?:[^，；,;]|,(?=\d{3}))+"
_EMOJI = "\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"
_WEB_ADDRESS = (
    r"[A-Za-z]{2,}://\S+|www\.\S+|[\w.+-]+@[\w-]+\.\w+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|cn|net|org)\b"
)
#: What is there, its pattern, what to do.
_FOR_THE_EYE: Final = tuple(
    (what, re.compile(pattern, re.MULTILINE), remedy)
    for what, pattern, remedy in (
        ("a table", r"(?:^[ \t]*\|.*\n?)+", "Say it in sentences or as numbered steps."),
        (
            "a web address",
            f"(?a:{_WEB_ADDRESS})",
            "Say where to find it, as you would on the phone.",
        ),
        ("code", r"```(?s:.*?)(?:```|\Z)|`[^`\n]+`", "Say what it does, without code."),
        ("HTML", r"</?[A-Za-z][^<>\n]*>|<!--|&(?:[a-z]+|#\d+);", "Take it out."),
        ("an image", r"!\[", "Say in words what it shows."),
        (
            "emphasis",
            r"\*\*|~~|(?<![\w_])__|(?<![\w*])\*[^\s*][^*\n]*\*(?![\w*])"
            r"|(?<![\w_])_[^\s_][^_\n]*_(?![\w_])",
            "Take the marks out; put what matters first.",
        ),
        (
            "a number too long to follow",
            r"(?<![\d-])\d(?:-?\d){8,}",
            "Round it (about four billion), or say where to find it.",
        ),
        ("an emoji", f"[{_EMOJI}]+", "Take it out."),
    )
)


def _not_for_the_ear(page: _Page) -> Iterator[Finding]:
    """What the voice cannot say, or nobody can follow."""
    entry, file = page.entry, page.file
    for what, pattern, remedy in _FOR_THE_EYE:
        lines = {file.body_line(found.start()) for found in pattern.finditer(entry.body)}
        if pattern.search(entry.opening):
            lines.add(file.line_of("opening"))
        said = enumerate(step.say for step in entry.playbook)
        lines |= {file.line_of_step(number) for number, say in said if pattern.search(say)}
        for line in sorted(lines):
            message = f"There is {what}, which cannot be read aloud."
            yield _error(file, line, "unreadable-aloud", message, remedy)
    for found in re.finditer(_BREATH, entry.body):
        length = _length(found[0], entry.language)
        if length > _LONGEST_SENTENCE[entry.language]:
            yield _warning(
                file,
                file.body_line(found.start()),
                "long-sentence",
                f"A sentence of {length} {_COUNTED[entry.language]} is too long for one breath.",
                "Make two of it.",
            )


def _length(text: str, language: Language) -> int:
    """Han characters, or English words."""
    return (
        len(HAN_CHARACTER.findall(text)) if language == "zh" else len(re.findall(r"[\w'’-]+", text))
    )


def _body(page: _Page, words: Vocabulary) -> Iterator[Finding]:
    entry, file = page.entry, page.file
    length = _length(entry.body, entry.language)
    line = file.body_line(0)
    if length < _LEAST_BODY[entry.language]:
        yield _warning(
            file,
            line,
            "short-body",
            f"{length} {_COUNTED[entry.language]} are little to answer from.",
            f"Say more, {_LEAST_BODY[entry.language]} at least.",
        )
    headings = words.headings[entry.language]
    missing = [heading for heading in headings if not page.section(heading)[1].strip()]
    if missing:
        yield _warning(
            file,
            line,
            "missing-section",
            f"It has no section “{'”, “'.join(missing)}”.",
            f"Write it, or change [sections] in {VOCABULARY.name}.",
        )
    heading = words.steps[entry.language]
    _, steps = page.section(heading)
    if not LIST_NUMBER.search(steps or entry.body):
        yield _warning(
            file,
            line,
            "no-steps",
            f"It has no numbered steps under “{heading}”.",
            "Number what to do, in the order to do it: steps are spoken one by one.",
        )


def _dead_links(page: _Page, ids: Mapping[str, Path]) -> Iterator[Finding]:
    body, file = page.entry.body, page.file
    for found in re.finditer(r"\[[^\]\n]*\]\(\s*([^)\s]*)[^)\n]*\)", body):
        target = found[1].partition("#")[0]
        if target and "://" not in target and not (file.path.parent / target).exists():
            yield _error(
                file,
                file.body_line(found.start()),
                "dead-link",
                f"It points to {target!r}, which is not there.",
                "Correct the target, or say in words what is meant.",
            )
    for found in re.finditer(r"(?<![\w/.-])(?:zh|en)/[a-z0-9]+(?:-[a-z0-9]+)*(?![\w/.-]*\w)", body):
        if found[0] not in ids and found[0].partition("/")[2] not in LANGUAGES:
            yield _error(
                file,
                file.body_line(found.start()),
                "dead-link",
                f"It names the entry {found[0]!r}, which is not there.",
                "Correct the id, or leave it out.",
            )


# The playbook


def _playbook(page: _Page, playbooks: Mapping[str, Sequence[PlaybookStep]]) -> Iterator[Finding]:
    """What is wrong with a playbook beside its entry, and beside the others."""
    entry, file = page.entry, page.file
    for number, step in enumerate(entry.playbook):
        line = file.line_of_step(number)
        for figure in untold_figures(step.say, f"{entry.body}\n{entry.source}"):
            yield _error(
                file,
                line,
                "playbook-figure",
                f"Step {step.name!r} says “{figure}”, which neither body nor source does.",
                "Say it in the body too, or leave it out: customers ask where it comes from.",
            )
        for place in dict.fromkeys(places_of(step)):
            another = f"{entry.language}/{place.removeprefix(ANOTHER)}"
            if place.startswith(ANOTHER) and another not in playbooks:
                yield _error(
                    file,
                    line,
                    "dead-link",
                    f"Step {step.name!r} leads to {place!r}, which has no playbook.",
                    "Correct the name, write that playbook, or lead to a person.",
                )
        for word, before in unheard(step):
            yield _warning(
                file,
                line,
                "playbook-unheard",
                f"Step {step.name!r} never hears “{word}”: “{before}” comes first, and is in it.",
                "Put its look before the other: the first that fits counts.",
            )
    if entry.playbook and (name := endless_from(entry.id, playbooks)):
        yield _error(
            file,
            file.line_of_step([step.name for step in entry.playbook].index(name)),
            "playbook-circle",
            f"From step {name!r} 'otherwise' goes round in a circle through other entries.",
            "Lead to a person in one of them: a customer may answer nothing that fits.",
        )


# The translation


def _untranslated(ids: Mapping[str, Path]) -> Iterator[Finding]:
    for name, path in ids.items():
        language, _, subject = name.partition("/")
        for other in LANGUAGES:
            if language in LANGUAGES and f"{other}/{subject}" not in ids:
                yield Finding(
                    path,
                    1,
                    "error",
                    "untranslated",
                    f"There is no {other}/{subject}, the same subject in the other language.",
                    f"Write {subject}.md below {other} as well.",
                )


def _beside_translation(pages: Sequence[_Page], words: Vocabulary) -> Iterator[Finding]:
    by_id = {page.entry.id: page for page in pages}
    for page in pages:
        subject = page.entry.id.partition("/")[2]
        for language in LANGUAGES:
            other = by_id.get(f"{language}/{subject}")
            if other and other is not page:
                yield from _unlikefigures_in(page, other, words)
                if page.entry.language == "en":
                    yield from _unlike_facts(page, other)
                    yield from _unlike_playbook(page, other)


def _unlike_facts(page: _Page, other: _Page) -> Iterator[Finding]:
    for field in _SHARED:
        here, there = (set(_texts(p.file.metadata.get(field))) for p in (page, other))
        if here != there:
            yield _error(
                page.file,
                page.file.line_of(field),
                "unlike-translation",
                f"'{field}' has {_listed(here)} here, but {_listed(there)} in {other.entry.id}.",
                "Make them the same: a subject's facts do not depend on the language.",
            )


def _unlike_playbook(page: _Page, other: _Page) -> Iterator[Finding]:
    """The first step that leads elsewhere in the other language."""
    here, there = (list(map(_ways, one.entry.playbook)) for one in (page, other))
    if here != there:
        pairs = zip_longest(here, there)
        number = next(number for number, (one, two) in enumerate(pairs) if one != two)
        yield _error(
            page.file,
            page.file.line_of_step(number),
            "unlike-translation",
            f"Step {number + 1} of 'playbook' is another, or leads elsewhere, in {other.entry.id}.",
            "Give both the same steps, answers and ways, in the same order; only what is said and "
            "the words that are heard differ.",
        )


def _ways(step: PlaybookStep) -> tuple[object, ...]:
    """What a step is in any language."""
    return (step.name, tuple((look.answer, look.next) for look in step.looks), step.otherwise)


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"


def _unlikefigures_in(page: _Page, other: _Page, words: Vocabulary) -> Iterator[Finding]:
    start, targets = page.section(words.targets[page.entry.language])
    known = said_in(other.entry.body)
    for figure in figures_in(targets):
        every_one = (figure.dimension, *figure.amounts) == ("share", 100)  # 百分之百, a word
        plain = figure.dimension and not figure.about and not every_one
        if plain and not figure.is_in(known, by_number=True):
            yield _warning(
                page.file,
                page.file.body_line(start + figure.start),
                "unlike-figure",
                f"The target “{figure.text}” is not in {other.entry.id}.",
                "Say the same figures in both languages.",
            )


# Other entries


def _beside_others(pages: Sequence[_Page], words: Vocabulary) -> Iterator[Finding]:
    yield from _repeated(pages)
    for language in LANGUAGES:
        told = [page for page in pages if page.entry.language == language]
        yield from _contradictions(told, words)


def _repeated(pages: Sequence[_Page]) -> Iterator[Finding]:
    """Questions and openings that stand in the language already."""
    first: dict[tuple[Language, str, str], str] = {}
    for page in pages:
        entry, file = page.entry, page.file
        asked = [("question", text, file.line_of("questions", text)) for text in entry.questions]
        for what, text, line in (*asked, ("opening", entry.opening, file.line_of("opening"))):
            key = (entry.language, what, _heard(text))
            if key in first:
                yield _error(
                    file,
                    line,
                    f"same-{what}",
                    f"The {what} “{text}” stands in {first[key]} already.",
                    "Keep it where it fits, and take it out of the other place.",
                )
            first.setdefault(key, entry.id)


@dataclass(frozen=True)
class _Target:
    """A figure to aim at: what is measured, on which side of the value to stay."""

    page: _Page
    line: int
    about: tuple[str, ...]
    """The quantity, the side, the kind of unit, and what else narrows it down."""
    value: float
    text: str


def _contradictions(pages: Sequence[_Page], words: Vocabulary) -> Iterator[Finding]:
    """Different values for the same quantity, among entries of one language."""
    of_place: dict[tuple[str, ...], list[_Target]] = defaultdict(list)
    for page in pages:
        for target in _targets(page, words):
            for scenario in page.entry.scenario:
                for region in page.entry.region:
                    of_place[scenario, region, *target.about].append(target)
    reported: set[tuple[str, int]] = set()
    for targets in of_place.values():
        usual = Counter(target.value for target in targets).most_common(1)[0][0]
        other = next(target for target in targets if target.value == usual)
        for target in targets:
            place = (target.page.entry.id, target.line)
            if target.value != usual and place not in reported:
                reported.add(place)
                yield _warning(
                    target.page.file,
                    target.line,
                    "contradiction",
                    f"The target “{target.text}” is “{other.text}” in {other.page.file.place}, "
                    f"line {other.line}.",
                    "Agree on one figure, or say what makes the two cases different.",
                )


def _targets(page: _Page, words: Vocabulary) -> Iterator[_Target]:
    """The targets of an entry; none for a quantity of which it names several values."""
    values: dict[tuple[str, ...], dict[float, _Target]] = defaultdict(dict)
    start, text = page.section(words.targets[page.entry.language])
    for breath in re.finditer(_BREATH, text):
        for clause in re.finditer(_CLAUSE, breath[0]):
            line = page.file.body_line(start + breath.start() + clause.start())
            before = f"{page.entry.title} {breath[0][: clause.start()]}"
            if target := _target(page, line, clause[0].strip(), before, words):
                values[target.about].setdefault(target.value, target)
    for targets in values.values():
        if len(targets) == 1:
            yield from targets.values()


def _target(page: _Page, line: int, clause: str, before: str, words: Vocabulary) -> _Target | None:
    """The target that a clause sets; None where it is not plain which."""
    language = page.entry.language
    quantities = _named(clause, words.quantities[language])
    sides = _named(clause, words.comparisons[language])
    figures = [figure for figure in figures_in(clause) if figure.dimension]
    amounts = [amount for figure in figures for amount in figure.amounts]
    if not len(quantities) == len(sides) == len(amounts) == 1:
        return None
    narrowed = set(_named(before + clause, words.qualifiers[language]))
    about = (quantities[0], sides[0], figures[0].dimension, *sorted(narrowed))
    return _Target(page, line, about, amounts[0], clause)


def _named(text: str, names: Mapping[str, str]) -> list[str]:
    """What ``text`` names; 不低于 is not 低于."""
    return [names[wording.lower()] for wording in any_word(names).findall(text)]
