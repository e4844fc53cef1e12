"""The assistant in a call: what a customer hears who asks, pauses, coughs, interrupts and waits."""

from __future__ import annotations

import asyncio

import pytest
from livekit.agents import llm

from agent.call.timing import TIMING
from agent.dialogue.contract import CallPerson, NobodyCalled, Outcome, PersonCalled
from agent.prompts import load_flow, load_phrases
from common.errors import ServiceError
from common.languages import Language
from tests.unit.scripted import Answers, SpeechServer, scripted_call
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

PHRASES = load_phrases()
#: An answer of some ten seconds.
LONG = "请先打开回声消除。再检查一下扬声器的音量，最后确认房间里没有第二台设备在外放声音。"


@virtual_time
async def test_a_question_is_answered_once_and_soon() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        asked_ms = call.now_ms
        assert await call.answering()
        assert call.loudspeaker.runs[-1].start_ms - asked_ms < 800
        await call.quiet()
        assert call.said == [("是这样的，您先打开回声消除。", False)]
    assert answers.questions[-1] == "我们的通话里有回声怎么办"
    assert [answer for answer, _ in answers.asked][-1:] == answers.stood


@virtual_time
async def test_who_thinks_in_the_middle_is_answered_when_the_question_is_whole() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("我想问一下，就是", 1.2)
        assert not await call.answering(1200)
        await call.says("回声怎么办", 0.9)
        assert await call.answering()
        await call.quiet()
        assert len(call.said) == 1
    assert answers.questions[-1] == "我想问一下，就是回声怎么办"


@pytest.mark.parametrize("after_ms", [0, 700])
@virtual_time
async def test_who_goes_on_as_the_answer_begins_gets_one_to_all_of_it(after_ms: int) -> None:
    answers = Answers(pieces=[(0.1, LONG)])
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        await call.wait(after_ms)
        await call.says("我们的用户都在印尼那边", 1.5)
        await call.quiet()
        (_, was_interrupted), (text, is_interrupted) = call.said
        assert was_interrupted and not is_interrupted and text == LONG
        assert call.exchange.joins
    answer, said_before = answers.asked[-1]
    assert answers.instead_of[-1] is answers.stood[0]  # it was given too soon
    assert answers.stood[-1] is answer
    assert answer.question == "我们的通话里有回声怎么办我们的用户都在印尼那边"
    assert said_before == [PHRASES["zh"].disclosure, PHRASES["zh"].greeting]


@virtual_time
async def test_who_asks_something_else_into_an_answer_asks_anew() -> None:
    answers = Answers(pieces=[(0.1, LONG)])
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        await call.wait(3000)
        await call.says("那录制是怎么收费的呢", 1.5)
        await call.quiet()
        assert [interrupted for _, interrupted in call.said] == [True, False]
        assert call.exchange.joins is None
    answer, said_before = answers.asked[-1]
    assert answer.question == "那录制是怎么收费的呢"
    assert "我们的通话里有回声怎么办" in said_before


@pytest.mark.parametrize("words", ["嗯", "好的", ""])
@virtual_time
async def test_a_supporter_or_a_cough_leaves_the_answer_alone(words: str) -> None:
    answers = Answers(pieces=[(0.1, LONG)])
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        await call.wait(2000)
        await call.says(words, 0.4)
        await call.quiet()
        assert call.said == [(LONG, False)]
        last = call.loudspeaker.runs[-1]
        paused = [run for run in call.loudspeaker.runs if run.segment == last.segment]
        assert len(paused) == 2  # silent at the first sound, and on from the same place
        assert paused[1].position_ms == pytest.approx(paused[0].end_ms - paused[0].start_ms)
    assert answers.questions[-1] == "我们的通话里有回声怎么办"


@virtual_time
async def test_a_supporter_alone_is_not_answered() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("嗯。", 0.5)
        assert not await call.answering(4000)
    assert not answers.asked


@pytest.mark.parametrize("words", ["等一下", "Hold on."])
@virtual_time
async def test_a_request_to_stop_is_granted_in_the_language_of_the_call(words: str) -> None:
    answers = Answers(pieces=[(0.1, LONG)])
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert await call.answering()
        await call.wait(3000)
        begins_ms = call.now_ms
        await call.says(words, 0.8)
        ends_ms = call.now_ms
        await call.quiet()
        (_, is_interrupted), granted = call.said
        assert is_interrupted and granted == (PHRASES["zh"].go_ahead, False)
        stopped_ms = max(r.end_ms for r in call.loudspeaker.runs if r.start_ms < begins_ms)
        assert stopped_ms < ends_ms  # before the words were known


@virtual_time
async def test_who_waits_for_an_answer_is_asked_to_at_once() -> None:
    answers = Answers(pieces=[(4.0, "先打开回声消除。")])
    async with scripted_call(answers) as call:
        for _ in range(2):
            await call.says("我们的通话里有回声怎么办", 1.8)
            asked_ms = call.now_ms
            assert await call.answering()
            waited_s = (call.loudspeaker.runs[-1].start_ms - asked_ms) / 1000
            assert waited_s < TIMING.turn_end_s + TIMING.patience_s + 0.5
            await call.quiet()
        first, second = (text for text, _ in call.said)
        assert call.exchange.acknowledged
    acknowledgements = PHRASES["zh"].acknowledgements
    assert first == acknowledgements[0] + "先打开回声消除。"
    assert second == acknowledgements[1] + "先打开回声消除。"


@virtual_time
async def test_an_answer_in_time_has_nothing_before_it() -> None:
    answers = Answers(pieces=[(0.6, "先打开回声消除。"), (4.0, "再看音量。")])
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        await call.answering()
        await call.quiet(6000)
        assert call.said == [("先打开回声消除。再看音量。", False)]
        assert not call.exchange.acknowledged


@virtual_time
async def test_composing_while_the_customer_still_speaks_is_never_late() -> None:
    """A pause that begins an answer and turns out to be none uses up no patience."""
    answers = Answers(pieces=[(1.5, "先打开回声消除。")])
    async with scripted_call(answers) as call:
        await call.says("我想问一下，就是", 1.2)
        await call.wait(1000)
        await call.says("回声怎么办", 0.9)
        await call.answering()
        await call.quiet()
        assert len(call.said) == 1


@virtual_time
async def test_who_was_not_understood_is_asked_again() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("", 1.5)
        await call.answering()
        await call.quiet()
        assert call.said == [(PHRASES["zh"].not_understood, False)]
    assert not answers.asked


@virtual_time
async def test_who_was_not_heard_is_asked_again_too() -> None:
    server = SpeechServer()
    async with scripted_call(Answers(), server) as call:
        server.is_deaf = True
        await call.says("我们的通话里有回声怎么办", 1.8)
        await call.answering()
        await call.quiet()
        assert call.said == [(PHRASES["zh"].not_understood, False)]


@virtual_time
async def test_nothing_is_said_to_a_cough() -> None:
    async with scripted_call(Answers()) as call:
        await call.says("", 0.3)
        assert not await call.answering(5000)


@virtual_time
async def test_who_asks_while_the_knowledge_is_away_is_told_so() -> None:
    away = ServiceError("The knowledge server does not answer.", "Start it.", retryable=True)
    async with scripted_call(Answers(pieces=[], error=away)) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        await call.answering()
        await call.quiet()
        assert call.said == [(PHRASES["zh"].not_working, False)]


@virtual_time
async def test_what_is_said_is_searched_for_while_it_is_said() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        searched = list(answers.searched)
        await call.quiet()
    assert len(searched) > 2
    assert all("我们的通话里有回声怎么办".startswith(words) for words in searched)


@virtual_time
async def test_the_end_of_a_call_stops_what_is_still_searched_for() -> None:
    answers = Answers(searching_s=3600)
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
    assert (len(answers.searched), answers.searches_stopped) == (1, 1)


class Doing:
    """Takes its time for what an answer wants done."""

    def __init__(self, takes_s: float = 0.5) -> None:
        self.asked: list[str] = []
        self.done = 0
        self._takes_s = takes_s

    async def __call__(self, action: CallPerson, question: str, language: Language) -> Outcome:
        self.asked.append(question)
        await asyncio.sleep(self._takes_s)
        self.done += 1
        return NobodyCalled()


WISH = CallPerson("person", "回声")


@virtual_time
async def test_what_an_answer_wants_is_done_once_and_told_in_it() -> None:
    doing = Doing()
    answers = Answers(pieces=[(0.1, "好的，我帮您找同事。")], action=WISH)
    async with scripted_call(answers, act=doing) as call:
        await call.says("帮我转人工客服吧", 1.5)
        asked_ms = call.now_ms
        assert await call.answering()
        assert call.loudspeaker.runs[-1].start_ms - asked_ms < 800  # not kept waiting for it
        await call.quiet()
        ((text, interrupted),) = call.said
    assert text.startswith("好的，我帮您找同事。帮我转人工客服吧：NobodyCalled") and not interrupted
    assert doing.asked == ["帮我转人工客服吧"]


@virtual_time
async def test_whoever_takes_a_call_up_says_so_and_knows_what_was_said() -> None:
    answers, before = Answers(), llm.ChatContext.empty()
    before.add_message(role="user", content="回声怎么办", created_at=1.0)
    before.add_message(role="assistant", content="请先戴上耳机。", created_at=2.0)
    async with scripted_call(answers, language="en", before=before) as call:
        greeted = [item.message.text_content for item in call.items if item.role == "assistant"]
        again = load_flow("greeting")["zh"].fixed["again"]  # in the language of the call
        assert greeted == [PHRASES["zh"].disclosure, again]
        await call.says("耳机戴上了还是有", 1.5)
        assert await call.answering()
        await call.quiet()
    _, history = answers.asked[-1]
    assert history == ["回声怎么办", "请先戴上耳机。", *greeted]


async def test_who_goes_on_with_a_wish_has_wished_once() -> None:
    async def call_person(_: CallPerson, question: str, __: Language) -> Outcome:
        return PersonCalled(7, 1, None, is_new="火急" not in question, at_once=True)

    answers = Answers(pieces=[(0.1, LONG)], action=WISH)
    async with scripted_call(answers, act=call_person) as call:
        await call.says("我们的服务全都挂了", 1.8)
        assert await call.answering()
        await call.says("十万火急赶快来人", 1.5)
        await call.quiet()
        assert call.exchange.joins
        assert "is_new=True" in call.said[-1][0]


@virtual_time
async def test_nothing_is_done_for_a_question_that_is_not_finished() -> None:
    """What is composed in a pause is thrown away when more is said, and so is what it wants."""
    doing = Doing()
    answers = Answers(pieces=[(0.1, "好的，我帮您找同事。")], action=WISH)
    async with scripted_call(answers, act=doing) as call:
        await call.says("我想问一下，就是", 1.2)
        await call.wait(1000)
        assert answers.asked and not doing.asked
        await call.says("能不能转人工", 0.9)
        await call.answering()
        await call.quiet()
    assert doing.asked == ["我想问一下，就是能不能转人工"]


@virtual_time
async def test_while_a_person_has_the_floor_the_assistant_is_silent() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        call.floor.is_given_away = True
        await call.says("我们的通话里有回声怎么办", 1.8)
        assert not await call.answering(6000)
        await call.says("", 1.5)  # nor does it ask what nobody said to it
        assert not await call.answering(6000)
        call.floor.is_given_away = False
        await call.says("那录制是怎么收费的呢", 1.5)
        assert await call.answering()
        await call.quiet()
        assert len(call.said) == 1
    assert answers.questions[-1] == "那录制是怎么收费的呢"


@virtual_time
async def test_a_yes_to_an_offer_is_answered() -> None:
    answers = Answers(pieces=[(0.1, PHRASES["zh"].declined)])
    async with scripted_call(answers) as call:
        await call.says("你们老板的电话是多少", 1.5)
        assert await call.answering()
        await call.quiet()
        await call.says("好的", 0.5)
        assert await call.answering()
        await call.quiet()
    assert answers.questions[-1] == "好的"
