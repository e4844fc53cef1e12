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
import re
from collections.abc import Callable
from typing import Any

from livekit.agents import APIConnectOptions, inference
from livekit.agents.inference.eot.base import _BaseStreamingTurnDetectorStream
from livekit.agents.inference.eot.transports import _LocalTransport
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.call.completeness import load_completeness
from agent.call.floor import Floor
from agent.call.timing import TIMING, Timing
from agent.call.turn_words import TurnTaking
from agent.dialogue.course import Awaited
from common.languages import join_utterances, language_of

log = logging.getLogger(__name__)

#: What was said is taken for all of it from this probability on. Chosen with the times of waiting
#: on 330 pauses and ends (docs/decisions/005): 3 % of turns cut off, half of the ends at once.
_COMPLETE = 0.5
#: Behind a digit or a letter by itself more of them may come: numbers are said in groups.
_SPELT = re.compile(r"(?:\d|[零〇幺一二三四五六七八九]|\b[A-Za-z])[\s.,。，、-]*$")
#: The melody's probability below which even a question is not taken for finished.
_SURELY_NOT = 0.05


class TurnEndDetector(inference.TurnDetector):
    """The framework's audio model and the words together."""

    def __init__(
        self,
        floor: Floor,
        manners: TurnTaking,
        wait: Callable[[float], None],
        awaited: Callable[[], Awaited],
        timing: Timing = TIMING,
    ) -> None:
        """``wait`` is told with each verdict how long to wait if the turn is not over, seconds;
        ``awaited``: what the customer was asked for, to which this is the reply."""
        super().__init__(version="v1-mini")
        self.floor = floor
        self._manners = manners
        self._completeness = load_completeness()
        self._wait = wait
        self._awaited = awaited
        self._timing = timing

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
        wait_s = self._wait_s(words)
        over = self._is_whole(words) or (wait_s is None and melody >= _SURELY_NOT)
        log.debug("pause after %d characters: melody %.2f, over %s", len(words), melody, over)
        self._wait(wait_s or self._timing.nearly_whole_s)
        return 1.0 if over else 0.0

    def _is_whole(self, words: str) -> bool:
        """A "stop", a "mm-hm" that is all of the turn, or a cough: whole by itself."""
        alone = not (words and self.floor.said_before)
        return self._manners.is_stop(words) or (alone and self._manners.is_backchannel(words))

    def _wait_s(self, words: str) -> float | None:
        """How long to wait behind these words before answering, seconds; None: not at all."""
        language = language_of(words)
        ending = self._manners.ending(words, language)
        if ending == "finished":
            return None
        if ending == "unfinished" or self._manners.is_backchannel(words):
            return self._timing.thinking_s
        awaited = self._awaited()
        if awaited == "spelling" and _SPELT.search(words):
            return self._timing.hesitation_s
        said = join_utterances(f"{self.floor.said_before} {words}")
        model = self._completeness["question" if awaited == "nothing" else "reply"][language]
        probability = max(model.probability(text, language) for text in (words, said))
        if probability >= _COMPLETE:
            return None
        least_s, most_s = self._timing.nearly_whole_s, self._timing.hesitation_s
        return least_s + (most_s - least_s) * math.sqrt(1 - probability / _COMPLETE)


class TurnEndStream(_BaseStreamingTurnDetectorStream):
    """Holds each verdict of the audio model until the words are there to judge it by."""

    _detector: TurnEndDetector

    def _resolve_prediction(self, request_id: str, probability: float, **details: Any) -> None:
        task = asyncio.create_task(self._judge(request_id, probability, details))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, request_id: str, melody: float, details: dict[str, Any]) -> None:
        words = await self._detector.floor.pause_words()
        if request_id == self._request_id:  # else the customer went on meanwhile
            verdict = self._detector.judge(melody, words)
            super()._resolve_prediction(request_id, verdict, **details)
