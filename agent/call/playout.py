"""Playout: the voice's audio in (PCM s16 mono, 24 kHz), the sound in the room out.

The framework's own output keeps up to 200 ms of audio in the room's queue, empties it up to 50 ms
after it was told to pause, and goes on behind what it threw away: a customer's "mm-hm" then costs
the answer half a word. This one stops at once and resumes at the beginning of the word.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import numpy as np
from livekit import rtc
from livekit.agents.voice import io

from agent.call.timing import TIMING, Timing
from agent.speech.contract import SPEAKING_RATE_HZ

_FRAME = SPEAKING_RATE_HZ // 50
_REWIND_FRAME = SPEAKING_RATE_HZ // 100


class RoomPlayout(io.AudioOutput):
    """Publishes one audio track and plays one answer at a time on it."""

    def __init__(self, room: rtc.Room, timing: Timing = TIMING) -> None:
        super().__init__(
            label="Playout",
            capabilities=io.AudioOutputCapabilities(pause=True),
            sample_rate=SPEAKING_RATE_HZ,
        )
        self._room = room
        self._timing = timing
        self._source = rtc.AudioSource(SPEAKING_RATE_HZ, 1, queue_size_ms=timing.playout_queue_ms)
        #: The answer being played: its audio so far, the samples handed over, whether it is all,
        #: and whether any of it has been heard.
        self._answer = bytearray()
        self._sent = 0
        self._complete = False
        self._audible = False
        self._paused = False
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._over.set()
        self._player: asyncio.Task[None] | None = None
        #: Of the track in the room; empty until it is published.
        self.track_sid = ""

    async def start(self) -> None:
        """Publish the track; what is captured before somebody listens waits."""
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        publication = await self._room.local_participant.publish_track(
            track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        self.track_sid = publication.sid
        await publication.wait_for_subscription()
        self._player = asyncio.create_task(self._play(), name="playout")

    async def aclose(self) -> None:
        """Stop playing and let go of the track."""
        if self._player:
            self._player.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._player
        await self._source.aclose()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Add audio to the answer; one that is still being played to its end is waited for."""
        if self._complete:
            await self._over.wait()
        await super().capture_frame(frame)
        self._over.clear()
        self._answer += frame.data.cast("b")
        self._changed.set()

    def flush(self) -> None:
        """The answer has no more audio."""
        super().flush()
        self._complete = bool(self._answer)
        self._changed.set()

    def clear_buffer(self) -> None:
        """End the answer here."""
        if self._answer:
            self._finish(interrupted=True)

    def pause(self) -> None:
        """Fall silent at once."""
        super().pause()
        self._paused = True
        self._sent = self._heard()
        self._source.clear_queue()
        self._changed.set()

    def resume(self) -> None:
        """Go on from the beginning of the word that the pause interrupted."""
        super().resume()
        if self._paused:
            self._paused = False
            self._sent = word_start(self._answer, self._sent, self._timing.rewind_s)
            self._changed.set()

    async def _play(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while not self._paused and (frame := self._next_frame()):
                if not self._audible:
                    self._audible = True
                    self.on_playback_started(created_at=time.time())
                self._sent += frame.samples_per_channel
                await self._source.capture_frame(frame)
                if (ahead := self._source.queued_duration - self._timing.playout_ahead_s) > 0:
                    await asyncio.sleep(ahead)
            if self._complete and not self._paused:
                await self._drain()

    def _next_frame(self) -> rtc.AudioFrame | None:
        part = self._answer[2 * self._sent : 2 * (self._sent + _FRAME)]
        if not part or (len(part) < 2 * _FRAME and not self._complete):
            return None
        return rtc.AudioFrame(bytes(part), SPEAKING_RATE_HZ, 1, len(part) // 2)

    async def _drain(self) -> None:
        """Wait until the end has been heard, unless the answer is paused or ended before."""
        try:
            async with asyncio.timeout(self._source.queued_duration):
                await self._changed.wait()
        except TimeoutError:
            if self._complete:
                self._finish(interrupted=False)

    def _finish(self, *, interrupted: bool) -> None:
        heard = self._heard()
        self._source.clear_queue()
        self._answer = bytearray()
        self._sent = 0
        self._complete = self._audible = False
        self._over.set()
        self._changed.set()
        self.on_playback_finished(
            playback_position=heard / SPEAKING_RATE_HZ, interrupted=interrupted
        )

    def _heard(self) -> int:
        """Samples of the answer that have left the queue."""
        return max(0, self._sent - round(self._source.queued_duration * SPEAKING_RATE_HZ))


def word_start(answer: bytes | bytearray, heard: int, rewind_s: float = TIMING.rewind_s) -> int:
    """The sample from which to resume an answer (PCM s16) that stopped after ``heard`` samples.

    The quietest 10 ms of the time before, the latest where several are as quiet: between two
    words, or at least between two syllables.
    """
    begin = max(0, heard - round(rewind_s * SPEAKING_RATE_HZ))
    frames = np.frombuffer(bytes(answer[2 * begin : 2 * heard]), dtype=np.int16)
    frames = frames[: len(frames) // _REWIND_FRAME * _REWIND_FRAME]
    if not len(frames):
        return begin
    loudness = np.abs(frames.astype(np.float32)).reshape(-1, _REWIND_FRAME).mean(axis=1)
    quiet = np.flatnonzero(loudness <= loudness.min() * 1.2 + 1.0)
    return begin + int(quiet[-1]) * _REWIND_FRAME
