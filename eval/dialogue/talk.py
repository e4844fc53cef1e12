"""A talk: something that answers, and a caller, in; all that was said out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eval.dialogue.caller import Caller, Line


class Talk(Protocol):
    """One call with the assistant."""

    heard: str
    """What it has heard of the last turn."""

    async def greeting(self) -> str:
        """What it says first."""

    async def say(self, text: str, *, cut_short: bool = False) -> str:
        """What is spoken back in that turn, once everything that it wanted done is committed.

        Empty ``text``: the caller says nothing. ``cut_short``: they speak into the answer next, and
        hear its beginning alone. Raises LiukeError where the call breaks.
        """

    async def end(self) -> None:
        """The caller has hung up."""


@dataclass(frozen=True)
class Exchange:
    """What the caller said, what was heard of it, and what was answered."""

    line: Line
    answer: str
    heard: str = ""


@dataclass(frozen=True)
class Transcript:
    """A call."""

    greeting: str
    exchanges: Sequence[Exchange]
    is_over: bool
    """The caller has hung up; else the call went on beyond what it may take, or broke."""
    broke: Exception | None = None
    """By what it was broken off."""

    @property
    def answers(self) -> list[str]:
        """All that the assistant said but its greeting."""
        return [one.answer for one in self.exchanges]

    def lines(self) -> list[str]:
        """To be read by people."""
        said = [f"LIUKE: {self.greeting}"]
        for one in self.exchanges:
            said.append(f"CALLER: {one.line.text or '(says nothing)'}")
            if one.heard != one.line.text:
                said.append(f"  heard: {one.heard}")
            said.append(f"LIUKE: {one.answer}")
        return said


async def converse(talk: Talk, caller: Caller, most: int) -> Transcript:
    """A whole call; after ``most`` turns of the caller's it is broken off.

    What breaks it, whatever that is, is told with what was said until then.
    """
    exchanges: list[Exchange] = []
    greeting = ""
    try:
        greeting = await talk.greeting()
        line: Line | None = caller.begin()
        while line is not None and len(exchanges) < most:
            answer = await talk.say(line.text, cut_short=caller.interrupts)
            exchanges.append(Exchange(line, answer, talk.heard))
            line = caller.hear(answer)
        await talk.end()
    except Exception as error:
        return Transcript(greeting, exchanges, is_over=False, broke=error)
    return Transcript(greeting, exchanges, is_over=line is None)
