"""What can be seen in the room besides sound: captions, the assistant's state, its sources.

Room events in, each with the moment it reached this client, in milliseconds of the call.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit import rtc
from livekit.rtc.data_stream import StreamError

from agent.rooms.messages import ANSWER_TOPIC

log = logging.getLogger(__name__)

TOPIC_TRANSCRIPTION = "lk.transcription"
ATTRIBUTE_FINAL = "lk.transcription_final"
ATTRIBUTE_SEGMENT = "lk.segment_id"
ATTRIBUTE_STATE = "lk.agent.state"


@dataclass
class Caption:
    """A piece of transcript, growing while it streams in."""

    by_customer: bool
    segment_id: str
    first_ms: float
    last_ms: float
    text: str = ""
    final: bool = False


@dataclass(frozen=True)
class StateChange:
    """The assistant said that it is now initializing, listening, thinking or speaking."""

    at_ms: float
    state: str


@dataclass(frozen=True)
class AnswerNotice:
    """A message on `liuke.answer`, as `docs/architecture.md` describes it."""

    at_ms: float
    content: dict[str, Any]


class Observer:
    """Collects what the room shows of one call."""

    def __init__(self, room: rtc.Room, now_ms: Callable[[], float]) -> None:
        self._room = room
        self._now_ms = now_ms
        self._readers: set[asyncio.Task[None]] = set()
        self.captions: list[Caption] = []
        self.states: list[StateChange] = []
        self.notices: list[AnswerNotice] = []
        room.register_text_stream_handler(TOPIC_TRANSCRIPTION, self._on_caption)
        room.register_text_stream_handler(ANSWER_TOPIC, self._on_answer)
        room.on("participant_attributes_changed", self._on_attributes)

    @property
    def state(self) -> str:
        """The assistant's state as last seen; empty before it told any."""
        return self.states[-1].state if self.states else ""

    def see(self, participant: rtc.Participant) -> None:
        """Note the state that ``participant`` brings along when it joins."""
        self._on_attributes(dict(participant.attributes), participant)

    async def aclose(self) -> None:
        """Stop reading streams that are still open."""
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        state = changed.get(ATTRIBUTE_STATE)
        if state and participant is not self._room.local_participant and state != self.state:
            self.states.append(StateChange(self._now_ms(), state))

    def _on_caption(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._spawn(self._read_caption(reader, identity))

    def _on_answer(self, reader: rtc.TextStreamReader, _identity: str) -> None:
        self._spawn(self._read_answer(reader))

    def _spawn(self, reading: Any) -> None:
        task = asyncio.get_running_loop().create_task(reading)
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read_caption(self, reader: rtc.TextStreamReader, identity: str) -> None:
        caption: Caption | None = None
        try:
            async for chunk in reader:
                now = self._now_ms()
                if caption is None:
                    segment = (reader.info.attributes or {}).get(ATTRIBUTE_SEGMENT, "")
                    mine = identity == self._room.local_participant.identity
                    caption = Caption(mine, segment, now, now)
                    self.captions.append(caption)
                caption.text += chunk
                caption.last_ms = now
        except StreamError:
            log.debug("a caption ended early")
        if caption:
            caption.final = (reader.info.attributes or {}).get(ATTRIBUTE_FINAL) == "true"

    async def _read_answer(self, reader: rtc.TextStreamReader) -> None:
        at_ms = self._now_ms()
        try:
            content = json.loads(await reader.read_all())
        except (StreamError, json.JSONDecodeError) as error:
            log.warning("a message on %s could not be read: %s", ANSWER_TOPIC, error)
            return
        if isinstance(content, dict):
            self.notices.append(AnswerNotice(at_ms, content))
