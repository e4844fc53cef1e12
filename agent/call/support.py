"""The support agent: what the assistant does in a call, on the framework's hooks."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable

from livekit.agents import Agent, ModelSettings, UserTranscriptionTimeoutEvent, llm

from agent.call.answering import Answer, Answerer, Message, new_answer
from agent.errors import LiukeError
from agent.languages import join_utterances
from agent.prompts import load_phrases
from agent.settings import Language

log = logging.getLogger(__name__)

#: Shorter sounds that gave no words are coughs and clicks: nothing was asked. Seconds.
_SPOKEN_S = 0.6
#: Answers kept by the question's message id; older ones have been recorded.
_KEPT_ANSWERS = 8


class SupportAgent(Agent):
    """Greets, answers every question from the knowledge base, asks again when it did not hear."""

    def __init__(self, answerer: Answerer, greeting_language: Language) -> None:
        super().__init__(instructions="")  # the answerer writes the prompt, passages included
        self._answerer = answerer
        self._language = greeting_language
        self._phrases = load_phrases()
        self._answers: dict[str, Answer] = {}

    async def on_enter(self) -> None:
        """Greet in the language of the page; later the customer's speech decides."""
        self.session.on("user_transcription_timeout", self._on_nothing_understood)
        self.session.say(self._phrases[self._language].greeting)

    async def llm_node(
        self,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        model_settings: ModelSettings,
    ) -> AsyncIterable[str]:
        """Compose the answer to the last question.

        Runs ahead of the turn's end and may be thrown away: it notes what it did in memory only.
        """
        question, history = _split(chat_ctx)
        answer = new_answer(join_utterances(question.text_content or ""))
        self._language = answer.language
        self._remember(question.id, answer)
        try:
            async for text in self._answerer.compose(answer, history):
                yield text
        except LiukeError as error:
            log.error("no answer to %r: %s", answer.question, error)
            yield self._phrases[answer.language].not_working

    def answer_to(self, message_id: str) -> Answer | None:
        """What was composed for the question with this message id."""
        return self._answers.get(message_id)

    def _remember(self, message_id: str, answer: Answer) -> None:
        self._answers[message_id] = answer
        while len(self._answers) > _KEPT_ANSWERS:
            del self._answers[next(iter(self._answers))]

    def _on_nothing_understood(self, event: UserTranscriptionTimeoutEvent) -> None:
        if event.speech_duration >= _SPOKEN_S and self.session.current_speech is None:
            self.session.say(self._phrases[self._language].not_understood)


def _split(chat_ctx: llm.ChatContext) -> tuple[llm.ChatMessage, list[Message]]:
    """The question being asked, and what was heard and said before it."""
    spoken = [
        item
        for item in chat_ctx.items
        if item.type == "message" and item.role in ("user", "assistant") and item.text_content
    ]
    last = max(i for i, item in enumerate(spoken) if item.role == "user")
    history = [
        Message("user" if item.role == "user" else "assistant", item.text_content or "")
        for item in spoken[:last]
    ]
    return spoken[last], history
