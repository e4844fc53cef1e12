"""The assistant in a call: what a customer hears who asks, pauses, coughs, interrupts and waits."""

from __future__ import annotations

from tests.unit.scripted import Answers, scripted_call
from tests.virtual_time import virtual_time


@virtual_time
async def test_a_question_is_answered_once_and_soon() -> None:
    answers = Answers()
    async with scripted_call(answers) as call:
        await call.says("我们的通话里有回声怎么办", 1.8)
        end_ms = call.now_ms
        assert await call.answering()
        await call.quiet()
        assert call.said == [("是这样的，您先打开回声消除。", False)]
        assert call.loudspeaker.runs[-1].start_ms - end_ms < 800
    assert answers.questions[-1] == "我们的通话里有回声怎么办"
