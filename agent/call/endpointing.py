"""Endpointing: the customer's pause in; whether the turn is over, and how long to wait if not, out.

The framework's audio model hears the melody, once, at 200 ms of silence; it can hardly tell a pause
from an end (docs/decisions/005). The words can: "我想问一下，就是" is not over however it falls,
"怎么办" is, and how much else looks like a whole question is known (`completeness.py`). They are
there in time: the recognition that began at the same pause is what the turn waits for anyway.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any

from livekit.agents import APIConnectOptions, inference
from livekit.agents.inference.eot.base import _BaseStreamingTurnDetectorStream
from livekit.agents.inference.eot.transports import _LocalTransport
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.call.completeness import load_completeness
from agent.call.turn_words import TurnTaking
from common.languages import join_utterances, language_of

log = logging.getLogger(__name__)

#: Silence after which a turn that is over is answered, seconds. The audio model needs 0.25.
MIN_DELAY_S = 0.25
#: What was said is taken for all of it from this probability on. Chosen with the times below on 330
#: pauses and ends (docs/decisions/005): 3 % of turns cut off, half of the ends at once.
_COMPLETE = 0.5
#: Silence after which a turn is answered although more may come, seconds: where the words are
#: nearly a whole question, and where they are the beginning of one.
_NEARLY_S, HESITATION_S = 0.6, 1.4
#: And where the last words say so: somebody who says "um, so the thing is" may think for longer.
THINKING_S = 1.8
#: How long the words of a pause are waited for, seconds; the framework waits 1.0 for a verdict.
_WORDS_TIMEOUT_S = 0.9
#: The melody's probability below which even a question is not taken for finished.
_SURELY_NOT = 0.05


class PauseWords:
    """The words of the utterance that the customer has paused in, once they are recognised."""

    def __init__(self) -> None:
        self._words: asyncio.Future[str] | None = None
        self._utterance = ""
        #: What was said in this turn before the utterance.
        self.before = ""

    def reset(self) -> None:
        """The customer speaks: what was said so far is not all. Who waits goes on waiting."""
        self.before = f"{self.before} {self._utterance}".strip()
        self._utterance = ""
        if self._words and self._words.done():
            self._words = None

    def keep(self, utterance: str) -> None:
        """The utterance is over, and these are its words."""
        self._utterance = utterance

    def turn_over(self) -> None:
        """What comes next belongs to another turn."""
        self.before = self._utterance = ""

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
        self._completeness = load_completeness()
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
        patience_s = self._patience_s(words)
        over = self._is_whole(words) or (patience_s is None and melody >= _SURELY_NOT)
        log.debug("pause after %r: melody %.2f, over %s, %s s", words, melody, over, patience_s)
        self.on_patience(patience_s or _NEARLY_S)
        return 1.0 if over else 0.0

    def _is_whole(self, words: str) -> bool:
        """A "stop", a "mm-hm" that is all of the turn, or a cough: whole by itself."""
        alone = not (words and self.words.before)
        return self._manners.is_stop(words) or (alone and self._manners.is_backchannel(words))

    def _patience_s(self, words: str) -> float | None:
        """How long to wait behind these words before answering, seconds; None: not at all."""
        language = language_of(words)
        ending = self._manners.ending(words, language)
        if ending == "finished":
            return None
        if ending == "unfinished" or self._manners.is_backchannel(words):
            return THINKING_S
        said = join_utterances(f"{self.words.before} {words}")
        model = self._completeness[language]
        probability = max(model.probability(text, language) for text in (words, said))
        if probability >= _COMPLETE:
            return None
        missing = math.sqrt(1 - probability / _COMPLETE)
        return _NEARLY_S + (HESITATION_S - _NEARLY_S) * missing


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
