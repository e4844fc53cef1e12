"""What signed customers of `make bench-voice` are told: what was heard in; whether it is what they
needed, figures and a plot out.

Times count from the end of the customer's speech, in milliseconds. An answer without the figure
that the database has, or one that asks for nothing where an onboarding is to go on, is missed:
counted and shown, and no part of any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

from matplotlib.figure import Figure

from agent.service.quality.targets import Metric
from common.numbers.figures import figures_in
from eval.dialogue.figures import states
from eval.dialogue.questions import slots_asked
from eval.voice.comparison import compare, plot, row
from eval.voice.rows import Topic
from eval.voice.scores import Asked, Known, StackName, heard_behind

_TIMES: Final = ("first_words_ms", "point_ms")
_CAPTIONS: Final[Mapping[Topic, str]] = {
    "onboarding": "Onboarding: asked the next thing within a time (what is missed never is)",
    "figures": "Own figures: answered within a time (what is missed never is)",
}


@dataclass(frozen=True)
class Answered:
    """What a customer said to a stack, and what came of it."""

    asked: Asked
    is_right: bool
    """The answer has the figure, or asks for something."""
    point_ms: float | None = None
    """To the first sound of the sentence that does so, behind those that are known to lead to it.
    Of stock's no sentence is known: its whole answer counts."""

    @property
    def first_words_ms(self) -> float | None:
        """To the first sound of the answer; None where it is no proper one."""
        return self.asked.first_words_ms

    @property
    def is_missed(self) -> bool:
        """It was not answered, or beside the point."""
        return self.asked.failure is not None or not self.is_right


Answers = Mapping[StackName, Sequence[Answered]]
"""By the stack that was asked."""


def answered(asked: Asked, known: Known, values: Mapping[Metric, Sequence[float]]) -> Answered:
    """``values``: of the metric that is asked for those that are right; empty: a question is."""
    if asked.turn is None:
        return Answered(asked, is_right=False)
    text = asked.turn.answer
    said = figures_in(text)
    right = any(
        states(figure, metric, value)
        for metric, mine in values.items()
        for figure, value in product(said, mine)
    )
    _, heard = heard_behind(asked.turn, {**known.acknowledgements_ms, **known.leads_ms})
    return Answered(
        asked,
        is_right=right if values else bool(slots_asked(text)),
        point_ms=heard[0].start_ms - asked.turn.speech.end_ms if heard else None,
    )


def summarise_answers(answers: Answers) -> dict[str, Any]:
    """A part of the benchmark's last line.

    ``times_sooner``: stock's times in Liuke's, over what neither missed. ``right_or_not``: the same
    for the first words of whatever was answered, for a stack that is never right has no times.
    """
    spoken = {name: [replace(one, is_right=True) for one in mine] for name, mine in answers.items()}
    right_or_not = compare(spoken, ("first_words_ms",), "turns")
    return compare(answers, _TIMES, "turns") | {"right_or_not": right_or_not}


def answer_rows(answers: Answers) -> list[dict[str, Any]]:
    """What the last line leaves out: every turn."""
    return [row(name, one, _TIMES) for name, mine in answers.items() for one in mine]


def answer_plot(topic: Topic, answers: Answers) -> tuple[str, Figure]:
    """When the answers began, with its caption."""
    return _CAPTIONS[topic], plot(answers, "first_words_ms", "first words", "turns")
