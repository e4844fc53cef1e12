"""A call ends at its limits, never without a word: a warning, time to answer, a goodbye."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from livekit.agents import llm

from agent.call.limits import WARNED_BEFORE_S, CallLimits, Ending, Limits
from agent.prompts import load_phrases
from tests.unit.talking import Talk, talk
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

PHRASES = load_phrases()["en"]
LIMITS = Limits(longest_s=1800.0, idle_s=180.0)


def watch(
    talk: Talk,
    limits: Limits = LIMITS,
    closing_at_s: Callable[[], float | None] = lambda: None,
    is_occupied: Callable[[], bool] = lambda: False,
) -> asyncio.Task[Ending]:
    watched = CallLimits(
        talk.session,
        limits,
        closing_at_s=closing_at_s,
        phrases=lambda: PHRASES,
        is_occupied=is_occupied,
    )
    return asyncio.create_task(watched.run())


def said_at(talk: Talk, phrase: str) -> float:
    """When the assistant began to say it; a phrase is said clause by clause."""
    return next(
        said.at_s
        for said in talk.said
        if said.text.strip() and phrase.startswith(said.text.strip())
    )


@virtual_time
async def test_a_silent_call_is_warned_and_ended_with_a_goodbye() -> None:
    call = await talk()
    assert await watch(call) == "idle"
    assert said_at(call, PHRASES.warnings["idle"]) == pytest.approx(
        LIMITS.idle_s - WARNED_BEFORE_S["idle"], abs=1
    )
    assert said_at(call, PHRASES.goodbyes["idle"]) == pytest.approx(LIMITS.idle_s, abs=1)
    await call.aclose()


@virtual_time
async def test_the_goodbye_is_heard_to_its_end_before_the_call_is_over() -> None:
    call = await talk()
    await watch(call)
    began_s = said_at(call, PHRASES.goodbyes["idle"])
    assert asyncio.get_running_loop().time() - began_s > 0.04 * len(PHRASES.goodbyes["idle"])
    await call.aclose()


@virtual_time
async def test_whoever_answers_the_warning_goes_on_and_is_warned_again() -> None:
    call = await talk()
    watching = watch(call)
    await asyncio.sleep(LIMITS.idle_s - 10)
    call.hear("yes, I am still here")
    await asyncio.sleep(60)
    assert not watching.done()
    assert await watching == "idle"
    assert call.texts().count("Are you still there?") == 2
    await call.aclose()


@virtual_time
async def test_a_call_that_is_used_is_not_idle() -> None:
    call = await talk()
    watching = watch(call)
    for _ in range(20):
        await asyncio.sleep(60)
        call.hear("and how about this")
    assert not watching.done()
    assert call.said == []
    watching.cancel()
    await call.aclose()


@virtual_time
async def test_a_noisy_room_that_is_asked_again_and_again_is_idle_all_the_same() -> None:
    call = await talk()
    watching = watch(call)

    async def ask_again() -> None:
        while True:
            await asyncio.sleep(20)
            call.session.say(PHRASES.not_understood)

    asking = asyncio.create_task(ask_again())
    async with asyncio.timeout(2 * LIMITS.idle_s):
        assert await watching == "idle"
    asking.cancel()
    await call.aclose()


@virtual_time
async def test_the_end_of_an_answer_begins_the_silence() -> None:
    call = await talk()
    watching = watch(call)
    await asyncio.sleep(100)
    question = llm.ChatMessage(role="user", content=["how?"])
    call.session._conversation_item_added(question)
    call.session.say("A long answer. " * 80)  # a minute
    assert await watching == "idle"
    assert said_at(call, PHRASES.goodbyes["idle"]) > 100 + 50 + LIMITS.idle_s
    await call.aclose()


@virtual_time
async def test_the_longest_call_is_ended_although_it_is_used() -> None:
    call = await talk()
    watching = watch(call)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(30)
            call.hear("and another thing")

    going = asyncio.create_task(go_on())
    assert await watching == "longest"
    assert said_at(call, PHRASES.warnings["longest"]) == pytest.approx(
        LIMITS.longest_s - WARNED_BEFORE_S["longest"], abs=1
    )
    assert said_at(call, PHRASES.goodbyes["longest"]) == pytest.approx(LIMITS.longest_s, abs=1)
    going.cancel()
    await call.aclose()


@virtual_time
async def test_a_worker_that_closes_tells_its_calls_before() -> None:
    call = await talk()
    closing_at_s: float | None = None
    watching = watch(call, closing_at_s=lambda: closing_at_s)
    await asyncio.sleep(50)
    closing_at_s = 200.0
    call.hear("a question")
    assert await watching == "closing"
    assert said_at(call, PHRASES.warnings["closing"]) == pytest.approx(140, abs=1)
    assert said_at(call, PHRASES.goodbyes["closing"]) == pytest.approx(200, abs=1)
    await call.aclose()


@virtual_time
async def test_an_announcement_waits_until_the_assistant_has_finished() -> None:
    call = await talk()
    watching = watch(call, closing_at_s=lambda: 70.0)
    await asyncio.sleep(8)
    call.session.say("x" * 100)  # five seconds, beyond the moment of the warning
    await watching
    assert said_at(call, PHRASES.warnings["closing"]) == pytest.approx(13, abs=1)
    await call.aclose()


@virtual_time
async def test_a_voice_that_is_away_does_not_keep_the_call_open() -> None:
    call = await talk()

    async def hang(text: str, language: str) -> object:
        await asyncio.sleep(1e6)
        yield b""

    call.speech.speak = hang  # type: ignore[method-assign,assignment]
    async with asyncio.timeout(LIMITS.idle_s + 60):
        assert await watch(call) == "idle"
    await call.aclose()


@virtual_time
async def test_no_silence_ends_a_call_that_waits_for_a_person() -> None:
    call = await talk()
    waiting = True
    watching = watch(call, is_occupied=lambda: waiting)
    await asyncio.sleep(LIMITS.longest_s + 600)
    assert not watching.done() and not call.said
    waiting = False
    assert await watching == "longest"
    await call.aclose()
