"""What a customer types: a text from the room in; a turn, or why it is none, out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.room_io import TextInputEvent

from agent.call.gate import Refusal, TextGate
from agent.prompts import Phrases


class TypedInput:
    """Takes the typed texts of one call, as the framework's text input hands them on."""

    def __init__(
        self,
        gate: TextGate,
        phrases: Callable[[], Phrases],
        to_a_person: Callable[[str], bool],
    ) -> None:
        """``phrases``: those of the language that is being spoken. ``to_a_person``: takes a text
        to a person who has the floor; whether there is one."""
        self._gate = gate
        self._phrases = phrases
        self._to_a_person = to_a_person
        self._told: SpeechHandle | None = None

    async def __call__(self, session: AgentSession[Any], event: TextInputEvent) -> None:
        """Answer the text as if it had been said, or say why it was not read."""
        match self._gate.typed(event.text):
            case Refusal() as refusal:
                await self._refuse(session, refusal)
            case "":
                return
            case text if self._to_a_person(text):
                return
            case text:
                # The state follows suit: whoever types has the floor, as if they spoke.
                async with session._claim_user_turn():
                    await _interrupt(session)
                    session.generate_reply(user_input=text)

    async def _refuse(self, session: AgentSession[Any], refusal: Refusal) -> None:
        """Tell the customer; once for all texts that come while it is being said."""
        if self._told and not self._told.done():
            return
        if refusal is Refusal.TOO_LONG:  # else what was read before is still being answered
            await _interrupt(session)
        phrases = self._phrases()
        text = {Refusal.TOO_LONG: phrases.too_long, Refusal.TOO_FAST: phrases.too_fast}[refusal]
        self._told = session.say(text, add_to_chat_ctx=False)


async def _interrupt(session: AgentSession[Any]) -> None:
    """End what is being said; what must be heard whole is heard whole first."""
    speech = session.current_speech
    if speech and not speech.allow_interruptions:
        await speech
    await session.interrupt()
