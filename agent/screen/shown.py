"""Shown: the text of one part of a screen after the other in; all that the screen shows now out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agent.screen.contract import Box, Piece, lines_of
from agent.screen.scroll import Scroll

#: Lines of a screen that are kept, and characters of a line.
_MOST_LINES: Final = 200
_LONGEST_LINE: Final = 300


class Shown:
    """What is known to stand on one screen."""

    def __init__(self) -> None:
        self._pieces: tuple[Piece, ...] = ()

    @property
    def lines(self) -> tuple[Piece, ...]:
        """From top to bottom."""
        lines = lines_of(self._pieces)[:_MOST_LINES]
        return tuple(Piece(line.text[:_LONGEST_LINE], line.box) for line in lines)

    def uncut(self, part: Box) -> Box:
        """A part, grown until it cuts no text that is known."""
        larger = part
        for piece in self._pieces:
            if _core(piece).meets(part):
                larger = larger.around(piece.box)
        return part if larger == part else self.uncut(larger)

    def put(self, part: Box, pieces: Sequence[Piece]) -> None:
        """Note what a part shows now; the places of ``pieces`` are those in the part."""
        kept = [piece for piece in self._pieces if not _core(piece).meets(part)]
        placed = [
            Piece(one.text, one.box.moved(part.left, part.top).within(part)) for one in pieces
        ]
        # At the edge of a part the feet of a line that is kept may look like text.
        new = [one for one in placed if not any(_core(one).meets(piece.box) for piece in kept)]
        self._pieces = (*kept, *new)

    def scroll(self, scroll: Scroll) -> None:
        """Note that what a part shows has moved; what leaves it is not shown any more."""
        pieces = []
        for piece in self._pieces:
            if not _core(piece).meets(scroll.part):
                pieces.append(piece)
                continue
            moved = Piece(piece.text, piece.box.moved(0, scroll.down))
            if _core(moved).meets(scroll.part):
                # A line may be cut where the part ends, and stand out to the left and the right.
                room = replace(scroll.part, left=moved.box.left, right=moved.box.right)
                pieces.append(Piece(moved.text, moved.box.within(room)))
        self._pieces = tuple(pieces)


def _core(piece: Piece) -> Box:
    """Where the letters are: boxes of lines that follow each other touch."""
    box, edge = piece.box, (piece.box.bottom - piece.box.top) // 4
    return Box(box.left, box.top + edge, box.right, box.bottom - edge)
