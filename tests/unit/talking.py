"""A conversation on virtual time: what is said takes its time, is noted, and needs no model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from livekit import rtc
from livekit.agents import Agent, AgentSession, UserInputTranscribedEvent
from livekit.agents.voice import io

from agent.call.conversation import NoModel
from agent.call.tts import KokoroTTS
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.languages import Language

#: How long a character of a text sounds, seconds.
CHARACTER_S = 0.05


@dataclass(frozen=True)
class Said:
    """A text of the assistant's and when its audio was asked for, seconds of the test."""

    at_s: float
    text: str


class QuietSpeech(SpeechClient):
    """Silence as long as the text, and a note of what was to be said."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", token="")
        self.said: list[Said] = []

    async def speak(self, text: str, language: Language) -> AsyncIterator[bytes]:
        self.said.append(Said(asyncio.get_running_loop().time(), text))
        yield bytes(2 * round(len(text) * CHARACTER_S * SPEAKING_RATE_HZ))


class Loudspeaker(io.AudioOutput):
    """Plays on the event loop's clock."""

    def __init__(self) -> None:
        super().__init__(
            label="Loudspeaker",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=SPEAKING_RATE_HZ,
        )
        self._seconds = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._seconds:
            self.on_playback_started(created_at=0.0)
        self._seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        if self._seconds:
            loop = asyncio.get_running_loop()
            self._end = loop.call_later(self._seconds, self._finish, False)

    def clear_buffer(self) -> None:
        if self._seconds:
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._end:
            self._end.cancel()
        seconds, self._seconds = self._seconds, 0.0
        self.on_playback_finished(playback_position=seconds, interrupted=interrupted)


@dataclass
class Talk:
    """A session that runs, and what its assistant has said."""

    session: AgentSession[None]
    speech: QuietSpeech

    @property
    def said(self) -> list[Said]:
        """Everything so far, in order."""
        return self.speech.said

    def texts(self) -> str:
        """The same as one text."""
        return " ".join(said.text for said in self.said)

    def hear(self, words: str) -> None:
        """The customer says something."""
        self.session.emit(
            "user_input_transcribed", UserInputTranscribedEvent(transcript=words, is_final=False)
        )

    async def aclose(self) -> None:
        """End the session."""
        await self.session.aclose()
        await self.speech.aclose()


async def talk(agent: Callable[[], Agent] = lambda: Agent(instructions="")) -> Talk:
    """Begin a conversation."""
    speech = QuietSpeech()
    session: AgentSession[None] = AgentSession(
        llm=NoModel(), tts=KokoroTTS(speech), user_away_timeout=None, tts_text_transforms=None
    )
    session.output.audio = Loudspeaker()
    await session.start(agent())
    return Talk(session, speech)
