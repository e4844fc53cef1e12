"""A playbook is checked where it is written, travels with its entry, and changes no search."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import pytest

from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT
from knowledge.contract import PERSON, SOLVED, Look, Playbook, PlaybookStep, SourceEntry
from knowledge.entries.entry import (
    Corpus,
    EntryError,
    read_corpus,
    read_entry,
    read_file,
    stored_entry,
)
from knowledge.entries.lint import lint
from knowledge.search.passages import CorpusTexts

from .test_lint import GOOD, OTHER
from .test_lint import write as write_pair

pytestmark = pytest.mark.unit

CORPUS = PROJECT_ROOT / "knowledge" / "corpus"

SAID: Final[dict[Language, tuple[str, str, str]]] = {
    "zh": (
        "房间里有别人也听见吗？",
        "请对面戴上耳机，等十五分钟。好了吗？",
        "换一台设备。好了吗？",
    ),
    "en": (
        "Does anybody else hear it?",
        "Put on headphones and wait for fifteen minutes. Is it gone?",
        "Try another device. Is it gone?",
    ),
}
WORDS: Final[dict[Language, str]] = {"zh": '["只有我"]', "en": '["Only me", "just him*"]'}


def playbook(language: Language) -> str:
    who, headphones, device = SAID[language]
    return f"""playbook:
  - step: who
    say: "{who}"
    look:
      - {{words: {WORDS[language]}, next: headphones}}
      - {{answer: yes, next: device}}
    otherwise: headphones
  - step: headphones
    say: "{headphones}"
    look:
      - {{answer: "yes", next: solved}}
    otherwise: device
  - step: device
    say: "{device}"
    look:
      - {{answer: "yes", next: solved}}
    otherwise: person
"""


def with_playbooks(*changes: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    """Changes to a good pair of entries: playbooks, and ``changes`` made to these."""
    texts: dict[str, str] = {language: playbook(language) for language in LANGUAGES}
    for language, before, after in changes:
        assert before in texts[language]
        texts[language] = texts[language].replace(before, after)
    return [(language, "\n---\n#", f"\n{text}---\n#") for language, text in texts.items()]


def write(folder: Path, *changes: tuple[str, str, str], name: str = "echo") -> Path:
    other = OTHER if name != "echo" else ()
    return write_pair(folder, *with_playbooks(*changes), *other, name=name)


def line_of(text: str, language: Language) -> int:
    """Where it stands in the playbook of the file."""
    before = GOOD[language].partition("\n---\n#")[0].count("\n") + 2
    return before + playbook(language).partition(text)[0].count("\n")


def test_front_matter_becomes_steps(tmp_path: Path) -> None:
    path = write(tmp_path) / "en" / "troubleshooting" / "echo.md"
    who, headphones, device = read_entry(path, tmp_path).playbook
    assert who == PlaybookStep(
        name="who",
        say="Does anybody else hear it?",
        looks=(Look(None, ("only me", "just him*"), "headphones"), Look("yes", (), "device")),
        otherwise="headphones",
    )
    assert (headphones.name, headphones.looks) == ("headphones", (Look("yes", (), SOLVED),))
    assert device.otherwise == PERSON


def test_a_good_pair_passes_and_an_entry_needs_no_playbook(tmp_path: Path) -> None:
    assert lint(write(tmp_path)) == ()
    assert lint(write_pair(tmp_path, *OTHER, name="other")) == ()


STEP_DEVICE = playbook("en")[playbook("en").index("  - step: device") :]


@pytest.mark.parametrize(
    ("before", "after", "at", "what"),
    [
        ("step: who", "step: Who", "- step: who", "step: 'Who' cannot stand there"),
        ("step: device", "step: who", "- step: who", "its name is that of another step"),
        ("step: device", "step: solved", "- step: device", "no step can be called 'solved'"),
        ("{answer: yes, next: device}", "{answer: yes, next: devise}", "- step: who", "'devise'"),
        ("{answer: yes,", "{answer: maybe,", "- step: who", "look.2.answer: Input should be"),
        ("{answer: yes,", "{answer: yes, words: [a],", "- step: who", "either 'answer' or 'words'"),
        ("{answer: yes, ", "{", "- step: who", "either 'answer' or 'words'"),
        ("{answer: yes,", "{answr: yes,", "- step: who", "look.2.answr: Extra inputs"),
        ('["Only me",', '["just him*",', "- step: who", "'just him*' stands there twice"),
        ('["Only me",', '["on*ly",', "- step: who", "look.1.words.1: 'on*ly' cannot stand"),
        ('["Only me",', f"[{'x, ' * 40}", "- step: who", "look.1.words: List should have at most"),
        ("otherwise: person", "otherwise: solved", "- step: device", "'otherwise' is 'solved'"),
        ("    otherwise: person\n", "", "- step: device", "otherwise: Field required"),
        ("hear it?", "hear it.", "- step: who", "'say' does not end with its one question"),
        ("hear it?", "hear it? Who?", "- step: who", "'say' does not end with its one question"),
        ("anybody", "anybody " * 42, "- step: who", "'say' has 46 words"),
        ('"Try another', '12 #"', "- step: device", "say: Input should be a valid string"),
        ("otherwise: device", "otherwise: person", "- step: device", ""),
        (STEP_DEVICE, STEP_DEVICE * 11, "playbook:", "List should have at most 12 items"),
        (playbook("en"), "playbook: ring us\n", "playbook:", "Input should be a valid list"),
        (playbook("en"), "playbook: []\n", "playbook:", "List should have at least 1 item"),
        ("otherwise: person", "otherwise: who", "- step: who", "it goes round in a circle"),
        ("next: device", "next: headphones", "- step: device", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, before: str, after: str, at: str, what: str
) -> None:
    path = write(tmp_path, ("en", before, after)) / "en" / "troubleshooting" / "echo.md"
    if not what:
        assert read_entry(path, tmp_path).playbook
        return
    errors = [error for error in read_file(path, tmp_path).errors() if what in error.what]
    assert [error.line for error in errors[:1]] == [line_of(at, "en")]
    assert errors[0].remedy
    with pytest.raises(EntryError, match="'playbook'"):
        read_entry(path, tmp_path)


def test_a_step_that_nobody_comes_to_is_named(tmp_path: Path) -> None:
    skipping = [("en", f"{way}: device", f"{way}: person") for way in ("next", "otherwise")]
    path = write(tmp_path, *skipping) / "en" / "troubleshooting" / "echo.md"
    with pytest.raises(EntryError, match="no step leads to it") as caught:
        read_entry(path, tmp_path)
    assert caught.value.line == line_of("- step: device", "en")


def test_steps_on_one_line_have_the_line_of_the_field(tmp_path: Path) -> None:
    flow = "playbook: [{step: who, say: No question, otherwise: person}]\n"
    path = write(tmp_path, ("en", playbook("en"), flow)) / "en" / "troubleshooting" / "echo.md"
    with pytest.raises(EntryError, match="'playbook', step 1") as caught:
        read_entry(path, tmp_path)
    assert caught.value.line == line_of("playbook:", "en")


def test_characters_are_counted_in_mandarin(tmp_path: Path) -> None:
    path = write(tmp_path, ("zh", "房间里", "房" * 70)) / "zh" / "troubleshooting" / "echo.md"
    with pytest.raises(EntryError, match="'say' has 77 characters"):
        read_entry(path, tmp_path)


@pytest.mark.parametrize(
    ("language", "before", "after", "at", "code"),
    [
        ("en", "next: device", "next: person", "- step: who", "unlike-translation"),
        ("en", "{answer: yes,", "{answer: no,", "- step: who", "unlike-translation"),
        ("zh", "等十五分钟", "等二十分钟", "- step: headphones", "playbook-figure"),
        ("en", "fifteen minutes", "twenty minutes", "- step: headphones", "playbook-figure"),
        ("zh", "换一台设备", "换一台**设备**", "- step: device", "unreadable-aloud"),
        ("en", "another device", "www.example.com", "- step: device", "unreadable-aloud"),
        ("en", "another device", r"another\u200b device", "", "written-for-a-model"),
    ],
)
def test_lint_finds_what_one_file_cannot_tell(
    tmp_path: Path, language: Language, before: str, after: str, at: str, code: str
) -> None:
    findings = lint(write(tmp_path, (language, before, after)))
    assert {found.code for found in findings} == {code}
    assert {found.severity for found in findings} == {"error"}
    if at:
        assert findings[0].line == line_of(at, language)
        assert findings[0].path.parts[-3] == language


def hearing(zh: str, en: str) -> list[tuple[str, str, str]]:
    """The first step, hearing one word more, which leads elsewhere than the word before it."""
    answer = "      - {answer: yes,"
    more = (("zh", zh), ("en", en))
    return [(lang, answer, f"      - {{words: [{w}], next: device}}\n{answer}") for lang, w in more]


def test_a_word_that_an_earlier_look_has_in_it_never_counts(tmp_path: Path) -> None:
    findings = lint(write(tmp_path, *hearing("不只有我", "not only me")))
    assert [(found.line, found.code, found.severity) for found in findings] == [
        (line_of("- step: who", "en"), "playbook-unheard", "warning"),
        (line_of("- step: who", "zh"), "playbook-unheard", "warning"),
    ]
    assert lint(write(tmp_path, *hearing("不止我", "commonly me"))) == ()


def test_a_playbook_may_lead_to_another_entrys_and_no_further_than_there_are_any(
    tmp_path: Path,
) -> None:
    leading = [(language, "otherwise: person", "otherwise: entry:other") for language in LANGUAGES]
    findings = lint(write(tmp_path, *leading))
    assert [found.code for found in findings] == ["dead-link"] * 2
    write_pair(tmp_path, *OTHER, name="other")
    assert [found.code for found in lint(tmp_path)] == ["dead-link"] * 2
    write(tmp_path, name="other")
    assert lint(tmp_path) == ()


def test_two_playbooks_that_lead_to_each_other_for_ever_are_found(tmp_path: Path) -> None:
    for name, other in (("echo", "other"), ("other", "echo")):
        there = f"otherwise: entry:{other}"
        write(tmp_path, *((lang, "otherwise: person", there) for lang in LANGUAGES), name=name)
    assert [found.code for found in lint(tmp_path)] == ["playbook-circle"] * 4


def test_it_travels_as_json(tmp_path: Path) -> None:
    entry = read_entry(write(tmp_path) / "zh" / "troubleshooting" / "echo.md", tmp_path)
    assert stored_entry(json.loads(json.dumps(asdict(entry)))) == entry
    shown = SourceEntry(
        version=3,
        sections=("x",),
        steps=(),
        names={},
        **{name: value for name, value in vars(entry).items() if name != "questions"},
    )
    assert SourceEntry.from_json(json.loads(json.dumps(asdict(shown)))) == shown
    walked = Playbook(entry.id, entry.playbook)
    assert Playbook.from_json(json.loads(json.dumps(asdict(walked)))) == walked
    assert walked.language == "zh"


def test_an_entry_that_was_kept_before_there_were_playbooks_is_read(tmp_path: Path) -> None:
    entry = read_entry(write_pair(tmp_path) / "en" / "troubleshooting" / "echo.md", tmp_path)
    kept = {name: value for name, value in asdict(entry).items() if name != "playbook"}
    assert stored_entry(kept) == entry


def test_nothing_of_it_is_searched_but_the_index_is_made_anew(tmp_path: Path) -> None:
    told = read_corpus(write(tmp_path))
    plain = Corpus(tuple(replace(entry, playbook=()) for entry in told.entries), ())
    texts, without = CorpusTexts(told), CorpusTexts(plain)
    for language in LANGUAGES:
        assert list(texts.passages(language)) == list(without.passages(language))
        assert list(texts.questions(language)) == list(without.questions(language))
        assert list(texts.whole(language)) == list(without.whole(language))
    assert texts.digest != without.digest


def test_many_subjects_of_our_corpus_can_be_walked_in_both_languages() -> None:
    entries = read_corpus(CORPUS).entries
    walked = {
        language: {one.id[3:] for one in entries if one.playbook and one.language == language}
        for language in LANGUAGES
    }
    assert walked["zh"] == walked["en"]
    assert len(walked["zh"]) >= 30
