"""Figures that the sources do not have are found, however they are written."""

import pytest

from agent.dialogue.guards import figures, unsupported_figures


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
        ("万一断了", set()),
    ],
)
def test_figures(text: str, expected: set[float]) -> None:
    assert expected <= figures(text)
    if not expected:
        assert not figures(text)


def test_a_figure_that_no_source_has_is_reported() -> None:
    assert unsupported_figures("延迟不超过 250 毫秒", "端到端延迟 400 毫秒以内") == {"250"}


def test_the_same_figure_in_other_writing_is_supported() -> None:
    assert not unsupported_figures("六百毫秒以内接通", "接通耗时 600 毫秒")
    assert not unsupported_figures("within 15 minutes", "十五分钟之内")


def test_small_counts_need_no_source() -> None:
    assert not unsupported_figures("分三步检查", "先看网络")
