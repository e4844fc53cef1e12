"""Pace: what readings have cost in; when there is room for the next one out."""

from __future__ import annotations

from collections import deque
from typing import Final

#: What is kept within the share is what was taken in so many seconds.
WINDOW_S: Final = 60.0
#: Pixels: what is smaller costs nearly as much, for its lines are as long.
_SMALL: Final = 250_000
#: Seconds of a core for a million pixels, before anything was read: a page of small text takes two
#: on one core of an AMD EPYC.
_FIRST_GUESS_S: Final = 2.0
#: Readings by which the next is judged: the densest of them.
_REMEMBERED: Final = 12


class Pace:
    """Keeps readings within a share of one core, in every minute; times by any steady clock."""

    def __init__(self, share: float) -> None:
        self._budget_s = share * WINDOW_S
        self._spent: deque[tuple[float, float]] = deque()
        self._densities: deque[float] = deque([_FIRST_GUESS_S], maxlen=_REMEMBERED)

    def wait_s(self, now_s: float, pixels: int) -> float:
        """Seconds until so many pixels can be read; 0: now."""
        while self._spent and self._spent[0][0] <= now_s - WINDOW_S:
            self._spent.popleft()
        # What costs more than there is altogether is read once nothing else was.
        expected_s = min(max(self._densities) * max(pixels, _SMALL) / 1e6, self._budget_s)
        spent_s = sum(cost_s for _, cost_s in self._spent)
        wait_s = 0.0
        for ended_s, cost_s in self._spent:
            if spent_s + expected_s <= self._budget_s:
                break
            spent_s -= cost_s
            wait_s = ended_s + WINDOW_S - now_s
        return wait_s

    def spend(self, now_s: float, cost_s: float) -> None:
        """Note seconds of a core that were taken."""
        self._spent.append((now_s, cost_s))

    def read(self, now_s: float, cost_s: float, pixels: int) -> None:
        """Note a reading of so many pixels."""
        self.spend(now_s, cost_s)
        self._densities.append(cost_s * 1e6 / max(pixels, _SMALL))
