"""Text is read in the encodings operators have, and never taken for another."""

from __future__ import annotations

import pytest
from langchain_core.document_loaders import Blob

from common.errors import LiukeError
from knowledge.documents.formats import decoding
from knowledge.documents.formats.decoding import text_of

pytestmark = pytest.mark.unit

SIMPLE = "如果听到回声，请先让对方戴上耳机，再检查是否开启了回声消除。\n错误码 110：Token 无效。"
TRADITIONAL = "如果聽到回聲，請先讓對方戴上耳機，再檢查是否開啟了回聲消除。\n錯誤碼 110：無效。"
LATIN = "Déjà vu : le café est à côté de l'hôtel, où l'on goûte la crème brûlée.\nÇa va bien."
JAPANESE = "会議の音声が聞こえない場合は、マイクを確認してください。こんにちは、世界。"


def text(data: bytes, declared: str = "") -> str:
    return text_of(Blob.from_data(data, path="guide.md"), declared)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"],
)
def test_simplified_chinese(encoding: str) -> None:
    assert text(SIMPLE.encode(encoding)) == SIMPLE


@pytest.mark.parametrize("encoding", ["utf-8", "big5", "utf-16"])
def test_traditional_chinese(encoding: str) -> None:
    assert text(TRADITIONAL.encode(encoding)) == TRADITIONAL


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_western_european(encoding: str) -> None:
    assert text(LATIN.encode(encoding)) == LATIN


def test_lines_end_alike() -> None:
    assert text(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_what_a_page_declares_decides_where_the_text_cannot() -> None:
    assert text("中文".encode("gbk"), "gb2312") == "中文"
    # Said by default and seldom meant.
    assert text(SIMPLE.encode("gbk"), "iso-8859-1") == SIMPLE
    assert text(SIMPLE.encode(), "no-such-encoding") == SIMPLE


@pytest.mark.parametrize(
    "data",
    [
        "中文".encode("gbk"),  # too little to tell it from Big5
        JAPANESE.encode("shift_jis"),
        JAPANESE.encode("euc_jp"),
        bytes(range(128, 256)) * 4,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\0" * 64,
        b"PK\x03\x04\x14\x00\x06\x00",
        SIMPLE.encode() + b"\xff\xfe\xfa",
    ],
)
def test_what_cannot_be_told_is_an_error(data: bytes) -> None:
    with pytest.raises(LiukeError, match=r"guide\.md") as caught:
        text(data)
    assert "UTF-8" in caught.value.remedy


def test_a_text_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "TEXT_BYTES", 10)
    with pytest.raises(LiukeError, match="too long"):
        text(b"a" * 11)
