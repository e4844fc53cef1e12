"""Turns: what the room is told and what is on record, at each moment of a turn."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    llm,
)
from sqlalchemy import text

from agent.call.conversation import NoModel
from agent.call.floor import Floor
from agent.call.turn_log import TurnLog
from agent.dialogue.contract import Answer
from agent.dialogue.course import Course
from agent.rooms.messages import ANSWER_TOPIC
from agent.service.calls.store import CallStore, Claim
from agent.service.calls.tables import Turn
from agent.service.database import Database
from agent.service.scope import Scope
from tests.unit.test_records import given_grant

pytestmark = pytest.mark.unit

QUESTION, ANSWER = "My token has expired.", "Ask your server for a new one."


@dataclass
class Room:
    """A room that notes what it is told."""

    told: list[dict[str, Any]] = field(default_factory=list)
    is_there: bool = True

    @property
    def local_participant(self) -> Room:
        return self

    def isconnected(self) -> bool:
        return self.is_there

    async def send_text(self, text: str, topic: str) -> None:
        assert topic == ANSWER_TOPIC
        self.told.append(json.loads(text))


class Held:
    """A call as the framework tells it, with its log."""

    def __init__(self, records: CallStore, claim: Claim) -> None:
        self.room, self.floor = Room(), Floor()
        self._session: AgentSession[None] = AgentSession(llm=NoModel())
        self._records, self._claim = records, claim
        room = cast(rtc.Room, self.room)
        self.log = TurnLog(self._session, self.floor, room, records, claim)

    def asks(self, words: str, earlier: list[llm.ChatMessage] | None = None) -> llm.ChatMessage:
        """The customer's turn is over, and an answer to it is being composed."""
        message = llm.ChatMessage(role="user", content=[words])
        exchange = self.floor.begin_answer(message, words, earlier or [])
        exchange.answer = self.answer = Answer(exchange.question, "en", Course())
        self._session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))
        self.floor.question_is_asked(message.id)
        return message

    def speaks(self) -> None:
        """The assistant begins to be heard."""
        self._session.emit(
            "agent_state_changed",
            AgentStateChangedEvent(old_state="thinking", new_state="speaking"),
        )

    def has_said(self, words: str, interrupted: bool = False) -> None:
        """The assistant has said so much of its answer."""
        message = llm.ChatMessage(role="assistant", content=[words], interrupted=interrupted)
        self._session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))

    async def turns(self) -> list[Turn]:
        """What is on record once everything told so far is written."""
        await asyncio.gather(*self.log._tasks)
        return list(await self._records.turns(Scope("", self._claim.call_id), self._claim.call_id))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[CallStore]:
    database = Database(database_url)
    yield CallStore(database)
    await database.aclose()


@pytest.fixture
async def held(store: CallStore, database_url: str) -> Held:
    database = Database(database_url)
    call_id = await given_grant(database)
    await database.aclose()
    return Held(store, await store.claim_call(call_id, "one"))


async def test_a_question_is_on_record_before_it_is_answered(held: Held) -> None:
    held.asks(QUESTION)
    (turn,) = await held.turns()
    assert (turn.number, turn.question, turn.closed_at) == (1, QUESTION, None)


async def test_what_is_being_said_is_on_record_before_it_is_over(held: Held) -> None:
    held.asks(QUESTION)
    held.answer.text = ANSWER
    held.speaks()
    (turn,) = await held.turns()
    assert (turn.answer, turn.closed_at) == (ANSWER, None)


async def test_a_turn_that_is_over_is_complete_and_the_room_knows(held: Held) -> None:
    held.asks(QUESTION)
    held.speaks()
    held.has_said(ANSWER)
    (turn,) = await held.turns()
    assert (turn.question, turn.answer, turn.interrupted) == (QUESTION, ANSWER, False)
    assert turn.closed_at is not None
    begun, ended = held.room.told
    assert begun["turn"] == ended["turn"] == 1
    assert "answer" not in begun and ended["answer"] == ANSWER


async def test_an_interrupted_turn_is_on_record_at_once(held: Held) -> None:
    held.asks(QUESTION)
    held.has_said("Ask your", interrupted=True)
    (turn,) = await held.turns()
    assert (turn.answer, turn.interrupted) == ("Ask your", True)
    assert turn.closed_at is not None


async def test_a_question_in_two_parts_is_one_turn_from_its_first_word(held: Held) -> None:
    first = held.asks("My token has expired")
    held.has_said("", interrupted=True)
    (before,) = await held.turns()
    held.asks("and I am on Android.", earlier=[first])
    held.has_said(ANSWER)
    (turn,) = await held.turns()
    assert turn.question == "My token has expired and I am on Android."
    assert turn.asked_at == before.asked_at


async def test_two_questions_are_two_turns(held: Held) -> None:
    held.asks(QUESTION)
    held.has_said(ANSWER, interrupted=True)
    held.asks("And what does it cost?")
    held.has_said("Nothing.")
    assert [turn.number for turn in await held.turns()] == [1, 2]


async def test_a_call_that_ends_closes_its_turn(held: Held) -> None:
    held.asks(QUESTION)
    await held.log.aclose()
    (turn,) = await held.turns()
    assert turn.interrupted and turn.closed_at is not None


async def test_a_call_that_is_taken_up_again_goes_on_counting(held: Held, store: CallStore) -> None:
    held.asks(QUESTION)
    held.has_said(ANSWER)
    claim = held._claim
    await held.log.aclose()
    await store.end_call(claim)
    again = Held(store, await store.claim_call(claim.call_id, "two"))
    again.asks("And how long is it valid?")
    assert [turn.number for turn in await again.turns()] == [1, 2]


async def test_a_customer_who_has_hung_up_leaves_a_record_all_the_same(held: Held) -> None:
    held.room.is_there = False
    held.asks(QUESTION)
    held.has_said(ANSWER)
    (turn,) = await held.turns()
    assert turn.answer == ANSWER
    assert held.room.told == []


async def test_a_call_that_was_lost_to_another_process_goes_on_and_writes_nothing(
    held: Held, store: CallStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.end_call(held._claim)
    await store.claim_call(held._claim.call_id, "two")
    with caplog.at_level(logging.ERROR):
        held.asks(QUESTION)
        held.has_said(ANSWER)
        assert await held.turns() == []
    assert held.room.told[-1]["answer"] == ANSWER
    assert QUESTION not in caplog.text and ANSWER not in caplog.text


async def test_a_record_that_cannot_be_written_ends_no_call_and_tells_no_log_what_was_said(
    held: Held, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE turns RENAME TO gone"))
    held.asks(QUESTION)
    held.has_said(ANSWER)
    await asyncio.gather(*held.log._tasks)
    assert held.room.told[-1]["answer"] == ANSWER
    assert "could not be announced or recorded" in caplog.text
    assert QUESTION not in caplog.text and ANSWER not in caplog.text
    await database.aclose()
