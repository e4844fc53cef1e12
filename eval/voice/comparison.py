"""Both stacks side by side in `make bench-voice`: what was said to each, and came of it, in;
figures, table rows and a plot out.

Times count from the end of the customer's speech, in milliseconds. What is missed is counted and
shown, and no part of any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from eval.voice.questions import Question
from eval.voice.scores import STACKS, Asked, StackName, percentiles


class Put(Protocol):
    """Something that was said to a stack, and what came of it; with a time by each name asked for,
    None where it did not come to that."""

    @property
    def asked(self) -> Asked:
        """What was said and heard."""

    @property
    def is_missed(self) -> bool:
        """Nothing came of it."""


def compare(
    put: Mapping[StackName, Sequence[Put]], times: Sequence[str], counted: str
) -> dict[str, Any]:
    """The part of the benchmark's last line.

    ``times_sooner``: stock's times in Liuke's, over what neither missed, with its number by the
    name ``counted``.
    """
    came = {name: _by_question(put.get(name, ())) for name in STACKS}
    both = [question for question in came["liuke"] if question in came["stock"]]
    liuke, stock = (_times([came[name][one] for one in both], times) for name in STACKS)
    return {
        **{name: figures(mine, times) for name, mine in put.items()},
        "times_sooner": {
            time: {
                p: round(theirs / ours, 2) if (theirs := stock[time][p]) and ours else None
                for p, ours in liuke[time].items()
            }
            for time in times
        }
        | {counted: len(both)},
    }


def figures(put: Sequence[Put], times: Sequence[str]) -> dict[str, Any]:
    """Percentiles of each time, and the share that was missed."""
    came = [one for one in put if not one.is_missed]
    missed = round(100 * (1 - len(came) / len(put)), 1) if put else None
    return {**_times(came, times), "missed_pct": missed}


def row(name: StackName, one: Put, times: Sequence[str]) -> dict[str, Any]:
    """What the page shows of one of them."""
    turn = one.asked.turn
    return {
        "said": one.asked.question.text,
        "stack": name,
        "missed": one.is_missed,
        "failure": one.asked.failure or "",
        **{time: None if (ms := getattr(one, time)) is None else round(ms) for time in times},
        "heard": turn.transcript if turn else "",
        "answer": turn.answer if turn else "",
    }


def plot(put: Mapping[StackName, Sequence[Put]], time: str, until: str, of: str) -> Figure:
    """The share of all of them for which ``time`` was over; ``until``: what it runs to, ``of``:
    what they are."""
    figure = Figure(figsize=(8, 3.5))
    axes = figure.add_subplot(xlabel=f"end of speech to {until}, seconds", ylabel=f"share of {of}")
    for name, mine in put.items():
        came = sorted((getattr(one, time) or 0) / 1000 for one in mine if not one.is_missed)
        share = np.arange(1, len(came) + 1) / max(1, len(mine))
        axes.step([0, *came], [0, *share], where="post", label=name)
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _by_question(put: Sequence[Put]) -> dict[Question, Put]:
    return {one.asked.question: one for one in put if not one.is_missed}


def _times(came: Sequence[Put], times: Sequence[str]) -> dict[str, dict[str, int | None]]:
    return {
        time: percentiles([ms for one in came if (ms := getattr(one, time)) is not None])
        for time in times
    }
