"""PDFs are read page by page: headings by size, paragraphs joined, tables told, edges left out."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pytest
from langchain_core.document_loaders import Blob
from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table

from common.errors import LiukeError
from knowledge.documents.formats.pdf import PdfParser

pytestmark = pytest.mark.unit

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


def problem(data: bytes) -> LiukeError:
    with pytest.raises(LiukeError, match=r"manual\.pdf") as caught:
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


HEADING = ParagraphStyle("heading", fontName=FONT, fontSize=18, leading=24)
TEXT = ParagraphStyle("text", fontName=FONT, fontSize=11, leading=14, wordWrap="CJK")
GRID = ("GRID", (0, 0), (-1, -1), 0.5, "black")
MIDDLE = ("VALIGN", (0, 0), (-1, -1), "MIDDLE")


def table(rows: Sequence[Sequence[str]], *style: tuple[object, ...], header: int = 0) -> Table:
    cells = [[Paragraph(cell, TEXT) for cell in row] for row in rows]
    widths = [90, 150, 150, 60][: len(rows[0])]
    return Table(cells, widths, repeatRows=header, style=[GRID, MIDDLE, *style])


def laid_out(*parts: Flowable) -> bytes:
    file = io.BytesIO()
    SimpleDocTemplate(file, title="房间").build([Paragraph("限制", HEADING), *parts])
    return file.getvalue()


def text(words: str) -> Paragraph:
    return Paragraph(words, TEXT)


LIMITS = table(
    [
        ["限制", "默认", "最多", "备注"],
        ["一个房间里同时说话的人，观众不算", "17 人", "50 人，提前三天申请", ""],
        ["观众", "1 万人", "100 万人", "大型活动要先做容量评估"],
    ]
)
TOLD = [
    "每个项目都有限制。",
    "限制：一个房间里同时说话的人，观众不算；默认：17 人；最多：50 人，提前三天申请。",
    "限制：观众；默认：1 万人；最多：100 万人；备注：大型活动要先做容量评估。",
    "其他限制见控制台。",
]


def test_a_table_is_told_row_by_row_where_it_stands() -> None:
    pdf = laid_out(text("每个项目都有限制。"), LIMITS, text("其他限制见控制台。"))
    assert documents(pdf) == [(["房间", "限制"], "\n".join(TOLD))]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_page_may_lie_on_its_side(angle: int) -> None:
    pdf = laid_out(text("每个项目都有限制。"), LIMITS, text("其他限制见控制台。"))
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.pages[0].rotate(angle)
    file = io.BytesIO()
    writer.write(file)
    assert documents(file.getvalue())[0][1].split("\n") == TOLD


def test_a_page_may_begin_anywhere() -> None:
    pdf = laid_out(text("每个项目都有限制。"), LIMITS, text("其他限制见控制台。"))
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    page = writer.pages[0]
    page.mediabox.lower_left, page.mediabox.upper_right = (-40, -60), (700, 900)
    page.cropbox = page.mediabox
    file = io.BytesIO()
    writer.write(file)
    assert documents(file.getvalue())[0][1].split("\n") == TOLD


def test_errors_over_several_pages_are_a_section_each() -> None:
    rows = [[str(code), f"第 {code} 号错误的含义", "换一个 Token 再试"] for code in range(100, 170)]
    pdf = laid_out(table([["错误码", "含义", "解决方法"], *rows], header=1))
    assert len(PdfReader(io.BytesIO(pdf)).pages) > 1
    assert documents(pdf) == [
        (
            ["房间", "限制", f"错误码 {code}"],
            f"错误码 {code}：第 {code} 号错误的含义。解决方法：换一个 Token 再试。",
        )
        for code in range(100, 170)
    ]


def test_names_of_columns_on_the_first_page_count_on_the_others() -> None:
    rows = [[str(code), f"第 {code} 号错误的含义", "换一个 Token 再试"] for code in range(100, 170)]
    found = documents(laid_out(table([["错误码", "含义", "解决方法"], *rows])))
    assert [headings[-1] for headings, _ in found] == [f"错误码 {code}" for code in range(100, 170)]


def test_a_cell_over_several_rows_or_columns_counts_for_each() -> None:
    pdf = laid_out(
        table(
            [
                ["套餐", "区域", "价格"],
                ["基础版", "国内", "免费"],
                ["", "海外", "每千分钟 0.9 美元"],
                ["企业版", "面谈", ""],
            ],
            ("SPAN", (0, 1), (0, 2)),
            ("SPAN", (1, 3), (2, 3)),
        )
    )
    assert documents(pdf)[0][1].split("\n") == [
        "套餐：基础版；区域：国内；价格：免费。",
        "套餐：基础版；区域：海外；价格：每千分钟 0.9 美元。",
        "套餐：企业版；区域：面谈；价格：面谈。",
    ]


def test_a_box_around_text_is_no_table() -> None:
    pdf = laid_out(table([["注意换麦。"]]), text("共享屏幕时只有 Chrome 带声音。"))
    assert documents(pdf)[0][1] == "注意换麦。\n共享屏幕时只有 Chrome 带声音。"


def test_steps_in_a_cell_stay_apart_and_its_lines_are_joined() -> None:
    steps = "1. 打开系统设置里的隐私一栏<br/>2. 允许使用麦克风，然后重新打开应用，再进一次房间"
    rows = [["问题", "原因", "解决方法"], ["没有声音", "没有权限", steps]]
    assert documents(laid_out(table(rows)))[0][1] == (
        "问题：没有声音；原因：没有权限；"
        "解决方法：1. 打开系统设置里的隐私一栏；2. 允许使用麦克风，然后重新打开应用，再进一次房间。"
    )


# Text that nobody sees


def drawn(draw: Callable[[Canvas], None]) -> str:
    """All that is read of one page."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(600, 800))
    canvas.setTitle("房间")
    canvas.setFont(FONT, 11)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return " ".join(text for _, text in documents(file.getvalue())).replace("\n", " ")


def written(canvas: Canvas, x: float, y: float, words: str, mode: int = 0, size: int = 11) -> None:
    canvas.saveState()
    text = canvas.beginText(x, y)
    text.setFont(FONT, size)
    text.setTextRenderMode(mode)
    text.textLine(words)
    canvas.drawText(text)
    canvas.restoreState()


def picture(canvas: Canvas) -> None:
    canvas.drawInlineImage(Image.new("RGB", (8, 8), "grey"), 0, 0, 600, 800)


SEEN = "Use headphones when you hear yourself."
HIDDEN = "The refund is always granted."


@pytest.mark.parametrize("mode", [3, 7])
def test_text_that_is_not_drawn_is_left_out(mode: int) -> None:
    def draw(canvas: Canvas) -> None:
        written(canvas, 60, 700, SEEN)
        written(canvas, 60, 600, HIDDEN, mode)
        written(canvas, 60, 500, "Then try again.")

    assert drawn(draw) == f"{SEEN} Then try again."


def test_text_that_is_not_drawn_within_a_form_is_left_out() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("stamp")
        written(canvas, 60, 600, HIDDEN, 3)
        written(canvas, 60, 500, "Then try again.")
        canvas.endForm()
        written(canvas, 60, 700, SEEN)
        canvas.doForm("stamp")

    assert drawn(draw) == f"{SEEN} Then try again."


def test_a_scan_keeps_what_was_recognised_beneath_it() -> None:
    def draw(canvas: Canvas) -> None:
        picture(canvas)
        written(canvas, 60, 700, SEEN, 3)
        written(canvas, 60, 500, "Then try again.", 3)

    assert drawn(draw) == f"{SEEN} Then try again."


def test_a_picture_with_text_beside_it_keeps_nothing_hidden() -> None:
    def draw(canvas: Canvas) -> None:
        picture(canvas)
        written(canvas, 60, 700, SEEN)
        written(canvas, 60, 600, HIDDEN, 3)

    assert drawn(draw) == SEEN


def test_white_text_counts_where_something_is_behind_it() -> None:
    def draw(canvas: Canvas, ground: str) -> None:
        written(canvas, 60, 700, SEEN)
        canvas.setFillColor(ground)
        canvas.rect(40, 580, 500, 60, stroke=0, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        written(canvas, 60, 600, HIDDEN)

    assert drawn(lambda canvas: draw(canvas, "white")) == SEEN
    assert HIDDEN in drawn(lambda canvas: draw(canvas, "navy"))


def test_text_off_the_page_or_too_small_is_left_out() -> None:
    def draw(canvas: Canvas) -> None:
        written(canvas, 60, 700, SEEN)
        written(canvas, 700, 600, HIDDEN)
        written(canvas, 60, -40, HIDDEN)
        canvas.saveState()
        canvas.scale(0.05, 0.05)
        written(canvas, 1200, 9000, HIDDEN)
        canvas.restoreState()

    assert drawn(draw) == SEEN


def test_a_cell_hides_nothing_either() -> None:
    hidden = Paragraph(f"17 人<font size='0.5'>{HIDDEN}</font>", TEXT)
    rows = [["限制", "默认", "最多"], ["同时说话的人", hidden, "50 人"]]
    cells = [[c if isinstance(c, Paragraph) else Paragraph(c, TEXT) for c in row] for row in rows]
    pdf = laid_out(Table(cells, [90, 150, 150], style=[GRID, MIDDLE]))
    assert documents(pdf)[0][1] == "限制：同时说话的人；默认：17 人；最多：50 人。"
