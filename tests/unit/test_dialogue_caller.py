"""The caller of `make eval-dialogue`: what it understands, and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from common.languages import Language
from eval.dialogue.caller import Caller, Line
from eval.dialogue.questions import asks_for, slots_asked
from eval.dialogue.scenario import Expected, Scenario
from eval.dialogue.talk import converse

pytestmark = pytest.mark.unit

SLOTS = {"regions": ["India."], "platforms": ["Android."], "scale": ["Nine thousand."]}


def caller(language: Language = "en", run: int = 0, **told: Any) -> Caller:
    scenario = {
        "name": "one",
        "language": language,
        "flow": "onboarding",
        "goal": "Talks.",
        "caller": {"begins": ["Hello."], "slots": SLOTS} | told,
    }
    return Caller(Scenario.model_validate(scenario), run)


def says(one: Caller, text: str) -> Line:
    line = one.hear(text)
    assert line is not None
    return line


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("Which countries are your users in?", ["regions"]),
        ("So who's going to use it, and where will they be?", ["regions"]),
        ("What kind of people is it for, and on which devices?", ["users", "platforms"]),
        ("How many listeners do you expect at peak?", ["scale"]),
        ("When are you planning to go live?", ["launch_date"]),
        ("May I ask how you make money?", ["business_model"]),
        ("Are there any regulatory requirements we should know of?", ["compliance"]),
        ("What are you building?", ["scenario"]),
        ("What problem does it solve for them?", ["pain"]),
        ("Did you change or release anything around then?", ["changed"]),
        ("Since when has this been going on?", ["since"]),
        ("Is it one user, or many?", ["who"]),
        ("Is there an error code?", ["error_code"]),
        ("Could you tell me your e-mail address?", ["email"]),
        ("您的用户主要在哪些国家？", ["regions"]),
        ("大概多少人同时在线？", ["scale"]),
        ("请问您打算什么时候上线？", ["launch_date"]),
        ("你们是靠什么赚钱的呢？", ["business_model"]),
        ("这个产品主要给谁用？", ["users"]),
        ("有没有合规方面的要求？", ["compliance"]),
        ("是个别用户还是所有用户？", ["who"]),
        ("那几天你们发布过什么吗？", ["changed"]),
        ("控制台报什么错误码？", ["error_code"]),
        ("In India, connect each state locally. Serve low-end phones first.", []),
        ("So India, on Android, nine thousand people. Is that right?", []),
        ("我总结一下：地区是印尼，平台是安卓。对吗？", []),
        ("您计划什么时候上线？", ["launch_date"]),
        ("Thank you for saying so. Is it mainly the price, or the stability?", ["reason"]),
        ("主要是因为价格、稳定性，还是别的原因？", ["reason"]),
        ("Sure, let me get a colleague for you.", []),
        ("这样有改善吗？", []),
        ("您还有别的问题吗？", []),
    ],
)
def test_what_a_question_asks_about(text: str, slots: Sequence[str]) -> None:
    found = slots_asked(text)
    assert set(slots) <= set(found) if slots else not found


@pytest.mark.parametrize(
    ("occasion", "text"),
    [
        ("confirm", "Have I got that right?"),
        ("confirm", "我这样记对吗？"),
        ("confirm", "Would that help you?"),
        ("helped", "Does that help?"),
        ("helped", "这样有改善吗？"),
        ("rating", "How would you rate this call, from one to five?"),
        ("rating", "您给这次通话打几分？"),
        ("person", "Shall I bring in a colleague?"),
        ("person", "我可以帮您转给人工同事，需要吗？"),
        ("which", "您的情况更像“回声”，还是“啸叫”？"),
        ("which", "Is it more like an echo, or like howling?"),
        ("more", "Is there anything else?"),
        ("more", "还有别的问题吗？"),
    ],
)
def test_what_is_asked_besides(occasion: str, text: str) -> None:
    assert asks_for(occasion, text)


def test_it_answers_what_it_is_asked_in_other_words_each_run() -> None:
    slots = {"regions": ["India.", "All over India."]}
    for run, text in enumerate(("India.", "All over India.", "India.")):
        line = says(caller(run=run, slots=slots), "Which regions are you in?")
        assert line.text == text and line.gives == {"regions"}


def test_it_answers_several_at_once() -> None:
    line = says(caller(order="together"), "Which regions are you in?")
    assert line.text == "India. Android. Nine thousand."
    assert line.gives == set(SLOTS)


def test_it_answers_another_first_and_the_question_when_it_comes_again() -> None:
    one = caller(order="another")
    first = says(one, "Which regions are you in?")
    assert first.gives == {"platforms"} and first.evades
    assert says(one, "And which regions are you in?").gives == {"regions"}


def test_it_refuses_and_does_not_know() -> None:
    one = caller(refuses=["business_model"])
    for question in ("How do you make money?", "When do you launch?"):
        line = says(one, question)
        assert not line.gives and len(line.refuses) == 1


def test_it_says_again_what_it_began_with() -> None:
    one = caller(gives=["users"])
    one.begin()
    assert says(one, "Who are your users?").text == "Hello."


def test_it_corrects_itself_and_stays_with_it() -> None:
    correction = {"turn": 2, "says": ["No, Brazil."], "corrects": {"regions": ["Brazil."]}}
    one = caller(interjections=[correction])
    assert says(one, "Which regions are you in?").text == "India."
    corrected = says(one, "Which platforms?")
    assert corrected.text == "No, Brazil." and corrected.gives == {"regions"}
    assert says(one, "Which regions are you in?").text == "Brazil."


NOTED = "Let me sum up: where: {}; the scale: 9,000 at the same time; launch: {}. Is that right?"
FACTS = {"facts": {"regions": [r"\bindia\b"], "launch_date": ["2027-01-19"]}}
TOLD = {"regions": ["India.", "It is India."], "launch_date": ["January 19.", "On January 19."]}


def told_caller() -> Caller:
    one = caller(slots=TOLD)
    expected = Expected.model_validate(FACTS)
    one = Caller(one.scenario.model_copy(update={"expected": expected}), 0)
    says(one, "Which countries are your users in?")
    says(one, "When do you plan to launch?")
    return one


@pytest.mark.parametrize(
    ("where", "day", "puts_right"),
    [
        ("India", "January 19, 2027", None),
        ("India", "19 January 2027", None),
        ("Brazil", "January 19, 2027", "It is India."),
        ("India", "January 9, 2027", "On January 19."),
    ],
)
def test_it_puts_right_what_is_read_back_wrong_and_once(
    where: str, day: str, puts_right: str | None
) -> None:
    one = told_caller()
    line = says(one, NOTED.format(where, day))
    assert puts_right is None or line.text.endswith(puts_right)
    assert bool(line.gives) == bool(puts_right)
    assert not says(one, NOTED.format(where, day)).gives


def test_it_says_whether_it_said_what_is_asked_back() -> None:
    one = caller()
    says(one, "Which countries are your users in?")
    assert "India" in says(one, "Did you say Indonesia?").text
    assert not says(one, "Did you say India?").gives


def test_it_changes_its_language() -> None:
    one = caller(
        interjections=[{"turn": 1, "says": ["不好意思，我们改说中文吧，可以吗？"]}],
        slots={"regions": ["India.", "印度。"]},
    )
    assert says(one, "Which regions are you in?").language == "zh"
    assert says(one, "您的用户主要在哪些国家？").text == "印度。"


def test_it_says_nothing_and_then_something() -> None:
    one = caller(interjections=[{"turn": 1, "says": [""]}, {"turn": 2, "says": ["Sorry, hello."]}])
    assert says(one, "What can I do for you?").text == ""
    assert says(one, "").text == "Sorry, hello."


@pytest.mark.parametrize(("helps", "tries"), [({"step": 2}, 2), ({"said": ["mute"]}, 3)])
def test_trouble_is_over_with_the_step_that_helps(helps: Mapping[str, Any], tries: int) -> None:
    one = caller(helps=helps)
    steps = ["Use headphones. Does that help?", "Restart it. Better?", "Mute the rest. Gone now?"]
    lines = [says(one, step).text for step in steps[:tries]]
    assert all("same" in line or "help" in line or "change" in line for line in lines[:-1])
    assert any(word in lines[-1] for word in ("works now", "fixed", "solved"))


def test_it_takes_a_person_or_not() -> None:
    offer = "Shall I bring in a colleague?"
    assert "no" not in says(caller(), offer).text.lower().split()
    assert says(caller(wants_person=False), offer).text.startswith("No")


def test_it_says_what_a_scenario_tells_it_to() -> None:
    reply = {"asked": ["former or the latter"], "says": ["The latter."]}
    one = caller(replies=[reply])
    assert says(one, "Is it the former or the latter?").text == "The latter."


def test_it_asks_what_else_it_wants_rates_and_hangs_up() -> None:
    one = caller(then=[["And the price?"]], rating=4)
    assert says(one, "That is how it is.").text == "And the price?"
    closing = says(one, "It costs nothing.")
    assert "bye" in closing.text.lower() or "all set" in closing.text
    assert "4" in says(one, "How would you rate this call?").text
    assert one.hear("Goodbye.") is None


class Broken:
    """Answers once."""

    heard = ""

    async def greeting(self) -> str:
        return "Hello."

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        if text == "Hello.":
            return "Which regions are you in?"
        raise ValueError("the database is away")

    async def end(self) -> None:
        pass


async def test_what_breaks_a_call_is_told_with_what_was_said() -> None:
    transcript = await converse(Broken(), caller(), 5)
    assert (len(transcript.exchanges), transcript.is_over) == (1, False)
    assert isinstance(transcript.broke, ValueError)


class Parrot:
    """Asks the same for ever, and hears something else."""

    heard = "One minute."

    async def greeting(self) -> str:
        return "Hello."

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        return "Which regions are you in?"

    async def end(self) -> None:
        pass


async def test_what_was_heard_otherwise_is_told() -> None:
    transcript = await converse(Parrot(), caller(), 1)
    assert "  heard: One minute." in transcript.lines()


class Listening(Parrot):
    """Notes which of its answers were cut short."""

    def __init__(self) -> None:
        self.cut: list[bool] = []

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        self.cut.append(cut_short)
        return "That is how it is."


async def test_it_speaks_into_an_answer() -> None:
    talk, stop = Listening(), {"turn": 2, "says": ["Stop, stop."], "interrupts": True}
    transcript = await converse(talk, caller(interjections=[stop]), 5)
    assert transcript.exchanges[2].line.text == "Stop, stop."
    assert talk.cut == [False, True, False, False]


async def test_a_call_that_does_not_end_is_broken_off() -> None:
    transcript = await converse(Parrot(), caller(), 5)
    assert (len(transcript.exchanges), transcript.is_over) == (5, False)


def test_whoever_was_silent_goes_on_with_what_they_were_asked() -> None:
    one = caller(interjections=[{"turn": 1, "says": [""]}])
    one.begin()
    assert not says(one, "Which countries are your users in?").text
    assert says(one, "").text == "India."
