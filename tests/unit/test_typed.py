"""What a customer types is answered, or they are told what to do instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.agents import Agent
from livekit.agents.voice.room_io import TextInputEvent

from agent.call.gate import BURST, PACE_S, PASTE_CHARACTERS, QUESTION_CHARACTERS, TextGate
from agent.call.typed import TypedInput
from agent.prompts import load_phrases
from tests.unit.talking import Talk, talk
from tests.virtual_time import virtual_time

pytestmark = pytest.mark.unit

PHRASES = load_phrases()["en"]


class Parrot(Agent):
    """Says first that it is an AI, and then to each question that it has heard it."""

    def __init__(self) -> None:
        super().__init__(instructions="")
        self.asked: list[str] = []

    async def on_enter(self) -> None:
        self.session.say(PHRASES.disclosure, allow_interruptions=False)
        self.session.say(PHRASES.greeting)

    async def llm_node(self, chat_ctx: Any, tools: Any, model_settings: Any) -> AsyncIterator[str]:
        question = chat_ctx.items[-1].text_content
        self.asked.append(question)
        yield f"Answering {question[:20]}."


async def conversation() -> tuple[Talk, Parrot, TypedInput]:
    parrot = Parrot()
    return (
        await talk(lambda: parrot),
        parrot,
        TypedInput(TextGate(), lambda: PHRASES, lambda _: False),
    )


@virtual_time
async def test_a_typed_question_interrupts_and_is_answered() -> None:
    call, parrot, typed = await conversation()
    await asyncio.sleep(3)
    await typed(call.session, TextInputEvent("What does error 110 mean?"))
    await asyncio.sleep(10)
    assert parrot.asked == ["What does error 110 mean?"]
    assert "Answering What does error 110" in call.texts()
    await call.aclose()


@virtual_time
async def test_what_is_typed_into_the_first_words_is_answered_after_them() -> None:
    call, parrot, typed = await conversation()
    await asyncio.sleep(0.2)
    await typed(call.session, TextInputEvent("Hello there"))
    await asyncio.sleep(10)
    assert parrot.asked == ["Hello there"]
    assert call.texts().startswith(PHRASES.disclosure)
    await call.aclose()


@virtual_time
async def test_nothing_typed_is_no_question() -> None:
    call, parrot, typed = await conversation()
    await typed(call.session, TextInputEvent("  \n"))
    await asyncio.sleep(10)
    assert parrot.asked == []
    await call.aclose()


@virtual_time
async def test_of_a_flood_the_beginning_is_read_and_the_customer_is_told_once() -> None:
    call, parrot, typed = await conversation()
    await asyncio.sleep(5)
    for number in range(BURST + 20):
        await typed(call.session, TextInputEvent(f"question {number}"))
    await asyncio.sleep(30)
    assert len(parrot.asked) <= BURST
    assert f"question {BURST - 1}" in parrot.asked
    assert call.texts().count("faster than I can read") == 1
    await asyncio.sleep(PACE_S)
    await typed(call.session, TextInputEvent("all in one message"))
    await asyncio.sleep(10)
    assert parrot.asked[-1] == "all in one message"
    await call.aclose()


@virtual_time
async def test_a_pasted_log_is_welcome_and_shortened() -> None:
    call, parrot, typed = await conversation()
    log = "\n".join(f"12:00:{i % 60:02} [INFO] id={i} ok" for i in range(300))
    await typed(call.session, TextInputEvent(f"Why does it fail?\n{log}"))
    await asyncio.sleep(10)
    (asked,) = parrot.asked
    assert asked.startswith("Why does it fail?\n")
    assert len(asked) <= QUESTION_CHARACTERS
    await call.aclose()


@virtual_time
async def test_a_text_beyond_the_stated_size_is_not_read_and_the_customer_is_told() -> None:
    call, parrot, typed = await conversation()
    await asyncio.sleep(5)
    await typed(call.session, TextInputEvent("x" * (PASTE_CHARACTERS + 1)))
    await asyncio.sleep(10)
    assert parrot.asked == []
    assert "more than I can read" in call.texts()
    await call.aclose()
