"""Figures that the sources do not have are found, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.dialogue.guards import unsupported_figures
from common.numbers.figures import figures_in, said_in
from knowledge.entries.entry import Entry, read_corpus

pytestmark = pytest.mark.unit

ENTRIES = read_corpus(Path(__file__).parents[2] / "knowledge" / "corpus").entries
SOURCE = said_in(
    "值班工程师 15 分钟内响应，端到端延迟在 400 毫秒以内。\n1. 先看网络。\n2. 再重启。"
)


@pytest.mark.parametrize(
    "clause",
    [
        "2小时内恢复服务",
        "两小时内恢复服务",
        "restored within 2 hours",
        "restored within an hour",
        "restored within the hour",
        "2 hrs",
        "双倍赔付",
        "打八折",
        "早上九点上班",
        "only H.265",
        "within 3 days",
        "within two or three days",
        "latency under 400 s",
        "延迟不超过 15 ms",
        "延迟不超过 250 毫秒",
        "响应只要 15 秒",
        "about 15 to 30 minutes",
        "15 天内",
        "成功率百分之四百",
        "百分之百恢复",
        "400 倍",
        "最多 40 个用户",
        "等 2 秒",
    ],
)
def test_a_figure_that_no_source_has_is_found(clause: str) -> None:
    assert unsupported_figures(clause, SOURCE)


def test_what_is_found_is_named() -> None:
    assert unsupported_figures("延迟不超过 250 毫秒，15 分钟内响应", SOURCE) == {"250 毫秒"}


@pytest.mark.parametrize(
    "clause",
    [
        "15 minutes",
        "about 15 minutes",
        "within fifteen minutes",
        "十五分钟之内",
        "一刻钟",
        "a quarter of an hour",
        "400 ms",
        "0.4 s",
        "四百毫秒",
        "不超过 400",
    ],
)
def test_a_figure_of_the_source_in_other_writing_is_supported(clause: str) -> None:
    assert not unsupported_figures(clause, SOURCE)


@pytest.mark.parametrize(
    ("source", "clause"),
    [
        ("150 milliseconds feels natural, and 400 is the limit.", "400 ms at most"),
        ("第一天 1%，再到 10、50，最后全量。", "先放 1%，再放 10%，再放 50%"),
        ("one or two hundred milliseconds more", "一两百毫秒"),
        ("一倍半到两倍", "1.5 times"),
        ("每 30 秒一次", "every 30 seconds"),
    ],
)
def test_a_unit_said_once_holds_for_what_follows(source: str, clause: str) -> None:
    assert not unsupported_figures(clause, said_in(source))


@pytest.mark.parametrize(
    ("source", "clause"),
    [
        ("150 milliseconds for 400 users.", "400 ms"),
        ("150 毫秒内，最多 400 个用户", "400 毫秒"),
        ("150 毫秒内。上限是 400", "400 毫秒"),
        ("等 2 分钟\n5. 重启", "5 分钟"),
    ],
)
def test_a_unit_is_not_carried_to_what_is_counted(source: str, clause: str) -> None:
    assert unsupported_figures(clause, said_in(source))


@pytest.mark.parametrize(
    "clause",
    [
        "分三步检查",
        "第一步，先看网络",
        "一个办法，两种方式",
        "there are three things and two ways",
        "在同一天里一起看",
        "万一十分卡，再试一次",
        "周五周六都在",
        "zero B-frames",
        "这要等几十秒，或者十几分钟",
        "你们 3 个平台都一样",
    ],
)
def test_ordinary_words_need_no_source(clause: str) -> None:
    assert not unsupported_figures(clause, SOURCE)


def _sentences(entry: Entry) -> Iterator[str]:
    yield entry.opening
    yield from filter(None, re.split(r"(?<=[。！？；])|(?<=[.!?;])\s|\n", entry.body))


def test_every_sentence_of_an_entry_is_supported_by_the_entry() -> None:
    alarms = []
    for entry in ENTRIES:
        source = said_in(f"{entry.opening}\n{entry.body}")
        alarms += [
            (entry.id, sentence, found)
            for sentence in _sentences(entry)
            if (found := unsupported_figures(sentence, source))
        ]
    assert alarms == []


#: A unit, and one that a small model may put in its place.
_MISTAKEN = {
    "ms": "s",
    "毫秒": "秒",
    "秒": "分钟",
    "分钟": "小时",
    "小时": "天",
    "天": "周",
    "周": "个月",
    "个月": "年",
    "%": " ms",
    "成": "倍",
    "倍": "成",
    "千比特": "兆比特",
    "millisecond": "second",
    "second": "minute",
    "minute": "hour",
    "hour": "day",
    "day": "week",
    "week": "month",
    "month": "year",
    "percent": "times",
    "kilobit": "megabit",
}


def _mistaken(sentence: str) -> Iterator[str]:
    """The sentence with the unit of one of its figures exchanged."""
    for figure in figures_in(sentence):
        end = figure.start + len(figure.text)
        for unit in sorted(_MISTAKEN, key=len, reverse=True):
            plural = "s" if unit.isascii() and figure.text.endswith(f"{unit}s") else ""
            if (
                figure.text != "翻倍"
                and figure.dimension != "working days"
                and figure.text.endswith(unit + plural)
            ):
                start = end - len(unit + plural)
                yield sentence[:start] + _MISTAKEN[unit] + plural + sentence[end:]
                break


def test_a_figure_with_another_unit_is_found_all_over_the_corpus() -> None:
    found: list[bool] = []
    for entry in ENTRIES:
        source = said_in(f"{entry.opening}\n{entry.body}")
        for sentence in _sentences(entry):
            found += [bool(unsupported_figures(m, source)) for m in _mistaken(sentence)]
    assert len(found) > 900
    assert sum(found) / len(found) >= 0.95
