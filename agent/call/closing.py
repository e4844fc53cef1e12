"""Closing: that a worker stops in; in the processes of its calls, when they must be over out."""

from __future__ import annotations

import multiprocessing
import time

from livekit.agents import JobProcess

_NEVER = 0.0


class Closing:
    """One number that a worker shares with the processes of its calls.

    `time.monotonic` is the same clock in all processes of a machine, and the event loop's.
    """

    def __init__(self) -> None:
        # The context's name matters to locks alone, and there is none: one process writes.
        context = multiprocessing.get_context("spawn")
        self._at_s = context.Value("d", _NEVER, lock=True)

    def announce(self, after_s: float) -> None:
        """The worker closes so many seconds from now."""
        self._at_s.value = time.monotonic() + after_s

    def at_s(self) -> float | None:
        """When the worker closes, on the clock of `time.monotonic`; None while it does not."""
        at_s: float = self._at_s.value
        return None if at_s == _NEVER else at_s

    def hand_to(self, process: JobProcess) -> None:
        """Let a call's process see it: `closing_of`."""
        process.userdata[Closing] = self


def closing_of(process: JobProcess) -> Closing:
    """What the worker handed to this process."""
    closing: Closing = process.userdata[Closing]
    return closing
