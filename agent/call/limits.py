"""The limits of a call: what happens in it in; a warning, a goodbye and what ended it out.

A call ends when it has lasted its longest, when neither side has said anything for a while, and
when its worker closes. The customer is told a while before and again at the end, in the language
that is being spoken; anybody may still say something after the warning.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    UserInputTranscribedEvent,
    llm,
)

from agent.prompts import Phrases

Ending = Literal["longest", "idle", "closing"]

#: How long before each end the customer is told, seconds; the phrases say so in words.
WARNED_BEFORE_S: Final[dict[Ending, float]] = {"longest": 60.0, "idle": 30.0, "closing": 60.0}
#: The limits are looked at this often, seconds.
_LOOK_S = 0.5
#: Who is speaking is let finish for this long before something is announced, seconds.
_COURTESY_S = 5.0
#: No announcement takes longer to be heard; after it the call goes on, or ends, seconds.
ANNOUNCED_WITHIN_S: Final = 12.0
#: The last sound and its caption have reached the customer this long after they left, seconds: the
#: room's jitter buffer holds sound for about 0.15 s.
_ARRIVES_WITHIN_S = 0.5


@dataclass(frozen=True)
class Limits:
    """How long a call may take, seconds."""

    longest_s: float
    idle_s: float
    """Without a word of the customer's or an answer."""


class CallLimits:
    """Watches one call from now on."""

    def __init__(
        self,
        session: AgentSession[Any],
        limits: Limits,
        *,
        closing_at_s: Callable[[], float | None],
        phrases: Callable[[], Phrases],
        is_occupied: Callable[[], bool],
    ) -> None:
        """``closing_at_s``: when the worker closes, on the event loop's clock; None while it does
        not. ``phrases``: those of the language that is being spoken. ``is_occupied``: whether the
        customer waits for a person, or speaks with one: then only the worker's closing ends it."""
        self._session = session
        self._limits = limits
        self._closing_at_s = closing_at_s
        self._phrases = phrases
        self._is_occupied = is_occupied
        self._now = asyncio.get_running_loop().time
        self._began_s = self._active_s = self._now()
        self._warned: set[Ending] = set()
        self._answering = False
        session.on("user_input_transcribed", self._on_words)
        session.on("conversation_item_added", self._on_item)

    async def run(self) -> Ending:
        """Wait until a limit is reached, say goodbye, and tell which one it was."""
        while True:
            ending, left_s = self._next()
            if left_s <= 0:
                await self._floor_is_free()
                if self._left_s(ending) <= 0:
                    await self._announce(self._phrases().goodbyes[ending], last=True)
                    await asyncio.sleep(_ARRIVES_WITHIN_S)
                    return ending
            elif left_s <= WARNED_BEFORE_S[ending] and ending not in self._warned:
                self._warned.add(ending)
                await self._floor_is_free()
                await self._announce(self._phrases().warnings[ending], last=False)
            await asyncio.sleep(_LOOK_S)

    def _next(self) -> tuple[Ending, float]:
        """The first end that is there or not yet announced, and in how many seconds it comes."""
        left_s = {ending: self._left_s(ending) for ending in WARNED_BEFORE_S}
        due = [ending for ending in left_s if left_s[ending] <= 0 or ending not in self._warned]
        first = min(due or left_s, key=lambda ending: left_s[ending])
        return first, left_s[first]

    def _left_s(self, ending: Ending) -> float:
        now = self._now()
        match ending:
            case "longest" | "idle" if self._is_occupied():
                self._active_s = now
                return float("inf")
            case "longest":
                return self._began_s + self._limits.longest_s - now
            case "idle":
                return self._active_s + self._limits.idle_s - now
            case "closing":
                closing_at_s = self._closing_at_s()
                return float("inf") if closing_at_s is None else closing_at_s - now

    async def _floor_is_free(self) -> None:
        """Wait until nobody speaks, for as long as courtesy asks."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_COURTESY_S):
                await self._session.wait_for_idle()

    async def _announce(self, text: str, *, last: bool) -> None:
        """Say it, without remembering it in the conversation; the last words are heard out."""
        with contextlib.suppress(TimeoutError):  # the voice is away: the caption has been shown
            async with asyncio.timeout(ANNOUNCED_WITHIN_S):
                if last:
                    await self._session.interrupt(force=True)
                await self._session.say(text, allow_interruptions=not last, add_to_chat_ctx=False)

    def _on_words(self, event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip():
            self._note_activity()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        """A question, or the end of its answer; asking again after a noise is neither."""
        if not isinstance(event.item, llm.ChatMessage):
            return
        is_question = event.item.role == "user"
        if is_question or self._answering:
            self._note_activity()
        self._answering = is_question

    def _note_activity(self) -> None:
        self._active_s = self._now()
        self._warned.discard("idle")
