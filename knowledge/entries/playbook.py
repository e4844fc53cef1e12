"""The playbook of an entry: what its front matter says in; steps, or what is wrong with them, out.

A playbook is walked with a customer: a step is said, their answer leads to the next. How one is
written: `docs/knowledge.md`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from common.languages import HAN_CHARACTER, Language, join_utterances, spoken_length
from knowledge.contract import ANOTHER, PERSON, SOLVED, Look, PlaybookStep

#: A step is one breath or two: who listens has to keep all of it in mind. Characters or words.
SAY_LIMIT: Final[dict[Language, int]] = {"zh": 75, "en": 45}
_SAY_UNIT: Final[dict[Language, str]] = {"zh": "characters", "en": "words"}
#: Longer is no longer one trouble, or no longer read by whoever writes it.
_MOST_STEPS, _MOST_LOOKS, _MOST_WORDS = 12, 8, 40
_LONGEST_WORD: Final = 60

#: What each field is made of.
_REMEDIES: Final = {
    "step": "Give it a name of small letters, digits and hyphens, 30 at most.",
    "answer": "Write yes or no.",
    "words": "List texts, in quotes where they are numbers; a star only at the end of a word.",
    "next": "Name a step, entry:… with the name of an entry's file, person, or solved.",
    "otherwise": "Name a step, entry:… with the name of an entry's file, or person.",
}

_QUESTION_MARKS: Final = "?？"


@dataclass(frozen=True)
class StepFault:
    """What is wrong with a playbook, and what to do about it."""

    step: int | None
    """The number of the step, from 0; None: it is about the whole."""
    what: str
    remedy: str


def _as_written(answer: object) -> object:
    """YAML reads a bare yes as true."""
    return {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else answer


_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=30)]
_Place = Annotated[str, Field(pattern=r"^(entry:)?[a-z0-9]+(-[a-z0-9]+)*$")]
_Word = Annotated[str, Field(pattern=r"^[^*\s][^*]*\*?$", max_length=_LONGEST_WORD)]


class _Look(BaseModel, extra="forbid"):
    answer: Annotated[Literal["yes", "no"], BeforeValidator(_as_written)] | None = None
    words: list[_Word] = Field([], max_length=_MOST_WORDS)
    next: _Place

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.answer is None) == (not self.words):
            raise ValueError("it needs either 'answer' or 'words'")
        return self


class _Step(BaseModel, extra="forbid"):
    step: _Name
    say: str
    look: list[_Look] = Field([], max_length=_MOST_LOOKS)
    otherwise: _Place


_STEPS: Final[TypeAdapter[list[_Step]]] = TypeAdapter(
    Annotated[list[_Step], Field(min_length=1, max_length=_MOST_STEPS)]
)


def read_playbook(written: object) -> tuple[PlaybookStep, ...]:
    """The steps that front matter writes. Raises ValidationError where it has another form."""
    return tuple(
        PlaybookStep(
            name=step.step,
            say=join_utterances(" ".join(step.say.split())),
            looks=tuple(
                Look(look.answer, tuple(word.lower() for word in look.words), look.next)
                for look in step.look
            ),
            otherwise=step.otherwise,
        )
        for step in _STEPS.validate_python(written)
    )


def faults(written: object, entry_id: str, language: Language) -> Iterator[StepFault]:
    """All that is wrong with the playbook of an entry by itself, gravest first."""
    try:
        steps = read_playbook(written)
    except ValidationError as error:
        yield from map(_of_form, error.errors(include_url=False))
        return
    for number, step in enumerate(steps):
        yield from (StepFault(number, *fault) for fault in _of_step(step, steps, language))
    yield from _of_way(steps, entry_id)


def places_of(step: PlaybookStep) -> tuple[str, ...]:
    """Where a step may lead, in its order."""
    return (*(look.next for look in step.looks), step.otherwise)


def unheard(step: PlaybookStep) -> Iterator[tuple[str, str]]:
    """Words of a step that never count, each with the word of an earlier look that is part of it.

    没有 behind 有: whoever says the one says the other, and the first look that fits counts.
    """
    earlier: list[tuple[str, str]] = []
    for look in step.looks:
        for word in look.words:
            for before, leads_to in earlier:
                if leads_to != look.next and _has(word, before):
                    yield word, before
        earlier += ((word, look.next) for word in look.words)


def _has(word: str, part: str) -> bool:
    """Whether who says ``word`` says ``part``."""
    if HAN_CHARACTER.search(part):
        return part in word
    end = "" if part.endswith("*") else " "
    return f" {part.rstrip('*')}{end}" in f" {word.rstrip('*')} "


def endless_from(entry_id: str, playbooks: Mapping[str, Sequence[PlaybookStep]]) -> str | None:
    """The first step of an entry from which `PlaybookStep.otherwise` alone goes round in a circle.

    None where it leads to a person in the end, or to an entry that ``playbooks`` does not have.
    """
    for first in playbooks[entry_id]:
        at: tuple[str, PlaybookStep] | None = (entry_id, first)
        passed = set[tuple[str, PlaybookStep]]()
        while at and at not in passed:
            passed.add(at)
            at = _onwards(*at, playbooks)
        if at:
            return first.name
    return None


def _onwards(
    entry_id: str, step: PlaybookStep, playbooks: Mapping[str, Sequence[PlaybookStep]]
) -> tuple[str, PlaybookStep] | None:
    """The step that a step's `otherwise` leads to, and its entry."""
    place = step.otherwise
    if place.startswith(ANOTHER):
        another = f"{entry_id.partition('/')[0]}/{place.removeprefix(ANOTHER)}"
        return next(((another, first) for first in playbooks.get(another, ())), None)
    return next(((entry_id, one) for one in playbooks[entry_id] if one.name == place), None)


def _of_form(error: Any) -> StepFault:
    number, *inside = error["loc"] or (None,)
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in inside)
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        what = f"{error['input']!r} cannot stand there"
    field = next((part for part in reversed(inside) if isinstance(part, str)), "")
    return StepFault(
        number if isinstance(number, int) else None,
        f"{where}: {what}" if where else what,
        _REMEDIES.get(field, "Write steps as docs/knowledge.md shows: step, say, look, otherwise."),
    )


def _of_step(
    step: PlaybookStep, steps: Sequence[PlaybookStep], language: Language
) -> Iterator[tuple[str, str]]:
    """What is wrong with one step, and what to do about it."""
    names = Counter(one.name for one in steps)
    if names[step.name] > 1:
        yield "its name is that of another step", "Call each by a name of its own."
    if step.name in (PERSON, SOLVED):
        yield (
            f"no step can be called {step.name!r}",
            "Call it something else: that is a way out.",
        )
    length = spoken_length(step.say, language)
    if length > SAY_LIMIT[language]:
        yield (
            f"'say' has {length} {_SAY_UNIT[language]}",
            f"Say it in {SAY_LIMIT[language]}, or make two steps of it.",
        )
    marks = sum(step.say.count(mark) for mark in _QUESTION_MARKS)
    if marks != 1 or step.say[-1:] not in _QUESTION_MARKS:
        yield (
            "'say' does not end with its one question",
            "End it with a question mark, and ask nothing before: one answer is waited for.",
        )
    for place in dict.fromkeys(places_of(step)):
        if place not in (*names, PERSON, SOLVED) and not place.startswith(ANOTHER):
            yield (
                f"it leads to {place!r}, which is no step",
                f"Name one of {', '.join(names)}, or {ANOTHER}…, {PERSON}, {SOLVED}.",
            )
    if step.otherwise == SOLVED:
        yield "'otherwise' is 'solved'", "Lead on: nobody has said that it is over."
    heard = Counter(sign for look in step.looks for sign in (look.answer, *look.words) if sign)
    for sign in (sign for sign, times in heard.items() if times > 1):
        yield f"{sign!r} stands there twice", "Take one out: the first counts."


def _of_way(steps: Sequence[PlaybookStep], entry_id: str) -> Iterator[StepFault]:
    """Steps that nobody comes to, and ways without an end."""
    by_name = {step.name: step for step in reversed(steps)}
    reached, waiting = set[str](), [steps[0].name]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in reached:
            reached.add(name)
            waiting += places_of(by_name[name])
    for number, step in enumerate(steps):
        if step.name not in reached:
            yield StepFault(number, "no step leads to it", "Name it in one, or take it out.")
    if circling := endless_from(entry_id, {entry_id: steps}):
        yield StepFault(
            [step.name for step in steps].index(circling),
            "from 'otherwise' to 'otherwise' it goes round in a circle",
            f"Lead out of it, to {PERSON!r} at last: a customer may answer nothing that fits.",
        )
