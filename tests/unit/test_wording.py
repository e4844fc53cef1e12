"""Written text becomes text that can be read aloud."""

from __future__ import annotations

import pytest

from knowledge.documents.formats import wording
from knowledge.documents.formats.wording import closed, code, link, sentence, tidy, titled

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("请参考 https://www.example.com/docs/a?b=1#c 。", "请参考 example.com。"),
        ("打开http://localhost:8080/即可", "打开localhost即可"),
        ("See https://example.com/a.", "See example.com."),
        ("only over https://.", "only over https."),
        ("a [guide](/a (b)/c d.md) and ![x](y.png)", "a guide and x"),
        ("**Note:** a `b` c[^1]", "Note: a b c"),
        ("0 -> lost", "0: lost"),
        ("选择旁路转推 > 规则配置", "选择旁路转推，规则配置"),
        ("width > height", "width > height"),
        ("🎉 Done ✅ now", "Done now"),
        ("中文 换行\n第二 行", "中文换行\n第二行"),
        ("接⼊、⽂档、⻓度、ﬁle", "接入、文档、长度、file"),
        ("a\u00a0 b , c .", "a b, c."),
        ("- an item\n\n  · another", "an item\n· another"),
    ],
)
def test_tidy(written: str, read: str) -> None:
    assert tidy(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://" + "a." * 50_000, "a.a."),
        ("[" * 50_000, "["),
        ("[a](" * 20_000, "a"),
        ("- " * 50_000, "-"),
    ],
    ids=["address", "brackets", "links", "bullets"],
)
@pytest.mark.timeout(30)
def test_long_text_is_read_in_time(written: str, read: str) -> None:
    """A pattern that goes back and forth over one of these takes minutes."""
    assert read in tidy(written)


def test_a_sentence_ends() -> None:
    assert sentence("Check the cable") == "Check the cable."
    assert sentence("HTTP-FLV 播放") == "HTTP-FLV 播放。"
    assert sentence("已完成（见下）。") == "已完成（见下）。"
    assert sentence("invalid parameter", "zh") == "invalid parameter。"
    assert closed("如下图所示：") == "如下图所示。"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("joinRoom()", "joinRoom"),
        ("await meeting.join({ id: 1 });", "meeting.join"),
        ("type='error'", "type error"),
        ("ERR_INVALID_TOKEN", "ERR_INVALID_TOKEN"),
        ("{ ... }", "..."),
        ("https://example.com/x", "example.com"),
    ],
)
def test_code_is_read_by_its_names(written: str, read: str) -> None:
    assert code(written) == read


def test_a_link_says_where_it_leads() -> None:
    assert link("安装指南", "/a.md") == "安装指南"
    assert link("here", "/guide/quickstart#set-up-dns") == "here (set up dns)"
    assert link("这里", "https://www.example.com/q/1") == "这里（example.com）"
    assert link("t21133.md#", "/cn/计费概述.md") == "计费概述"
    assert link("here", "#4") == "here"
    assert link("this", "https://bugs.example.org/show_bug.cgi?id=1") == "this (bugs.example.org)"
    assert link("here", "http://[") == "here"


def test_a_title_that_all_products_have_is_told_apart_by_its_folder() -> None:
    assert titled("概述", "/docs/会议组件/README.md") == "会议组件 · 概述"
    assert titled("", "/docs/video-calls/getting_started/overview.md") == "video calls · overview"
    assert titled("", "https://example.com/live-video/faq?x=1") == "live video · faq"
    assert titled("Echo", "/docs/overview.md") == "Echo"
    assert titled("", "/faq.md") == "faq"


def test_marks_become_words() -> None:
    assert [wording.mark("✅", "zh"), wording.mark("✗", "en"), wording.mark("10", "en")] == [
        "是",
        "no",
        "10",
    ]
