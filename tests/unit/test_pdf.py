"""PDFs are read page by page: headings by their size, paragraphs joined, edges left out."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from langchain_core.document_loaders import Blob
from pypdf import PdfReader, PdfWriter
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from knowledge.errors import KnowledgeError
from knowledge.formats.pdf import PdfParser

FONT = "STSong-Light"
pdfmetrics.registerFont(UnicodeCIDFont(FONT))


def made(pages: Sequence[Sequence[tuple[int, str]]], title: str = "") -> bytes:
    """Pages of lines, each with the height of its letters."""
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.setTitle(title or "Microsoft Word - 手册.docx")
    for number, lines in enumerate(pages, 1):
        canvas.setFont(FONT, 9)
        canvas.drawString(60, 810, "产品手册")
        y = 780
        for size, line in lines:
            canvas.setFont(FONT, size)
            canvas.drawString(60, y, line)
            y -= size * 2 if size > 11 else 14
        canvas.setFont(FONT, 9)
        canvas.drawString(300, 20, f"- {number} -")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def documents(data: bytes) -> list[tuple[list[str], str]]:
    found = list(PdfParser().lazy_parse(Blob.from_data(data, path="/docs/manual.pdf")))
    return [([one.metadata["title"], *one.metadata["headings"]], one.page_content) for one in found]


PAGES = (
    (
        (18, "回声排查"),
        (11, "如果听到回声，请先让对方戴上耳机，再检查是否开启了回声消除，然后把音量调低一"),
        (11, "些。"),
        (14, "检查网络"),
        (11, "丢包超过百分之五时声音会断断续续，请让客户靠近路由器，或者改用有线网络，并且在"),
    ),
    (
        (11, "必要时更换运营商。"),
        (11, "• 检查网线"),
        (11, "• 检查路由器"),
    ),
    ((18, "English"), (11, "Packet loss is heard as gaps in the au-"), (11, "dio of a call.")),
)


def test_a_manual() -> None:
    assert documents(made(PAGES)) == [
        (
            ["回声排查"],
            "如果听到回声，请先让对方戴上耳机，再检查是否开启了回声消除，然后把音量调低一些。",
        ),
        (
            ["回声排查", "检查网络"],
            "丢包超过百分之五时声音会断断续续，请让客户靠近路由器，或者改用有线网络，"
            "并且在必要时更换运营商。\n检查网线。\n检查路由器。",
        ),
        (["回声排查", "English"], "Packet loss is heard as gaps in the audio of a call."),
    ]


def test_the_title_is_what_the_file_says_unless_a_program_made_it_up() -> None:
    assert documents(made(PAGES, "排障手册"))[0][0] == ["排障手册", "回声排查"]


def test_a_long_manual_loses_no_heading_to_the_running_titles() -> None:
    pages = [((18, f"第{n}章"), (11, f"这是第{n}章的内容。")) for n in range(1, 8)]
    assert documents(made(pages))[1:] == [
        (["第1章", f"第{n}章"], f"这是第{n}章的内容。") for n in range(2, 8)
    ]


def locked(user: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(made(PAGES))))
    writer.encrypt(user, "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def problem(data: bytes) -> KnowledgeError:
    with pytest.raises(KnowledgeError, match=r"manual\.pdf") as caught:
        documents(data)
    return caught.value


def test_a_locked_file_says_so_and_one_that_only_forbids_printing_is_read() -> None:
    assert "password" in problem(locked("secret")).message
    assert len(documents(locked(""))) == 3


def test_pictures_of_text_ask_for_text_recognition() -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    file = io.BytesIO()
    writer.write(file)
    assert "OCR" in problem(file.getvalue()).remedy


@pytest.mark.parametrize("data", [b"no pdf", b"%PDF-1.7\n%%EOF", made(PAGES)[:700]])
def test_broken_files_say_so(data: bytes) -> None:
    assert "cannot be read" in problem(data).message
