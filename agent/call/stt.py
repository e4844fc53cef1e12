"""Speech to text in a call: the customer's audio in, partial and final transcripts out.

The weights are in the speech server; this stage decides what to send there and when. While the
customer speaks, what has been said so far is heard again and again; what two readings agree on
stays (`agent/call/agreement.py`) and is given to the next, as is the language once it is sure. The
first silence already starts a reading, while the turn detector still makes up its mind: if more is
said, it was one more partial; if the turn ends, the text is there.

A partial whose confirmed text has grown carries it in its metadata, under `CONFIRMED`.
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
from agent.call.timing import TIMING, Timing
from agent.call.voice_activity import SharedVAD
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, Purpose, Transcript
from common.errors import LiukeError
from common.languages import Language

log = logging.getLogger(__name__)

#: Key of a partial's metadata: what will not change any more, from the utterance's beginning on.
CONFIRMED = "confirmed"

#: The language stays for the rest of an utterance once it is this probable.
_SURE_LANGUAGE = 0.9

T = TypeVar("T")
Pcm = NDArray[np.int16]


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

    def __init__(
        self,
        client: SpeechClient,
        activity: SharedVAD,
        timing: Timing = TIMING,
        after: Callable[[], str] = lambda: "",
    ) -> None:
        """``after``: what the customer has heard last."""
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, manual_flush=True
            )
        )
        self._client = client
        self._activity = activity
        self._timing = timing
        self._after = after

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
        return UtteranceStream(
            self, self._client, self._activity, self._timing, self._after, conn_options
        )


class UtteranceStream(stt.RecognizeStream):
    """Cuts the audio of one participant into utterances and has them heard."""

    def __init__(
        self,
        parent: WhisperSTT,
        client: SpeechClient,
        activity: SharedVAD,
        timing: Timing,
        after: Callable[[], str],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(stt=parent, conn_options=conn_options, sample_rate=HEARING_RATE_HZ)
        self._client = client
        self._activity = activity
        self._timing = timing
        self._after = after
        self._utterance: _Utterance | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_final: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        activity = self._activity.stream()
        feed = asyncio.create_task(self._feed(activity))
        try:
            async for event in activity:
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
            if self._utterance is None and event.speaking and self._activity.silence_s(event) == 0:
                self._utterance = _Utterance()  # the one before ended in the middle of speech
            if self._utterance is not None:
                self._utterance.chunks += _pcm(event.frames)
                self._listen_on(self._utterance, event)

    def _listen_on(self, utterance: _Utterance, event: vad.VADEvent) -> None:
        utterance.silence_s = self._activity.silence_s(event)
        timing, seconds = self._timing, utterance.seconds
        if utterance.silence_s == 0:
            utterance.is_complete = utterance.is_announced = False
            unread_s = seconds - utterance.read_to_s
            if unread_s >= timing.partial_every_s and not utterance.is_being_read:
                self._begin_reading(utterance, "partial")
        elif utterance.silence_s >= timing.eager_silence_s and not utterance.is_complete:
            utterance.stop_reading()  # it has not heard the end, and would only delay this one
            self._begin_reading(utterance, "final")
            utterance.is_complete = True
            if seconds >= timing.long_utterance_s:
                self._finish_utterance()
        self._announce(utterance)
        if seconds >= timing.utterance_limit_s:
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
            after=self._after(),
        )
        if transcript.text and transcript.reliable and utterance is self._utterance:
            confirmed = self._agreed(utterance, transcript)
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, transcript, confirmed)
        return transcript

    def _agreed(self, utterance: _Utterance, transcript: Transcript) -> str | None:
        """What this reading confirms besides, once the language is sure; all of the utterance."""
        if transcript.seconds >= self._timing.sure_language_s and (
            transcript.language_probability >= _SURE_LANGUAGE
        ):
            utterance.language = transcript.language
        grown = utterance.agreement.hear(transcript.text, utterance.language)
        return utterance.agreement.confirmed if grown else None

    def _announce(self, utterance: _Utterance) -> None:
        """Tell that the turn may end with this text, once the silence is long enough for that."""
        if (
            utterance is not self._utterance
            or utterance.is_announced
            or not utterance.is_complete
            or utterance.silence_s < self._timing.preflight_silence_s
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

    def _send(
        self, kind: stt.SpeechEventType, transcript: Transcript, confirmed: str | None = None
    ) -> None:
        self._event_ch.send_nowait(_event(kind, transcript, confirmed))

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
    after: str = "",
) -> Transcript:
    """Hear one utterance; errors in the framework's own form, so that it retries and reports."""
    try:
        return await client.transcribe(
            pcm, purpose=purpose, language=language, confirmed=confirmed, after=after
        )
    except LiukeError as error:
        raise APIConnectionError(str(error)) from error


def _pcm(frames: list[rtc.AudioFrame]) -> list[Pcm]:
    return [np.frombuffer(frame.data, dtype=np.int16).copy() for frame in frames]


def _event(
    kind: stt.SpeechEventType, transcript: Transcript, confirmed: str | None = None
) -> stt.SpeechEvent:
    data = stt.SpeechData(
        language=LanguageCode(transcript.language),
        text=transcript.text,
        confidence=transcript.confidence,
        metadata={CONFIRMED: confirmed} if confirmed else None,
    )
    return stt.SpeechEvent(type=kind, alternatives=[data])
