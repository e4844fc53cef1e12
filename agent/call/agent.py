"""The support agent: what the assistant does in a call, on the framework's hooks.

The hooks tell the floor what they see and do what the stages decide; they hold nothing of the turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    ModelSettings,
    StopResponse,
    UserStateChangedEvent,
    UserTranscriptionTimeoutEvent,
    llm,
    stt,
)

from agent.call.bargein import BargeIn
from agent.call.floor import Exchange, Floor
from agent.call.gate import QUESTION_CHARACTERS, gist
from agent.call.history import messages, spoken, up_to_the_question
from agent.call.patience import Patience
from agent.call.search_ahead import SearchAhead
from agent.call.timing import TIMING, Timing
from agent.call.turn_words import TurnTaking
from agent.dialogue.contract import Answer, CallPerson, Outcome, PersonCalled
from agent.dialogue.course import Course
from agent.dialogue.dialogue import Dialogue
from agent.prompts import Phrases
from common.errors import LiukeError
from common.languages import Language, join_utterances, language_of

log = logging.getLogger(__name__)

#: What an answer wants done, and the question, in the customer's words, in; what came of it out.
Act = Callable[[CallPerson, str, Language], Awaitable[Outcome]]


class Keep(Protocol):
    """Has written what a call leaves behind; both return at once."""

    def take(self, answer: Answer) -> None:
        """What an answer wants kept, whose turn stands."""

    def stands(self, course: Course) -> None:
        """Where the conversation stands."""


class SupportAgent(Agent):
    """Greets, answers every question from the knowledge base, asks again when it did not hear."""

    def __init__(
        self,
        *,
        dialogue: Dialogue,
        ahead: SearchAhead,
        floor: Floor,
        bargein: BargeIn,
        patience: Patience,
        manners: TurnTaking,
        phrases: Mapping[Language, Phrases],
        greeting_language: Language,
        act: Act,
        keep: Keep,
        timing: Timing = TIMING,
    ) -> None:
        """``act``: calls the person that an answer to a question that stands wants; ``keep``: has
        written what else it wants, and where the conversation stands."""
        super().__init__(instructions="")  # the answerer writes the prompt, passages included
        self._dialogue = dialogue
        self._ahead = ahead
        self._floor = floor
        self._bargein = bargein
        self._patience = patience
        self._manners = manners
        self._phrases = phrases
        self._language = greeting_language
        self._act = act
        self._keep = keep
        self._timing = timing
        #: The first words, one after the other; none: those for everybody.
        self._greeting: Sequence[str] = ()

    async def meet(self) -> None:
        """Learn how to greet whoever calls, before the session starts; else everybody is greeted
        alike."""
        self._greeting = await self._dialogue.greet(self._language)

    async def meet_again(self, said: llm.ChatContext, course: Course) -> None:
        """Go on with a call that another process has begun, instead: with what was said in it, and
        where it stood."""
        await self.update_chat_ctx(said)
        history = messages(spoken(said))
        self._language = language_of(history[-1].text)
        self._greeting = self._dialogue.take_up(course, history, self._language)

    async def on_enter(self) -> None:
        """Greet in the language of the page; later the customer's speech decides."""
        self.session.on("user_state_changed", self._on_user_state)
        self.session.on("agent_state_changed", self._on_agent_state)
        self.session.on("conversation_item_added", self._on_item)
        self.session.on("user_transcription_timeout", self._on_nothing_understood)
        phrases = self.phrases_now()
        self.session.say(phrases.disclosure, allow_interruptions=False)
        for text in self._greeting or (phrases.greeting,):
            self.session.say(text)

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[stt.SpeechEvent]:
        """What the customer says, without what only supports the speaker; searched for at once."""
        async for event in Agent.default.stt_node(self, audio, model_settings):
            assert isinstance(event, stt.SpeechEvent)
            admission = self._bargein.admit(event)
            if admission.ends_answer:
                self._end_answer()
            if admitted := admission.event:
                if admitted.type is stt.SpeechEventType.INTERIM_TRANSCRIPT:
                    self._ahead.hear(admitted.alternatives[0].text, self.chat_ctx)
                yield admitted

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """The customer has finished. Nothing is said to a "mm-hm"."""
        self._floor.turn_is_taken()
        said = new_message.text_content or ""
        if self._floor.is_given_away or self._is_support(said, turn_ctx):
            raise StopResponse
        if len(said) > QUESTION_CHARACTERS:
            new_message.content = [gist(said)]

    async def llm_node(
        self,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        model_settings: ModelSettings,
    ) -> AsyncIterable[str]:
        """Compose the answer to the last question.

        Runs ahead of the turn's end and may be thrown away: it notes what it did in memory only.
        """
        if self._floor.is_given_away:
            return
        *earlier, message = up_to_the_question(chat_ctx)
        said = join_utterances(message.text_content or "")
        if self._is_support(said, chat_ctx):
            return
        exchange = self._floor.begin_answer(message, said, earlier)
        first = self._floor.answer_to(exchange.joins) if exchange.joins else None
        if self._manners.is_stop(said):
            # "Stop" is said in any language.
            answer = self._dialogue.go_ahead(exchange.question, self._language)
        else:
            history = messages(earlier, until=exchange.joins)
            answer = self._dialogue.compose(
                exchange.question,
                history,
                instead_of=first.answer if first else None,
                seen=self._floor.seen,
            )
        exchange.answer = answer
        self._language = answer.language
        try:
            async for text in self._patience.keep(answer.texts, exchange):
                self._settle(exchange)
                yield text
            if answer.action:
                outcome = await self._call_person(answer, answer.action, exchange, first)
                yield await self._dialogue.report(answer, outcome)
                self._keep.stands(self._dialogue.course)
        except LiukeError as error:
            log.error("a question was not answered: %s", error)
            yield self._phrases[answer.language].not_working

    async def ask_reach(self, ticket: int) -> None:
        """Ask where the customer can be reached about a ticket, unless that is known."""
        if question := await self._dialogue.ask_reach(ticket, self._language):
            await self.session.say(question, add_to_chat_ctx=False)

    @property
    def language(self) -> Language:
        """The one that is being spoken."""
        return self._language

    def phrases_now(self) -> Phrases:
        """What is said word for word, in the language that is being spoken."""
        return self._phrases[self._language]

    def _settle(self, exchange: Exchange) -> None:
        """What an answer leaves behind counts, once it is known and the turn stands."""
        answer = exchange.answer
        if answer and answer.is_decided and exchange.stands.is_set() and not exchange.is_settled:
            exchange.is_settled = True
            self._dialogue.stands(answer)
            self._keep.take(answer)
            self._keep.stands(self._dialogue.course)

    async def _call_person(
        self, answer: Answer, action: CallPerson, exchange: Exchange, first: Exchange | None
    ) -> Outcome:
        """What comes of a call for a person, once the turn stands.

        ``first``: the question that this goes on. Who asked there has asked once.
        """
        await exchange.stands.wait()
        acting = self._act(action, exchange.question, answer.language)
        exchange.called = asyncio.ensure_future(acting)
        outcome = await asyncio.shield(exchange.called)
        earlier = await first.called if first and first.called else outcome
        if isinstance(outcome, PersonCalled) and isinstance(earlier, PersonCalled):
            return replace(outcome, is_new=outcome.is_new or earlier.is_new)
        return outcome

    def _is_support(self, said: str, chat_ctx: llm.ChatContext) -> bool:
        """Whether it is nothing but "mm-hm", and answers no question of ours."""
        if not self._manners.is_backchannel(said):
            return False
        return not said or not self._dialogue.awaits_yes(messages(spoken(chat_ctx)))

    def _end_answer(self) -> None:
        speech = self.session.current_speech
        if speech and speech.allow_interruptions and not speech.interrupted:
            speech.interrupt()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._floor.customer_begins(over_answer=self.session.current_speech is not None)

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "thinking":
            self._floor.answer_is_composed()
        elif event.new_state == "speaking":
            self._floor.answer_sounds()

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "assistant":
            self._floor.answer_is_heard(event.item.text_content or "")
        elif isinstance(event.item, llm.ChatMessage) and event.item.role == "user":
            self._floor.question_is_asked(event.item.id)
            if exchange := self._floor.answer_to(event.item.id):
                self._settle(exchange)

    def _on_nothing_understood(self, event: UserTranscriptionTimeoutEvent) -> None:
        if self._floor.is_given_away:
            return
        is_cough = event.speech_duration < self._timing.cough_s
        if not is_cough and self.session.current_speech is None:
            self.session.say(self._phrases[self._language].not_understood)
