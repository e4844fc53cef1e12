"""Turns: tells the room what each answer rests on; records each turn as it opens and closes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    llm,
)

from agent.call.floor import Exchange, Floor
from agent.dialogue.contract import Answer
from agent.rooms.messages import ANSWER_TOPIC, AnswerBegun, AnswerEnded, CitedEntry
from agent.service.calls.store import CallStore, Claim
from common.languages import language_of

log = logging.getLogger(__name__)

#: The framework's metrics that a turn keeps, seconds there, milliseconds here.
_METRICS = {
    "transcription_delay": "transcription",
    "end_of_turn_delay": "end_of_turn",
    "llm_node_ttft": "first_token",
    "tts_node_ttfb": "first_audio",
    "e2e_latency": "answer_latency",
}


@dataclass
class _OpenTurn:
    number: int
    question: llm.ChatMessage
    asked_at: datetime
    announced: bool = False


class TurnLog:
    """Follows a session; one per call."""

    def __init__(
        self,
        session: AgentSession[None],
        floor: Floor,
        room: rtc.Room,
        records: CallStore,
        claim: Claim,
    ) -> None:
        self._floor = floor
        self._room = room
        self._records = records
        self._claim = claim
        self._turn: _OpenTurn | None = None
        #: A turn that was interrupted: the next one may show it to have been half of it.
        self._interrupted: _OpenTurn | None = None
        self._count = claim.next_turn - 1
        self._tasks: set[asyncio.Task[None]] = set()
        #: Records are written in the order of what they tell.
        self._in_order = asyncio.Lock()
        session.on("conversation_item_added", self._on_item)
        session.on("agent_state_changed", self._on_state)

    async def aclose(self) -> None:
        """Record what is still open, and wait for what is being written."""
        self._close_unanswered()
        await asyncio.gather(*self._tasks)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if not isinstance(item, llm.ChatMessage):
            return
        if item.role == "user":
            self._close_unanswered()
            self._count += 1
            self._turn = _OpenTurn(self._count, item, datetime.now(UTC))
            self._open(self._turn)
        elif item.role == "assistant" and self._turn:
            self._close(self._turn, item.text_content or "", item.interrupted, item.metrics)

    def _on_state(self, event: AgentStateChangedEvent) -> None:
        turn = self._turn
        if event.new_state != "speaking" or turn is None or turn.announced:
            return
        exchange = self._floor.answer_to(turn.question.id)
        if exchange and (answer := exchange.answer):
            turn.announced = True
            citations = answer.citations_json()
            self._record(
                self._records.extend_turn(
                    self._claim, turn.number, answer=answer.text, citations=citations
                )
            )
            self._spawn(self._announce(_begun(turn, exchange, answer)))

    def _open(self, turn: _OpenTurn) -> None:
        """One question in two parts is one turn: the record of the first part is dropped."""
        exchange = self._floor.answer_to(turn.question.id)
        first, self._interrupted = self._interrupted, None
        if first and exchange and exchange.joins == first.question.id:
            turn.asked_at = first.asked_at
            self._record(self._records.drop_turn(self._claim, first.number))
        text = turn.question.text_content or ""
        self._record(
            self._records.open_turn(
                self._claim,
                turn.number,
                asked_at=turn.asked_at,
                language=exchange.language if exchange else language_of(text),
                question=exchange.question if exchange else text,
                confidence=turn.question.transcript_confidence,
            )
        )

    def _close_unanswered(self) -> None:
        if self._turn:
            self._close(self._turn, "", True, {})

    def _close(
        self, turn: _OpenTurn, spoken: str, interrupted: bool, metrics: llm.MetricsReport
    ) -> None:
        self._turn = None
        exchange = self._floor.answer_to(turn.question.id)
        answer = exchange.answer if exchange else None
        if exchange is None or answer is None:
            self._record(self._records.drop_turn(self._claim, turn.number))
            return
        timings = answer.timings_ms | _milliseconds(turn.question.metrics) | _milliseconds(metrics)
        ended = AnswerEnded(
            **dict(_begun(turn, exchange, answer)),
            answer=spoken,
            interrupted=interrupted,
            timings_ms=timings,
        )
        self._spawn(self._announce(ended))
        self._record(
            self._records.close_turn(
                self._claim,
                turn.number,
                question=answer.question,
                answer=spoken,
                declined=answer.declined,
                interrupted=interrupted,
                citations=answer.citations_json(),
                timings_ms=timings,
            )
        )
        if interrupted:
            self._interrupted = turn

    def _record(self, writing: Coroutine[Any, Any, None]) -> None:
        async def write() -> None:
            async with self._in_order:
                await writing

        self._spawn(write())

    async def _announce(self, message: AnswerBegun) -> None:
        if not self._room.isconnected():  # the customer has hung up: the record remains
            return
        text = message.model_dump_json()
        await self._room.local_participant.send_text(text, topic=ANSWER_TOPIC)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """A turn that cannot be announced or recorded must not end the call."""
    try:
        await work
    except Exception:
        log.exception("a turn could not be announced or recorded")


def _begun(turn: _OpenTurn, exchange: Exchange, answer: Answer) -> AnswerBegun:
    return AnswerBegun(
        turn=turn.number,
        question=answer.question,
        language=answer.language,
        declined=answer.declined,
        acknowledged=exchange.acknowledged,
        citations=[CitedEntry.model_validate(citation) for citation in answer.citations_json()],
    )


def _milliseconds(metrics: llm.MetricsReport) -> dict[str, float]:
    return {
        name: round(seconds * 1000, 1)
        for key, name in _METRICS.items()
        if isinstance(seconds := metrics.get(key), float)
    }
