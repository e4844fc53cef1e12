#!/usr/bin/env bash
# livekit-agents 1.8.9, text that a customer types while a speech plays that may not be interrupted.
#
# A greeting that must be heard whole (a notice that the call is recorded, or that an AI answers) is said with
# `allow_interruptions=False`. What is spoken over it is not heard, as documented.
# A good guess: what is *typed* meanwhile is answered after it.
# Seen: the default callback for typed text interrupts first, and that raises RuntimeError; the text is neither in the history
# nor ever answered. Over a speech that may be interrupted the same text is answered. (Without a room here: the callback
# that `RoomOptions` uses if it is given none is called as the room does.)
#
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check livekit-agents==1.8.9
"$folder/bin/python" - <<'PYTHON'
import asyncio
import logging
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from livekit.agents.voice.room_io.types import TextInputEvent, TextInputOptions

RATE_HZ = 24_000
TYPED = "my token has expired"


class Speaker(AudioOutput):
    """Takes as long as the sound does."""

    def __init__(self) -> None:
        can = AudioOutputCapabilities(pause=False)
        super().__init__(label="speaker", capabilities=can, sample_rate=RATE_HZ)
        self._seconds = 0.0
        self._playing: asyncio.Task[None] | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        self._playing = asyncio.create_task(self._play(self._seconds))
        self._seconds = 0.0

    def clear_buffer(self) -> None:
        if self._playing and not self._playing.done():
            self._playing.cancel()
            self.on_playback_finished(playback_position=0.1, interrupted=True)

    async def _play(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.on_playback_finished(playback_position=seconds, interrupted=False)


class OneAnswer(llm.LLM):
    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS, **_: Any) -> Any:
        return OneAnswerStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class OneAnswerStream(llm.LLMStream):
    async def _run(self) -> None:
        words = llm.ChoiceDelta(role="assistant", content="An answer.")
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=words))


async def two_seconds() -> AsyncIterator[rtc.AudioFrame]:
    for _ in range(20):
        yield rtc.AudioFrame(bytes(2 * RATE_HZ // 10), RATE_HZ, 1, RATE_HZ // 10)


async def typed_over_speech(*, may_be_interrupted: bool) -> tuple[str, list[str | None]]:
    """What typing raised, and what of the customer's is in the history at last."""
    session: AgentSession[None] = AgentSession(llm=OneAnswer())
    session.output.audio = Speaker()
    await session.start(Agent(instructions=""))
    speech = session.say("This call is answered by an AI.", audio=two_seconds(), allow_interruptions=may_be_interrupted)
    await asyncio.sleep(0.5)
    raised = ""
    try:
        await TextInputOptions().text_input_cb(session, TextInputEvent(text=TYPED, info=None, participant=None))
    except RuntimeError as error:
        raised = str(error)
    await speech
    await asyncio.sleep(1.5)
    said = [item.text_content for item in session.history.items if item.type == "message" and item.role == "user"]
    await session.aclose()
    return raised, said


async def main() -> None:
    print("livekit-agents", version("livekit-agents"))
    for may_be_interrupted, expected in ((True, [TYPED]), (False, [])):
        raised, said = await typed_over_speech(may_be_interrupted=may_be_interrupted)
        print(f"allow_interruptions={may_be_interrupted}: history {said}, raised {raised!r}")
        assert said == expected and bool(raised) != may_be_interrupted, "it behaves otherwise now"


logging.disable(logging.CRITICAL)
asyncio.run(main())
PYTHON
