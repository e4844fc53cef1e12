"""The floor: whose it is, and what belongs to which turn."""

from __future__ import annotations

import asyncio

import pytest
from livekit.agents import llm

from agent.call.floor import Floor
from agent.call.timing import TIMING
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit


@pytest.fixture
def floor() -> Floor:
    return Floor()


def asked(text: str) -> llm.ChatMessage:
    return llm.ChatMessage(role="user", content=[text])


def answered(text: str) -> llm.ChatMessage:
    return llm.ChatMessage(role="assistant", content=[text])


# What the customer has heard last.


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        ("好的，明白。您要上哪些平台？", "您要上哪些平台？"),
        ("Version 4.2 it is. Is that right?", "Is that right?"),
        ("All right", "All right"),
        ("", "Good day."),
    ],
)
def test_the_last_sentence_of_an_answer_is_what_was_said_last(answer: str, last: str) -> None:
    floor = Floor()
    floor.answer_is_heard("Good day.")
    floor.answer_is_heard(answer)
    assert floor.said_last == last


# Who goes on, and who asks anew.


@virtual_time
async def test_a_turn_of_its_own_is_no_late_part() -> None:
    floor = Floor()
    floor.customer_begins(over_answer=False)
    assert not floor.is_late_part and not floor.is_over_answer


@virtual_time
async def test_who_goes_on_before_the_answer_is_heard_had_not_finished() -> None:
    floor = Floor()
    floor.answer_is_composed()
    floor.customer_begins(over_answer=True)
    assert floor.is_late_part


@pytest.mark.parametrize(("after_s", "is_late"), [(0.0, True), (1.1, True), (1.3, False)])
@virtual_time
async def test_who_goes_on_as_it_begins_had_not_finished_either(
    after_s: float, is_late: bool
) -> None:
    floor = Floor()
    floor.answer_is_composed()
    floor.answer_sounds()
    await asyncio.sleep(after_s)
    floor.customer_begins(over_answer=True)
    assert floor.is_late_part == is_late


@virtual_time
async def test_an_answer_that_resumes_has_begun_before() -> None:
    floor = Floor()
    floor.answer_is_composed()
    floor.answer_sounds()
    await asyncio.sleep(5)
    floor.answer_sounds()  # after a cough
    floor.customer_begins(over_answer=True)
    assert not floor.is_late_part


@virtual_time
async def test_who_goes_on_in_several_parts_had_not_finished_with_the_first() -> None:
    floor = Floor()
    floor.answer_is_composed()
    floor.customer_begins(over_answer=True)
    floor.words_count()
    floor.customer_begins(over_answer=False)
    assert floor.is_late_part
    floor.turn_is_taken()
    floor.customer_begins(over_answer=False)
    assert not floor.is_late_part


@virtual_time
async def test_a_cough_into_the_first_syllables_makes_no_later_question_part_of_the_first() -> None:
    floor = Floor()
    floor.answer_is_composed()
    floor.customer_begins(over_answer=True)
    floor.customer_begins(over_answer=False)
    assert not floor.is_late_part


@virtual_time
async def test_the_turn_is_over_once_it_is_taken_and_until_somebody_speaks() -> None:
    floor = Floor()
    await floor.turn_is_over()
    floor.customer_begins(over_answer=False)
    over = asyncio.create_task(floor.turn_is_over())
    await asyncio.sleep(30)
    assert not over.done()
    floor.turn_is_taken()
    await over


# The words of a pause.


@virtual_time
async def test_the_words_of_a_pause_are_waited_for() -> None:
    floor = Floor()
    waiting = asyncio.create_task(floor.pause_words())
    await asyncio.sleep(0.5)
    floor.pauses_after("有回声怎么办")
    floor.utterance_is_over("有回声怎么办")
    assert await waiting == "有回声怎么办"
    assert await floor.pause_words() == "有回声怎么办"


@virtual_time
async def test_words_of_a_later_pause_replace_those_of_an_earlier() -> None:
    floor = Floor()
    floor.pauses_after("我想问")
    floor.pauses_after("我想问回声")
    assert await floor.pause_words() == "我想问回声"
    floor.customer_goes_on()
    later = asyncio.create_task(floor.pause_words())
    await asyncio.sleep(0.1)
    floor.pauses_after("怎么办")
    assert await later == "怎么办"


@virtual_time
async def test_a_partial_meanwhile_does_not_leave_anybody_waiting() -> None:
    floor = Floor()
    waiting = asyncio.create_task(floor.pause_words())
    await asyncio.sleep(0.1)
    floor.customer_goes_on()
    floor.pauses_after("有回声怎么办")
    assert await waiting == "有回声怎么办"


@virtual_time
async def test_no_words_are_an_answer_too_before_the_framework_stops_waiting() -> None:
    before = asyncio.get_running_loop().time()
    assert await Floor().pause_words() == ""
    waited_s = asyncio.get_running_loop().time() - before
    assert waited_s == pytest.approx(TIMING.pause_words_s)
    assert waited_s < 1.0


@virtual_time
async def test_the_parts_of_a_turn_add_up_until_it_is_taken() -> None:
    floor = Floor()
    for part in ("What is a good figure for", "the stall rate"):
        floor.utterance_is_over(part)
        floor.customer_goes_on()
    assert floor.said_before == "What is a good figure for the stall rate"
    floor.turn_is_taken()
    assert floor.said_before == ""


# Which question a part belongs to.


def test_a_question_of_its_own_joins_nothing(floor: Floor) -> None:
    answer = floor.begin_answer(asked("有回声怎么办"), "有回声怎么办", [])
    assert (answer.question, answer.language, answer.joins) == ("有回声怎么办", "zh", None)


def test_a_late_part_joins_the_question_that_stands(floor: Floor) -> None:
    first = asked("我们有回声，")
    floor.begin_answer(first, "我们有回声，", [])
    floor.question_is_asked(first.id)
    floor.is_late_part = True
    later = asked("在印尼")
    answer = floor.begin_answer(later, "在印尼", [first])
    assert (answer.question, answer.joins) == ("我们有回声，在印尼", first.id)
    assert floor.answer_to(later.id) is answer


def test_a_late_part_joins_no_question_that_was_thrown_away(floor: Floor) -> None:
    """The framework runs ahead of the turn; what it asked then is no part of the conversation."""
    floor.begin_answer(asked("我们有"), "我们有", [])
    floor.is_late_part = True
    answer = floor.begin_answer(asked("我们有回声"), "我们有回声", [])
    assert (answer.question, answer.joins) == ("我们有回声", None)


@virtual_time
async def test_what_was_just_asked_and_not_answered_is_asked_together() -> None:
    floor, first = Floor(), asked("How long does")
    await asyncio.sleep(TIMING.same_turn_s - 0.1)
    answer = floor.begin_answer(asked("a token live?"), "a token live?", [first])
    assert (answer.question, answer.joins) == ("How long does a token live?", first.id)


@virtual_time
async def test_what_was_asked_long_ago_or_answered_is_not() -> None:
    floor, first = Floor(), asked("How long does")
    await asyncio.sleep(TIMING.same_turn_s + 0.1)
    assert floor.begin_answer(asked("And rooms?"), "And rooms?", [first]).joins is None
    recent = [asked("Hello?"), answered("Hello.")]
    assert floor.begin_answer(asked("And rooms?"), "And rooms?", recent).joins is None


def test_answers_are_kept_for_as_long_as_they_are_recorded(floor: Floor) -> None:
    questions = [asked(str(number)) for number in range(12)]
    for question in questions:
        floor.begin_answer(question, question.text_content or "", [])
    assert floor.answer_to(questions[0].id) is None
    assert all(floor.answer_to(question.id) for question in questions[-4:])
