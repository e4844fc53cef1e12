"""Voice activity: a call's audio in; windows of 32 ms with the probability of speech out.

The framework's detector (Silero) remembers what it has heard. In steady noise that makes it deaf to
single syllables after others: of 30 short commands 20 dB above pink noise it missed six, at
probabilities of 0.1, and a detector that has just begun is sure of each. So its memory is cleared
whenever nobody has spoken for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace

from livekit import rtc
from livekit.agents import inference, vad

#: Probability at which a window is taken for speech, and for more of it. One that has just begun is
#: sure of speech (1.0) and suspects much else: at 0.5 it took a fifth of all coughs, echoes and
#: backchannels in noise for a turn.
SPEECH, STILL_SPEECH = 0.85, 0.35
#: Without speech for so long, the detector begins anew, seconds.
_REST_S = 3.0
#: What a window must stay below to be without speech: a word may be beginning.
_QUIET = 0.2
#: Windows, of 32 ms each, that an utterance begins with: soft onsets come before the detector is
#: sure, and what it kept itself is gone when it has just begun anew.
_LEAD_IN_WINDOWS = 12


class RestedVAD(inference.VAD):
    """The framework's detector, which begins anew in pauses."""

    def __init__(self, *, min_silence_s: float = 0.25) -> None:
        """``min_silence_s``: what is shorter belongs to the speech, seconds."""
        super().__init__(
            activation_threshold=SPEECH,
            deactivation_threshold=STILL_SPEECH,
            min_silence_duration=min_silence_s,
        )

    def stream(self) -> vad.VADStream:
        """A stream for one call."""
        return _RestedStream(self, super().stream())


class _RestedStream(vad.VADStream):
    def __init__(self, parent: RestedVAD, detector: vad.VADStream) -> None:
        super().__init__(parent)
        self._detector = detector

    async def aclose(self) -> None:
        await super().aclose()
        await self._detector.aclose()

    async def _main_task(self) -> None:
        feeding = asyncio.create_task(self._feed(), name="voice activity")
        lead_in: deque[rtc.AudioFrame] = deque(maxlen=_LEAD_IN_WINDOWS)
        quiet_s = 0.0
        try:
            async for event in self._detector:
                if event.type is vad.VADEventType.INFERENCE_DONE:
                    lead_in.extend(event.frames)
                    is_quiet = not event.speaking and event.probability < _QUIET
                    quiet_s = quiet_s + event.frames[0].duration if is_quiet else 0.0
                    if quiet_s >= _REST_S and not feeding.done():
                        quiet_s = 0.0
                        self._detector.flush()
                elif event.type is vad.VADEventType.START_OF_SPEECH:
                    event = replace(event, frames=list(lead_in))
                self._event_ch.send_nowait(event)
        finally:
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding

    async def _feed(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._detector.push_frame(item)
            else:
                self._detector.flush()
        self._detector.end_input()
