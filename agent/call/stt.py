"""Speech to text in a call: the customer's audio in, partial and final transcripts out.

The weights are in the speech server; this stage decides what to send there and when. While the
customer speaks, what has been said so far is heard again and again; what two readings agree on
stays (`agent/call/agreement.py`) and is given to the next, as is the language once it is sure. The
first silence already starts a reading, while the turn detector still makes up its mind: if more is
said, it was one more partial; if the turn ends, the text is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from livekit import rtc
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    LanguageCode,
    stt,
    utils,
    vad,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer
from numpy.typing import NDArray

from agent.call.agreement import Agreement
from agent.call.voice_activity import SPEECH, STILL_SPEECH, RestedVAD
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, Purpose, Transcript
from common.errors import LiukeError
from common.languages import Language

log = logging.getLogger(__name__)

#: New speech before the next partial, seconds: captions about three times a second at best.
_PARTIAL_EVERY_S = 0.3
#: Silence after which a reading starts that may become the final one, seconds: two windows of the
#: VAD. Between words it is rarely that long, and where it is, the reading serves as a partial.
_EAGER_SILENCE_S = 0.06
#: Silence after which that reading is announced as likely to be the final one, seconds.
_PREFLIGHT_SILENCE_S = 0.12
#: The language stays for the rest of an utterance once it is this probable after so much speech.
_SURE_LANGUAGE = 0.9
_SURE_AFTER_S = 1.0
#: An utterance this long ends at its next short pause, and at the limit in any case, seconds.
_LONG_S = 20.0
_LIMIT_S = 28.0

T = TypeVar("T")
Pcm = NDArray[np.int16]


#: Takes confirmed text, all there is of the utterance, and its language.
OnConfirmed = Callable[[str, Language], None]


@dataclass
class _Utterance:
    """What the customer is saying, from its first sound to the flush that ends it."""

    chunks: list[Pcm] = field(default_factory=list)
    #: Silence since the last sound of speech, seconds.
    silence_s: float = 0.0
    #: The latest reading, and how many seconds of audio it covers.
    reading: asyncio.Task[Transcript] | None = None
    read_to_s: float = 0.0
    #: Nothing was said since the latest reading began: it is the final one, unless more follows.
    is_complete: bool = False
    #: Its text has been announced as such.
    is_announced: bool = False
    #: None until it is sure.
    language: Language | None = None
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def seconds(self) -> float:
        return sum(len(chunk) for chunk in self.chunks) / HEARING_RATE_HZ

    def pcm(self) -> bytes:
        return np.concatenate(self.chunks).astype("<i2").tobytes() if self.chunks else b""

    @property
    def is_being_read(self) -> bool:
        return self.reading is not None and not self.reading.done()

    def stop_reading(self) -> None:
        if self.reading:
            self.reading.cancel()


class WhisperSTT(stt.STT[str]):
    """whisper-base behind the speech server, as a streaming LiveKit STT."""

    def __init__(self, client: SpeechClient) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, manual_flush=True
            )
        )
        self._client = client
        #: Called when the confirmed text of an utterance has grown.
        self.on_confirmed: OnConfirmed | None = None
        #: Called with all that the call's voice detector notices.
        self.on_activity: Callable[[vad.VADEvent], None] = lambda _event: None

    @property
    def model(self) -> str:
        return "whisper-base"

    @property
    def provider(self) -> str:
        return "liuke"

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frame = utils.combine_frames(buffer)
        if frame.sample_rate != HEARING_RATE_HZ:
            resampler = rtc.AudioResampler(frame.sample_rate, HEARING_RATE_HZ)
            frame = utils.combine_frames([*resampler.push(frame), *resampler.flush()])
        transcript = await recognise(self._client, bytes(frame.data.cast("b")))
        return _event(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> UtteranceStream:
        return UtteranceStream(self, self._client, conn_options)


class UtteranceStream(stt.RecognizeStream):
    """Cuts the audio of one participant into utterances and has them heard."""

    def __init__(
        self, parent: WhisperSTT, client: SpeechClient, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(stt=parent, conn_options=conn_options, sample_rate=HEARING_RATE_HZ)
        self._parent = parent
        self._client = client
        self._utterance: _Utterance | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_final: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        activity = RestedVAD().stream()
        feed = asyncio.create_task(self._feed(activity))
        try:
            async for event in activity:
                self._parent.on_activity(event)
                self._on_activity(event)
            await feed
            if self._last_final:
                await self._last_final
        finally:
            await utils.aio.cancel_and_wait(feed, *self._tasks)
            await activity.aclose()

    async def _feed(self, activity: vad.VADStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                activity.push_frame(item)
            else:
                self._finish_utterance()
        activity.end_input()

    def _on_activity(self, event: vad.VADEvent) -> None:
        if event.type is vad.VADEventType.START_OF_SPEECH and self._utterance is None:
            self._utterance = _Utterance(chunks=_pcm(event.frames))
        elif event.type is vad.VADEventType.INFERENCE_DONE:
            if self._utterance is None and event.speaking and _silence_s(event) == 0:
                self._utterance = _Utterance()  # the one before ended in the middle of speech
            if self._utterance is not None:
                self._utterance.chunks += _pcm(event.frames)
                self._listen_on(self._utterance, event)

    def _listen_on(self, utterance: _Utterance, event: vad.VADEvent) -> None:
        utterance.silence_s = _silence_s(event)
        seconds = utterance.seconds
        if utterance.silence_s == 0:
            utterance.is_complete = utterance.is_announced = False
            if seconds - utterance.read_to_s >= _PARTIAL_EVERY_S and not utterance.is_being_read:
                self._begin_reading(utterance, "partial")
        elif utterance.silence_s >= _EAGER_SILENCE_S and not utterance.is_complete:
            utterance.stop_reading()  # it has not heard the end, and would only delay this one
            self._begin_reading(utterance, "final")
            utterance.is_complete = True
            if seconds >= _LONG_S:
                self._finish_utterance()
        self._announce(utterance)
        if seconds >= _LIMIT_S:
            self._finish_utterance()

    def _begin_reading(self, utterance: _Utterance, purpose: Purpose) -> None:
        utterance.read_to_s = utterance.seconds
        utterance.reading = self._spawn(self._read(utterance, purpose))

    async def _read(self, utterance: _Utterance, purpose: Purpose) -> Transcript:
        transcript = await recognise(
            self._client,
            utterance.pcm(),
            purpose,
            language=utterance.language,
            confirmed=utterance.agreement.confirmed,
        )
        if transcript.text and transcript.reliable and utterance is self._utterance:
            self._compare(utterance, transcript)
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, transcript)
        return transcript

    def _compare(self, utterance: _Utterance, transcript: Transcript) -> None:
        """See what this reading and the one before agree on, once the language is sure."""
        if transcript.seconds >= _SURE_AFTER_S and (
            transcript.language_probability >= _SURE_LANGUAGE
        ):
            utterance.language = transcript.language
        grown = utterance.agreement.hear(transcript.text, utterance.language)
        if grown and utterance.language and self._parent.on_confirmed:
            self._parent.on_confirmed(utterance.agreement.confirmed, utterance.language)

    def _announce(self, utterance: _Utterance) -> None:
        """Tell that the turn may end with this text, once the silence is long enough for that."""
        if (
            utterance is not self._utterance
            or utterance.is_announced
            or not utterance.is_complete
            or utterance.silence_s < _PREFLIGHT_SILENCE_S
        ):
            return
        reading = utterance.reading
        if reading is None or not reading.done() or reading.cancelled() or reading.exception():
            return
        utterance.is_announced = True
        # Without words too: who waits for them need not wait longer.
        self._send(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, reading.result())

    def _finish_utterance(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        if not utterance.is_complete:
            utterance.stop_reading()
            self._begin_reading(utterance, "final")
        self._last_final = self._spawn(self._emit_final(utterance, after=self._last_final))

    async def _emit_final(self, utterance: _Utterance, *, after: asyncio.Task[None] | None) -> None:
        assert utterance.reading is not None
        try:
            transcript = await utterance.reading
        except APIConnectionError as error:
            # The call goes on: the customer is asked again, the server restarts meanwhile.
            log.error("an utterance of %.1f s was not heard: %s", utterance.seconds, error)
            return
        finally:
            if after:
                await asyncio.gather(after, return_exceptions=True)
        self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript)
        self._event_ch.send_nowait(
            stt.SpeechEvent(
                type=stt.SpeechEventType.RECOGNITION_USAGE,
                recognition_usage=stt.RecognitionUsage(audio_duration=transcript.seconds),
            )
        )

    def _send(self, kind: stt.SpeechEventType, transcript: Transcript) -> None:
        self._event_ch.send_nowait(_event(kind, transcript))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.debug("not heard: %s", error)  # a partial may be missing; a final is logged above
        if self._utterance:
            self._announce(self._utterance)


async def recognise(
    client: SpeechClient,
    pcm: bytes,
    purpose: Purpose = "final",
    *,
    language: Language | None = None,
    confirmed: str = "",
) -> Transcript:
    """Hear one utterance; errors in the framework's own form, so that it retries and reports."""
    try:
        return await client.transcribe(pcm, purpose=purpose, language=language, confirmed=confirmed)
    except LiukeError as error:
        raise APIConnectionError(str(error)) from error


def _silence_s(event: vad.VADEvent) -> float:
    """Silence up to and with this window of the VAD; the event itself counts up to it."""
    if event.probability >= (STILL_SPEECH if event.speaking else SPEECH):
        return 0.0
    window_s = sum(frame.duration for frame in event.frames)
    return event.raw_accumulated_silence + window_s


def _pcm(frames: list[rtc.AudioFrame]) -> list[Pcm]:
    return [np.frombuffer(frame.data, dtype=np.int16).copy() for frame in frames]


def _event(kind: stt.SpeechEventType, transcript: Transcript) -> stt.SpeechEvent:
    data = stt.SpeechData(
        language=LanguageCode(transcript.language),
        text=transcript.text,
        confidence=transcript.confidence,
    )
    return stt.SpeechEvent(type=kind, alternatives=[data])
