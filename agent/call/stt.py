"""Speech to text in a call: the customer's audio in, partial and final transcripts out.

The weights are in the speech server; this stage decides what to send there and when. Captions come
from hearing again what has been said so far. A short silence already starts the final recognition,
while the turn detector still makes up its mind: when the turn ends, the text is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from livekit import rtc
from livekit.agents import (
    APIConnectionError,
    APIConnectOptions,
    LanguageCode,
    inference,
    stt,
    utils,
    vad,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer
from numpy.typing import NDArray

from agent.errors import LiukeError
from agent.speech.client import SpeechClient
from agent.speech.transcript import HEARING_RATE_HZ, Purpose, Transcript

log = logging.getLogger(__name__)

#: New speech before the next partial, seconds: captions about three times a second at best.
_PARTIAL_EVERY_S = 0.3
#: Silence after which the final recognition starts ahead of the turn's end, seconds.
_EAGER_SILENCE_S = 0.12
#: Audio kept before the first detected speech, seconds: soft onsets come before the VAD is sure.
_LEAD_IN_S = 0.3
#: An utterance this long ends at its next short pause, and at the limit in any case, seconds.
_LONG_S = 20.0
_LIMIT_S = 28.0

T = TypeVar("T")
Pcm = NDArray[np.int16]


@dataclass
class _Utterance:
    """What the customer is saying, from its first sound to the flush that ends it."""

    chunks: list[Pcm] = field(default_factory=list)
    #: Seconds of speech that the last partial had heard.
    partial_at_s: float = 0.0
    partial: asyncio.Task[None] | None = None
    #: The final recognition started ahead; valid as long as nothing more is said.
    eager: asyncio.Task[Transcript] | None = None

    @property
    def seconds(self) -> float:
        return sum(len(chunk) for chunk in self.chunks) / HEARING_RATE_HZ

    def pcm(self) -> bytes:
        return np.concatenate(self.chunks).astype("<i2").tobytes() if self.chunks else b""

    def resume(self) -> None:
        """More is being said: what was recognised ahead no longer holds."""
        if self.eager:
            self.eager.cancel()
            self.eager = None

    def close(self) -> None:
        if self.partial:
            self.partial.cancel()


class WhisperSTT(stt.STT[str]):
    """whisper-base behind the speech server, as a streaming LiveKit STT."""

    def __init__(self, client: SpeechClient) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, manual_flush=True
            )
        )
        self._client = client

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
        transcript = await recognise(self._client, bytes(frame.data.cast("b")), "final")
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
        self._client = client
        self._utterance: _Utterance | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_final: asyncio.Task[None] | None = None

    async def _run(self) -> None:
        activity = inference.VAD(
            prefix_padding_duration=_LEAD_IN_S, min_silence_duration=0.4
        ).stream()
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
        elif event.type is vad.VADEventType.INFERENCE_DONE and self._utterance is not None:
            self._utterance.chunks += _pcm(event.frames)
            self._listen_on(self._utterance, event)

    def _listen_on(self, utterance: _Utterance, event: vad.VADEvent) -> None:
        seconds = utterance.seconds
        if event.raw_accumulated_silence == 0:
            utterance.resume()
            if seconds - utterance.partial_at_s >= _PARTIAL_EVERY_S and (
                utterance.partial is None or utterance.partial.done()
            ):
                utterance.partial_at_s = seconds
                utterance.partial = self._spawn(self._caption(utterance))
        elif event.raw_accumulated_silence >= _EAGER_SILENCE_S and utterance.eager is None:
            utterance.eager = self._spawn(self._recognise_ahead(utterance))
            if seconds >= _LONG_S:
                self._finish_utterance()
        if seconds >= _LIMIT_S:
            self._finish_utterance()

    async def _caption(self, utterance: _Utterance) -> None:
        with contextlib.suppress(LiukeError):  # a caption may be missing, the final may not
            transcript = await self._client.transcribe(utterance.pcm(), purpose="partial")
            if transcript.text and utterance is self._utterance and utterance.eager is None:
                self._event_ch.send_nowait(
                    _event(stt.SpeechEventType.INTERIM_TRANSCRIPT, transcript)
                )

    async def _recognise_ahead(self, utterance: _Utterance) -> Transcript:
        transcript = await recognise(self._client, utterance.pcm(), "final")
        if transcript.text and utterance is self._utterance:
            self._event_ch.send_nowait(_event(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, transcript))
        return transcript

    def _finish_utterance(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return
        utterance.close()
        self._last_final = self._spawn(self._emit_final(utterance, after=self._last_final))

    async def _emit_final(self, utterance: _Utterance, *, after: asyncio.Task[None] | None) -> None:
        try:
            if utterance.eager:
                transcript = await utterance.eager
            else:
                transcript = await recognise(self._client, utterance.pcm(), "final")
        except APIConnectionError as error:
            # The call goes on: the customer is asked again, the server restarts meanwhile.
            log.error("an utterance of %.1f s was not heard: %s", utterance.seconds, error)
            return
        finally:
            if after:
                await asyncio.gather(after, return_exceptions=True)
        self._event_ch.send_nowait(_event(stt.SpeechEventType.FINAL_TRANSCRIPT, transcript))
        self._event_ch.send_nowait(
            stt.SpeechEvent(
                type=stt.SpeechEventType.RECOGNITION_USAGE,
                recognition_usage=stt.RecognitionUsage(audio_duration=transcript.seconds),
            )
        )

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def recognise(client: SpeechClient, pcm: bytes, purpose: Purpose) -> Transcript:
    """Hear one utterance; errors in the framework's own form, so that it retries and reports."""
    try:
        return await client.transcribe(pcm, purpose=purpose)
    except LiukeError as error:
        raise APIConnectionError(str(error)) from error


def _pcm(frames: list[rtc.AudioFrame]) -> list[Pcm]:
    return [np.frombuffer(frame.data, dtype=np.int16).copy() for frame in frames]


def _event(kind: stt.SpeechEventType, transcript: Transcript) -> stt.SpeechEvent:
    data = stt.SpeechData(
        language=LanguageCode(transcript.language),
        text=transcript.text,
        confidence=float(np.exp(transcript.mean_log_probability)),
    )
    return stt.SpeechEvent(type=kind, alternatives=[data])
