"""Decoding: the bytes of a document in, its text out, or an error; never a wrong guess unseen."""

from __future__ import annotations

import codecs
import re
from typing import Final

from charset_normalizer import from_bytes
from langchain_core.document_loaders import Blob

from common.errors import InputError

#: A printed page is about 3 kB. A tree of HTML takes some 20 times as much memory as its text.
TEXT_BYTES: Final = 10 * 2**20

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does, so it comes before
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What a document may be written in without saying so.
_READ: Final = ("gb18030", "big5", "cp1252")
#: Recognised so that they are not taken for Chinese: bytes of one make text, and nonsense, in the
#: other.
_REFUSED: Final = ("shift_jis", "euc_jp", "cp949")
#: Characters outside ASCII below which gb18030 and Big5 cannot be told apart.
_ENOUGH: Final = 8
#: Documentation is half code and English, which charset-normalizer's default takes for disorder:
#: it gives up on 6 % of Chinese pages, and with this on none.
_DISORDER: Final = 0.5

_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_REMEDY: Final = "Save it as UTF-8 text, or give the PDF, Word or HTML it comes from."


def text_of(blob: Blob, declared: str) -> str:
    """The text of ``blob``; ``declared`` is the encoding that its page or server names, or "".

    Raises InputError naming the source where the encoding is none we read or in doubt, where it
    is no text at all, and where it is longer than TEXT_BYTES.
    """
    source, data = blob.source, blob.as_bytes()
    if len(data) > TEXT_BYTES:
        raise InputError(
            f"{source} is too long to be one document, over {TEXT_BYTES // 2**20} MB of text.",
            "Split it into several.",
        )
    text = _decoded(data, _chinese(declared))
    if text is None:
        raise InputError(f"{source} is in an encoding that cannot be told.", _REMEDY)
    if _CONTROL.search(text):
        raise InputError(f"{source} is not text.", _REMEDY)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, declared: str) -> str | None:
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return _try(data.removeprefix(mark) if codec == "utf-8" else data, codec)
    codecs_said = ["utf-8", declared] if declared else ["utf-8"]
    if b"\0" in data:
        # Of an ASCII character in UTF-16 one byte is zero, the first or the second.
        codecs_said = ["utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"]
    for codec in codecs_said:
        text = _try(data, codec)
        if text is not None:
            return text
    return None if b"\0" in data else _guessed(data)


def _guessed(data: bytes) -> str | None:
    best = from_bytes(data, cp_isolation=[*_READ, *_REFUSED], threshold=_DISORDER).best()
    if best is None or best.encoding not in _READ:
        return None
    text = data.decode(best.encoding)
    if best.encoding == "cp1252":
        return text
    other = "big5" if best.encoding == "gb18030" else "gb18030"
    few = sum(not character.isascii() for character in text) < _ENOUGH
    return None if few and _try(data, other) is not None else text


def _chinese(declared: str) -> str:
    """The declared codec if it can be believed: "latin-1" is often said and seldom meant."""
    try:
        name = codecs.lookup(declared).name if declared else ""
    except LookupError:
        return ""
    if name.startswith(("gb", "hz")):
        return "gb18030"
    return name if name.startswith(("big5", "utf")) else ""


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None
