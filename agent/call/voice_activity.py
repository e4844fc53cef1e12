"""Voice activity: a call's audio in; windows of 32 ms with the probability of speech out.

The framework's detector (Silero) remembers what it has heard. In steady noise that makes it deaf to
single syllables after others: of 30 short commands 20 dB above pink noise it missed six, at
probabilities of 0.1, and a detector that has just begun is sure of each. So its memory is cleared
whenever nobody has spoken for a while.

A call has one of them. Two, whose memories were cleared a window apart, disagreed on short sounds:
the session paused its answer for a "stop" that the recognition never began to hear.
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
SPEECH, STILL_SPEECH = 0.85, 0.5
#: Without speech for so long, the detector begins anew, seconds.
_REST_S = 3.0
#: What a window must stay below to be without speech: a word may be beginning.
_QUIET = 0.2
#: What is shorter belongs to the speech, seconds. The framework's audio model of turns needs 0.25.
_MIN_SILENCE_S = 0.25
_WINDOW_S = 0.032
#: Windows that an utterance begins with: soft onsets come before the detector is
#: sure, and what it kept itself is gone when it has just begun anew.
_LEAD_IN_WINDOWS = 12


class RestedVAD(inference.VAD):
    """The framework's detector, which begins anew in pauses."""

    def __init__(self) -> None:
        super().__init__(
            activation_threshold=SPEECH,
            deactivation_threshold=STILL_SPEECH,
            min_silence_duration=_MIN_SILENCE_S,
        )

    def stream(self) -> vad.VADStream:
        """A stream for one call."""
        return _RestedStream(self, super().stream())


class RelayedVAD(vad.VAD):
    """The session's view of the call's detector, which runs where speech is recognised."""

    #: Looked at by the framework.
    min_silence_duration = _MIN_SILENCE_S

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW_S))
        self._streams: set[_RelayedStream] = set()

    def stream(self) -> vad.VADStream:
        """A stream of what is relayed from now on."""
        stream = _RelayedStream(self, self._streams)
        self._streams.add(stream)
        return stream

    def relay(self, event: vad.VADEvent) -> None:
        """Tell the session."""
        for stream in self._streams:
            stream.tell(event)


class _RelayedStream(vad.VADStream):
    def __init__(self, parent: RelayedVAD, open_streams: set[_RelayedStream]) -> None:
        super().__init__(parent)
        self._open = open_streams

    def tell(self, event: vad.VADEvent) -> None:
        self._event_ch.send_nowait(event)

    async def _main_task(self) -> None:
        try:
            async for _ in self._input_ch:
                pass  # the audio is listened to elsewhere
        finally:
            self._open.discard(self)


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
        window: vad.VADEvent | None = None
        try:
            async for event in self._detector:
                if event.type is vad.VADEventType.INFERENCE_DONE:
                    window = event
                    lead_in.extend(event.frames)
                    is_quiet = not event.speaking and event.probability < _QUIET
                    quiet_s = quiet_s + event.frames[0].duration if is_quiet else 0.0
                    if quiet_s >= _REST_S and not feeding.done():
                        quiet_s = 0.0
                        self._detector.flush()
                elif event.type is vad.VADEventType.START_OF_SPEECH:
                    event = replace(event, frames=list(lead_in))
                self._event_ch.send_nowait(event)
                if event.type is vad.VADEventType.START_OF_SPEECH and window:
                    self._event_ch.send_nowait(_as_speech(window, event.speech_duration))
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


def _as_speech(window: vad.VADEvent, speech_s: float) -> vad.VADEvent:
    """The window that made it speech, told again as such, its audio not repeated.

    The detector tells each window before what follows from it, and the session silences an answer
    on windows of speech: without this it would be 32 ms later, with the next one.
    """
    return replace(window, frames=[], speaking=True, speech_duration=speech_s)
