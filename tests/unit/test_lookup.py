"""What is searched for: a question as it is, and of a long story what it comes to."""

from __future__ import annotations

import pytest

from agent.dialogue.lookup import the_point

pytestmark = pytest.mark.unit

STORY = (
    "We began in my kitchen, my sister and I. We had forty families, and then a foundation helped. "
    * 5
)


def test_a_question_is_searched_for_as_it_is() -> None:
    assert the_point("我们的通话里有回声怎么办？") == "我们的通话里有回声怎么办？"


def test_of_a_long_story_what_is_asked_is_searched_for() -> None:
    asked = "On the loudspeaker the family hears an echo. What should we do about that?"
    assert the_point(f"{STORY}{asked}") == asked
    assert the_point(f"{asked} {STORY}").endswith("What should we do about that?")


def test_of_a_story_that_asks_nothing_its_end_is() -> None:
    told = "It is all in the contract. On bluetooth the sound is dull."
    assert the_point(f"{STORY}{told}") == told
