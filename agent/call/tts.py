"""Text to speech in a call: the answer's text as it is written in, audio out, clause by clause.

The voice is in the speech server; this stage cuts the text where it can be spoken already. Waiting
for whole sentences is what makes a voice slow to begin: a Mandarin answer is often one sentence.
Each word leaves with the time at which it is heard, so that an answer that is interrupted is
remembered up to the word that the customer heard.

Where the server does not speak, the clause is shown in silence and the call goes on: the next one
may be spoken again. To the framework such an answer is a whole one; it would otherwise end the call
with the fourth that failed.
"""

from __future__ import annotations

import asyncio
import logging
import re

from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString

from agent.call.timing import TIMING, Timing
from agent.speech.clauses import ClauseSplitter, syllables
from agent.speech.client import SpeechClient
from agent.speech.contract import SPEAKING_RATE_HZ
from common.errors import LiukeError, ServiceError
from common.languages import HAN, Language, language_of

log = logging.getLogger(__name__)

#: A Mandarin character, or whatever else stands between two spaces, with what follows it.
_WORD = re.compile(rf"[{HAN}][^\w]*|[^\s{HAN}]+\s*|\s+")


class KokoroTTS(tts.TTS[str]):
    """Kokoro behind the speech server, as a streaming LiveKit TTS."""

    def __init__(self, client: SpeechClient, timing: Timing = TIMING) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SPEAKING_RATE_HZ,
            num_channels=1,
        )
        self._client = client
        self._timing = timing

    @property
    def model(self) -> str:
        return "kokoro"

    @property
    def provider(self) -> str:
        return "liuke"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> ClauseStream:
        return ClauseStream(self, self._client, self._timing, conn_options)


class ClauseStream(tts.SynthesizeStream):
    """Speaks one answer, a clause at a time."""

    def __init__(
        self,
        parent: KokoroTTS,
        client: SpeechClient,
        timing: Timing,
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(tts=parent, conn_options=conn_options)
        self._client = client
        self._timing = timing
        self._retries = iter(timing.voice_retries_s)

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        request_id = utils.shortuuid()
        output_emitter.initialize(
            request_id=request_id,
            sample_rate=SPEAKING_RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=self._timing.voice_frame_ms,
            stream=True,
        )
        output_emitter.start_segment(segment_id=request_id)
        splitter = ClauseSplitter()
        answer = ""
        spoken_s = 0.0
        async for item in self._input_ch:
            if isinstance(item, str):
                answer += item
                clauses = splitter.push(item)
            else:
                clauses = splitter.flush()
            for clause in clauses:
                # The answer's language, not the clause's: "SDK" inside Mandarin keeps its voice.
                pcm = await self._speak(clause, language_of(answer))
                seconds = len(pcm) / 2 / SPEAKING_RATE_HZ
                output_emitter.push_timed_transcript(timed(clause, spoken_s, seconds))
                output_emitter.push(pcm)
                output_emitter.flush()
                spoken_s += seconds
        if not spoken_s:  # nothing that can be said: the framework takes that for a failure
            output_emitter.push(self._silence(answer))
        output_emitter.end_segment()

    async def _speak(self, clause: str, language: Language) -> bytes:
        """The clause's audio. It is made in one piece, so waiting for all of it costs nothing."""
        self._mark_started()
        while True:
            try:
                pcm = b"".join([part async for part in self._client.speak(clause, language)])
                return pcm or self._silence(clause)
            except LiukeError as error:
                wait_s = next(self._retries, None) if _is_passing(error) else None
                if wait_s is None:
                    log.error("a clause was shown and not spoken: %s", error)
                    return self._silence(clause)
                log.warning("a clause is tried again in %.1f s: %s", wait_s, error)
            await asyncio.sleep(wait_s)

    def _silence(self, clause: str) -> bytes:
        """As long as the clause would have been."""
        seconds = max(sum(map(syllables, clause)), 1) * self._timing.silent_syllable_s
        return bytes(2 * round(seconds * SPEAKING_RATE_HZ))


def _is_passing(error: LiukeError) -> bool:
    return isinstance(error, ServiceError) and error.retryable


def timed(clause: str, start_s: float, seconds: float) -> list[TimedString]:
    """The words of a clause with the times at which they are heard, from the answer's beginning.

    The voice gives no times; inside a clause they follow the syllables.
    """
    words = _WORD.findall(clause)
    lengths = [sum(map(syllables, word)) for word in words]
    rate = seconds / (sum(lengths) or 1.0)
    timed_words = []
    for word, length in zip(words, lengths, strict=True):
        end_s = start_s + length * rate
        timed_words.append(TimedString(word, start_time=start_s, end_time=end_s))
        start_s = end_s
    return timed_words
