"""Markdown: a page in, langchain Documents out (see formats.blocks), by way of HTML.

Documentation sites add to Markdown: Docusaurus has boxes and components (MDX), Alibaba Cloud has
attributes behind headings and lists inside of tables, GitHub has alerts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import yaml
from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from knowledge.documents.formats.blocks import documents
from knowledge.documents.formats.decoding import text_of
from knowledge.documents.formats.html import main_heading, read_page
from knowledge.plain_yaml import front_matter

_ATTRIBUTES: Final = re.compile(r"[ \t]*\{[:#.][^{}\n]*\}[ \t]*$", re.M)
#: ":::note Title" begins a box and ":::" ends it.
_BOX: Final = re.compile(r"^[ \t]*:{3,}[ \t]*(?:\w+[ \t]*)?(?:\[(.+)\]|(.*))$", re.M)
_ALERT: Final = re.compile(r"^([ \t]*>[ \t]*)\[!\w+\][ \t]*$", re.M)
_RULE_LINE: Final = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*")
_BULLET: Final = re.compile(r"^[-*]\s+")
_CELL_ITEM: Final = re.compile(r"([|：:])[ \t]*-[ \t]{2,}")
_MDX_STATEMENT: Final = re.compile(
    r"^(import\s.*from\s+['\"].*|import\s+['\"].*|export\s+(const|default|function)\b.*)$", re.M
)
_MDX_EXPRESSION: Final = re.compile(r"=\{|\{/\*")
#: Characters that an expression in a tag may have.
_MDX_LONGEST: Final = 4000
_MDX_TAG: Final = re.compile(r"<([A-Z]\w*)\b([^<>]*?)(/?)>")
#: Tags alone on a line, inside of which Markdown goes on.
_TAG_LINE: Final = re.compile(
    r"^[ \t]*((?:</?(?:p|div|details|section|center|[A-Z]\w*)\b[^<>]*>[ \t]*)+)$", re.M
)
_CODE_SIGNS: Final = re.compile(r"[{}();=<$\\]|(?<!\n)(?<!^)>")
_LINKS: Final = re.compile(r"!?\[[^\]]*\]\([^)]*\)")


class MarkdownParser(BaseBlobParser):
    """Markdown pages, also those of documentation sites with components in them (MDX)."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """What stands under each heading. Raises InputError for a page that is too long."""
        source = str(blob.source)
        text = text_of(blob, blob.encoding)
        title, text = _front_matter(text)
        is_mdx = source.endswith(".mdx")
        text = _plain_markdown(_without_mdx(text) if is_mdx else text)
        named, blocks = read_page(_MARKDOWN.render(text, {"is_mdx": is_mdx}))
        yield from documents(blocks, source, title or main_heading(blocks) or named)


def prose(markdown: str) -> str:
    """A short Markdown text, such as a description, as a paragraph a line."""
    _, blocks = read_page(_MARKDOWN.render(_plain_markdown(markdown)))
    return "\n".join(part.page_content for part in documents(blocks, source="", title=""))


def _front_matter(text: str) -> tuple[str, str]:
    """The title that a page gives itself, if any, and the rest of the page."""
    try:
        metadata, body = front_matter(text)
    except (yaml.YAMLError, ValueError):
        # Not ours to judge: the page is readable without.
        return "", re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
    title = metadata.get("title")
    return title if isinstance(title, str) else "", body


def _without_mdx(text: str) -> str:
    text = _without_expressions(_MDX_STATEMENT.sub("", text))
    return _MDX_TAG.sub(_html_tag, text)


def _without_expressions(text: str) -> str:
    """The text without ``={...}`` in tags and without comments."""
    closing = _closing_braces(text)
    kept, place = [], 0
    for start in _MDX_EXPRESSION.finditer(text):
        end = closing.get(start.start() + start[0].index("{"), 0)
        if start.start() >= place and 0 < end - start.start() <= _MDX_LONGEST:
            kept.append(text[place : start.start()])
            place = end
    return "".join([*kept, text[place:]])


def _closing_braces(text: str) -> dict[int, int]:
    """For each brace that is closed, the place behind the one that does."""
    closing: dict[int, int] = {}
    opened: list[int] = []
    for brace in re.finditer("[{}]", text):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            closing[opened.pop()] = brace.end()
    return closing


def _html_tag(tag: re.Match[str]) -> str:
    """A component's tag on one line, as HTML has it."""
    attributes = " ".join(tag[2].split())
    opened = f"<{tag[1]} {attributes}>" if attributes else f"<{tag[1]}>"
    return f"{opened}</{tag[1]}>" if tag[3] else opened


def _plain_markdown(text: str) -> str:
    """Markdown as CommonMark has it, of what documentation sites add to it."""
    text = _ALERT.sub(r"\1", _ATTRIBUTES.sub("", text))
    text = _TAG_LINE.sub(r"\n\1\n", text)
    text = _BOX.sub(lambda box: f"\n{box[1] or box[2] or ''}\n", text)
    return "\n".join(_table_lines(text.split("\n")))


def _table_lines(lines: list[str]) -> Iterator[str]:
    """The lines with each row of a table on one: Alibaba Cloud's have lists inside of cells.

    There a row also leaves out a cell that the one above it covers, which is the first.
    """
    columns, above, row, indent = 0, "", "", ""
    for number, line in enumerate(lines):
        if not row and not line.lstrip().startswith("|"):
            columns = 0
        if not columns:
            header = lines[number - 1] if number else ""
            if "|" in line and "|" in header and _RULE_LINE.fullmatch(line):
                columns, above = len(_split_row(line)), ""
            yield line
            continue
        if not row:
            indent = line[: len(line) - len(line.lstrip())]
        part = _BULLET.sub("", _CELL_ITEM.sub(r"\1<br>", line.strip()))
        row += f"<br>{part}" if row and part else part
        if row.endswith("|") and len(row) > 1:
            cells = _split_row(row)
            if len(cells) < columns and above:
                cells.insert(0, above)
            elif len(cells) == columns:
                above = cells[0]
            yield f"{indent}| {' | '.join(cells)} |"
            row = ""
    if row:
        yield row


def _split_row(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))


def _indented(
    self: RendererHTML, tokens: list[Token], place: int, options: OptionsDict, env: EnvType
) -> str:
    """Indented text: code in CommonMark, never in MDX, often a list set too far to the right."""
    content = re.sub(r"^[ \t]+", "", tokens[place].content, flags=re.M)
    if not env.get("is_mdx") and _CODE_SIGNS.search(_LINKS.sub("", content)):
        return "<pre></pre>"
    return str(_MARKDOWN.render(content, env))


_MARKDOWN: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_MARKDOWN.add_render_rule("code_block", _indented)
