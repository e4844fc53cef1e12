"""The body of an entry: Markdown in; its sections and its steps out, as they are said.

What is said has no marks of lists, emphasis and links, and a line for each paragraph and item.
Code is left out: nobody can say it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from common.languages import join_utterances

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False})
_LISTS: Final = ("ordered_list", "bullet_list")


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    heading: str
    """Empty for what stands before the first."""
    lines: tuple[str, ...] = ()
    """As they are said."""
    items: tuple[str, ...] = ()
    """Those of the lines that a list has."""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def sections_of(body: str) -> tuple[Section, ...]:
    """The sections that say something, in their order."""
    found = [Section("")]
    depth = 0
    for token, inline in _blocks(_MARKDOWN.parse(body)):
        if token.type.removesuffix("_open").removesuffix("_close") in _LISTS:
            depth += token.nesting
        elif inline is None:
            continue
        elif token.type == "heading_open":
            found.append(Section(_said(inline)))
        elif said := _said(inline):
            last = found[-1]
            items = (*last.items, said) if depth else last.items
            found[-1] = replace(last, lines=(*last.lines, said), items=items)
    return tuple(section for section in found if section.lines)


def spoken(markdown: str) -> str:
    """All that a text says, headings left out."""
    return "\n".join(section.text for section in sections_of(markdown))


def steps_of(sections: Sequence[Section], heading: str) -> tuple[str, ...]:
    """What to do: what stands under ``heading``, a step a line.

    In a body without that heading, the items of the first list.
    """
    under = next((section for section in sections if section.heading == heading), None)
    if under:
        return under.items or under.lines
    return next((section.items for section in sections if section.items), ())


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token | None]]:
    """Each token of a block, with the text that it opens, if it does."""
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        yield token, after if after and after.type == "inline" else None


def _said(inline: Token) -> str:
    """The text of a paragraph on one line."""
    parts = (
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or ()
        if child.type != "image"
    )
    return join_utterances(" ".join("".join(parts).split()))
