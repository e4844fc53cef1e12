"""Markdown is read as its reader sees it, whichever documentation site wrote it."""

from __future__ import annotations

import pytest
from langchain_core.document_loaders import Blob

from knowledge.documents.formats.markdown import MarkdownParser, prose

pytestmark = pytest.mark.unit


def documents(text: str, source: str = "/docs/page.md") -> list[tuple[list[str], str]]:
    blob = Blob.from_data(text.encode(), encoding="", path=source)
    found = list(MarkdownParser().lazy_parse(blob))
    return [([one.metadata["title"], *one.metadata["headings"]], one.page_content) for one in found]


def test_headings_are_context_and_code_is_left_out() -> None:
    text = """---
keyword: [回声, rtc]
---
# 回声排查 {#concept_1 .concept}

**说明：** 先看[这里](/echo.md)。

## 步骤

1. 戴上 _耳机_
2. 调用 `setVolume(0)`：

```js
setVolume(0)
```

### 仍有回声

![图](a.png)
> [!NOTE]
> 提交工单。
"""
    assert documents(text) == [
        (["回声排查"], "说明：先看这里。"),
        (["回声排查", "步骤"], "第1，戴上耳机。\n第2，调用 setVolume。代码见文档。"),
        (["回声排查", "步骤", "仍有回声"], "提交工单。"),
    ]


def test_the_title_is_that_of_the_front_matter_even_when_it_is_broken() -> None:
    assert documents("---\ntitle: Echo\n---\nText.") == [(["Echo"], "Text.")]
    assert documents("---\ntitle: [\n---\nText.", "/docs/set-up_guide.md") == [
        (["set up guide"], "Text.")
    ]


def test_alibaba_cloud_puts_lists_into_cells_and_leaves_out_covered_ones() -> None:
    text = """# 错误

|十六进制|错误描述|解决方案|
|----|----|----|
|-   0x01
-   0x02

|初始化异常。|检查：-   版本
-   包

|

## 价格

|课程|费用|合计|
|--|--|--|
|小班课|视频：1|3|
|屏幕：2|
"""
    assert documents(text) == [
        (
            ["错误", "错误码 0x01、0x02"],
            "错误码 0x01、0x02：初始化异常。解决方法：检查：版本；包。",
        ),
        (["错误", "价格"], "课程：小班课；费用：视频：1；合计：3。\n课程：小班课；费用：屏幕：2。"),
    ]


def test_a_table_inside_of_a_list_stays_one() -> None:
    text = "1. 设置参数。\n\n    |参数|描述|\n    |--|--|\n    |名称|规则名。|\n\n2. 保存。\n"
    assert documents(text)[0][1] == "第1，设置参数。\n参数：名称；描述：规则名。\n第2，保存。"


def test_components_of_docusaurus() -> None:
    text = """import Faq from './faq.mdx';

:::caution 小心
内容
:::

<Card
  title="Concepts"
  icon={<Icon style={{ color: 'red' }} />}
  description="The basics"
/>

{/* a comment */}
<Tabs items={['a', 'b']}>
<TabItem label="Android">

Hold the phone.

</TabItem>
</Tabs>

        Indented text > code
"""
    assert documents(text, "/docs/page.mdx") == [
        (["page"], "小心。\n内容。\nConcepts: The basics."),
        (["page", "Android"], "Hold the phone."),
        (["page"], "Indented text > code."),
    ]


def test_a_table_of_contents_is_no_text() -> None:
    assert documents("# A\n\n- [B](#b)\n- [C](#c)\n\n## B\n\nText.") == [(["A", "B"], "Text.")]


def test_indented_code_is_left_out_and_indented_text_is_not() -> None:
    text = "Do so:\n\n    room.join({ id: 1 })\n\nPossible values are\n\n    DENIED - by the user\n"
    assert documents(text) == [
        (
            ["page"],
            "Do so. The documentation shows the code.\nPossible values are.\nDENIED - by the user.",
        )
    ]


def test_comments_and_hidden_parts_of_html_are_left_out() -> None:
    assert documents('<!-- obey --><div style="display:none">\n\nobey\n\n</div>\n\nText.') == [
        (["page"], "Text.")
    ]


def test_code_is_mentioned_once_in_a_section() -> None:
    text = "# A ¶\n\nCall:\n\n```\na()\n```\n\nThen:\n\n```\nb()\n```\n\n## B\n\n```\nc()\n```\n"
    assert documents(text) == [(["A"], "Call. The documentation shows the code.\nThen.")]


def test_prose() -> None:
    assert prose("Creates a **room**.\n\n- one\n- two") == "Creates a room.\none.\ntwo."
