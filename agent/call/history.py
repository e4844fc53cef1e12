"""History: the framework's conversation in; what was said in it, as dialogue takes it, out.

Whoever takes a call up has the conversation from its records.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from livekit.agents import llm

from agent.models.client import Message
from agent.service.calls.tables import Turn


def spoken(chat_ctx: llm.ChatContext) -> list[llm.ChatMessage]:
    """What was heard and said, in order."""
    return [
        item
        for item in chat_ctx.items
        if item.type == "message" and item.role in ("user", "assistant") and item.text_content
    ]


def up_to_the_question(chat_ctx: llm.ChatContext) -> list[llm.ChatMessage]:
    """What was heard and said, up to the question that is being asked."""
    said = spoken(chat_ctx)
    last = max(i for i, message in enumerate(said) if message.role == "user")
    return said[: last + 1]


def messages(said: Sequence[llm.ChatMessage], until: str | None = None) -> list[Message]:
    """The utterances before the message with the id ``until``."""
    return [
        Message("user" if message.role == "user" else "assistant", message.text_content or "")
        for message in itertools.takewhile(lambda message: message.id != until, said)
    ]


def recorded(turns: Sequence[Turn]) -> llm.ChatContext:
    """The conversation of a call, from its turns."""
    said = llm.ChatContext.empty()
    for turn in turns:
        asked_s = turn.asked_at.timestamp()
        said.add_message(role="user", content=turn.question, created_at=asked_s)
        if turn.answer:
            over_s = turn.closed_at.timestamp() if turn.closed_at else asked_s
            said.add_message(
                role="assistant",
                content=turn.answer,
                created_at=over_s,
                interrupted=turn.interrupted,
            )
    return said
