"""Word documents are read with their headings, lists and tables, and never hurt by bad ones."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from langchain_core.document_loaders import Blob

from common.errors import LiukeError
from knowledge.documents.formats import word
from knowledge.documents.formats.word import WordParser

pytestmark = pytest.mark.unit


def written(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]
    return file.getvalue()


def guide() -> bytes:
    document = docx.Document()
    document.add_heading("回声指南", 0)
    document.add_paragraph("请先戴上耳机。")
    document.add_heading("步骤", 1)
    for step in ("打开控制台", "开启回声消除"):
        document.add_paragraph(step, style="List Number")
    paragraph = document.add_paragraph("看得见。")
    paragraph.add_run("看不见。").font.hidden = True
    document.add_heading("错误码", 2)
    table = document.add_table(0, 3)
    for cells in (("错误码", "描述", "解决方案"), ("110", "Token 无效", "请重新生成")):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    return written(document)


def documents(data: bytes) -> list[tuple[list[str], str]]:
    found = list(WordParser().lazy_parse(Blob.from_data(data, path="/docs/guide.docx")))
    return [([one.metadata["title"], *one.metadata["headings"]], one.page_content) for one in found]


def test_a_document_is_read_without_what_it_hides() -> None:
    assert documents(guide()) == [
        (["回声指南"], "请先戴上耳机。"),
        (["回声指南", "步骤"], "第1，打开控制台。\n第2，开启回声消除。\n看得见。"),
        (
            ["回声指南", "步骤", "错误码", "错误码 110"],
            "错误码 110：Token 无效。解决方法：请重新生成。",
        ),
    ]


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", 8) as new:
        for part in old.infolist():
            new.writestr(part.filename, content if part.filename == name else old.read(part))
    return file.getvalue()


def test_broken_documents_say_so() -> None:
    whole = guide()
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><a>' + b"&b;" * 100_000 + b"</a>"
    for broken in (
        b"no zip at all",
        whole[: len(whole) // 2],
        repacked(whole, "word/document.xml", b"<w:document"),
        repacked(whole, "word/document.xml", b"<html/>"),
        repacked(whole, "word/document.xml", bomb),
        repacked(whole, "_rels/.rels", b""),
    ):
        with pytest.raises(LiukeError, match=r"guide\.docx cannot be read") as caught:
            documents(broken)
        assert "save it again" in caught.value.remedy


def test_a_document_that_unpacks_without_end_is_not_unpacked() -> None:
    huge = repacked(guide(), "word/document.xml", b" " * (word.WORD_BYTES + 1))
    assert len(huge) < 200_000
    with pytest.raises(LiukeError, match="too long once unpacked"):
        documents(huge)
