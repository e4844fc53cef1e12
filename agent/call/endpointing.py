"""Endpointing: the customer's pause in; whether the turn is over, and how long to wait if not, out.

The framework's audio model hears the melody, once, at 200 ms of silence; a Mandarin clip was judged
both ways in different runs. The words know what it cannot: "我想问一下，就是" is not over however
it falls, "怎么办" is. Its words are there in time: the recognition that started ahead at the same
pause is what the turn waits for anyway.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from livekit.agents import APIConnectOptions, inference
from livekit.agents.inference.eot.base import _BaseStreamingTurnDetectorStream
from livekit.agents.inference.eot.transports import _LocalTransport
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.call.turn_taking import TurnTaking
from agent.languages import language_of

log = logging.getLogger(__name__)

#: Silence after which a turn that is over is answered, seconds. The audio model needs 0.25.
MIN_DELAY_S = 0.25
#: Silence after which a turn is answered although the melody says that more will come, seconds:
#: where the words make a sentence and the melody is not sure, and where not.
_SENTENCE_S = 0.7
HESITATION_S = 1.2
#: And where the words say so: somebody who says "um, so the thing is" may think for longer.
THINKING_S = 1.8
#: How long the words of a pause are waited for, seconds; the framework waits 1.0 for a verdict.
_WORDS_TIMEOUT_S = 0.9
#: The melody's probability below which even a question, or a sentence, is not taken for finished.
_SURELY_NOT = 0.05
_HARDLY = 0.12


class PauseWords:
    """The words of the utterance that the customer has paused in, once they are recognised."""

    def __init__(self) -> None:
        self._words: asyncio.Future[str] | None = None

    def reset(self) -> None:
        """The customer speaks: what was said so far is not all. Who waits goes on waiting."""
        if self._words and self._words.done():
            self._words = None

    def settle(self, words: str) -> None:
        """This is what was said up to the pause."""
        future = self._future()
        if future.done():
            self._words = None
            future = self._future()
        future.set_result(words)

    async def get(self) -> str:
        """The words; empty when none come in time."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._future()), _WORDS_TIMEOUT_S)
        except TimeoutError:
            return ""

    def _future(self) -> asyncio.Future[str]:
        if self._words is None:
            self._words = asyncio.get_running_loop().create_future()
        return self._words


class TurnEndDetector(inference.TurnDetector):
    """The framework's audio model and the words together."""

    def __init__(self, words: PauseWords, manners: TurnTaking) -> None:
        super().__init__(version="v1-mini")
        self.words = words
        self._manners = manners
        #: Told with each verdict how long to wait if the turn is not over, seconds.
        self.on_patience: Callable[[float], None] = lambda _seconds: None

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> TurnEndStream:
        """The pauses of one call."""
        return TurnEndStream(
            detector=self,
            opts=self._opts,
            transport=_LocalTransport(opts=self._opts),
        )

    def judge(self, melody: float, words: str) -> float:
        """Probability that the turn is over, from that of the melody and from the words."""
        verdict, patience_s = melody, HESITATION_S
        if self._manners.is_backchannel(words) or self._manners.is_stop(words):
            verdict = 1.0  # whole by themselves, as is a cough
        else:
            match self._manners.completeness(words, language_of(words)):
                case "unfinished":
                    verdict, patience_s = 0.0, THINKING_S
                case "finished" if melody >= _SURELY_NOT:
                    verdict = 1.0
                case "open" if melody >= _HARDLY and words.endswith((".", "。")):
                    patience_s = _SENTENCE_S
        log.debug("pause after %r: melody %.2f, verdict %.2f", words, melody, verdict)
        self.on_patience(patience_s)
        return verdict


class TurnEndStream(_BaseStreamingTurnDetectorStream):
    """Holds each verdict of the audio model until the words are there to judge it by."""

    _detector: TurnEndDetector

    def _resolve_prediction(self, request_id: str, probability: float, **details: Any) -> None:
        task = asyncio.create_task(self._judge(request_id, probability, details))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, request_id: str, melody: float, details: dict[str, Any]) -> None:
        words = await self._detector.words.get()
        if request_id == self._request_id:  # else the customer went on meanwhile
            verdict = self._detector.judge(melody, words)
            super()._resolve_prediction(request_id, verdict, **details)
