"""Prompting: a question, what was read for it and what was said before in; the messages out.

What it answers from stands before what was said, and the question comes last: so the model server's
cache still holds a prompt's beginning from the turn before, or from while the customer was still
speaking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.prompts import LANGUAGES, load_prompt
from agent.settings import Language

#: Earlier messages the model reads: two questions and their answers.
_REMEMBERED_MESSAGES = 4


@dataclass(frozen=True)
class Message:
    """One utterance, as it was heard or spoken, or what the model is told."""

    role: Literal["system", "user", "assistant"]
    text: str


class PromptWriter:
    """Fills the templates of `prompts/`."""

    def __init__(self, *, continues: bool) -> None:
        """``continues``: the model goes on from a last message of the assistant's own."""
        self._continues = continues
        self._system = {language: load_prompt("support", language) for language in LANGUAGES}
        self._reference = {language: load_prompt("reference", language) for language in LANGUAGES}
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
        reference = self._reference[language].format(passages=source)
        messages = [
            Message("system", f"{self._system[language]}\n\n{reference}"),
            *history[-_REMEMBERED_MESSAGES:],
        ]
        if opening is None:
            return [*messages, Message("user", question)]
        if self._continues:
            return [*messages, Message("user", question), Message("assistant", opening)]
        said = self._said[language].format(opening=opening)
        return [*messages, Message("user", f"{question}\n\n{said}")]
