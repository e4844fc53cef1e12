"""Where a streamed answer is cut into clauses."""

from __future__ import annotations

import random

import pytest

from agent.speech.clauses import ClauseSplitter, split_clauses

pytestmark = pytest.mark.unit

TEXTS = [
    "好的，我来看看。请检查 UDP 端口 4000，如果还是卡顿，就把分辨率降到 720p。",
    "Allow UDP and port 3478 if you can; otherwise use TURN over TLS on port 443. It works.",
    "1. 检查网络\n2. 重启应用\n",
    "不支持。我们支持网页和原生应用以及各种各样的小程序还有很多别的没有标点的很长很长的句子没完没了",
    "A sentence without any mark that goes on and on and continues until the limit of the splitter "
    "is reached and then it should be cut somewhere between two words and not inside one of them",
]


def test_clauses_end_at_marks_of_both_languages() -> None:
    assert split_clauses(TEXTS[0]) == [
        "好的，我来看看。",
        "请检查 UDP 端口 4000，",
        "如果还是卡顿，",
        "就把分辨率降到 720p。",
    ]
    assert split_clauses(TEXTS[1]) == [
        "Allow UDP and port 3478 if you can;",
        " otherwise use TURN over TLS on port 443.",
        " It works.",
    ]
    assert split_clauses(TEXTS[2]) == ["1. 检查网络\n", "2. 重启应用\n"]


@pytest.mark.parametrize(
    "inside",
    [
        "延迟大约在3.5秒以内",
        "编码请使用H.264格式",
        "会议安排在10:30开始吧",
        "Choose a smaller frame e.g. 640x360 for phones",
        "It costs about 1,000,000 tokens",
        "Open docs.example.com/a?b=c now",
    ],
)
def test_marks_inside_a_term_do_not_cut(inside: str) -> None:
    assert len(split_clauses(inside)) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_the_cuts_do_not_depend_on_how_the_text_arrives(text: str) -> None:
    whole = split_clauses(text)
    chance = random.Random(7)
    for _ in range(20):
        splitter, rest, clauses = ClauseSplitter(), text, []
        while rest:
            size = chance.randint(1, 6)
            clauses += splitter.push(rest[:size])
            rest = rest[size:]
        assert clauses + splitter.flush() == whole


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_lost_and_a_clause_stays_whole(text: str) -> None:
    clauses = split_clauses(text)
    assert "".join(clauses) == text
    assert all(split_clauses(clause) == [clause] for clause in clauses)


def test_the_first_clause_comes_before_the_sentence_is_complete() -> None:
    assert ClauseSplitter().push("请先检查网络权限，然后") == ["请先检查网络权限，"]


def test_a_long_clause_is_cut_between_words() -> None:
    for text in TEXTS[3:]:
        for clause in split_clauses(text):
            assert len(clause) <= (40 if "。" in text else 135)
    assert split_clauses(TEXTS[4])[0].endswith(" ")


def test_flush_empties_the_splitter() -> None:
    splitter = ClauseSplitter()
    splitter.push("还没说完")
    assert splitter.flush() == ["还没说完"]
    assert splitter.flush() == []
    assert split_clauses(" \n…”") == []
