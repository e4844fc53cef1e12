"""HTML: a page in, langchain Documents out (see knowledge.documents.formats.blocks).

Of a page is taken what a reader sees of its text: no scripts, no hidden elements, no navigation, no
pictures. Markdown and Word documents are made into HTML and read here too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString
from langchain_core.document_loaders import BaseBlobParser, Blob
from langchain_core.documents import Document

from common.languages import HAN
from knowledge.documents.formats import tables, wording
from knowledge.documents.formats.blocks import (
    LABEL,
    Block,
    Code,
    Heading,
    Paragraph,
    Table,
    documents,
)
from knowledge.documents.formats.decoding import text_of
from knowledge.documents.formats.wording import tidy

#: "Echo | Support | Example Cloud": the page comes first, the site after it.
_SITE: Final = re.compile(rf" [–—·-] | ?\| ?|(?<=[{HAN}])_(?=[{HAN}])")
_UNREAD: Final = frozenset(
    (
        *("script", "style", "noscript", "template", "head", "title", "meta"),
        *("svg", "math", "canvas", "video", "audio", "object", "embed", "iframe", "figcaption"),
        *("nav", "footer", "form", "button", "select", "textarea", "dialog"),
    )
)
#: Beside the text, unless they stand inside of it: an article's header has its title.
_BESIDE: Final = ("header", "aside")
_BESIDE_ROLES: Final = frozenset(
    (
        *("navigation", "banner", "contentinfo", "search", "complementary"),
        *("dialog", "alertdialog", "menu", "toolbar"),
    )
)
_BESIDE_NAMES: Final = re.compile(
    r"\b(breadcrumbs?|toc|table-?of-?contents|sidebar|pagination|cookies?|cookie-\w+|consent"
    r"|feedback|skip-?(to-)?(link|content)|theme-edit-\w+|last-updated|hash-link|headerlink"
    r"|sr-only|visually-?hidden|screen-reader-text)\b",
    re.I,
)
_HIDING_STYLE: Final = re.compile(
    r"(?<![\w-])(display:none|visibility:(hidden|collapse)|opacity:0*(\.0+)?(%|;|!|$)"
    r"|font-size:0*(\.0+)?[a-z%]*(;|!|$)|(left|right|top|text-indent):-\d{3,}|color:transparent)"
)
_AT_RULE: Final = re.compile(r"@[^{};]*(;|\{(?:[^{}]|\{[^{}]*\})*\})")
#: What stands on many pages and says nothing about their subject; whole paragraphs only.
_BOILERPLATE: Final = re.compile(
    r"(was|is) this (page|article|document\w*|topic|answer) (help|use)ful\W*(yes\W*)?(no\W*)?"
    r"|(edit|improve) this (page|doc\w*)( on \w+)?|(back|return) to (the )?top"
    r"|skip to .{0,20}content"
    r"|(table of )?contents|(on|in) this (page|article)|(last )?(updated|modified)( on|:).{0,40}"
    r"|(previous|next)( page)?|share this \w+|(copyright )?(©|\(c\)).{0,80}|all rights reserved\W*"
    r"|(we|this (web)?site) uses? cookies.{0,300}|accept( all)?( cookies)?|loading\W*"
    r"|目录|本(页|文)(目录|内容)|(返回|回到)顶部|上一(篇|页)\W.{0,40}|下一(篇|页)\W.{0,40}"
    r"|(此|本|该)?(页面?|文档|文章|内容)?(是否)?对[您你](是否)?有(所)?(帮助|用)(吗|么)?\W*(是\W*)?(否\W*)?"
    r"|(本网站|我们)使用.{0,5}cookies?.{0,150}|(最后|上次)?(更新|修改)(时间|于).{0,30}|版权所有.{0,60}",
    re.I,
)
_BLOCKS: Final = frozenset(
    (
        *("html", "body", "main", "article", "section", "header", "hgroup", "aside", "div", "p"),
        *("blockquote", "center", "address", "figure", "fieldset", "hr", "dl", "li", "summary"),
        *("caption", "callout", "note", "tabs", "card"),  # the last four are components of MDX
    )
)
#: Columns of a table, and rows and columns that a cell may cover; no honest one has more.
_SPAN: Final = 100
#: Sentences in bold that begin a remark, not a section.
_REMARK: Final = re.compile(
    r"(note|notes|tip|important|warning|caution|info|danger|example|注意|说明|提示|警告|重要|备注|示例)"
    r"[:：]?",
    re.I,
)


class HtmlParser(BaseBlobParser):
    """HTML pages."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """What stands under each heading. Raises InputError for a page that is too long."""
        source = str(blob.source)
        declared = re.search(rb"charset\s*=\s*[\"']?([\w-]+)", blob.as_bytes()[:4096])
        text = text_of(blob, declared[1].decode() if declared else blob.encoding)
        title, blocks = read_page(text)
        yield from documents(blocks, source, main_heading(blocks) or title)


def read_page(html: str) -> tuple[str, list[Block]]:
    """What the page's title element says, or "", and its blocks."""
    # Browsers take the one for the other.
    soup = BeautifulSoup(html.replace("</br>", "<br>"), "lxml")
    title = _SITE.split(soup.title.get_text() if soup.title else "")[0]
    hidden_names = {name for style in soup("style") for name in _hiding_names(style.get_text())}
    _prune(soup, lambda one: one.name in _UNREAD or _is_hidden(one, hidden_names))
    main = _main(soup)
    _prune(main, _is_beside)
    return title, _blocks(main)


def main_heading(blocks: list[Block]) -> str:
    """The heading of the first level, or "": where there are several, none is the whole page's."""
    tops = [block.text for block in blocks if isinstance(block, Heading) and block.level == 1]
    return tops[0] if len(tops) == 1 else ""


def _prune(element: Tag, is_unwanted: Callable[[Tag], bool]) -> None:
    """Take away all unwanted elements inside of ``element``."""
    for child in list(element.children):
        if isinstance(child, Tag):
            if is_unwanted(child):
                child.decompose()
            else:
                _prune(child, is_unwanted)


def _hiding_names(sheet: str) -> Iterator[str]:
    """The classes and ids that a style sheet hides from everyone: those for print do not count."""
    for rule in _AT_RULE.sub("", sheet).split("}"):
        selectors, _, style = rule.partition("{")
        if _HIDING_STYLE.search(re.sub(r"\s", "", style.lower())):
            names = map(str.strip, selectors.rpartition("*/")[2].split(","))
            yield from (name for name in names if name.startswith((".", "#")))


def _is_hidden(element: Tag, hidden_names: set[str]) -> bool:
    style = re.sub(r"\s", "", str(element.get("style", "")).lower())
    return (
        element.has_attr("hidden")
        or element.get("aria-hidden") == "true"
        or bool(_HIDING_STYLE.search(style))
        or not hidden_names.isdisjoint(f".{name}" for name in _classes(element))
        or f"#{element.get('id')}" in hidden_names
    )


def _main(soup: BeautifulSoup) -> Tag:
    """The element with the page's text; without one that says so all but its edges."""
    for selector in ("main", "[role=main]", "article"):
        found = soup.select(selector)
        if len(found) == 1:
            return found[0]
    _prune(soup, lambda one: one.name in _BESIDE)
    return soup.body or soup


def _is_beside(element: Tag) -> bool:
    names = " ".join([*_classes(element), str(element.get("id", ""))])
    is_named = element.get("role") in _BESIDE_ROLES or bool(_BESIDE_NAMES.search(names))
    # A page on cookies may be named after them.
    return is_named and element.find("h1") is None


def _classes(element: Tag) -> list[str]:
    return element.get_attribute_list("class") if element.has_attr("class") else []


def _blocks(element: Tag) -> list[Block]:
    reader = _Reader()
    reader.read(element)
    reader.flush()
    return reader.blocks


class _Reader:
    """Walks through elements and collects the blocks they make."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._text: list[str] = []
        self._number = 0
        self._is_numbered = False

    def read(self, element: Tag) -> None:
        """All that is inside ``element``."""
        for child in element.children:
            if isinstance(child, Tag):
                self._enter(child)
            elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
                # A line break in the source is a space on the page.
                self._text.append(str(child).replace("\n", " "))

    def flush(self) -> None:
        """The inline text so far is a paragraph."""
        text = tidy("".join(self._text))
        self._text = []
        if text and not _BOILERPLATE.fullmatch(text):
            for line in text.split("\n"):
                self.blocks.append(Paragraph(line, self._number))
                self._number = 0

    def _enter(self, element: Tag) -> None:
        match element.name:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6" as name:
                self._add(Heading(int(name[1]), _inline(element)))
            case "br":
                self._text.append("\n")
            case "pre":
                self._add(Code())
            case "code" | "kbd" | "samp" | "tt":
                self._text.append(wording.code(element.get_text()))
            case "a":
                self._link(element)
            case "table":
                self._add(_table(element))
            case "ul" | "ol":
                self._list(element)
            case "dt":
                self.flush()
                self._text.append(f"{_inline(element)}：")
            case "dd":
                self.read(element)
                self.flush()
            case "details" | "tabitem" | "tab":
                self._labelled(element)
            case "p" if _is_label(element):
                self._add(Heading(LABEL, _inline(element)))
            case name if name in _BLOCKS:
                self.flush()
                self._describe(element)
                self.read(element)
                self.flush()
            case _:
                self.read(element)

    def _add(self, block: Block) -> None:
        self.flush()
        self._number = 0
        self.blocks.append(block)

    def _link(self, element: Tag) -> None:
        if element.find(["p", "div", "h1", "h2", "h3", "h4", "table", "ul"]):
            self.read(element)
        else:
            self._text.append(wording.link(_inline(element), str(element.get("href", ""))))

    def _list(self, element: Tag) -> None:
        self.flush()
        if _is_contents(element):
            return
        items = element.find_all("li", recursive=False)
        # Numbers inside of numbers cannot be told apart by ear.
        numbered = element.name == "ol" and len(items) > 1 and not self._is_numbered
        self._is_numbered |= numbered
        for number, item in enumerate(items, 1):
            self._number = number if numbered else 0
            self.read(item)
            self.flush()
        self._number = 0
        self._is_numbered &= not numbered

    def _labelled(self, element: Tag) -> None:
        """An element that shows what is inside under a label of its own."""
        summary = element.find("summary", recursive=False)
        label = _inline(summary.extract()) if summary else str(element.get("label", ""))
        self._add(Heading(LABEL, label))
        self.read(element)
        self._add(Heading(LABEL, ""))

    def _describe(self, element: Tag) -> None:
        """The text of a documentation site's card is in its attributes."""
        title, description = element.get("title"), element.get("description")
        if title and description:
            self.blocks.append(Paragraph(tidy(f"{title}: {description}")))


def _inline(element: Tag) -> str:
    """The text of an element as one line."""
    return " ".join(block.text for block in _blocks(element) if isinstance(block, Paragraph))


def _is_label(paragraph: Tag) -> bool:
    """A short paragraph all in bold is used as a heading."""
    children = [child for child in paragraph.children if str(child).strip()]
    if len(children) != 1 or not isinstance(children[0], Tag):
        return False
    text = children[0].get_text().strip()
    return (
        children[0].name in ("strong", "b")
        and 0 < len(text) <= 80
        and text[-1] not in "。.！!；;，,"
        and not _REMARK.fullmatch(text)
    )


def _is_contents(element: Tag) -> bool:
    """A list of links to parts of the same page."""
    links = element.select("a[href^='#']")
    linked = sum(len(link.get_text().strip()) for link in links)
    return len(links) > 1 and linked >= 0.9 * len("".join(element.stripped_strings))


def _table(element: Tag) -> Table:
    trs = [tr for tr in element.find_all("tr") if tr.find_parent("table") is element]
    rows = _spread([tr.find_all(["td", "th"], recursive=False) for tr in trs])
    if not rows:
        return Table((), has_header=False)
    first = trs[0].find_all(["td", "th"], recursive=False)
    says_so = bool(first) and all(cell.name == "th" for cell in first)
    return Table(rows, says_so or tables.names_columns(rows[0]))


def _spread(trs: list[list[Tag]]) -> tuple[tuple[str, ...], ...]:
    """The cells' texts, those that span rows or columns in each of them."""
    rows: list[dict[int, str]] = [{} for _ in trs]
    for y, cells in enumerate(trs):
        x = 0
        for cell in cells[:_SPAN]:
            while x in rows[y]:
                x += 1
            text = "\n".join(block.text for block in _blocks(cell) if isinstance(block, Paragraph))
            for row in rows[y : y + _span(cell, "rowspan")]:
                row |= dict.fromkeys(range(x, min(x + _span(cell, "colspan"), _SPAN)), text)
    return tuple(tuple(row.get(x, "") for x in range(max(row) + 1)) for row in rows if row)


def _span(cell: Tag, name: str) -> int:
    """Rows or columns that a cell covers."""
    value = str(cell.get(name, ""))
    return min(max(int(value), 1), _SPAN) if re.fullmatch(r"\d{1,9}", value) else 1
