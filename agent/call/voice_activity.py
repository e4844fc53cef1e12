"""Voice activity: a call's audio in; windows of 32 ms with the probability of speech out.

The framework's detector (Silero) remembers what it has heard. In steady noise that makes it deaf to
single syllables after others: of 30 short commands 20 dB above pink noise it missed six, at
probabilities of 0.1, and a detector that has just begun is sure of each. So its memory is cleared
whenever nobody has spoken for a while.

A call has one detector, and all who need it read the same (`SharedVAD`). Two, whose memories were
cleared a window apart, disagreed on short sounds: the session paused its answer for a "stop" that
the recognition never began to hear.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import replace

from livekit import rtc
from livekit.agents import inference, utils, vad

from agent.call.timing import TIMING, Timing

#: Probability at which a window is taken for speech, and for more of it. One that has just begun is
#: sure of speech (1.0) and suspects much else: at 0.5 it took a fifth of all coughs, echoes and
#: backchannels in noise for a turn.
SPEECH, STILL_SPEECH = 0.85, 0.5
#: What a window must stay below to be without speech: a word may be beginning.
_QUIET = 0.2
#: Windows that an utterance begins with: soft onsets come before the detector is
#: sure, and what it kept itself is gone when it has just begun anew.
_LEAD_IN_WINDOWS = 12


class SharedVAD(vad.VAD):
    """One detector, any of the framework's kind, for all who listen to a call."""

    def __init__(
        self, detector: vad.VAD, *, speech: float = SPEECH, still_speech: float = STILL_SPEECH
    ) -> None:
        """``speech``, ``still_speech``: probabilities from which the detector hears them."""
        super().__init__(capabilities=detector.capabilities)
        self._detector = detector
        self._speech, self._still_speech = speech, still_speech
        self._readers: list[_SharedStream] = []
        self._source: vad.VADStream | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def min_silence_duration(self) -> float | None:
        """Silence that ends speech, seconds; the framework looks at it."""
        return getattr(self._detector, "min_silence_duration", None)

    def stream(self) -> vad.VADStream:
        """A stream of all that the detector notices from now on.

        Whoever reads pushes the call's audio; the detector is given it once.
        """
        if self._source is None:
            self._source = self._detector.stream()
            self._telling = asyncio.create_task(self._tell(self._source), name="voice activity")
        reader = _SharedStream(self)
        self._readers.append(reader)
        return reader

    def silence_s(self, window: vad.VADEvent) -> float:
        """Silence up to and with this window; the event itself counts up to it."""
        if window.probability >= (self._still_speech if window.speaking else self._speech):
            return 0.0
        return window.raw_accumulated_silence + sum(frame.duration for frame in window.frames)

    async def _tell(self, source: vad.VADStream) -> None:
        async for event in source:
            for reader in self._readers:
                reader.tell(event)

    def _hear(self, reader: _SharedStream, frame: rtc.AudioFrame) -> None:
        if self._source and reader is self._readers[0]:
            self._source.push_frame(frame)

    async def _finish(self, reader: _SharedStream) -> None:
        """The reader's audio is over; the last one is told first what it still gives."""
        if self._readers == [reader]:
            await self._end(finished=True)
        self._readers.remove(reader)

    async def _leave(self, reader: _SharedStream) -> None:
        """Go on without this reader."""
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers:
            await self._end(finished=False)

    async def _end(self, *, finished: bool) -> None:
        source, telling = self._source, self._telling
        self._source = self._telling = None
        if source is None or telling is None:
            return
        try:
            if finished:
                source.end_input()
                await asyncio.wait({telling})
        finally:
            await utils.aio.cancel_and_wait(telling)
            await source.aclose()


class _SharedStream(vad.VADStream):
    def __init__(self, parent: SharedVAD) -> None:
        super().__init__(parent)
        self._shared = parent

    def tell(self, event: vad.VADEvent) -> None:
        self._event_ch.send_nowait(event)

    async def aclose(self) -> None:
        await super().aclose()
        await self._shared._leave(self)

    async def _main_task(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._shared._hear(self, item)
        await self._shared._finish(self)


class RestedVAD(inference.VAD):
    """The framework's detector, which begins anew in pauses."""

    def __init__(self, timing: Timing = TIMING) -> None:
        super().__init__(
            activation_threshold=SPEECH,
            deactivation_threshold=STILL_SPEECH,
            min_silence_duration=timing.detector_silence_s,
        )
        self._rest_s = timing.detector_rest_s

    def stream(self) -> vad.VADStream:
        """A stream for one call."""
        return _RestedStream(self, super().stream(), self._rest_s)


class _RestedStream(vad.VADStream):
    def __init__(self, parent: RestedVAD, detector: vad.VADStream, rest_s: float) -> None:
        super().__init__(parent)
        self._detector = detector
        self._rest_s = rest_s

    async def aclose(self) -> None:
        await super().aclose()
        await self._detector.aclose()

    async def _main_task(self) -> None:
        feeding = asyncio.create_task(self._feed(), name="detector")
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
                    if quiet_s >= self._rest_s and not feeding.done():
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
