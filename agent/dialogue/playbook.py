"""Playbook: where a walk through an entry stands, and what the customer says, in; the next step, a
wait, or its end, out.

One step is said at a time, and its answer waited for. An entry that has no playbook is walked by
what it says to do, each step with the question whether it helped.
"""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from agent.dialogue.flow import Said
from agent.dialogue.matching import any_of, plain
from agent.dialogue.replies import FILE, Reply, load_replies
from agent.dialogue.solved import is_solved
from agent.prompts import load_flow
from agent.speech.clauses import split_clauses
from common.languages import LANGUAGES, Language
from knowledge.contract import ANOTHER, PERSON, SOLVED, Look, PlaybookStep, SourceEntry

#: By its id; None where there is none.
FindEntry = Callable[[str], Awaitable[SourceEntry | None]]

#: Who comes by a step for the third time is going round in circles.
_MOST_TIMES: Final = 2


@dataclass(frozen=True)
class Walk:
    """Where a walk stands."""

    subject: str
    """Stem of the entry."""
    step: str
    taken: tuple[tuple[str, str], ...]
    """The steps that were said, each with its subject, in their order."""


@dataclass(frozen=True)
class Stage:
    """What is said in a walk, and what came of it."""

    kind: Literal["step", "wait", "solved", "person"]
    walk: Walk | None
    """None: there is no such entry."""
    texts: Sequence[str] = ()
    entry: SourceEntry | None = None
    """That the texts are of."""


class Walker:
    """Walks through entries, in both languages."""

    def __init__(self, find: FindEntry) -> None:
        self._find = find
        self._replies = load_replies()
        self._phrases = load_flow("troubleshooting")
        self._over = any_of(tomllib.loads(FILE.read_text("utf-8"))["words"]["over"])

    async def begin(
        self, subject: str, language: Language, taken: Sequence[tuple[str, str]] = ()
    ) -> Stage:
        """The first step of an entry; ``taken``: what was said on the way to it."""
        entry = await self.entry(subject, language)
        steps = self._steps(entry) if entry else ()
        if not entry or not steps:
            return Stage("person", Walk(subject, "", tuple(taken)) if taken else None)
        return self._say(entry, steps[0], Walk(subject, "", tuple(taken)))

    async def hear(self, walk: Walk, said: Said) -> Stage:
        """What follows from what is said to the step at which the walk stands."""
        entry = await self.entry(walk.subject, said.language)
        steps = {step.name: step for step in self._steps(entry)} if entry else {}
        step, phrases = steps.get(walk.step), self._phrases[said.language].fixed
        if entry is None or step is None:  # the entry was changed meanwhile
            return Stage("person", walk)
        if self.is_over(said.text):
            return Stage("solved", walk)
        if not said.text.strip():
            return Stage("step", walk, [phrases["again"], *_texts(step)], entry)
        reply = self._replies.read(said.text)
        place = _place(step, said.text, reply)
        if place is None and reply == "wait":
            return Stage("wait", walk, [phrases["wait"]], entry)
        stage = await self._go(place or step.otherwise, walk, entry, steps, said.language)
        if reply == "unknown" and stage.kind == "step":
            return replace(stage, texts=[phrases["no_matter"], *stage.texts])
        return stage

    async def entry(self, subject: str, language: Language) -> SourceEntry | None:
        """An entry in the language, or in the other if only that has it."""
        for one in (language, *LANGUAGES):
            if entry := await self._find(f"{one}/{subject}"):
                return entry
        return None

    def is_over(self, text: str) -> bool:
        """Whether a customer says, whatever was asked, that the trouble is over."""
        return is_solved(text) and self._over.search(plain(text)) is not None

    async def tried(self, walk: Walk, language: Language) -> list[str]:
        """What was said in a walk, a sentence of each step."""
        told = list[str]()
        for subject, name in walk.taken:
            entry = await self.entry(subject, language)
            steps = self._steps(entry) if entry else ()
            told += [split_clauses(step.say)[0].strip() for step in steps if step.name == name]
        return told

    async def _go(
        self,
        place: str,
        walk: Walk,
        entry: SourceEntry,
        steps: dict[str, PlaybookStep],
        language: Language,
    ) -> Stage:
        if place == SOLVED:
            return Stage("solved", walk)
        if place.startswith(ANOTHER):
            subject = place.removeprefix(ANOTHER)
            if any(passed == subject for passed, _ in walk.taken):
                return Stage("person", walk)
            return await self.begin(subject, language, walk.taken)
        times = walk.taken.count((walk.subject, place))
        if place == PERSON or place not in steps or times >= _MOST_TIMES:
            return Stage("person", walk)
        return self._say(entry, steps[place], walk)

    def _say(self, entry: SourceEntry, step: PlaybookStep, walk: Walk) -> Stage:
        taken = (*walk.taken, (walk.subject, step.name))
        return Stage("step", Walk(walk.subject, step.name, taken), _texts(step), entry)

    def _steps(self, entry: SourceEntry) -> Sequence[PlaybookStep]:
        """The playbook of an entry, or what it says to do as one."""
        if entry.playbook:
            return entry.playbook
        asks = self._phrases[entry.language].fixed["did_it_help"]
        names = [f"step-{number}" for number in range(1, len(entry.steps) + 1)]
        solved = (Look("yes", (), SOLVED),)
        return [
            PlaybookStep(name, f"{say}\n{asks}", solved, following)
            for name, say, following in zip(names, entry.steps, [*names[1:], PERSON], strict=True)
        ]


def _texts(step: PlaybookStep) -> Sequence[str]:
    """What is said, one after the other."""
    return step.say.splitlines()


def _place(step: PlaybookStep, said: str, reply: Reply | None) -> str | None:
    """Where the first thing leads that fits; that it works is a "yes", that nothing changed a "no".

    Who is about to look has said neither yet.
    """
    text = plain(said)
    answer = {"same": "no", "wait": None, "unknown": None}.get(reply or "", reply)
    if is_solved(said):
        answer = "yes"
    for look in step.looks:
        if look.answer == answer if look.answer else any_of(look.words).search(text):
            return look.next
    return None
