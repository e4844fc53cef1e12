"""The caller: a scenario and what the assistant says in; what the caller says to it, turn by turn,
out.

A decision tree in code, no model: the same call is the same each time. It answers what it is asked
as its scenario tells, in other words each run, and says so where it does not know. Where what it
said is read back it compares that with what is expected to be kept, and says what is wrong, once.
"""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from agent.dialogue.places import Place, load_places
from common.languages import Language, language_of
from eval.dialogue.questions import (
    PHRASES,
    asked_back,
    asks_for,
    questions,
    reads_back,
    slots_asked,
)
from eval.dialogue.scenario import Interjection, Scenario
from knowledge.entries.vocabulary import Vocabulary

#: In one breath: what was asked, and so many more.
_TOGETHER = 2
#: Marks that end what is said.
_ENDS = ".!?,;。！？，；"
#: What it does not understand it says so often; then it has no more to say.
_PATIENCE = 3
_ISO_DAY, _ISO_MONTH = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d")
_VALUES = Vocabulary.load().names


@dataclass(frozen=True)
class Line:
    """What the caller says in a turn; empty: nothing."""

    text: str
    language: Language
    gives: frozenset[str] = frozenset()
    """The slots that it answers."""
    refuses: frozenset[str] = frozenset()
    """Those that it will not answer, or cannot."""
    evades: bool = False
    """It does not answer what it was asked: that may be asked again."""


@dataclass
class Caller:
    """One call of a scenario's caller; ``run``: which of the wordings it uses."""

    scenario: Scenario
    run: int
    _turn: int = 0
    _tried: int = 0
    _puzzled: int = 0
    _is_solved: bool = False
    _is_closing: bool = False
    _has_left: bool = False
    _then: int = 0
    _heard: str = ""
    _asked: Sequence[str] = ()
    _times: Counter[str] = field(default_factory=Counter)
    """How often it has said each."""
    _given: set[str] = field(default_factory=set)
    _evaded: set[str] = field(default_factory=set)
    _replied: set[int] = field(default_factory=set)
    _correcting: str = ""
    """What it has put right, until that is read back anew."""
    _put_right: set[str] = field(default_factory=set)
    _places: set[Place] = field(default_factory=set)
    """That it has named."""
    _corrected: dict[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._language: Language = self.scenario.language

    def begin(self) -> Line:
        """Its first words."""
        told = self.scenario.caller
        self._given |= set(told.gives)
        return self._line(self._one_of(told.begins), gives=told.gives)

    @property
    def interrupts(self) -> bool:
        """Whether it speaks into the answer to what it has just said."""
        next_ = self._turn + 1
        return any(o.turn == next_ and o.interrupts for o in self.scenario.caller.interjections)

    def hear(self, said: str) -> Line | None:
        """What it says to that; None: it hangs up."""
        self._turn += 1
        told = self.scenario.caller
        # Whoever was silent and hears nothing goes on with what they heard last.
        said = self._heard = said if said.strip() else self._heard
        for interjection in told.interjections:
            if interjection.turn == self._turn:
                return self._interject(interjection)
        for number, reply in enumerate(told.replies):
            is_new = number not in self._replied or not reply.once
            if is_new and _any_in(reply.asked, said):
                self._replied.add(number)
                return self._line(self._one_of(reply.says), evades=bool(slots_asked(said)))
        if asked := slots_asked(said):
            return self._answer(asked)
        if reads_back(said) and (wrong := next(self._misread(said), None)):
            self._put_right.add(wrong)
            self._correcting = wrong
            return self._put_it_right(wrong)
        slot, self._correcting = self._correcting, ""
        if slot and questions(said) and not reads_back(said):
            return self._put_it_right(slot, again=2)
        if self._asked and (value := asked_back(said)) and not self._is_told(self._asked[0], value):
            return self._put_it_right(self._asked[0])
        return self._react(said)

    def _is_told(self, slot: str, value: str) -> bool:
        """Whether it said that of a slot, or what is expected of it."""
        expected = self.scenario.expected.facts.get(slot, [])
        is_expected = bool(expected) and all(_any_in(_as_said(one), value) for one in expected)
        return is_expected or any(value in wording for wording in self._wordings(slot))

    def _misread(self, said: str) -> Iterator[str]:
        """The slots that are read back otherwise than it told them, or not at all."""
        said = _with_values(said)
        for slot, patterns in self.scenario.expected.facts.items():
            is_told = slot in self._given and self._wordings(slot) and slot not in self._put_right
            is_right = all(_any_in(_as_said(one), said) for one in patterns)
            if slot == "regions":
                is_right |= bool(self._places & set(load_places().find(said)))
            if is_told and not is_right:
                yield slot

    def _put_it_right(self, slot: str, again: int = 1) -> Line:
        """In other words than before: it was not understood."""
        wordings = self._wordings(slot)
        told = wordings[(self.run + again) % len(wordings)]
        return self._line(self._phrase("no").format(told=told), gives=[slot])

    def _interject(self, one: Interjection) -> Line:
        self._corrected |= one.corrects
        self._given |= set(one.gives) | set(one.corrects)
        text = self._one_of(one.says)
        gives = [*one.gives, *one.corrects]
        return self._line(text, gives=gives, evades=True)

    def _answer(self, asked: Sequence[str]) -> Line:
        told = self.scenario.caller
        slots = [slot for slot in asked if self._wordings(slot)]
        if not slots and set(asked) & set(told.gives):
            return self._line(self._one_of(told.begins), gives=told.gives)
        if not slots:
            occasion = "refuses" if set(asked) & set(told.refuses) else "unknown"
            return self._line(self._phrase(occasion), refuses=asked)
        evades = False
        if told.order == "another" and not set(slots) & self._evaded:
            self._evaded |= set(slots)
            if others := self._left(slots):
                slots, evades = others[:1], True
        elif told.order == "together":
            slots += self._left(slots)[:_TOGETHER]
        self._given |= set(slots)
        self._asked = slots
        texts = [self._told(slot) for slot in slots]
        refuses = [slot for slot in asked if not self._wordings(slot)]
        return self._line(self._in_a_breath(texts), gives=slots, refuses=refuses, evades=evades)

    def _told(self, slot: str) -> str:
        """What it says of a slot; in other words where it is asked again."""
        wordings, again = self._wordings(slot), self._times[slot]
        self._times[slot] += 1
        return wordings[(self.run + again) % len(wordings)]

    def _in_a_breath(self, texts: Sequence[str]) -> str:
        """One after the other, with what stands between two sentences where they end in nothing."""
        comma, space = ("，", "") if self._language == "zh" else (",", " ")
        *before, last = texts
        return (
            "".join(f"{text}{'' if text[-1] in _ENDS else comma}{space}" for text in before) + last
        )

    def _left(self, but: Sequence[str]) -> list[str]:
        return [s for s in self.scenario.caller.slots if s not in self._given and s not in but]

    def _react(self, said: str) -> Line | None:
        """To what asks about no slot."""
        told = self.scenario.caller
        if asks_for("rating", said):
            rating = told.rating
            phrase = self._phrase("rating") if rating else self._phrase("no_rating")
            return self._line(phrase.format(rating=rating))
        if self._is_closing:
            return self._take_leave(said)
        if asks_for("person", said):
            return self._line(self._phrase("person_yes" if told.wants_person else "person_no"))
        if asks_for("which", said):
            return self._line(self._phrase("first"))
        if told.helps and not self._is_solved and not asks_for("confirm", said):
            if questions(said) or _any_in(told.helps.said, said):
                return self._try(said)
        elif asks_for("helped", said) and not asks_for("confirm", said):
            return self._line(self._phrase("yes"))
        if asks_for("more", said):
            return self._next()
        if asks_for("confirm", said):
            return self._line(self._phrase("yes"))
        if questions(said) and self._puzzled < _PATIENCE:
            self._puzzled += 1
            return self._line(self._phrase("unknown"))
        return self._next()

    def _take_leave(self, said: str) -> Line | None:
        """It has said goodbye, and still says whether it was helped, once."""
        if self._has_left or not asks_for("helped", said):
            return None
        self._has_left = True
        helps = self.scenario.caller.helps
        is_open = helps is not None and not self._is_solved
        return self._line(self._phrase("not_helped" if is_open else "yes"))

    def _try(self, said: str) -> Line:
        """It does what it is told, and says whether that helped."""
        helps = self.scenario.caller.helps
        assert helps
        self._tried += 1
        self._is_solved = _any_in(helps.said, said) or self._tried == helps.step
        return self._line(self._phrase("helped" if self._is_solved else "not_helped"))

    def _next(self) -> Line:
        """What it wants besides; or that this was all."""
        then = self.scenario.caller.then
        if self._then < len(then):
            self._then += 1
            return self._line(self._one_of(then[self._then - 1]))
        last = max((one.turn for one in self.scenario.caller.interjections), default=0)
        if self._turn < last:
            return self._line(self._phrase("goes_on"))
        self._is_closing = True
        return self._line(self._phrase("closing"))

    def _wordings(self, slot: str) -> Sequence[str]:
        """In the language that it speaks now, where it has some."""
        told = self._corrected.get(slot) or self.scenario.caller.slots.get(slot) or ()
        return [one for one in told if language_of(one) == self._language] or told

    def _one_of(self, wordings: Sequence[str]) -> str:
        return wordings[self.run % len(wordings)]

    def _phrase(self, occasion: str) -> str:
        wordings = PHRASES[occasion][self._language]
        return wordings[(self.run + self._turn) % len(wordings)]

    def _line(
        self,
        text: str,
        *,
        gives: Sequence[str] = (),
        refuses: Sequence[str] = (),
        evades: bool = False,
    ) -> Line:
        if text.strip():
            self._places |= set(load_places().find(text))
            self._language = language_of(text) if len(text) > 12 else self._language
        return Line(text, self._language, frozenset(gives), frozenset(refuses), evades)


def _with_values(said: str) -> str:
    """What is said, and how what it names is kept: 中国 is china."""
    named = (
        value
        for field_ in _VALUES.values()
        for value, names in field_.items()
        if any(name.lower() in said.lower() for name in names.values())
    )
    return " ".join([said, *named])


def _as_said(pattern: str) -> Sequence[str]:
    """A pattern of what is kept, and of how that is said where it is a day or a month."""
    if _ISO_MONTH.fullmatch(pattern):
        number = int(pattern[-2:])
        return [pattern, rf"(?<!\d){number}月", calendar.month_name[number]]
    if not _ISO_DAY.fullmatch(pattern):
        return [pattern]
    day = date.fromisoformat(pattern)
    month = calendar.month_name[day.month]
    return [
        pattern,
        rf"(?<!\d){day.month}月{day.day}[日号]",
        rf"\b{month} {day.day}(?!\d)",
        rf"\b{day.day}(?:st|nd|rd|th)?(?: of)? {month}",
    ]


def _any_in(patterns: Sequence[str], text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
