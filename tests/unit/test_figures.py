"""Figures: a number with its unit is one amount, in whatever language and way it is written."""

from __future__ import annotations

import pytest

from common.numbers.figures import figures_in, said_in
from common.numbers.units import UNITS

pytestmark = pytest.mark.unit


def amounts(text: str) -> list[tuple[str, tuple[float, ...]]]:
    return [(figure.dimension, figure.amounts) for figure in figures_in(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("控制在 600 毫秒以内", {600}),
        ("六百毫秒", {600}),
        ("百分之九十九点九", {99.9}),
        ("一万二千个用户", {12000}),
        ("两千零二十四年", {2024}),
        ("within fifteen minutes", {15}),
        ("six hundred milliseconds", {600}),
        ("twenty-five people, one of them", {25, 1}),
        ("between five and seven times", {5, 7}),
        ("within twelve minutes", {12}),
        ("99.9 %", {99.9}),
        ("error one one zero", {110}),
        ("20 million users", {20_000_000}),
        ("万一断了，十分卡，四处看看，千万别断", set()),
        ("十几秒，几十个，上百人，同一天", set()),
        ("a few hundred, hundreds of them", set()),
    ],
)
def test_the_numbers_of_a_text(text: str, expected: set[float]) -> None:
    assert said_in(text).numbers == expected


@pytest.mark.parametrize(
    "same",
    [
        ("2 小时", "两小时", "two hours", "120 minutes", "120 min", "7200 s", "两个小时"),
        ("15 分钟", "十五分钟", "一刻钟", "a quarter of an hour", "15-minute", "0.25 h"),
        ("半小时", "half an hour", "30 分钟", "thirty minutes", "半个小时"),
        ("一个半小时", "an hour and a half", "90 minutes", "1.5 小时", "one and a half hours"),
        ("0.4 s", "400 毫秒", "four hundred milliseconds", "400ms"),
        ("5%", "百分之五", "5 percent", "５％", "five per cent", "5 个百分点", "千分之五十"),
        ("七成", "70%", "seven tenths", "十分之七"),
        ("三分之一", "a third", "one third"),
        ("3 天", "三天", "three days", "72 小时"),
        ("4 周", "四个星期", "four weeks", "28 days"),
        ("一年", "12 个月", "twelve months", "1 year"),
        ("2 Mbps", "2000 kbps", "两兆比特", "2M", "two megabits"),
        ("1 GB", "1024 MB", "1024 兆字节"),
        ("48 kHz", "四十八千赫", "48000 Hz", "48 kilohertz"),
        ("30 帧", "30 fps", "thirty frames a second"),
        ("$5", "5 美元", "five dollars"),
        ("两倍", "2x", "two times", "翻倍", "twice as many"),
        ("端口 3478", "port 3478", "UDP 3478", "3478 端口"),
        ("15 到 30 分钟", "15-30 min", "fifteen to thirty minutes", "15 至 30 分钟"),
    ],
    ids=lambda same: same[0],
)
def test_one_amount_in_all_its_writings(same: tuple[str, ...]) -> None:
    for text in same:
        for figure in figures_in(f"within {same[0]}"):
            assert figure.is_in(said_in(text)), text


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("16到20kbps", [("bits a second", (16_000, 20_000))]),
        ("8 or 16 kilohertz", [("hertz", (8_000, 16_000))]),
        ("1%到2%", [("share", (1,)), ("share", (2,))]),
        ("第四周，2026年，第一步", [("", (4,)), ("", (2026,)), ("", (1,))]),
        ("5 个端口", [("", (5,))]),
        ("within an hour, 24 hours a day", [("time", (3_600_000,)), ("time", (86_400_000,))]),
        ("一百多毫秒", [("time", (100,))]),
        ("B2B, H264", [("", (2,)), ("", (264,))]),
        ("1. 先等 5 秒\n2. 再试", [("time", (5_000,))]),
    ],
)
def test_what_a_number_measures(text: str, figures: list[tuple[str, tuple[float, ...]]]) -> None:
    assert amounts(text) == figures


def test_where_a_figure_stands() -> None:
    text = "一般在 15 到 30 分钟内恢复"
    (figure,) = figures_in(text)
    assert text[figure.start :].startswith(figure.text) and figure.text == "15 到 30 分钟"


@pytest.mark.parametrize("digit", ["一", "9", "十", "九千", "one "])
def test_a_number_longer_than_any_amount_is_read(digit: str) -> None:
    assert figures_in(f"编号是{digit * 400}。") is not None


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.factor:g} {unit.dimension}")
def test_every_unit_of_the_table_is_understood(unit) -> None:  # type: ignore[no-untyped-def]
    for name in (*unit.symbols, *unit.names["zh"], *unit.names["en"]):
        (figure,) = figures_in(f"7 {name}半" if name == "分" else f"7 {name}")
        assert (figure.dimension, figure.factor) == (unit.dimension, unit.factor), name
