"""Prompting: a question, what was read for it and what was said before in; the messages out.

What never changes comes first and the question last: so the model server's cache still holds the
beginning of a prompt that it was given while the customer was still speaking. What it answers from
and how stand right before the question: with them in the system message, 1.5B answered English
questions in Mandarin, with lists.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.models.client import Message
from agent.prompts import load_prompt
from common.languages import LANGUAGES, Language, language_of
from common.shorten import shortened

#: Earlier messages the model reads: two questions and their answers.
_REMEMBERED_MESSAGES = 4
#: Characters of each, and of the question. A slot of the embedded model holds 2,048 tokens, and a
#: token 1.4 Mandarin characters or 2 of a pasted log: with what is read all of it fits.
_LONGEST_MESSAGE: dict[Language, int] = {"zh": 240, "en": 400}
_LONGEST_QUESTION = 600


class PromptWriter:
    """Fills the templates of `prompts/`."""

    def __init__(self, *, continues: bool) -> None:
        """``continues``: the model goes on from a last message of the assistant's own."""
        self._continues = continues
        self._system = {language: load_prompt("support", language) for language in LANGUAGES}
        self._question = {language: load_prompt("question", language) for language in LANGUAGES}
        self._said = {language: load_prompt("continue", language) for language in LANGUAGES}

    def write(
        self,
        language: Language,
        *,
        source: str,
        question: str,
        history: Sequence[Message],
        opening: str | None = None,
    ) -> list[Message]:
        """The messages; ``opening`` is what the assistant has said of its answer already."""
        question = shortened(question, _LONGEST_QUESTION)
        asked = self._question[language].format(passages=source, question=question)
        messages = [
            Message("system", self._system[language]),
            *(_remembered(message) for message in history[-_REMEMBERED_MESSAGES:]),
            Message("user", asked),
        ]
        if opening is None:
            return messages
        if self._continues:
            return [*messages, Message("assistant", opening)]
        said = self._said[language].format(opening=opening)
        return [*messages[:-1], Message("user", f"{asked}\n\n{said}")]


def _remembered(message: Message) -> Message:
    """An earlier message, as much of it as there is room for."""
    most = _LONGEST_MESSAGE[language_of(message.text)]
    return Message(message.role, shortened(message.text, most))
