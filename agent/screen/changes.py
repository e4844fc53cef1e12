"""Changes: images of a screen in, one after the other; the parts that changed and rest now out.

Each image is compared with the one before, which tells what rests, and with what was read last,
which tells what is new. Where nothing is new nothing is read; and of what was scrolled only the
lines that came into sight are. To look costs a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.screen.contract import Box, Grey
from agent.screen.scroll import Scroll, moved_down

#: Pixels of a block's side: blocks are compared, not pixels, for the coding of a picture has noise.
_BLOCK: Final = 4
#: Blocks of a tile's side: the least that is read again.
_TILE: Final = 8
#: Shades by which a block's mean differs where something else is shown. Another digit of 12 px
#: changes its blocks by 20 to 60, the coding of a screen that rests by less than 6.
_SHADES: Final = 14
#: Pixels around what changed that show where its letters end.
_MARGIN: Final = 8
#: Tiles that may lie between two that changed and are read with them.
_GAP: Final = 1
#: More parts than these are read as one.
_MOST_PARTS: Final = 4
#: Tiles of a height that changed, from which on it may have been scrolled.
_SCROLLED: Final = 3
#: A shade that no pixel has.
_UNREAD: Final = -1000

#: Shades of pixels, and their sums in blocks.
_Shades = NDArray[np.int16]
_Sums = NDArray[np.int16]


@dataclass(frozen=True)
class Sight:
    """What is new on a screen."""

    parts: tuple[Box, ...]
    """To be read."""
    scroll: Scroll | None = None
    """What was read before has moved; the parts are what else is new."""


class Changes:
    """Follows one screen."""

    def __init__(self) -> None:
        self._last: _Shades = np.empty((0, 0), np.int16)
        self._read: _Shades = self._last
        self._last_sums: _Sums = _sums(self._last)
        self._read_sums: _Sums = self._last_sums

    def look(self, image: Grey) -> Sight:
        """What differs from what was read last, and is as it was in the image before."""
        self._last = image.astype(np.int16)
        last, self._last_sums = self._last_sums, _sums(self._last)
        if self._read.shape != image.shape:
            self._read = np.full_like(self._last, _UNREAD)
            self._read_sums = _sums(self._read)
        if last.shape != self._last_sums.shape:  # nothing rests in the first image of a size
            return Sight(())
        rests = ~_differing_tiles(self._last_sums, last)
        new = _differing_tiles(self._last_sums, self._read_sums) & rests
        scroll = self._scroll(new)
        if scroll:
            new = _differing_tiles(self._last_sums, self._read_sums) & rests
        return Sight(tuple(_in_pixels(part, image, margin=_MARGIN) for part in _parts(new)), scroll)

    def read(self, part: Box) -> None:
        """Note that a part of the image that was looked at last has been read."""
        part.of(self._read)[:] = part.of(self._last)
        self._read_sums = _sums(self._read)

    def read_again(self, part: Box) -> None:
        """Take a part for new, though it was read."""
        part.of(self._read)[:] = _UNREAD
        self._read_sums = _sums(self._read)

    def _scroll(self, new: NDArray[np.bool_]) -> Scroll | None:
        """Move what was read as it has moved on the screen, if it has."""
        rows = np.flatnonzero(new.any(axis=1))
        if len(rows) < _SCROLLED:
            return None
        part = _in_pixels(_around(new, rows), self._last, margin=0)
        read = part.of(self._read)
        down = moved_down(read, part.of(self._last))
        if down is None:
            return None
        moved = np.full_like(read, _UNREAD)
        height = len(read)
        moved[max(0, down) : height + min(0, down)] = read[max(0, -down) : height + min(0, -down)]
        read[:] = moved
        self._read_sums = _sums(self._read)
        return Scroll(part, down)


def _sums(image: _Shades) -> _Sums:
    """The sums of an image's blocks; what is left at the right and the bottom is in none."""
    height, width = (side - side % _BLOCK for side in image.shape)
    rows = np.zeros((height // _BLOCK, width), np.int16)
    for i in range(_BLOCK):
        rows += image[i:height:_BLOCK, :width]
    sums = np.zeros((height // _BLOCK, width // _BLOCK), np.int16)
    for i in range(_BLOCK):
        sums += rows[:, i::_BLOCK]
    return sums


def _differing_tiles(one: _Sums, other: _Sums) -> NDArray[np.bool_]:
    """By row and column of tiles; those at the right and the bottom may be smaller."""
    blocks = np.abs(one - other) >= _SHADES * _BLOCK**2
    height, width = blocks.shape
    padded = np.pad(blocks, ((0, -height % _TILE), (0, -width % _TILE)))
    rows, columns = (side // _TILE for side in padded.shape)
    return np.asarray(padded.reshape(rows, _TILE, columns, _TILE).any(axis=(1, 3)))


def _parts(tiles: NDArray[np.bool_]) -> list[Box]:
    """Where tiles are set: a box for each run of rows, in tiles."""
    rows = np.flatnonzero(tiles.any(axis=1))
    if not rows.size:
        return []
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > _GAP + 1) + 1)
    if len(runs) > _MOST_PARTS:
        runs = [rows]
    return [_around(tiles, run) for run in runs]


def _around(tiles: NDArray[np.bool_], rows: NDArray[np.intp]) -> Box:
    """The box around the tiles that are set from the first to the last of some rows."""
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(tiles[top:bottom].any(axis=0))
    return Box(int(columns[0]), top, int(columns[-1]) + 1, bottom)


def _in_pixels(part: Box, image: NDArray[Any], *, margin: int) -> Box:
    """A box of tiles as one of pixels, ``margin`` of them around it."""
    side, (height, width) = _BLOCK * _TILE, image.shape
    return Box(
        max(0, part.left * side - margin),
        max(0, part.top * side - margin),
        min(width, part.right * side + margin),
        min(height, part.bottom * side + margin),
    )
