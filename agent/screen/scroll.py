"""Scroll: what a part of a screen showed and what it shows now in; how far it moved out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.screen.contract import Box

#: Columns in which rows of pixels are compared by their mean brightness.
_BANDS: Final = 16
#: Shades by which the mean of a band may differ in the same row; and from the paper, where it is
#: empty.
_SAME: Final = 4.0
_EMPTY: Final = 2.0
#: Rows with something on them that must have moved, and their share of all such rows.
_LEAST_ROWS: Final = 24
_LEAST_SHARE: Final = 0.8


@dataclass(frozen=True)
class Scroll:
    """What a part shows has moved within it."""

    part: Box
    down: int
    """Pixels; less than 0: up."""


def moved_down(before: NDArray[np.int16], now: NDArray[np.int16]) -> int | None:
    """By how many pixels the most of what was shown has moved down; None: it has not.

    Only rows with something on them count: empty ones are the same everywhere.
    """
    old, new = _rows(before), _rows(now)
    paper = np.median(new, axis=0)
    inked = np.abs(new - paper).max(axis=1) > _EMPTY
    height = len(new)
    best, most = None, _LEAST_ROWS - 1
    for down in range(-height + 1, height):
        if not down:
            continue
        here = slice(max(0, down), height + min(0, down))
        there = slice(max(0, -down), height + min(0, -down))
        count = int(inked[here].sum())
        if count <= most:
            continue
        same = np.abs(new[here] - old[there]).max(axis=1) < _SAME
        found = int((same & inked[here]).sum())
        if found > most and found >= _LEAST_SHARE * count:
            best, most = down, found
    return best


def _rows(image: NDArray[np.int16]) -> NDArray[np.float32]:
    """Each row by the mean of its bands."""
    bands = np.array_split(image, min(_BANDS, image.shape[1]), axis=1)
    return np.stack([band.mean(axis=1, dtype=np.float32) for band in bands], axis=1)
