"""Visible text: a page of a PDF in, the same page without text that nobody sees.

Who writes for a model and not for readers hides it: in a render mode that draws nothing, or white
where nothing but white is painted. Text recognition hides what it read beneath the picture of it,
which is what readers see, so a page that is a picture with hidden text alone keeps that
(docs/decisions/022-text-that-nobody-sees.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from pypdf import PageObject
from pypdf.generic import (
    ContentStream,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    StreamObject,
)

_Kind = Literal["seen", "undrawn", "white"]

#: Render modes in which no letter is drawn: invisible, and for clipping alone.
_UNDRAWN: Final = (3, 7)
_SHOWS: Final = (b"Tj", b"TJ", b"'", b'"')
_FILLS: Final = (b"f", b"F", b"f*", b"B", b"B*", b"b", b"b*")
#: Components of white, of each way to name a colour; of four, no ink at all.
_WHITE: Final = {1: (1.0,), 3: (1.0, 1.0, 1.0), 4: (0.0, 0.0, 0.0, 0.0)}
_COLOURS: Final = (b"g", b"rg", b"k", b"sc", b"scn")
#: Forms inside of forms.
_DEEPEST: Final = 8


@dataclass(frozen=True)
class _Ink:
    """How text is drawn."""

    mode: int = 0
    is_white: bool = False

    @property
    def kind(self) -> _Kind:
        return "undrawn" if self.mode in _UNDRAWN else "white" if self.is_white else "seen"


@dataclass
class _Part:
    """The page itself, or a form on it."""

    content: ContentStream
    within: DictionaryObject
    """Holds it under ``name``: the page, or the forms beside it."""
    name: str
    kinds: list[_Kind | None] = field(default_factory=list)
    """Of each operation that shows text, how; None of the others."""


@dataclass
class _Page:
    parts: list[_Part] = field(default_factory=list)
    shown: Counter[_Kind] = field(default_factory=Counter)
    has_picture: bool = False
    has_ground: bool = False
    """Something other than white is painted, which white text may stand on."""

    def read(self, part: _Part, resources: Any, ink: _Ink, depth: int = 0) -> None:
        """Look at all that a part draws, beginning with ``ink``."""
        self.parts.append(part)
        forms = _dictionary(_dictionary(resources).get("/XObject"))
        saved: list[_Ink] = []
        for operands, operator in part.content.operations:
            kind: _Kind | None = None
            if operator == b"q":
                saved.append(ink)
            elif operator == b"Q":
                ink = saved.pop() if saved else ink
            elif operator == b"Tr" and operands:
                ink = replace(ink, mode=int(operands[0]))
            elif operator in _COLOURS:
                ink = replace(ink, is_white=_is_white(operands))
            elif operator == b"cs":
                ink = replace(ink, is_white=False)
            elif operator in _FILLS:
                self.has_ground |= not ink.is_white
            elif operator in (b"sh", b"INLINE IMAGE"):
                self.has_ground = True
                self.has_picture |= operator == b"INLINE IMAGE"
            elif operator in _SHOWS:
                kind = ink.kind
                self.shown[kind] += 1
            elif operator == b"Do" and operands:
                self._read_object(forms, str(operands[0]), resources, ink, depth)
            part.kinds.append(kind)

    def _read_object(
        self, forms: DictionaryObject, name: str, resources: Any, ink: _Ink, depth: int
    ) -> None:
        drawn = _dictionary(forms.get(name))
        if drawn.get("/Subtype") == "/Image":
            self.has_picture = self.has_ground = True
        elif isinstance(drawn, StreamObject) and depth < _DEEPEST:
            known = [part for part in self.parts if part.within is forms and part.name == name]
            if not known:
                part = _Part(ContentStream(drawn, None, "bytes"), forms, name)
                self.read(part, drawn.get("/Resources", resources), ink, depth + 1)

    def unseen(self) -> frozenset[_Kind]:
        """What is to be left out."""
        is_scan = self.has_picture and self.shown.keys() == {"undrawn"}
        unseen: set[_Kind] = set() if is_scan else {"undrawn"}
        if not self.has_ground:
            unseen.add("white")
        return frozenset(unseen)


def leave_out_unseen(page: PageObject) -> None:
    """Take text that nobody sees out of the page."""
    contents = page.get("/Contents")
    if contents is None:
        return
    read = _Page()
    whole = _Part(ContentStream(contents, page.pdf, "bytes"), page, "/Contents")
    read.read(whole, page.get("/Resources"), _Ink())
    # What was taken apart need not be so again.
    page[NameObject("/Contents")] = whole.content
    unseen = read.unseen()
    for part in read.parts:
        if unseen & set(part.kinds):
            part.content.operations = list(_seen(part, unseen))
            if part is not whole:
                part.within[NameObject(part.name)] = _as_form(part)


def _seen(part: _Part, unseen: frozenset[_Kind]) -> Iterator[tuple[Any, bytes]]:
    """The operations; of those that show nothing the step to the next line stays."""
    for operation, kind in zip(part.content.operations, part.kinds, strict=True):
        if kind not in unseen:
            yield operation
        elif operation[1] in (b"'", b'"'):
            yield [], b"T*"


def _as_form(part: _Part) -> DecodedStreamObject:
    form = DecodedStreamObject()
    before = _dictionary(part.within[part.name])
    packed = ("/Filter", "/DecodeParms", "/Length")
    form.update({key: value for key, value in before.items() if key not in packed})
    form.set_data(part.content.get_data())
    return form


def _is_white(operands: Sequence[Any]) -> bool:
    try:
        values = tuple(float(value) for value in operands)
    except (TypeError, ValueError):
        return False  # a pattern
    return values == _WHITE.get(len(values))


def _dictionary(value: Any) -> DictionaryObject:
    found = value.get_object() if value is not None else None
    return found if isinstance(found, DictionaryObject) else DictionaryObject()
