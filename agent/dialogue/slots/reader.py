"""The reader: what a customer says, and what they were asked, in; what it says of each slot out.

It reads clause by clause: a value may be named, named as not so ("no web"), or put in the place of
another ("not India, Indonesia"). What is kept in the customer's own words is what they answer to
that question, or a clause that gives it unasked ("our users are …").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from typing import Final, Literal

from agent.dialogue.matching import plain as plain_of
from agent.dialogue.matching import sound as sound_of
from agent.dialogue.slots.amounts import UNSAID, amounts_in, as_it_sounds, spelled_out
from agent.dialogue.slots.days import Day, day_in, undivided
from agent.dialogue.slots.words import OWN, Slot, SlotWords, as_read, bare, load_slot_words
from common.languages import HAN_CHARACTER
from common.shorten import shortened

#: What a customer says to a question instead of answering it, or to what was read back.
Reply = Literal["yes", "no", "explain", "repeat", "skip", "enough"]

#: The value of a launch that has been.
LIVE: Final = "live"

_CLAUSE: Final = re.compile(
    r"(?<!\d)[,.]|[,.](?!\d)|[!?;:，。！？；：…\n]+|(?: |^)(?=but )|(?=但是|不过|而是|就是|然后)"
)
_DOTTED: Final = re.compile(r"\bU\.S\.(?:A\.)?")
_ASKING_END: Final = re.compile("[?？]")
#: As `FIELDS` of accounts has it.
_LONGEST_TEXT: Final = 200
_MARKS: Final = " ,，.。;；:：、"
#: Characters of what somebody says only to ask back, or to be done with it.
_LONGEST_REPLY: Final = 60
#: Who tells so much of a product as they come wants to begin.
_WHOLE_PRODUCT: Final = 3
#: How alike a Latin word and a value's must be where a letter is wrong.
_ALIKE: Final = 0.84
#: Beside `OWN` these, too, are kept in words that no list has: a region, where it is a place.
_IN_WORDS: Final[tuple[Slot, ...]] = (
    "regions",
    "platforms",
    "business_model",
    "compliance",
)
#: Characters of an answer in which whom it is about is named.
_AT_THE_BEGINNING: Final = 20


@dataclass(frozen=True)
class Filling:
    """What is said of a slot."""

    values: tuple[str, ...]
    """Names of `prompts/slots.toml` or the vocabulary; amounts as in amounts.py; an ISO day, or
    `LIVE`; else the customer's own words. Empty: that there is nothing."""
    about: bool = False
    """A day that is the first of several that may be meant."""


@dataclass(frozen=True)
class Reading:
    """What a customer says of their product."""

    given: Mapping[Slot, Filling] = field(default_factory=dict)
    denied: Mapping[Slot, frozenset[str]] = field(default_factory=dict)
    """Values that are named as not so."""
    left_open: frozenset[Slot] = frozenset()
    """They do not know, or will not say."""
    concerned: frozenset[Slot] = frozenset()
    """Slots that are spoken of by their names: "the launch date is wrong"."""
    corrects: bool = False
    adds: bool = False
    reply: Reply | None = None


@dataclass(frozen=True)
class _Clause:
    said: str
    plain: str
    asks: bool
    """It is a question: its values are no statements."""
    ends_question: bool


@dataclass(frozen=True)
class _Mention:
    slot: Slot
    value: str
    start: int
    end: int


@dataclass
class _Found:
    """What has been read so far."""

    given: dict[Slot, dict[str, None]] = field(default_factory=dict)
    denied: dict[Slot, set[str]] = field(default_factory=dict)
    retold: dict[Slot, set[str]] = field(default_factory=dict)
    """What they say that they said before."""
    about: bool = False
    taken: set[int] = field(default_factory=set)
    """Clauses that are no own words: they say something else."""
    placed: set[int] = field(default_factory=set)
    """Clauses that say what or where the product is, as own words may: students in Jakarta."""

    def give(self, slot: Slot, *values: str) -> None:
        self.given.setdefault(slot, {}).update(dict.fromkeys(values))

    def deny(self, slot: Slot, *values: str) -> None:
        self.denied.setdefault(slot, set()).update(values)

    def settle(self) -> None:
        """What was said before is not so where something else is said beside it: "I said two
        thousand, it's more like twelve hundred"."""
        for slot, values in self.retold.items():
            settle = self.deny if self.given.get(slot, {}).keys() - values else self.give
            settle(slot, *values)


def read(text: str, today: date, asked: Slot | None = None) -> Reading:
    """What ``text`` says; ``asked``: the slot that the customer was asked for, if any."""
    words = load_slot_words()
    clauses = list(_clauses(text, words))
    reply = _reply(text, words)
    language = words.replies["language"]
    if remarks := [at for at, clause in enumerate(clauses) if language.search(clause.plain)]:
        # What leads up to it belongs to it: "sorry, Tom takes over, can we go on in English?"
        behind = clauses[remarks[-1] + 1 :]
        clauses = [one for one in behind if not words.replies["easier"].search(one.plain)]
        reply = None if clauses else "repeat"
    if reply in ("explain", "repeat", "skip"):
        return Reading(reply=reply)
    concerned, left_open = _of_slots(clauses, asked, words)
    found = _Found()
    _take_values(found, clauses, asked, concerned, today, words)
    for slot, value, at in _own_unasked(clauses, words, opens=asked is None):
        found.give(slot, value)
        found.taken.add(at)
    if asked and asked not in found.given and asked not in left_open and reply != "enough":
        answer = _answer(found, clauses, asked, text, words)
        if answer is not None:
            found.given[asked] = dict.fromkeys(answer)
        elif words.alone["none"].fullmatch(bare(plain_of(text))) and asked in _MAY_BE_OPEN:
            left_open |= {asked}
    return Reading(
        given={
            slot: Filling(_of_kinds(values), about=found.about and slot == "launch_date")
            for slot, values in found.given.items()
        },
        denied={
            slot: frozenset(values)
            for slot, of in found.denied.items()
            if (values := of - found.given.get(slot, {}).keys())
        },
        left_open=frozenset(slot for slot in left_open if slot not in found.given),
        concerned=concerned,
        corrects=_says(clauses, words.replies["corrects"]),
        adds=_says(clauses, words.replies["adds"]),
        reply=reply,
    )


#: Replies that the whole text is, that stand somewhere in a short one, and that it begins with.
_ALONE: Final[tuple[Reply, ...]] = ("skip", "enough", "yes", "no")
_WITHIN: Final[tuple[Reply, ...]] = ("repeat", "enough", "explain")
_FIRST: Final[tuple[Reply, ...]] = ("no", "yes")
#: "None" says of these that nobody knows yet; of others it is no answer.
_MAY_BE_OPEN: Final[frozenset[Slot]] = frozenset({"pain", "scale", "business_model", "launch_date"})


def _clauses(text: str, words: SlotWords) -> Iterator[_Clause]:
    """The clauses of a text, as said and as read."""
    text = _parted(undivided(_DOTTED.sub("US", text.replace("’", "'"))), words)
    start = 0
    for end in [*(mark.span() for mark in _CLAUSE.finditer(text)), (len(text), len(text))]:
        said = text[start : end[0]].strip()
        mark = text[end[0] : end[1]]
        start = end[1]
        if said:
            plain = spelled_out(as_read(said))
            asks = bool(words.replies["questions"].search(plain))
            yield _Clause(said, plain, asks, bool(_ASKING_END.search(mark)))


def _parted(text: str, words: SlotWords) -> str:
    """With a mark between what they say they make and how to begin, where none was heard:
    做在线K歌怎么接, 坐 heard for 做, too."""
    asks = words.begin_last.search(text)
    if asks is None or not words.makes_sounds.match(sound_of(plain_of(text[: asks.start()]))):
        return text
    return f"{text[: asks.start()]}，{text[asks.start() :]}"


def _says(clauses: Sequence[_Clause], pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(clause.plain) for clause in clauses)


def _reply(text: str, words: SlotWords) -> Reply | None:
    plain = plain_of(text)
    alone = bare(plain)
    if not alone:
        return None
    first = bare(next(iter(_CLAUSE.split(plain)), ""))
    if words.alone["enough_alone"].fullmatch(first):
        return "enough"
    for name in _ALONE:
        if words.alone[name].fullmatch(alone):
            return name
    if len(text) <= _LONGEST_REPLY:
        for name in _WITHIN:
            if words.replies[name].search(plain):
                return name
    for name in _FIRST:
        if words.alone[name].fullmatch(first):
            return name
    return None


# What is named by words, as it sounds, and in figures


def _take_values(
    found: _Found,
    clauses: Sequence[_Clause],
    asked: Slot | None,
    concerned: frozenset[Slot],
    today: date,
    words: SlotWords,
) -> None:
    """The day of the launch, and what is named by words and in figures, clause by clause."""
    spoken_of = concerned | ({asked} if asked else set())
    is_launch = "launch_date" in spoken_of or _is_of_launch(clauses, words)
    for at, clause in enumerate(clauses):
        plain = clause.plain
        # To the question of how many, 2000 is no year.
        is_amount = asked == "scale" and plain.isdigit()
        told = None if clause.asks or is_amount else day_in(plain, today)
        day = _planned(told, plain, today, words)
        if day and (is_launch or _is_bare(day, plain, words)):
            plain = _take_day(found, day, plain, today, words)
            found.taken.add(at)
        elif not clause.asks and words.live.search(plain):
            found.give("launch_date", LIVE)
            found.taken.add(at)
        rest = plain
        # Beside a day a number alone is none: 2020二替年2月14日 is a year, misheard.
        asks_scale = "scale" in spoken_of and day is None
        for mention in _mentions(plain, clause, asked, words, asks_scale=asks_scale):
            blank = "|" * (mention.end - mention.start)
            rest = f"{rest[: mention.start]}{blank}{rest[mention.end :]}"
            named = [mention.value]
            if mention.slot == "regions":
                named += _name_of_place(mention, plain, clause, words)
            if _is_denied(mention, plain, words):
                found.deny(mention.slot, *named)
            elif words.replies["said_before"].search(plain):
                found.retold.setdefault(mention.slot, set()).update(named)
            else:
                found.give(mention.slot, *named)
            is_place = mention.slot in ("scenario", "regions")
            (found.placed if is_place else found.taken).add(at)
        if at in found.placed and not bare(words.small.sub(" ", rest)):
            found.taken.add(at)
    found.settle()


def _planned(day: Day | None, plain: str, today: date, words: SlotWords) -> Day | None:
    """A day that is ahead, as what is planned is: of a year that was over long ago, heard for 2027
    as 2007 is, the next such day. Who has launched already names no plan."""
    if day is None or day.day.year >= today.year or words.live.search(plain):
        return day
    years = (today.year, today.year + 1)
    with suppress(ValueError):  # the 29th of February
        ahead = (day.day.replace(year=year) for year in years)
        return replace(day, day=next(one for one in ahead if one >= today))
    return day


def _is_of_launch(clauses: Sequence[_Clause], words: SlotWords) -> bool:
    """Whether a launch is spoken of, as it is written or as it sounds: 上县 is 上线."""
    return _says(clauses, words.launch) or any(
        words.launch_sounds.search(sound_of(clause.plain)) for clause in clauses
    )


def _take_day(found: _Found, day: Day, plain: str, today: date, words: SlotWords) -> str:
    """The clause without the day, whose numbers are no amounts, and any that it is not."""
    rest = f"{plain[: day.start]} | {plain[day.end :]}"
    if not _is_other_day(day, plain, words):
        found.given["launch_date"] = {day.day.isoformat(): None}
        found.about = day.about
        return rest
    found.deny("launch_date", day.day.isoformat())
    another = day_in(rest, today)
    return _take_day(found, another, rest, today, words) if another else rest


def _is_other_day(day: Day, plain: str, words: SlotWords) -> bool:
    """Whether a day is named as the one that it is not."""
    said = list(words.replies["not_before"].finditer(plain[: day.start]))
    return bool(said) and not bare(words.beside.sub(" ", plain[said[-1].end() : day.start]))


def _is_bare(day: Day, plain: str, words: SlotWords) -> bool:
    """Whether a clause says nothing but a day: in onboarding that is the day of the launch."""
    beside = f"{plain[: day.start]} {plain[day.end :]}"
    return not day.about and not bare(words.beside.sub(" ", beside))


def _name_of_place(mention: _Mention, plain: str, clause: _Clause, words: SlotWords) -> list[str]:
    """What a place in a region is called, where it is one and no value by itself."""
    meaning = words.values["regions"][mention.value]
    called = plain[mention.start : mention.end]
    names = {as_read(name) for name in meaning.names.values()}
    if meaning.of != mention.value or called in names or words.unnamed.fullmatch(called):
        return []
    said = re.search(re.escape(called), clause.said, re.IGNORECASE)
    return [said[0]] if said and meaning.places.fullmatch(called) else []


def _of_kinds(values: Iterable[str]) -> tuple[str, ...]:
    """Values; of amounts those that say what they count, where one does."""
    unsaid = [value for value in values if value.startswith(f"{UNSAID}:")]
    said = tuple(value for value in values if value not in unsaid)
    return said or tuple(unsaid)


def _mentions(
    plain: str, clause: _Clause, asked: Slot | None, words: SlotWords, *, asks_scale: bool
) -> Iterator[_Mention]:
    """``asks_scale``: a number alone is an amount."""
    for slot in words.values:
        is_asked = slot == asked
        if clause.asks or (clause.ends_question and not is_asked):
            continue
        found = _longest(slot, _written(slot, plain, words, is_asked=is_asked), words)
        yield from found
        yield from _sounding(slot, plain, words, found, is_asked=is_asked)
    if not clause.asks and (asks_scale or not clause.ends_question):
        amounts = amounts_in(plain, asked=asks_scale)
        if not amounts and asks_scale:
            amounts = amounts_in(as_it_sounds(plain), asked=True)
        for amount in amounts:
            yield _Mention("scale", amount.value, amount.start, amount.end)


def _written(slot: Slot, plain: str, words: SlotWords, *, is_asked: bool) -> Iterator[_Mention]:
    for value, meaning in words.values[slot].items():
        patterns = (*meaning.written, meaning.asked) if is_asked else meaning.written
        for pattern in patterns:
            for found in pattern.finditer(plain):
                yield _Mention(slot, value, *found.span())


def _longest(slot: Slot, mentions: Iterator[_Mention], words: SlotWords) -> list[_Mention]:
    """Those that lie in no longer one: South Africa is not Africa; of a kind, not what it is of."""
    every = list(dict.fromkeys(mentions))
    of = {value: meaning.of for value, meaning in words.values[slot].items()}

    def is_less(one: _Mention, other: _Mention) -> bool:
        if one.value == other.value or not (other.start <= one.start and one.end <= other.end):
            return False
        is_longer = other.end - other.start > one.end - one.start
        return is_longer or one.value == of[one.value] == of[other.value]

    kept = [one for one in every if not any(is_less(one, other) for other in every)]
    return sorted(kept, key=lambda mention: mention.start)


def _sounding(
    slot: Slot, plain: str, words: SlotWords, written: Sequence[_Mention], *, is_asked: bool
) -> Iterator[_Mention]:
    """What is heard or typed a little wrong, beside what is written; a sound has no place."""
    for mention in written:
        plain = plain[: mention.start] + "|" * (mention.end - mention.start) + plain[mention.end :]
    sound = sound_of(plain)
    found = [
        _Mention(slot, value, len(plain), len(plain))
        for value, meaning in words.values[slot].items()
        if (meaning.sounds_asked if is_asked else meaning.sounds).search(sound)
    ]
    yield from found
    if is_asked and not (found or written):
        known = {word: value for value, of in words.values[slot].items() for word in of.latin}
        for said in re.finditer("[a-z]{5,}", plain):
            for alike in get_close_matches(said[0], known, n=1, cutoff=_ALIKE):
                yield _Mention(slot, known[alike], *said.span())


def _is_denied(mention: _Mention, plain: str, words: SlotWords) -> bool:
    """Whether a value is named as one that is not so."""
    before = plain[: mention.start]
    if said := list(words.replies["not_before"].finditer(before)):
        between = before[said[-1].end() :]
        return not words.replies["contrast"].search(between)
    behind = words.replies["not_behind"].match(plain[mention.end :].lstrip(" 的上端也"))
    return behind is not None


# What is kept in own words


def _own_unasked(
    clauses: Sequence[_Clause], words: SlotWords, *, opens: bool
) -> Iterator[tuple[Slot, str, int]]:
    """``opens``: nothing was asked, so that whom a product is for is said in passing."""
    for at, clause in enumerate(clauses):
        if clause.asks or clause.ends_question:
            continue
        of_slots: list[tuple[Slot, re.Pattern[str]]] = [(slot, words.own[slot]) for slot in OWN]
        of_slots.append(("users", words.users))
        if opens:
            of_slots.append(("users", words.served))
            if (own := _trimmed(clause.said, words)) and _is_whom(own, words):
                yield "users", own, at
                continue
        for slot, pattern in of_slots:
            if found := pattern.search(plain_of(clause.said)):
                kept = next(group for group in found.groups() if group is not None)
                start = found.start() + found[0].rfind(kept)
                text = _trimmed(clause.said[start : start + len(kept)], words)
                if slot == "users" and _is_platform(kept, words):
                    continue
                if text and not words.replies["unknown"].search(kept):
                    yield slot, text, at
                    break


def _is_platform(kept: str, words: SlotWords) -> bool:
    """Whether "it is for …" tells where it runs, and not for whom."""
    named = any(_written("platforms", as_read(kept), words, is_asked=False))
    return named and words.people.search(kept) is None


def _answer(
    found: _Found, clauses: Sequence[_Clause], asked: Slot, text: str, words: SlotWords
) -> Sequence[str] | None:
    """The answer to the question that no value's words have given; None: it is none."""
    if asked == "compliance" and (found.denied.get(asked) or _is_none(text, words)):
        return ()
    is_of_another = bool(found.denied) and asked not in found.denied
    if asked not in (*OWN, *_IN_WORDS) or (is_of_another and asked in _IN_WORDS):
        return None
    # "Not India, Indonesia" is no answer to another question.
    others = found.taken | (found.placed if found.denied else set())
    if asked == "users":  # "B2B marketers" are users, whatever else it tells
        others -= {at for at in found.taken if _names_whom(clauses[at], words)}
    said = [
        kept
        for at, clause in enumerate(clauses)
        if at not in others and not (clause.asks and clause.ends_question)
        if not _is_of_another(clause, found, words)
        if (kept := _trimmed(clause.said, words))
    ]
    comma = "，" if HAN_CHARACTER.search(text) else ", "
    if asked == "pain" and not said:
        said = [own for clause in clauses if (own := _before_amount(clause, words))]
    if asked == "users" and "pain" not in found.given:
        # In one breath with who they are: what bothers them.
        pains = [one for one in said[1:] if told_of(one) == "pain"]
        if pains:
            found.give("pain", comma.join(pains))
            said = [one for one in said if one not in pains]
    joined = comma.join(said)
    if words.alone["none"].fullmatch(bare(plain_of(joined))):
        return None
    if asked == "regions" and not words.place.fullmatch(joined):
        return None
    if asked == "platforms" and told_of(joined):
        return None
    return (shortened(joined, _LONGEST_TEXT),) if _is_said(asked, joined) else None


def _is_said(asked: Slot, own: str) -> bool:
    """Whether own words say something: of what bothers people one character does."""
    least = 1 if asked == "pain" and HAN_CHARACTER.search(own) else 2
    return len(bare(own)) >= least


def _names_whom(clause: _Clause, words: SlotWords) -> bool:
    """Whether a clause that tells something else names people first."""
    people = words.people.search(clause.plain)
    return people is not None and not _has_amount(clause)


def _has_amount(clause: _Clause) -> bool:
    return bool(amounts_in(clause.plain, asked=False))


def _before_amount(clause: _Clause, words: SlotWords) -> str:
    """What bothers people in a clause that goes on with an amount, where no mark was heard: "the
    audio breaks up about 600 at the same time"."""
    read = plain_of(clause.said)
    start = min((amount.start for amount in amounts_in(read, asked=False)), default=0)
    about = list(words.beside.finditer(read, 0, start))
    if about and not read[about[-1].end() : start].strip():
        start = about[-1].start()
    own = _trimmed(clause.said[:start], words)
    return own if own and words.pained.search(plain_of(own)) else ""


def _is_of_another(clause: _Clause, found: _Found, words: SlotWords) -> bool:
    """Whether a clause leads up to what is said of another slot: "I gave you the wrong peak"."""
    if not (found.given or found.denied):
        return False
    topics = (words.topics[slot] for slot in found.given)
    if any(topic.search(clause.plain) for topic in topics):
        return True
    is_sorry = words.replies["corrects"].fullmatch(plain_of(_trimmed(clause.said, words)))
    return bool(is_sorry or words.replies["remark"].search(clause.plain))


def made(text: str) -> str:
    """What a customer says that they make, in their own words; empty where they say nothing."""
    words = load_slot_words()
    for clause in _clauses(text, words):
        if not clause.asks and (found := words.made.search(plain_of(clause.said))):
            start, end = found.span(found.lastindex or 0)
            return _trimmed(clause.said[start:end], words)
    return ""


def no_apart(text: str) -> str:
    """With a mark behind a "no" that it begins with, where none was heard: 不是2027年2月14日, or
    部队 was heard for 不对."""
    words = load_slot_words()
    if no := words.no_first.match(text):
        return f"{no[0]}，{text[no.end() :]}"
    if HAN_CHARACTER.match(text) and words.no_sounds.fullmatch(sound_of(plain_of(text[:2]))):
        return f"不对，{text[2:]}"
    return text


def asks(text: str) -> bool:
    """Whether somebody asks something in it."""
    return any(one.asks or one.ends_question for one in _clauses(text, load_slot_words()))


def is_opening(text: str, today: date, *, is_trouble: bool) -> bool:
    """Whether they come with a product and ask how to begin, or say nothing but what it is.

    ``is_trouble``: it sounds like one; then only where nothing but the product is named.
    """
    words = load_slot_words()
    reading = read(text, today)
    if "scenario" not in reading.given or words.pained.search(plain_of(text)):
        return False
    clauses = list(_clauses(text, words))
    begins, introduces = words.replies["begin"], words.replies["introduces"]
    if not any(_rest(clause, words) for clause in clauses):
        return True
    if is_trouble:
        return False
    if any(_is_begin(clause, words) for clause in clauses):
        return True
    others = [one for one in clauses if one.asks or one.ends_question]
    is_asked = _says(clauses, begins) or len(reading.given) >= _WHOLE_PRODUCT
    only_asks_that = all(begins.search(clause.plain) for clause in others)
    return is_asked and only_asks_that and _says(clauses, introduces)


def _is_begin(clause: _Clause, words: SlotWords) -> bool:
    """Whether a clause asks how to begin, and nothing else, as it is written or as it sounds."""
    is_written = words.alone["begin"].fullmatch(bare(clause.plain)) is not None
    return is_written or words.begin_sounds.fullmatch(sound_of(clause.plain)) is not None


def _is_whom(own: str, words: SlotWords) -> bool:
    """Whether own words name people, and where they are, and nothing else: "women in Brazil"."""
    rest, named = words.people.subn(" ", as_read(own))
    for meaning in words.values["regions"].values():
        for pattern in meaning.written:
            rest = pattern.sub(" ", rest)
    return bool(named) and not bare(words.small.sub(" ", rest))


def _rest(clause: _Clause, words: SlotWords) -> str:
    """What a clause says beside the product, where it is, and how to begin."""
    rest = words.replies["begin"].sub(" ", clause.plain)
    for slot in ("scenario", "regions"):
        for meaning in words.values[slot].values():
            for pattern in (*meaning.written, meaning.asked):
                rest = pattern.sub(" ", rest)
    return bare(words.small.sub(" ", rest))


def names_users(text: str) -> bool:
    """Whether a text names people who may use a product, and says nothing else: 年轻人."""
    words, plain = load_slot_words(), as_read(text)
    rest, named = words.people.subn(" ", plain)
    return bool(named) and not bare(words.small.sub(" ", rest))


def begins_with_users(text: str) -> bool:
    """Whether a text begins with people who may use a product: "people with pets"."""
    words = load_slot_words()
    return words.people.match(as_read(_trimmed(text, words))) is not None


def told_of(text: str) -> Slot | None:
    """What an answer in own words tells by its signs: who the users are, or what bothers them."""
    words, plain = load_slot_words(), plain_of(text)
    people, pained = words.people.search(plain), words.pained.search(plain)
    if pained and not people:
        return "pain"
    if people and not pained and people.start() <= _AT_THE_BEGINNING:
        return "users"
    return None


def _is_none(text: str, words: SlotWords) -> bool:
    """Whether nothing is wanted: the whole says so, or how it begins."""
    first = bare(plain_of(next(iter(_CLAUSE.split(text)), "")))
    pattern = words.alone["none"]
    found = words.replies["none"].match(plain_of(text).lstrip(" 我们"))
    return bool(pattern.fullmatch(first) or found)


def _trimmed(said: str, words: SlotWords) -> str:
    """Own words without what leads up to them."""
    kept = said.strip(_MARKS)
    if trail := words.trailing.search(kept):
        kept = kept[: trail.start()].strip(_MARKS)
    if lead := words.leading.match(kept):
        kept = kept[lead.end() :].strip(_MARKS)
    courteous = words.alone["yes"].fullmatch(bare(plain_of(kept)))
    return "" if courteous else shortened(kept, _LONGEST_TEXT)


# What is said of a slot as such


def _of_slots(
    clauses: Sequence[_Clause], asked: Slot | None, words: SlotWords
) -> tuple[frozenset[Slot], frozenset[Slot]]:
    """The slots that are named, and those that stay open."""
    concerned, left_open = set[Slot](), set[Slot]()
    for clause in clauses:
        named = {slot for slot, topic in words.topics.items() if topic.search(clause.plain)}
        concerned |= named
        plain = words.replies["known"].sub(" | ", clause.plain)
        if any(words.replies[name].search(plain) for name in ("unknown", "refused")):
            left_open |= named or ({asked} if asked else set())
    return frozenset(concerned), frozenset(left_open)
