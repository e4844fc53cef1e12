"""Prompts fit the model's slot, whatever customers say or paste."""

from __future__ import annotations

import pytest

from agent.dialogue.prompting import PromptWriter
from agent.models.client import Message
from common.languages import Language

pytestmark = pytest.mark.unit

#: Characters that a slot of the embedded model holds at the least, less what is read and answered.
ROOM: dict[Language, int] = {"zh": 2000, "en": 3000}


@pytest.mark.parametrize(("language", "word"), [("zh", "回声"), ("en", "echo ")])
def test_long_texts_do_not_overflow_the_slot(language: Language, word: str) -> None:
    long = word * 10_000
    history = [Message("user", f"ask {long}"), Message("assistant", long)] * 8
    messages = PromptWriter(continues=True).write(
        language, source="", question=f"{long} why?", history=history
    )
    assert sum(len(message.text) for message in messages) <= ROOM[language]
    assert messages[-1].text.rstrip().endswith("why?")
    assert messages[1].text.startswith("ask ")


def test_what_fits_is_given_as_it_was_said() -> None:
    history = [Message("user", "有回声"), Message("assistant", "先戴耳机。")]
    messages = PromptWriter(continues=True).write(
        "zh", source="", question="然后呢", history=history
    )
    assert messages[1:3] == history
