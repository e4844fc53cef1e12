"""What the screen server takes and gives; light enough for every process to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

#: An image of text in shades of grey, by row and column; 0 is black.
Grey = NDArray[np.uint8]

Shade = TypeVar("Shade", bound=np.generic)

#: Pixels of an image, at most: a screen of 1920 by 1200. Larger ones are scaled down before.
MOST_PIXELS = 1920 * 1200


@dataclass(frozen=True)
class Box:
    """A part of a screen, pixels; ``right`` and ``bottom`` are the first that are outside."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: Box) -> bool:
        """Whether they have a pixel in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def around(self, other: Box) -> Box:
        """The smallest that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, other: Box) -> Box:
        """What they have in common; they must meet."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def moved(self, right: int, down: int) -> Box:
        """The same, so many pixels further."""
        return Box(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def of(self, image: NDArray[Shade]) -> NDArray[Shade]:
        """What an image shows there."""
        return image[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True)
class Piece:
    """Text that stands in one place: a line, or one of the fields of a line."""

    text: str
    box: Box


@dataclass(frozen=True)
class Later:
    """Nothing was read: there is room for it in so many seconds, with the image of then."""

    seconds: float


def lines_of(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Pieces as people read them: from top to bottom, those of one height as one line."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: one.box.top + one.box.bottom):
        last = lines[-1][0].box if lines else None
        if last and last.top < (piece.box.top + piece.box.bottom) / 2 < last.bottom:
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return tuple(_joined(sorted(line, key=lambda one: one.box.left)) for line in lines)


def _joined(line: Sequence[Piece]) -> Piece:
    box = reduce(Box.around, (piece.box for piece in line))
    return Piece("  ".join(piece.text for piece in line), box)
