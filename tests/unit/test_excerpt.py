"""The excerpt: what the model is given to read, within its budget, and what is said without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.dialogue.excerpt import excerpt, spoken_steps
from knowledge.contract import Passage, SourceEntry

pytestmark = pytest.mark.unit

ENTRY = SourceEntry(
    id="en/echo",
    version=1,
    language="en",
    title="Echo",
    scenario=(),
    region=(),
    topic="audio",
    product=(),
    platform=(),
    error_codes=(),
    source="",
    opening="",
    body="",
    sections=("Your voice comes back.", "Put on headphones.\nCheck the app.", "Then ask us."),
    steps=("Put on headphones.", "Check the app."),
    names={},
)
NEAREST = Passage("en/echo", "Echo", "en", "When to ask", "Then ask us.", 1, 0.9)


def test_the_nearest_section_comes_first_then_the_steps_then_the_rest() -> None:
    read = excerpt(ENTRY, [NEAREST], "en", tokens=300)
    assert read.text.splitlines() == [
        "Echo",
        "Then ask us.",
        "Put on headphones.",
        "Check the app.",
        "Your voice comes back.",
    ]


def test_a_small_budget_keeps_the_nearest_section_whole() -> None:
    long = replace(NEAREST, text="Then ask us. " * 20)
    assert excerpt(ENTRY, [long], "en", tokens=5).text == f"Echo\n{long.text}"


@pytest.mark.parametrize(("score", "is_read"), [(0.3, True), (0.01, False)])
def test_of_other_entries_only_what_may_be_meant_is_read(score: float, is_read: bool) -> None:
    other = Passage("en/noise", "Noise", "en", "What it is", "A hum.", 1, score)
    read = excerpt(ENTRY, [NEAREST, other], "en", tokens=300)
    assert ("A hum." in read.text) == is_read
    assert (other in read.passages) == is_read


def test_without_a_model_the_first_steps_are_said() -> None:
    many = replace(ENTRY, steps=tuple(f"Step {n}." for n in range(9)))
    assert spoken_steps(many, NEAREST) == ("Step 0.", "Step 1.", "Step 2.", "Step 3.")
    assert spoken_steps(replace(ENTRY, steps=()), NEAREST) == ("Then ask us.",)
