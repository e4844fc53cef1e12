"""The customer's microphone: clips in, an unbroken track out, and when each sample was spoken.

Like a real microphone it never pauses: silence goes out where no clip plays. Sample ``n`` is spoken
at ``started_s + n / 48000`` on the monotonic clock. The media library's own thread sends what lies
ready for it every 10 ms; a frame leaves within 10 ms after its last sample has been spoken, never
before, so what is unsure here can only lengthen what is measured as the assistant's delay.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np
from livekit import rtc

from agent.probe.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ, Clip, Samples, Span

#: Frames lie ready this long before they are due. Sent straight from here, where a busy machine
#: delays them, they make the listener's jitter buffer grow, by 0.1 to 0.2 s (measured).
LEAD_MS = 100
#: Silence that would leave later than this is dropped: a track that has fallen behind catches up.
STALE_MS = 2 * FRAME_MS


@dataclass(frozen=True)
class Placement:
    """A clip in the microphone's track, from sample ``first`` on."""

    clip: Clip
    first: int

    @property
    def speech(self) -> Span:
        """When the customer speaks, in milliseconds of the call."""
        begin_ms = self.first * 1000 / SAMPLE_RATE_HZ
        return Span(begin_ms + self.clip.speech.start_ms, begin_ms + self.clip.speech.end_ms)


class Microphone:
    """A track to publish, with clips played into it at exact samples."""

    def __init__(self) -> None:
        self._source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=3 * LEAD_MS)
        self._queued = 0
        self.track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        self.started_s = time.monotonic()
        self.placements: list[Placement] = []
        self.worst_lateness_ms = 0.0

    def now_ms(self) -> float:
        """Milliseconds since the microphone opened: the call's clock."""
        return (time.monotonic() - self.started_s) * 1000

    def play(self, clip: Clip, *, speech_at_ms: float = 0.0) -> Placement:
        """Play ``clip`` so that its speech begins at ``speech_at_ms``, or as soon as it can."""
        wanted = round((speech_at_ms - clip.speech.start_ms) * SAMPLE_RATE_HZ / 1000)
        earliest = max(self._queued, round(self.now_ms() * SAMPLE_RATE_HZ / 1000))
        placement = Placement(clip, max(wanted, earliest))
        self.placements.append(placement)
        return placement

    def samples(self, first: int, count: int) -> Samples:
        """What the microphone hears from sample ``first`` on."""
        heard = np.zeros(count, dtype=np.int16)
        for placement in self.placements:
            begin = max(first, placement.first)
            end = min(first + count, placement.first + len(placement.clip.samples))
            if begin < end:
                part = placement.clip.samples[begin - placement.first : end - placement.first]
                heard[begin - first : end - first] = part
        return heard

    def recording(self) -> Samples:
        """All that was said so far."""
        return self.samples(0, self._queued)

    async def run(self) -> None:
        """Send frames in real time, from now on, until cancelled."""
        self._queued = round((self.now_ms() - FRAME_MS) * SAMPLE_RATE_HZ / 1000)
        while True:
            due_ms = (self._queued + FRAME_SAMPLES) * 1000 / SAMPLE_RATE_HZ
            await asyncio.sleep((due_ms - LEAD_MS - self.now_ms()) / 1000)
            late_ms = self.now_ms() + self._source.queued_duration * 1000 - due_ms
            samples = self.samples(self._queued, FRAME_SAMPLES)
            self._queued += FRAME_SAMPLES
            if samples.any():
                self.worst_lateness_ms = max(self.worst_lateness_ms, late_ms)
            elif late_ms > STALE_MS:
                continue
            frame = rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE_HZ, 1, FRAME_SAMPLES)
            await self._source.capture_frame(frame)

    async def aclose(self) -> None:
        """Let go of the source."""
        await self._source.aclose()
