"""What set-up says of itself: `Progress` values go from each step to whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far one piece of set-up has come."""

    task: str
    """What is being set up; the same text in every report of one piece."""
    note: str = ""
    """What is happening to it now."""
    done: int = 0
    """Bytes so far."""
    total: int | None = None
    """Bytes in all. None: how long it takes cannot be told in bytes."""
    finished: bool = False


Report = Callable[[Progress], None]
