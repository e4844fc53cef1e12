"""How a call ends: what is summed up, and what is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.dialogue.contract import NoteMatter, StateFact
from agent.dialogue.flow import Said
from agent.dialogue.flows.ending import Endings, Happened

pytestmark = pytest.mark.unit

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TROUBLE = NoteMatter("trouble", "echo-howling", "open", words="there is an echo")


def said(text: str) -> Said:
    return Said(text, "en", NOW)


@pytest.mark.parametrize(
    "text",
    ["That was everything, thank you. Goodbye.", "好的，没有了，谢谢，再见", "no, that's all"],
)
def test_who_has_nothing_else_to_ask_is_understood(text: str) -> None:
    assert Endings().is_goodbye(text)


@pytest.mark.parametrize("text", ["没有了", "that's all", "goodbye echo, hello noise", "不用了"])
def test_what_may_answer_a_question_is_no_goodbye(text: str) -> None:
    assert not Endings().is_goodbye(text, answers=True)


def test_of_trouble_that_may_not_be_over_it_is_asked() -> None:
    endings = Endings()
    step = endings.begin(Happened().and_then([TROUBLE]), said("bye"))
    assert step.state and "not solved yet" in step.texts[0] and step.texts[-1].endswith("?")
    solved = endings.step(step.state, said("yes, it works now"))
    assert solved and [want.state for want in solved.wants if isinstance(want, NoteMatter)] == [
        "solved"
    ]
    unsolved = endings.step(step.state, said("no, it is still there"))
    assert unsolved and unsolved.state is None and "colleague" in unsolved.texts[-1]


def test_where_a_person_sees_to_it_nothing_is_asked() -> None:
    happened = Happened().and_then([TROUBLE, StateFact("scale", "5,000")]).with_ticket(12)
    step = Endings().begin(happened, said("bye"))
    assert step.state is None
    assert "ticket 12 is open" in step.texts[0] and "profile" in step.texts[0]


def test_a_call_in_which_nothing_happened_ends_with_goodbye() -> None:
    step = Endings().begin(Happened(), said("bye"))
    assert len(step.texts) == 1 and step.state is None
