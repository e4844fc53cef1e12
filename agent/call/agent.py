"""The support agent: what the assistant does in a call, on the framework's hooks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any

from livekit import rtc
from livekit.agents import (
    Agent,
    ConversationItemAddedEvent,
    ModelSettings,
    StopResponse,
    UserStateChangedEvent,
    UserTranscriptionTimeoutEvent,
    llm,
    stt,
)

from agent.call.bargein import BargeIn
from agent.call.turn_words import TurnTaking
from agent.dialogue.answering import Answer, Answerer, new_answer, space
from agent.dialogue.prompting import Message
from agent.prompts import load_phrases
from common.errors import LiukeError
from common.languages import Language, join_utterances, language_of

log = logging.getLogger(__name__)

#: Shorter sounds that gave no words are coughs and clicks: nothing was asked. Seconds.
_SPOKEN_S = 0.6
#: Answers kept by the question's message id; older ones have been recorded.
_KEPT_ANSWERS = 8
#: After the end of a turn, the customer hears something this soon, seconds.
_PATIENCE_S = 0.8
#: A turn so soon after one that nothing was heard to yet is a part of it, seconds.
_SAME_TURN_S = 2.0
#: Words of a partial transcript from which searching is worth while, in characters.
_SEARCHABLE: dict[Language, int] = {"zh": 4, "en": 12}


class SupportAgent(Agent):
    """Greets, answers every question from the knowledge base, asks again when it did not hear."""

    def __init__(
        self,
        answerer: Answerer,
        bargein: BargeIn,
        manners: TurnTaking,
        greeting_language: Language,
    ) -> None:
        super().__init__(instructions="")  # the answerer writes the prompt, passages included
        self._answerer = answerer
        self._bargein = bargein
        self._manners = manners
        self._language = greeting_language
        self._phrases = load_phrases()
        self._acknowledgements = {
            language: itertools.cycle(phrases.acknowledgements)
            for language, phrases in self._phrases.items()
        }
        self._answers: dict[str, Answer] = {}
        #: Message id of the question that was asked last and not thrown away.
        self._asked: str | None = None
        #: The customer has finished; what is being composed may be late from here on.
        self._turn_over = asyncio.Event()
        self._turn_over.set()
        self._preparing: asyncio.Task[None] | None = None

    async def on_enter(self) -> None:
        """Greet in the language of the page; later the customer's speech decides."""
        self.session.on("user_transcription_timeout", self._on_nothing_understood)
        self.session.on("user_state_changed", self._on_user_state)
        self.session.on("conversation_item_added", self._on_item)
        self.session.say(self._phrases[self._language].greeting)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[stt.SpeechEvent]:
        """What the customer says, without what only supports the speaker; searched for at once."""
        async for event in Agent.default.stt_node(self, audio, model_settings):
            assert isinstance(event, stt.SpeechEvent)
            if admitted := self._bargein.admit(event):
                if admitted.type is stt.SpeechEventType.INTERIM_TRANSCRIPT:
                    self._prepare(admitted.alternatives[0].text)
                yield admitted

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """The customer has finished. Nothing is said to a "mm-hm"."""
        self._turn_over.set()
        self._bargein.turn_over()
        if self._manners.is_backchannel(new_message.text_content or ""):
            raise StopResponse

    async def llm_node(
        self,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        model_settings: ModelSettings,
    ) -> AsyncIterable[str]:
        """Compose the answer to the last question.

        Runs ahead of the turn's end and may be thrown away: it notes what it did in memory only.
        """
        *earlier, message = _up_to_the_question(chat_ctx)
        said = join_utterances(message.text_content or "")
        if self._manners.is_backchannel(said):
            return
        answer = self._new_answer(said, earlier, message.created_at)
        self._remember(message.id, answer)
        if self._manners.is_stop(said):
            answer.language = self._language  # "stop" is said in any
            yield self._phrases[answer.language].go_ahead
            return
        self._language = answer.language
        history = _messages(earlier, until=answer.joins)
        try:
            async for text in self._patiently(self._answerer.compose(answer, history), answer):
                yield text
        except LiukeError as error:
            log.error("no answer to %r: %s", answer.question, error)
            yield self._phrases[answer.language].not_working

    def answer_to(self, message_id: str) -> Answer | None:
        """What was composed for the question with this message id."""
        return self._answers.get(message_id)

    def _new_answer(self, said: str, earlier: Sequence[llm.ChatMessage], asked_at: float) -> Answer:
        """An answer to what was said, and to what was said just before where this goes on."""
        unanswered = _unanswered(earlier, asked_at)
        before = self._answers.get(self._asked or "")
        if before and self._bargein.is_late_part:
            question, joins = before.question, self._asked
        elif unanswered:
            question = " ".join(message.text_content or "" for message in unanswered)
            joins = unanswered[0].id
        else:
            return new_answer(said)
        answer = new_answer(join_utterances(f"{question} {said}"))
        answer.joins = joins
        return answer

    async def _patiently(self, texts: AsyncIterator[str], answer: Answer) -> AsyncIterator[str]:
        """The texts; after a sentence that tells the customer to wait, if the first is late."""
        first: asyncio.Future[str | None] = asyncio.ensure_future(anext(texts, None))
        try:
            if not await self._in_time(first):
                answer.acknowledged = True
                yield next(self._acknowledgements[answer.language]) + space(answer.language)
            if (text := await first) is not None:
                yield text
                async for text in texts:
                    yield text
        finally:
            if not first.done():
                first.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await first

    async def _in_time(self, first: asyncio.Future[str | None]) -> bool:
        """Whether the first text is there before the customer's patience ends."""
        over = asyncio.create_task(self._turn_over.wait())
        waiting: set[asyncio.Future[Any]] = {first, over}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        done, _ = await asyncio.wait({first}, timeout=_PATIENCE_S)
        return bool(done)

    def _prepare(self, heard: str) -> None:
        """Search for what has been heard so far, unless the search before still runs."""
        if len(heard) < _SEARCHABLE[language_of(heard)]:
            return
        if self._preparing is None or self._preparing.done():
            history = _messages(_spoken(self.chat_ctx))
            self._preparing = asyncio.create_task(self._search(heard, history))

    async def _search(self, heard: str, history: list[Message]) -> None:
        with contextlib.suppress(LiukeError):  # the answer will say what is wrong
            await self._answerer.prepare(heard, history)

    def _remember(self, message_id: str, answer: Answer) -> None:
        self._answers[message_id] = answer
        while len(self._answers) > _KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._turn_over.clear()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "user":
            self._asked = event.item.id

    def _on_nothing_understood(self, event: UserTranscriptionTimeoutEvent) -> None:
        if event.speech_duration >= _SPOKEN_S and self.session.current_speech is None:
            self.session.say(self._phrases[self._language].not_understood)


def _up_to_the_question(chat_ctx: llm.ChatContext) -> list[llm.ChatMessage]:
    """What was heard and said, up to the question that is being asked."""
    spoken = _spoken(chat_ctx)
    last = max(i for i, item in enumerate(spoken) if item.role == "user")
    return spoken[: last + 1]


def _spoken(chat_ctx: llm.ChatContext) -> list[llm.ChatMessage]:
    return [
        item
        for item in chat_ctx.items
        if item.type == "message" and item.role in ("user", "assistant") and item.text_content
    ]


def _unanswered(earlier: Sequence[llm.ChatMessage], asked_at: float) -> list[llm.ChatMessage]:
    """What was asked just before, and nothing was heard to it yet.

    The framework takes a turn in parts where its last words come after the verdict.
    """
    parts: list[llm.ChatMessage] = []
    for message in reversed(earlier):
        if message.role == "assistant" or asked_at - message.created_at > _SAME_TURN_S:
            break
        parts.insert(0, message)
    return parts


def _messages(spoken: Sequence[llm.ChatMessage], until: str | None = None) -> list[Message]:
    """The utterances before the message with the id ``until``."""
    return [
        Message("user" if item.role == "user" else "assistant", item.text_content or "")
        for item in itertools.takewhile(lambda item: item.id != until, spoken)
    ]
