"""What the wishes for a person in `make bench-voice` come to: calls in, figures and a plot out.

Times count from the end of the customer's speech, in milliseconds. A wish for which no page came is
missed: counted and shown, and no part of any time. Neither are first words that are no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from eval.voice.scores import STACKS, Asked, StackName, percentiles
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
        return None if self.asked.failure else self.asked.voice_to_voice_ms

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
    came = {name: _by_wish(needs.get(name, ())) for name in STACKS}
    both = [wish for wish in came["liuke"] if wish in came["stock"]]
    liuke, stock = (_times([came[name][wish] for wish in both]) for name in STACKS)
    return {
        **{name: _figures(called) for name, called in needs.items()},
        "times_sooner": {
            time: {
                p: round(theirs / ours, 2) if (theirs := stock[time][p]) and ours else None
                for p, ours in liuke[time].items()
            }
            for time in _TIMES
        }
        | {"wishes": len(both)},
    }


def _by_wish(called: Sequence[Called]) -> dict[Wish, Called]:
    return {one.wish: one for one in called if not one.is_missed}


def _figures(called: Sequence[Called]) -> dict[str, Any]:
    came = [one for one in called if not one.is_missed]
    missed = round(100 * (1 - len(came) / len(called)), 1) if called else None
    return {**_times(came), "missed_pct": missed}


def _times(came: Sequence[Called]) -> dict[str, dict[str, int | None]]:
    return {
        time: percentiles([ms for one in came if (ms := getattr(one, time)) is not None])
        for time in _TIMES
    }


def escalation_details(needs: Needs) -> dict[str, Any]:
    """What the last line leaves out: the kinds of wishes apart, and every wish."""
    return {
        "escalation_by_kind": {
            f"{name}, {kind}": _figures([one for one in called if one.wish.kind == kind])
            | {"wishes": sum(one.wish.kind == kind for one in called)}
            for name, called in needs.items()
            for kind in ("emergency", "person")
        },
        "wishes": [_row(name, one) for name, called in needs.items() for one in called],
    }


def _row(name: StackName, called: Called) -> dict[str, Any]:
    turn = called.asked.turn
    return {
        "wish": called.wish.said.text,
        "kind": called.wish.kind,
        "stack": name,
        "missed": called.is_missed,
        "failure": called.asked.failure or "",
        "severity": called.severity,
        **{time: None if (ms := getattr(called, time)) is None else round(ms) for time in _TIMES},
        "heard": turn.transcript if turn else "",
        "answer": turn.answer if turn else "",
    }


def escalation_plot(needs: Needs) -> tuple[str, Figure]:
    """When the pages came, with its caption."""
    figure = Figure(figsize=(8, 3.5))
    axes = figure.add_subplot(xlabel="end of speech to page, seconds", ylabel="share of wishes")
    for name, called in needs.items():
        came = sorted((one.page_ms or 0) / 1000 for one in called if not one.is_missed)
        share = np.arange(1, len(came) + 1) / max(1, len(called))
        axes.step([0, *came], [0, *share], where="post", label=name)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return "Wishes for a person: paged within a time (those that are missed never are)", figure
