"""Changes: images of a screen in, one after the other; the parts that changed and rest now out.

Each image is compared with the one before, which tells what rests, and with what was read last,
which tells what is new. Where nothing is new nothing is read. To look costs a millisecond.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.screen.contract import Box, Grey

#: Pixels of a block's side: blocks are compared, not pixels, for the coding of a picture has noise.
_BLOCK: Final = 4
#: Blocks of a tile's side: the least that is read again.
_TILE: Final = 8
#: Shades by which a block's mean differs where something else is shown. Another digit of 12 px
#: changes its blocks by 20 to 60, the coding of a screen that rests by less than 6.
_SHADES: Final = 14
#: Tiles that may lie between two that changed and are read with them.
_GAP: Final = 1
#: More parts than these are read as one.
_MOST_PARTS: Final = 4
#: What no block's sum is.
_UNREAD: Final = -5000

#: The sums of blocks' pixels.
_Sums = NDArray[np.int16]


class Changes:
    """Follows one screen."""

    def __init__(self) -> None:
        self._last = self._read = np.empty((0, 0), np.int16)

    def look(self, image: Grey) -> tuple[Box, ...]:
        """What differs from what was read last, and is as it was in the image before."""
        last, self._last = self._last, _sums(image)
        if self._read.shape != self._last.shape:
            self._read = np.full_like(self._last, _UNREAD)
        if last.shape != self._last.shape:  # nothing rests in the first image of a size
            return ()
        new = _differing_tiles(self._last, self._read) & ~_differing_tiles(self._last, last)
        return tuple(_in_pixels(part, image) for part in _parts(new))

    def read(self, part: Box) -> None:
        """Note that a part of the image that was looked at last has been read."""
        blocks = _blocks_of(part)
        self._read[blocks] = self._last[blocks]

    def read_again(self, part: Box) -> None:
        """Take a part for new, though it was read."""
        self._read[_blocks_of(part)] = _UNREAD


def _blocks_of(part: Box) -> tuple[slice, slice]:
    """The rows and columns of the blocks that lie in a part."""
    return (
        slice(-(-part.top // _BLOCK), -(-part.bottom // _BLOCK)),
        slice(-(-part.left // _BLOCK), -(-part.right // _BLOCK)),
    )


def _sums(image: Grey) -> _Sums:
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
    parts = []
    for run in runs:
        columns = np.flatnonzero(tiles[run[0] : run[-1] + 1].any(axis=0))
        parts.append(Box(int(columns[0]), int(run[0]), int(columns[-1]) + 1, int(run[-1]) + 1))
    return parts


def _in_pixels(part: Box, image: Grey) -> Box:
    """A box of tiles as one of pixels, with a tile around it that shows where letters end."""
    side, (height, width) = _BLOCK * _TILE, image.shape
    return Box(
        max(0, (part.left - 1) * side),
        max(0, (part.top - 1) * side),
        min(width, (part.right + 1) * side),
        min(height, (part.bottom + 1) * side),
    )
