"""Word: a .docx document in, langchain Documents out (see formats.blocks), as HTML."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Final

import mammoth
from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from lxml import etree

from common.errors import InputError, LiukeError
from knowledge.documents.formats.blocks import documents
from knowledge.documents.formats.html import main_heading, read_page

#: Bytes of a Word document's XML once unpacked, for its tree takes about 40 times as much.
WORD_BYTES: Final = 30 * 2**20

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
#: Besides the headings, which mammoth knows: tables of contents are left out.
_STYLES: Final = "p[style-name^='toc'] => !\np[style-name='Title'] => title:fresh"


class WordParser(BaseBlobParser):
    """Word documents (.docx)."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """What stands under each heading. Raises InputError for a file that is broken."""
        source = str(blob.source)
        try:
            with blob.as_bytes_io() as file, zipfile.ZipFile(file) as packed:
                html = _html(packed, source)
        except LiukeError:
            raise
        except Exception as error:
            # Whatever a broken document does to the libraries is the document's fault.
            raise InputError(
                f"{source} cannot be read as a Word document.",
                "Open it in Word and save it again as .docx, without a password.",
            ) from error
        title, blocks = read_page(html)
        yield from documents(blocks, source, title or main_heading(blocks))


def _html(packed: zipfile.ZipFile, source: str) -> str:
    """The document without pictures and without what it hides."""
    parts = [part for part in packed.infolist() if part.filename.endswith((".xml", ".rels"))]
    if sum(part.file_size for part in parts) > WORD_BYTES:
        raise InputError(
            f"{source} is too long once unpacked, over {WORD_BYTES // 2**20} MB.",
            "Split it into several documents.",
        )
    visible = io.BytesIO()
    with zipfile.ZipFile(visible, "w") as target:
        for part in parts:
            content = packed.read(part)
            if part.filename == "word/document.xml":
                content = _without_hidden_runs(content)
            target.writestr(part.filename, content)
    return str(
        mammoth.convert_to_html(
            visible,
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda image: {}),
        ).value
    )


def _without_hidden_runs(content: bytes) -> bytes:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(content, parser)
    for hidden in list(root.iter(f"{_W}vanish")):
        run = hidden.getparent().getparent()
        if hidden.get(f"{_W}val") not in ("0", "false") and run.tag == f"{_W}r":
            run.getparent().remove(run)
    return bytes(etree.tostring(root))
