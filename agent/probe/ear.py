"""The customer's ear: the assistant's track in, its sound on the call's clock out.

Frames of 10 ms arrive with jitter. What matters is when a loudspeaker would have played them, so
each is laid where the steady rate of the track puts it; only a lag that lasts is a gap, and silent.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from livekit import rtc

from agent.probe.audio import (
    FRAME_MS,
    HEARING_LIMIT_DBFS,
    SAMPLE_RATE_HZ,
    SHORTEST_SOUND_MS,
    WORD_GAP_MS,
    Samples,
    frame_levels,
)

#: A lag that has grown by less than this is the clock's unevenness, not a gap.
GAP_MS = 10.0


@dataclass(frozen=True)
class Arrival:
    """A frame and when it was handed to the ear, in milliseconds of the call."""

    at_ms: float
    samples: Samples


def lay_out(arrivals: Sequence[Arrival]) -> Samples:
    """The arrivals on one clock that begins with the call; gaps are silence.

    A frame can come late but never early. So the least lag of it and all that follow is how far the
    track had fallen behind for good at that point; what lies above it is jitter.
    """
    if not arrivals:
        return np.zeros(0, dtype=np.int16)
    lengths = np.array([len(arrival.samples) for arrival in arrivals])
    begins = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    lags_ms = np.array([a.at_ms for a in arrivals]) - begins * 1000 / SAMPLE_RATE_HZ
    lasting_ms = np.minimum.accumulate(lags_ms[::-1])[::-1]
    anchor_ms = max(0.0, float(lasting_ms[0]))
    positions = np.empty(len(arrivals), dtype=np.int64)
    for i, lag_ms in enumerate(lasting_ms.tolist()):
        if lag_ms > anchor_ms + GAP_MS:
            anchor_ms = lag_ms
        positions[i] = begins[i] + round(anchor_ms * SAMPLE_RATE_HZ / 1000)
    laid = np.zeros(positions[-1] + lengths[-1], dtype=np.int16)
    for position, arrival in zip(positions.tolist(), arrivals, strict=True):
        laid[position : position + len(arrival.samples)] = arrival.samples
    return laid


class Ear:
    """Listens to one track; tells at any moment when sound was last and first heard."""

    def __init__(self, now_ms: Callable[[], float]) -> None:
        self._now_ms = now_ms
        self._arrivals: list[Arrival] = []
        self._loud_ms: list[float] = []

    async def listen(self, track: rtc.RemoteAudioTrack) -> None:
        """Receive ``track`` until it ends or this is cancelled."""
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE_HZ, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, dtype=np.int16)
                self.hear(Arrival(self._now_ms(), samples))
        finally:
            await stream.aclose()

    def hear(self, arrival: Arrival) -> None:
        """Take in one frame."""
        self._arrivals.append(arrival)
        if frame_levels(arrival.samples).max() > HEARING_LIMIT_DBFS:
            self._loud_ms.append(arrival.at_ms)

    def first_sound_after(self, when_ms: float) -> float | None:
        """When a sound, longer than a click, was first heard after ``when_ms``; None: not yet."""
        frames = SHORTEST_SOUND_MS // FRAME_MS
        loud = self._loud_ms
        for i in range(bisect_left(loud, when_ms), len(loud) - frames + 1):
            if loud[i + frames - 1] - loud[i] < WORD_GAP_MS:
                return loud[i]
        return None

    def silent_for_ms(self) -> float:
        """How long nothing has been heard."""
        return self._now_ms() - (self._loud_ms[-1] if self._loud_ms else 0.0)

    async def recording(self) -> Samples:
        """All that was heard so far, on the call's clock."""
        return await asyncio.to_thread(lay_out, list(self._arrivals))
