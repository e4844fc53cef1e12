"""A customer of `make bench-voice`: questions and their recordings in; what came of each out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from agent.cli.output import err
from agent.probe.audio import load_clip, prepare_recording
from agent.probe.call import Line, ask, hear_greeting, hear_out, joined
from agent.rooms.principal import Principal, guest
from common.errors import LiukeError
from eval.installation import memory_mb, quiet
from eval.voice.questions import Question
from eval.voice.scores import Asked, Known, StackName, judge
from eval.voice.stacks import Stack

#: An answer that goes on for longer is left, and the call with it.
LONGEST_ANSWER_S: Final = 12.0


class Customer:
    """Asks one stack; keeps what it heard under ``folder``."""

    def __init__(
        self, stack: Stack, files: Mapping[Question, Path], known: Known, folder: Path
    ) -> None:
        self._stack = stack
        self._files = files
        self._known = known
        self._folder = folder
        self._calls = count(1)
        self.memory_mb = 0.0
        #: Share of the machine that was busy before each single call.
        self.busy: list[float] = []

    async def ask_all(
        self, questions: Sequence[Question], *, per_call: int, calls_at_once: int = 1
    ) -> list[Asked]:
        """Ask ``questions`` of one language as a guest, in as many calls as it takes."""
        nobody = guest(questions[0].language)
        asked: list[Asked] = []
        while len(asked) < len(questions):
            some = questions[len(asked) :][:per_call]
            if calls_at_once == 1:
                asked += await self.converse(nobody, some)
            else:
                asked += await self._call(nobody, some, calls_at_once)
        return asked

    async def converse(self, caller: Principal, said: Sequence[Question]) -> list[Asked]:
        """One call, for as long as it goes well; what was said first is dealt with in any case."""
        self.busy.append(await quiet(self._stack.roots))
        return await self._call(caller, said, 1)

    async def _call(
        self, caller: Principal, questions: Sequence[Question], calls_at_once: int
    ) -> list[Asked]:
        recording = self._folder / f"{next(self._calls):02}.wav"
        await prepare_recording(recording)
        line: Line | None = None
        trouble = ""
        try:
            grant = await self._stack.grant(caller)
            async with joined(grant, recording) as line:
                await self._ask(line, questions, alone=calls_at_once == 1)
        except LiukeError as error:
            trouble = error.message
        turns = (await line.report()).timeline.turns if line and line.microphone.placements else ()
        asked = [
            judge(question, turn, self._known, calls_at_once)
            for question, turn in zip(questions, turns, strict=False)
        ] or [Asked(questions[0], calls_at_once, failure=trouble)]
        for each in asked:
            err.print(f"  {_line(self._stack.name, each)}", highlight=False, markup=False)
        return asked

    async def _ask(self, line: Line, questions: Sequence[Question], *, alone: bool) -> None:
        clips = [await load_clip(self._files[question]) for question in questions]
        await hear_greeting(line)
        if alone:
            await quiet(self._stack.roots)
        await line.until(line.settled, LONGEST_ANSWER_S)  # a greeting that came late
        for clip in clips:
            await ask(line, clip)
            over = await hear_out(line, LONGEST_ANSWER_S)
            if alone:
                now_mb = await asyncio.to_thread(memory_mb, self._stack.roots)
                self.memory_mb = max(self.memory_mb, now_mb)
            if not over:
                return


def _line(name: StackName, asked: Asked) -> str:
    """What is printed of a question when its call is over."""
    parts = [name, asked.question.text]
    if turn := asked.turn:
        parts.append(f"heard {turn.transcript!r}")
    if asked.voice_to_voice_ms is not None:
        parts.append(f"{asked.voice_to_voice_ms:.0f} ms")
    parts += ["acknowledged"] * asked.acknowledged + ["with its opening"] * asked.with_opening
    if asked.failure:
        parts.append(f"FAILED: {asked.failure}")
    return " · ".join(parts)
