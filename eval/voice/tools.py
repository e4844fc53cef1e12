"""The stock stack with function tools, as LiveKit's documentation shows them: a toolbox in, an
agent that has it out.

Stock is given more than it has elsewhere: instructions for what is measured alone, no passages to
read before, and a reader of calls that the embedded model writes as text, which llama.cpp takes for
an answer to be spoken.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from livekit.agents import Agent, FlushSentinel, ModelSettings, function_tool, llm, utils

from agent.prompts import load_phrases
from common.languages import Language

#: What a call may begin with that is written as text: {"name": …, <tools>…, ```json ….
_MAY_BE_CALL: Final = re.compile(r"[{<`]")

Tool = llm.RawFunctionTool[..., Any]


class Toolbox(Protocol):
    """What the model of one call is told, and its one tool."""

    @property
    def instructions(self) -> str:
        """What the model is told."""

    def tool(self) -> Tool:
        """Its tool, described in the language of the call."""

    async def aclose(self) -> None:
        """Close the connections."""


def told(file: str, language: Language) -> Mapping[str, str]:
    """What the model is told, by a file beside this module."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8")
    words: Mapping[str, str] = tomllib.loads(text)[language]
    return words


def make_tool(
    name: str,
    description: str,
    arguments: Mapping[str, object],
    call: Callable[..., Awaitable[str]],
) -> Tool:
    """The tool ``name``; ``arguments``: the schema of each, all of them needed.

    ``call`` takes what the model gave as ``raw_arguments``.
    """
    parameters = {
        "type": "object",
        "properties": dict(arguments),
        "required": list(arguments),
    }
    schema = {"name": name, "description": description, "parameters": parameters}
    return function_tool(call, raw_schema=schema)


class ToolAgent(Agent):
    """Answers with the tool of a toolbox, and knows nothing else."""

    def __init__(self, toolbox: Toolbox, language: Language) -> None:
        tool = toolbox.tool()
        super().__init__(instructions=toolbox.instructions, tools=[tool])
        self._tool = tool.info.name
        self._greeting = load_phrases()[language].greeting

    async def on_enter(self) -> None:
        """Greet."""
        self.session.say(self._greeting)

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
        """The model's answer, with the calls in it."""
        written = Agent.default.llm_node(self, chat_ctx, tools, model_settings)
        async for part in calls_read(written, self._tool):
            yield part


async def calls_read(
    written: AsyncIterable[llm.ChatChunk | str | FlushSentinel], tool: str
) -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
    """A call of ``tool`` that is written as text becomes one as soon as it is complete; the rest is
    as it was.

    What comes behind it is not waited for.
    """
    held = ""
    async for part in written:
        text = part.delta.content if isinstance(part, llm.ChatChunk) and part.delta else None
        if not text:
            yield part
            continue
        text = held + text
        begins = _MAY_BE_CALL.search(text)
        at = begins.start() if begins else len(text)
        if text[:at]:
            yield text[:at]
        held = text[at:]
        if call := _call_in(held, tool):
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
            yield llm.ChatChunk(id=utils.shortuuid(), delta=delta)
            return
    if held:
        yield held


def _call_in(text: str, tool: str) -> llm.FunctionToolCall | None:
    found = re.search(rf'"name"\s*:\s*"{tool}"\s*,\s*"arguments"\s*:\s*(?=\{{)', text)
    if found is None:
        return None
    try:
        arguments, _ = json.JSONDecoder().raw_decode(text, found.end())
    except ValueError:
        return None  # it goes on
    return llm.FunctionToolCall(
        name=tool,
        arguments=json.dumps(arguments, ensure_ascii=False),
        call_id=utils.shortuuid("call_"),
    )
