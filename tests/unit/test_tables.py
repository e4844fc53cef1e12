"""Tables are read row by row, error tables code by code, questions with their answers."""

from __future__ import annotations

import pytest
from langchain_core.document_loaders import Blob

from common.errors import LiukeError
from knowledge.documents.formats.tables import CsvParser, errors, is_errors, sentences

pytestmark = pytest.mark.unit

CODES_ZH = [
    ["错误码", "错误名", "描述", "原因分析", "解决方案"],
    ["110", "ERR_INVALID_TOKEN", "Token 无效", "Token 过期", "请重新生成 Token。"],
    ["102", "ERR_JOIN_REFUSED", "拒绝进入频道", "-", "无。"],
]


def test_an_error_is_one_sentence_with_code_name_meaning_and_remedy() -> None:
    assert is_errors(CODES_ZH)
    assert list(errors(CODES_ZH)) == [
        (
            "错误码 110",
            "错误码 110，ERR_INVALID_TOKEN：Token 无效。原因：Token 过期。"
            "解决方法：请重新生成 Token。",
        ),
        ("错误码 102", "错误码 102，ERR_JOIN_REFUSED：拒绝进入频道。"),
    ]


def test_an_english_table_of_errors() -> None:
    rows = [
        ["Error Code", "Cause of the error", "Action to be taken", "Retryable"],
        ["1003", "Websocket disconnected", "Check the network.", "✅"],
    ]
    assert list(errors(rows)) == [
        (
            "Error code 1003",
            "Error code 1003: Retryable: yes. Cause: Websocket disconnected. "
            "What to do: Check the network.",
        )
    ]


def test_several_codes_with_one_meaning() -> None:
    rows = [
        ["十六进制", "十进制", "错误描述"],
        ["0x01\n0x02", "1\n2", "初始化异常"],
        ["0x1\n0x2\n0x3\n0x4\n0x5", "11\n12\n13\n14\n15", "信令超时"],
    ]
    assert [text for _, text in errors(rows)] == [
        "错误码 0x01、0x02（十进制 1、2）：初始化异常。",
        "错误码 0x1 和另外 4 个（十进制 11 和另外 4 个）：信令超时。"
        "含义相同的有：0x1；0x2；0x3；0x4；0x5。含义相同的有：十进制 11；12；13；14；15。",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [["Postal code", "City"], ["10115", "Berlin"]],
        [["状态码", "说明"], ["成功", "正常"], ["失败", "异常"]],
        [["Code", "Price"], ["110", "3"]],
        [["编号", "名称", "说明"], ["1", "麦克风", "拾音"]],
        [],
    ],
)
def test_other_tables_are_no_errors(rows: list[list[str]]) -> None:
    assert not is_errors(rows)


def test_a_row_is_a_sentence_with_the_names_of_its_columns() -> None:
    rows = [
        ["套餐", "价格", "录制", "备注"],
        ["基础版", "10 元", "×", ""],
        ["专业版", "", "√", "含 SLA"],
    ]
    assert list(sentences(rows, has_header=True)) == [
        "套餐：基础版；价格：10 元；录制：否。",
        "套餐：专业版；录制：是；备注：含 SLA。",
    ]
    rows = [["Plan", "Price"], ["Basic", "10 dollars.\nPer month."]]
    assert list(sentences(rows, has_header=True)) == ["Plan: Basic; Price: 10 dollars; Per month."]


def test_without_column_names_the_first_cell_names_the_others() -> None:
    assert list(sentences([["Region", "Frankfurt"]], has_header=False)) == ["Region: Frankfurt."]
    assert list(sentences([["One cell of a layout"]], has_header=False)) == [
        "One cell of a layout."
    ]


def documents(text: str, name: str = "faq.csv") -> list[tuple[list[str], str]]:
    blob = Blob.from_data(text.encode(), encoding="", path=f"/docs/{name}")
    return [(one.metadata["headings"], one.page_content) for one in CsvParser().lazy_parse(blob)]


@pytest.mark.parametrize("header", ["question,answer", "问题,答案", "Q,A", "标准问题,标准答案"])
def test_questions_with_answers(header: str) -> None:
    text = f'{header}\n有回声怎么办？,"请戴耳机。\n再检查回声消除"\n没有答案的问题,\n'
    assert documents(text) == [(["有回声怎么办？"], "请戴耳机。\n再检查回声消除。")]


def test_columns_of_questions_and_answers_may_stand_anywhere_and_be_parted_otherwise() -> None:
    text = "id\tAnswer\tQuestion\n1\tUse headphones.\tHow do I stop an echo?\n"
    assert documents(text, "faq.tsv") == [(["How do I stop an echo?"], "Use headphones.")]


def test_a_file_of_errors_and_any_other_table() -> None:
    assert documents("code,message\n110,Invalid token\n", "codes.csv") == [
        (["Error code 110"], "Error code 110: Invalid token.")
    ]
    assert documents("Region;City\nEurope;Frankfurt\nAsia;Singapore\n", "regions.csv") == [
        ([], "Region: Europe; City: Frankfurt.\nRegion: Asia; City: Singapore.")
    ]


def test_a_quotation_mark_that_is_never_closed_is_an_error() -> None:
    with pytest.raises(LiukeError, match=r"faq\.csv cannot be read as CSV"):
        documents('question,answer\na,"' + "b" * 200_000)


def test_a_file_without_rows_is_an_error() -> None:
    with pytest.raises(LiukeError, match=r"faq\.csv has no row"):
        documents("name,value\n")
