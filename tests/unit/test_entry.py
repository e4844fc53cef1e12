"""An entry is checked when it is read: a bad file names itself, the others go in."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import LiukeError
from common.languages import language_of, spoken_length
from knowledge.entries.entry import read_corpus, read_entry, read_file

pytestmark = pytest.mark.unit

GOOD = """---
id: zh/echo
language: zh
title: 回声
scenario: [general]
region: [global]
topic: troubleshooting
product: [audio]
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
    assert (entry.product, entry.platform, entry.error_codes) == (("audio",), (), ())


def test_platforms_and_error_codes_may_be_given(tmp_path: Path) -> None:
    more = 'platform: [ios, web]\nerror_codes: ["110"]\nsource:'
    entry = read_entry(write(tmp_path, GOOD.replace("source:", more)), tmp_path)
    assert (entry.platform, entry.error_codes) == (("ios", "web"), ("110",))


def test_folders_below_the_language_are_only_order(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "zh/troubleshooting/audio/echo.md")
    assert read_entry(path, tmp_path).id == "zh/echo"


@pytest.mark.parametrize("name", ["echo.md", "en/echo.md", "troubleshooting/zh/echo.md"])
def test_a_file_outside_the_folder_of_its_language_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(LiukeError, match="line 3: 'language' is 'zh', but the file is not in"):
        read_entry(write(tmp_path, GOOD, name), tmp_path)


def test_of_two_files_with_the_same_id_the_first_is_used(tmp_path: Path) -> None:
    first = write(tmp_path, GOOD, "zh/a/echo.md")
    second = write(tmp_path, GOOD.replace("title: 回声", "title: 啸叫"), "zh/b/echo.md")
    corpus = read_corpus(tmp_path)
    assert [entry.title for entry in corpus.entries] == ["回声"]
    (problem,) = corpus.problems
    assert f"{second}, line 2" in problem.message
    assert str(first) in problem.message
    assert "Rename" in problem.remedy


def test_entries_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "zh/z/echo.md")
    write(tmp_path, GOOD.replace("zh/echo", "zh/howling"), "zh/a/howling.md")
    assert [entry.id for entry in read_corpus(tmp_path).entries] == ["zh/echo", "zh/howling"]


def test_all_that_is_wrong_with_a_file_can_be_had(tmp_path: Path) -> None:
    bad = GOOD.replace("title: 回声\n", "").replace("[general]", "general").replace("zh/", "zh/x")
    found = read_file(write(tmp_path, bad), tmp_path).errors()
    assert [(error.line, error.what.split()[0]) for error in found] == [
        (1, "'title'"),
        (4, "'scenario'"),
        (2, "'id'"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "line", "named"),
    [
        ("title: 回声\n", "", 1, "'title' is missing"),
        ("language: zh", "language: de", 3, "'language' must be one of zh, en"),
        ("id: zh/echo", "id: zh/other", 2, "'id' must be 'zh/echo'"),
        ("scenario: [general]", "scenario: general", 5, "'scenario' must be a list"),
        ("product: [audio]\n", "", 1, "'product' is missing"),
        ("product: [audio]", "product: []", 8, "'product' must be a list of texts"),
        ("  - 有回声怎么办", "  - 12", 9, "'questions' must be a list of texts; 12 is a number"),
        ("source:", "platform: ios\nsource:", 11, "'platform' must be a list of texts"),
        ("source:", "error_codes: [110]\nsource:", 11, "110 is a number: put it in quotes"),
        ("source:", 'error_codes: [""]\nsource:', 11, "'' is no text"),
        ("先戴上耳机。", "先" * 31, 12, "'opening' has 31 characters"),
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
    with pytest.raises(LiukeError) as caught:
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
    with pytest.raises(LiukeError, match="LIUKE_KNOWLEDGE_CORPUS_DIR"):
        read_corpus(tmp_path)


def test_the_length_of_an_opening_is_what_is_spoken() -> None:
    assert spoken_length("先看UDP，再看443。", "zh") == 10
    assert spoken_length("Check UDP first, then 443.", "en") == 5


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
