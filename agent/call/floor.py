"""The floor: what is noticed of both sides in; whose it is, and what belongs to which turn, out.

All that is known of the turn in a call is here. The stages tell what they notice and ask for what
they need: `bargein.py` whether words are spoken over an answer, `endpointing.py` for the words of a
pause, the agent for the question that a part belongs to. The floor itself does nothing to anybody.
Times are those of the event loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from livekit.agents import llm

from agent.call.gate import gist
from agent.call.timing import TIMING, Timing
from agent.dialogue.contract import Answer, Outcome
from agent.dialogue.seen import Seen
from common.languages import Language, join_utterances, language_of

_SENTENCE: Final = re.compile(r"[^.!?。！？\n]*[^.!?。！？\s][^.!?。！？\n]*[.!?。！？]*")
#: Answers kept by the question's message id; older ones have been recorded.
_KEPT_ANSWERS = 8


@dataclass
class Exchange:
    """A question of the customer's, and the answer to it."""

    question: str
    joins: str | None = None
    """Message id of the question that this one is the late part of; one answer serves both."""
    answer: Answer | None = None
    """None until the dialogue gives one."""
    acknowledged: bool = False
    """The answer was late, and the customer was told to wait before it."""
    stands: asyncio.Event = field(default_factory=asyncio.Event)
    """The question has become part of the conversation: what its answer wants done may be done."""
    is_settled: bool = False
    """What its answer leaves behind counts."""
    called: asyncio.Future[Outcome] | None = None
    """What comes of the call for a person that its answer wants; None while it wants none."""

    @property
    def language(self) -> Language:
        """In which it is answered."""
        return self.answer.language if self.answer else language_of(self.question)


class Floor:
    """The turn of one call, from the first sound of a question to the end of its answer."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self._timing = timing
        #: A person of the operator's has it: the assistant is silent.
        self.is_given_away = False
        #: What the customer's screen shows; None where nothing of it was read, or they show none.
        self.seen: Seen | None = None
        #: The last sentence that the customer has heard of the assistant.
        self.said_last = ""
        #: The customer speaks, or has spoken, while the assistant has the floor.
        self.is_over_answer = False
        #: What is being said belongs to the question before: it was not finished.
        self.is_late_part = False
        #: And words that do have ended its answer in this turn: what follows them does so too.
        self._goes_on = False
        #: When the answer began to sound; None while it is composed.
        self._audible_since: float | None = None
        #: The customer has finished; what is being composed may be late from here on.
        self._turn_over = asyncio.Event()
        self._turn_over.set()
        #: What was said in this turn before the utterance, and the utterance, once it is over.
        self.said_before = ""
        self._utterance = ""
        self._pause_words: asyncio.Future[str] | None = None
        #: Message id of the question that was asked last and not thrown away.
        self._asked: str | None = None
        self._exchanges: dict[str, Exchange] = {}

    # What both sides do.

    def customer_begins(self, *, over_answer: bool) -> None:
        """The customer begins to speak; ``over_answer``: while the assistant has the floor."""
        self.customer_goes_on()
        self._turn_over.clear()
        self.is_over_answer = over_answer
        self.is_late_part = self._goes_on or (over_answer and not self._has_sounded())

    def customer_goes_on(self) -> None:
        """What was said so far is not all. Who waits for the words of the pause goes on waiting."""
        self.said_before = f"{self.said_before} {self._utterance}".strip()
        self._utterance = ""
        if self._pause_words and self._pause_words.done():
            self._pause_words = None

    def answer_is_composed(self) -> None:
        """The assistant thinks: nothing has been heard of its answer yet."""
        self._audible_since = None

    def answer_sounds(self) -> None:
        """The assistant speaks, from the beginning of an answer or after a pause in it."""
        if self._audible_since is None:
            self._audible_since = asyncio.get_running_loop().time()

    def answer_is_heard(self, text: str) -> None:
        """So much of the answer has been heard."""
        if sentences := _SENTENCE.findall(text):
            self.said_last = sentences[-1].strip()

    def answer_ends(self) -> None:
        """Words have ended the answer: the customer has the floor."""
        self.is_over_answer = False

    def words_count(self) -> None:
        """What was said takes the turn: what it goes on from, the next words go on from too."""
        self._goes_on = self.is_late_part
        self.answer_ends()

    def turn_is_taken(self) -> None:
        """The customer has finished: what comes next belongs to another turn."""
        self._turn_over.set()
        self._goes_on = False
        self.said_before = self._utterance = ""

    async def turn_is_over(self) -> None:
        """Wait until the customer has finished."""
        await self._turn_over.wait()

    def _has_sounded(self) -> bool:
        """Whether the answer has sounded for long enough to be replied to."""
        if self._audible_since is None:
            return False
        sounding_s = asyncio.get_running_loop().time() - self._audible_since
        return sounding_s >= self._timing.late_part_s

    # The words of a pause.

    def pauses_after(self, words: str) -> None:
        """This is what was said of the utterance up to the pause."""
        words_of_pause = self._words_of_pause()
        if words_of_pause.done():
            self._pause_words = None
            words_of_pause = self._words_of_pause()
        words_of_pause.set_result(words)

    def utterance_is_over(self, words: str) -> None:
        """The utterance is over, and these are its words."""
        self._utterance = words

    async def pause_words(self) -> str:
        """The words of the pause that is going on; empty when none come in time."""
        words = asyncio.shield(self._words_of_pause())
        try:
            return await asyncio.wait_for(words, self._timing.pause_words_s)
        except TimeoutError:
            return ""

    def _words_of_pause(self) -> asyncio.Future[str]:
        if self._pause_words is None:
            self._pause_words = asyncio.get_running_loop().create_future()
        return self._pause_words

    # Questions and their answers.

    def question_is_asked(self, message_id: str) -> None:
        """The question stands: it has become part of the conversation."""
        self._asked = message_id
        if exchange := self._exchanges.get(message_id):
            exchange.stands.set()

    def begin_answer(
        self, message: llm.ChatMessage, said: str, earlier: Sequence[llm.ChatMessage]
    ) -> Exchange:
        """A question to answer: what was said, and what was said just before where this goes on.

        May be called for a turn that is thrown away: another message asks another question.
        """
        unanswered = _unanswered(earlier, message, self._timing.same_turn_s)
        exchange = self._exchanges[message.id] = self._new_exchange(said, unanswered)
        if message.id == self._asked:
            exchange.stands.set()
        while len(self._exchanges) > _KEPT_ANSWERS:
            del self._exchanges[next(iter(self._exchanges))]
        return exchange

    def answer_to(self, message_id: str) -> Exchange | None:
        """The question with this message id, and what was composed for it."""
        return self._exchanges.get(message_id)

    def _new_exchange(self, said: str, unanswered: Sequence[llm.ChatMessage]) -> Exchange:
        before = self._exchanges.get(self._asked or "")
        if before and self.is_late_part:
            question, joins = before.question, self._asked
        elif unanswered:
            question = " ".join(message.text_content or "" for message in unanswered)
            joins = unanswered[0].id
        else:
            return Exchange(said)
        return Exchange(gist(join_utterances(f"{question} {said}")), joins)


def _unanswered(
    earlier: Sequence[llm.ChatMessage], message: llm.ChatMessage, within_s: float
) -> list[llm.ChatMessage]:
    """What was asked just before the message, and nothing was heard to it yet."""
    parts: list[llm.ChatMessage] = []
    for before in reversed(earlier):
        if before.role == "assistant" or message.created_at - before.created_at > within_s:
            break
        parts.insert(0, before)
    return parts
