"""A whole call without a room: sound goes straight into the session, and what is heard comes out.

The session is the one that answers real calls (`agent.call.conversation.open_conversation`),
between a microphone that plays clips and a loudspeaker that notes when each sample of an answer was
heard. Both run on one real-time clock. Samples are mono at 16 kHz; times are milliseconds of that
clock.
What a network adds is not in it: `make bench-voice` measures that.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import numpy as np
from livekit import rtc
from livekit.agents import (
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    SpeechCreatedEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
)
from livekit.agents.voice import SpeechHandle, TranscriptSynchronizer, io
from numpy.typing import NDArray

from agent.call.conversation import Conversation
from common.languages import join_utterances
from eval.audio import FRAME, FRAME_MS, RATE_HZ, Samples, TelephoneLine, from_pcm, looped, to_pcm

#: The clock's step: the loudspeaker starts and stops with this precision.
_TICK_MS = 10
_TICK = RATE_HZ * _TICK_MS // 1000

#: Between one thing and the next everybody is quiet for this long, ms.
_QUIET_MS = 400.0
#: A turn that has not been taken this long after the customer fell silent never will be, ms.
_OPEN_TURN_MS = 2200.0
#: A call that does not become quiet goes on as it is, ms.
_SETTLE_TIMEOUT_MS = 8000.0


@dataclass(frozen=True)
class Run:
    """A stretch of one answer that was heard without a break."""

    segment: int
    """Number of the answer, counted from 0 as the session handed them over."""
    start_ms: float
    end_ms: float
    position_ms: float
    """Where in the answer's audio it begins."""


@dataclass(frozen=True)
class Words:
    """What the session understood."""

    at_ms: float
    text: str
    final: bool


@dataclass(frozen=True)
class State:
    """What one side is doing, as the session sees it."""

    at_ms: float
    who: Literal["customer", "assistant"]
    state: str


@dataclass(frozen=True)
class Item:
    """Something that the session took into the conversation."""

    at_ms: float
    role: str
    text: str
    interrupted: bool
    message: llm.ChatMessage = field(repr=False)
    """As the session keeps it; it may change it later."""


@dataclass(frozen=True)
class Speech:
    """Something the session set out to say."""

    at_ms: float
    source: str
    handle: SpeechHandle = field(repr=False)


@dataclass(frozen=True)
class Echo:
    """How much of the loudspeaker comes back into the microphone."""

    delay_ms: float
    gain_db: float


class Loudspeaker(io.AudioOutput):
    """Plays answers on the clock and keeps what was heard. A pause keeps the place to the sample.

    (A LiveKit room's output drops the 200 ms or less that it had handed on when it is paused.)
    """

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=RATE_HZ,
        )
        self.runs: list[Run] = []
        self._heard = bytearray()
        self._segment = -1
        self._waiting = bytearray()
        self._pushed = self._played = 0
        self._flushed = self._cleared = False
        self._paused = False
        self._free = asyncio.Event()
        self._free.set()

    @property
    def playing(self) -> bool:
        """Whether an answer is sounding at this moment."""
        return bool(self.runs) and self.runs[-1].end_ms >= self._now_ms

    @property
    def segment(self) -> int:
        """Number of the last answer that the session handed over; -1 before the first."""
        return self._segment

    @property
    def pending_ms(self) -> float:
        """How much of the answer lies ready and has not been heard."""
        return len(self._waiting) / 2 * 1000 / RATE_HZ

    @property
    def open(self) -> bool:
        """Whether an answer is being played, paused or waited for."""
        return not self._free.is_set()

    def heard(self, start_ms: float, end_ms: float) -> NDArray[np.int16]:
        """What was heard in that time; silence where it is not over yet."""
        return _slice(self._heard, start_ms, end_ms)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        while self._flushed:  # the answer before has not ended
            await self._free.wait()
        await super().capture_frame(frame)
        if self._free.is_set():
            self._free.clear()
            self._segment += 1
        if not self._cleared:
            self._waiting += bytes(frame.data.cast("b"))
            self._pushed += frame.samples_per_channel

    def flush(self) -> None:
        super().flush()
        if self.open:
            self._flushed = True
            if self._cleared or not self._pushed:
                self._end()

    def clear_buffer(self) -> None:
        if self.open:
            self._waiting.clear()
            self._cleared = True
            if self._flushed:
                self._end()

    def pause(self) -> None:
        super().pause()
        self._paused = True

    def resume(self) -> None:
        super().resume()
        self._paused = False

    def play(self) -> None:
        """Let one tick be heard."""
        sounding = 0
        if self._waiting and not self._paused:
            if not self._played:
                self.on_playback_started(created_at=time.time())
            sounding = min(_TICK, len(self._waiting) // 2)
            self._note_run(sounding)
            self._heard += self._waiting[: 2 * sounding]
            del self._waiting[: 2 * sounding]
            self._played += sounding
        self._heard += bytes(2 * (_TICK - sounding))
        if self._flushed and not self._cleared and not self._waiting and not self._paused:
            self._finish()

    @property
    def _now_ms(self) -> float:
        return len(self._heard) / 2 * 1000 / RATE_HZ

    def _note_run(self, sounding: int) -> None:
        now, end = self._now_ms, self._now_ms + sounding * 1000 / RATE_HZ
        last = self.runs[-1] if self.runs else None
        if last and last.segment == self._segment and last.end_ms == now:
            self.runs[-1] = Run(last.segment, last.start_ms, end, last.position_ms)
        else:
            self.runs.append(Run(self._segment, now, end, self._played * 1000 / RATE_HZ))

    def _end(self) -> None:
        """End the answer soon: whoever flushes or clears wants to be done with that first."""
        asyncio.get_running_loop().call_soon(self._finish)

    def _finish(self) -> None:
        if not self.open:
            return
        position, interrupted = self._played / RATE_HZ, self._cleared
        self._pushed = self._played = 0
        self._flushed = self._cleared = False
        self._free.set()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


class Microphone(io.AudioInput):
    """Mixes the clips that are due with the background and the echo, and sends frames of 20 ms."""

    def __init__(
        self,
        loudspeaker: Loudspeaker,
        background: Samples | None,
        line: TelephoneLine | None,
    ) -> None:
        """``background`` is repeated for ever; ``line`` is what the sound goes through."""
        super().__init__(label="microphone")
        self.echo: Echo | None = None
        self._loudspeaker = loudspeaker
        self._background = background
        self._line = line
        self._clips: list[tuple[int, Samples]] = []
        self._taken = 0
        self._sent = bytearray()
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()

    def play(self, samples: Samples) -> float:
        """Speak a clip from the next frame on; the time at which its first sample sounds."""
        self._clips.append((self._taken, samples))
        return self._taken * 1000 / RATE_HZ

    def sent(self, start_ms: float, end_ms: float) -> NDArray[np.int16]:
        """What the session was given in that time."""
        return _slice(self._sent, start_ms, end_ms)

    def send(self) -> None:
        """Hand over the frame that is complete now."""
        start = self._taken
        frame = np.zeros(FRAME, np.float32)
        if self._background is not None:
            frame += looped(self._background, start, FRAME)
        for begin, clip in self._clips:
            _mix(frame, clip, begin - start)
        self._clips = [(b, clip) for b, clip in self._clips if b + len(clip) > start + FRAME]
        if self.echo:
            begin_ms = start * 1000 / RATE_HZ - self.echo.delay_ms
            heard = from_pcm(self._loudspeaker.heard(begin_ms, begin_ms + FRAME_MS))
            frame += heard * np.float32(10 ** (self.echo.gain_db / 20))
        pcm = to_pcm(self._line.carry(frame) if self._line else frame).tobytes()
        self._sent += pcm
        self._taken += FRAME
        self._frames.put_nowait(rtc.AudioFrame(pcm, RATE_HZ, 1, FRAME))


class HeadlessCall:
    """One call, for as long as its `async with` block lasts. The greeting is being spoken then."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        background: Samples | None = None,
        line: TelephoneLine | None = None,
    ) -> None:
        self._conversation = conversation
        self.session = self._conversation.session
        self.loudspeaker = Loudspeaker()
        self.microphone = Microphone(self.loudspeaker, background, line)
        self.words: list[Words] = []
        self.states: list[State] = []
        self.items: list[Item] = []
        self.speeches: list[Speech] = []
        #: How late each tick of the clock came, ms: on a machine too busy, times mean nothing.
        self.late_ms: list[float] = []
        # As in a room: it tells the session which of its words were heard.
        self._captions = TranscriptSynchronizer(
            next_in_chain_audio=self.loudspeaker, next_in_chain_text=None
        )

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        self._clock = asyncio.create_task(self._tick(), name="headless clock")
        self.session.input.audio = self.microphone
        self.session.output.audio = self._captions.audio_output
        self.session.output.transcription = self._captions.text_output
        self._observe()
        await self.session.start(self._conversation.agent)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.aclose()
        await self._captions.aclose()
        await self._conversation.aclose()
        self._clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._clock

    @property
    def now_ms(self) -> float:
        """Time since the call began."""
        return (asyncio.get_running_loop().time() - self._began) * 1000

    async def wait_until(self, condition: Callable[[], bool], timeout_ms: float) -> bool:
        """Whether ``condition`` came true in time; looked at with every tick."""
        deadline = self.now_ms + timeout_ms
        while not condition():
            if self.now_ms > deadline:
                return False
            await asyncio.sleep(_TICK_MS / 1000)
        return True

    async def wait(self, duration_ms: float) -> None:
        """Let time pass."""
        await asyncio.sleep(duration_ms / 1000)

    async def settle(self) -> None:
        """End what is being said, until all is quiet and no answer can come any more."""
        deadline = self.now_ms + _SETTLE_TIMEOUT_MS
        quiet_since = self.now_ms
        while self.now_ms - quiet_since < _QUIET_MS and self.now_ms < deadline:
            if self.session.current_speech or self.loudspeaker.open:
                self.session.interrupt(force=True)
                quiet_since = self.now_ms
            elif self.session.agent_state == "thinking" or self._turn_open():
                quiet_since = self.now_ms
            await asyncio.sleep(_TICK_MS / 1000)

    def question_of(self, item: Item) -> str:
        """The question as it was answered: the message, or what the agent made of several."""
        answer = self._conversation.floor.answer_to(item.message.id)
        return answer.question if answer else join_utterances(item.message.text_content or "")

    def _turn_open(self) -> bool:
        """Whether the customer speaks, or has spoken and may still be answered."""
        spoke = next((s for s in reversed(self.states) if s.who == "customer"), None)
        if spoke is None or spoke.state == "speaking":
            return spoke is not None
        taken = any(i.at_ms >= spoke.at_ms and i.role == "user" for i in self.items[-2:])
        return not taken and self.now_ms - spoke.at_ms < _OPEN_TURN_MS

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            late_s = loop.time() - (self._began + tick * _TICK_MS / 1000)
            self.late_ms.append(max(late_s * 1000, 0.0))
            # A frame can be sent when its last sample has sounded.
            if tick and tick * _TICK_MS % FRAME_MS == 0:
                self.microphone.send()
            self.loudspeaker.play()
            tick += 1
            due = self._began + tick * _TICK_MS / 1000
            await asyncio.sleep(max(due - loop.time(), 0))

    def _observe(self) -> None:
        self.session.on("user_input_transcribed", self._on_words)
        self.session.on("user_state_changed", self._on_customer_state)
        self.session.on("agent_state_changed", self._on_assistant_state)
        self.session.on("conversation_item_added", self._on_item)
        self.session.on("speech_created", self._on_speech)

    def _on_words(self, event: UserInputTranscribedEvent) -> None:
        self.words.append(Words(self.now_ms, event.transcript, event.is_final))

    def _on_customer_state(self, event: UserStateChangedEvent) -> None:
        self.states.append(State(self.now_ms, "customer", event.new_state))

    def _on_assistant_state(self, event: AgentStateChangedEvent) -> None:
        self.states.append(State(self.now_ms, "assistant", event.new_state))

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if isinstance(item, llm.ChatMessage):
            text = item.text_content or ""
            self.items.append(Item(self.now_ms, item.role, text, item.interrupted, item))

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        self.speeches.append(Speech(self.now_ms, event.source, event.speech_handle))


def _slice(pcm: bytearray, start_ms: float, end_ms: float) -> NDArray[np.int16]:
    """The samples of that time; zeros before the beginning and after the end."""
    start, end = (round(ms * RATE_HZ / 1000) for ms in (start_ms, end_ms))
    there = np.frombuffer(bytes(pcm[2 * max(start, 0) : 2 * max(end, 0)]), dtype=np.int16)
    samples = np.zeros(end - start, np.int16)
    offset = max(-start, 0)
    samples[offset : offset + len(there)] = there
    return samples


def _mix(frame: Samples, clip: Samples, offset: int) -> None:
    """Add what of ``clip``, which begins ``offset`` samples into the frame, falls into it."""
    begin, end = max(offset, 0), min(offset + len(clip), len(frame))
    if begin < end:
        frame[begin:end] += clip[begin - offset : end - offset]
