"""An entry is checked when it is read: a bad file names itself, the others go in."""

from __future__ import annotations

from pathlib import Path

import pytest

from knowledge.entry import language_of, opening_length, read_corpus, read_entry
from knowledge.errors import KnowledgeError

GOOD = """---
id: zh/echo
language: zh
title: 回声
scenario: [general]
region: [global]
topic: troubleshooting
questions:
  - 有回声怎么办
source: 示例
opening: 先戴上耳机。
---
## 怎么做
戴上耳机。
"""


def write(folder: Path, text: str | bytes, name: str = "zh/echo.md") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_good_file_gives_its_entry(tmp_path: Path) -> None:
    entry = read_entry(write(tmp_path, GOOD), tmp_path)
    assert (entry.id, entry.language, entry.questions) == ("zh/echo", "zh", ("有回声怎么办",))
    assert entry.body == "## 怎么做\n戴上耳机。"


@pytest.mark.parametrize(
    ("before", "after", "line", "named"),
    [
        ("title: 回声\n", "", 1, "'title' is missing"),
        ("language: zh", "language: de", 3, "'language' must be one of zh, en"),
        ("id: zh/echo", "id: zh/other", 2, "'id' must be 'zh/echo'"),
        ("scenario: [general]", "scenario: general", 5, "'scenario' must be a list"),
        ("  - 有回声怎么办", "  - 12", 8, "'questions' must be a list of texts"),
        ("先戴上耳机。", "先" * 31, 11, "'opening' has 31 characters"),
        ("## 怎么做\n戴上耳机。\n", "", 1, "'body' is empty"),
        ("\n戴上耳机。", "", 1, "'body' is empty"),
        ("[global]", "[global", 7, "front matter"),
        ("---\nid", "id", 1, "no front matter"),
    ],
)
def test_a_bad_file_names_itself_the_line_and_the_field(
    tmp_path: Path, before: str, after: str, line: int, named: str
) -> None:
    assert before in GOOD
    path = write(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(KnowledgeError) as caught:
        read_entry(path, tmp_path)
    assert f"{path}, line {line}" in caught.value.message
    assert named in caught.value.message
    assert caught.value.remedy


def test_the_others_go_in_without_the_bad_one(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, b"\xff\xfe\x00broken", "zh/broken.md")
    corpus = read_corpus(tmp_path)
    assert [entry.id for entry in corpus.entries] == ["zh/echo"]
    assert "broken.md" in corpus.problems[0].message
    assert "UTF-8" in corpus.problems[0].remedy


def test_an_empty_corpus_says_where_entries_belong(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="LIUKE_KNOWLEDGE_CORPUS_DIR"):
        read_corpus(tmp_path)


def test_the_length_of_an_opening_is_what_is_spoken() -> None:
    assert opening_length("先看UDP，再看443。", "zh") == 10
    assert opening_length("Check UDP first, then 443.", "en") == 5


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("token 过期了怎么办", "zh"),
        ("SDK 的 join channel 报 error 怎么搞", "zh"),
        ("what about Android?", "en"),
        ("what does 丢包率 mean in your weekly report please", "en"),
        ("", "en"),
    ],
)
def test_terms_do_not_change_the_language_of_a_question(text: str, language: str) -> None:
    assert language_of(text) == language
