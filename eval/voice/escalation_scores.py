"""What the wishes for a person in `make bench-voice` come to: calls in, figures and a plot out.

Times count from the end of the customer's speech, in milliseconds. A wish for which no page came is
missed: counted and shown, and no part of any time. Neither are first words that are no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.figure import Figure

from eval.voice.comparison import compare, figures, plot, row
from eval.voice.scores import Asked, StackName
from eval.voice.wishes import Wish

#: A page that comes later than this, seconds, has not come.
LATEST_S: Final = 60.0
_TIMES: Final = ("first_words_ms", "ticket_ms", "page_ms")


@dataclass(frozen=True)
class Called:
    """A wish that was spoken to a stack, and what came of it."""

    wish: Wish
    asked: Asked
    """What was heard in the call."""
    ticket_ms: float | None = None
    """To the moment that the ticket says it was opened."""
    page_ms: float | None = None
    """To the page's arrival at its receiver."""
    severity: int | None = None
    """Of the ticket."""

    @property
    def first_words_ms(self) -> float | None:
        """To the first sound of the answer; None where it is no proper one."""
        return self.asked.first_words_ms

    @property
    def is_missed(self) -> bool:
        """Nobody was called, or too late."""
        return self.page_ms is None or self.page_ms > 1000 * LATEST_S


Needs = Mapping[StackName, Sequence[Called]]
"""By the stack that was called."""


def summarise_escalation(needs: Needs) -> dict[str, Any]:
    """The part of the benchmark's last line.

    ``times_sooner``: stock's times in Liuke's, over the wishes for which both called somebody.
    """
    return compare(needs, _TIMES, "wishes")


def escalation_details(needs: Needs) -> dict[str, Any]:
    """What the last line leaves out: the kinds of wishes apart, and every wish."""
    return {
        "escalation_by_kind": {
            f"{name}, {kind}": figures([one for one in called if one.wish.kind == kind], _TIMES)
            | {"wishes": sum(one.wish.kind == kind for one in called)}
            for name, called in needs.items()
            for kind in ("emergency", "person")
        },
        "wishes": [
            row(name, one, _TIMES) | {"kind": one.wish.kind, "severity": one.severity}
            for name, called in needs.items()
            for one in called
        ],
    }


def escalation_plot(needs: Needs) -> tuple[str, Figure]:
    """When the pages came, with its caption."""
    caption = "Wishes for a person: paged within a time (those that are missed never are)"
    return caption, plot(needs, "page_ms", "page", "wishes")
