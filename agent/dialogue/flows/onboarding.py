"""Onboarding: what a customer says of their product, turn by turn, in; a consultant's questions,
the profile read back, and advice out.

One question at a time, never for what is known or was just said. What the customer does not know or
does not want to say stays open. The profile is read back in one sentence and can be corrected; what
is confirmed is wanted as facts of the account. No model is needed for any of it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from agent.dialogue.contract import NoteMatter, Want
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.advice import Advice, advise
from agent.dialogue.flows.profile import Profile, in_short, recorded_profile
from agent.dialogue.slots import amounts
from agent.dialogue.slots.guessing import guess
from agent.dialogue.slots.reader import (
    Filling,
    Reading,
    asks,
    begins_with_users,
    is_opening,
    made,
    names_users,
    no_apart,
    read,
    told_of,
)
from agent.dialogue.slots.words import OWN, SLOTS, Slot, load_slot_words
from agent.dialogue.wishes import Wish
from agent.prompts import OnboardingPhrases, load_onboarding
from agent.service.accounts.store import Known
from common.errors import InputError, ServiceError
from common.languages import HAN_CHARACTER, Language
from common.shorten import shortened
from knowledge.client import KnowledgeClient

log = logging.getLogger(__name__)

#: Characters of a customer's words that a matter is noted with.
_LONGEST_WORDS: Final = 200
#: A text of so few Latin words may be names alone: "iOS, Android".
_NAMES_ALONE: Final = 3
#: Characters of what may be an answer though nothing of it was understood.
_SHORT_ANSWER: Final = 20
#: What is corrected by its value alone: "no, in May", 不是五千，是五万.
_BARE: Final[tuple[Slot, ...]] = ("launch_date", "scale")


@dataclass(frozen=True)
class OnboardingState:
    """Where onboarding stands."""

    language: Language
    profile: Profile
    stage: Literal["asking", "confirming"] = "asking"
    asked: Slot | None = None
    """The question that is open; while the profile is confirmed, what is to be changed in it."""
    wordings: Mapping[Slot, int] = field(default_factory=dict)
    """How many wordings of a question have been used."""
    turns: int = 0
    unclear: int = 0
    """How often it has not been clear whether the profile is right."""
    advised: bool = False
    """The advice was wanted before the profile was whole, and has been given."""
    is_guest: bool = False
    """Nobody's account keeps what they say."""
    words: str = ""
    """What the customer came with."""
    subject: str = ""
    """Of the advice that has been given."""
    guessed: Filling | None = None
    """What the answer to the open question may have been, asked back."""
    flow: Literal["onboarding"] = "onboarding"


class Onboarding:
    """The flow, for one call; where it stands is the caller's to keep."""

    def __init__(self, knowledge: KnowledgeClient) -> None:
        """Raises SetupError when the words of slots cannot be used."""
        load_slot_words()  # takes 0.2 s, which no customer waits for
        self._knowledge = knowledge
        self._phrases = load_onboarding()

    async def begin(self, known: Known | None, said: Said) -> Step[OnboardingState]:
        """The first question, of what neither the records nor the customer have said."""
        profile = recorded_profile(known).take_in(read(said.text, said.at.date()), corrects=True)
        if "scenario" in profile.open_slots:
            found = await self._looked_up(said) or _as_if_asked(said)
            profile = profile.take_in(found, corrects=True)
        words = shortened(said.text, _LONGEST_WORDS)
        state = OnboardingState(said.language, profile, is_guest=known is None, words=words)
        lead = [self._phrases[said.language].begin] if profile.open_slots else []
        step = self._next(state, lead)
        return replace(step, wants=(NoteMatter("onboarding", "", "open", words=words),))

    async def step(self, state: OnboardingState, said: Said) -> Step[OnboardingState]:
        """The answer to what the customer says to the open question."""
        state = replace(state, language=_language(state, said), turns=state.turns + 1)
        reading = _read(state, said)
        state, reading = _with_guess(state, reading)
        if state.stage == "confirming":
            return await self._confirm(state, reading, said)
        if state.asked == "scenario" and reading.reply is None and _is_nothing(reading):
            reading = await self._looked_up(said) or self._in_own_words(state, said) or reading
        if reading.reply == "enough":
            profile = state.profile.take_in(reading, corrects=reading.corrects)
            return await self._advise_early(replace(state, profile=profile), said)
        return self._asked_back(state, reading, said) or self._take_in(state, reading)

    def is_opening(self, said: Said, *, is_trouble: bool = False) -> bool:
        """Whether they tell what they make and ask how to begin, and of no trouble with it.

        ``is_trouble``: it sounds like one, as a product alone may: "squad voice".
        """
        return is_opening(said.text, said.at.date(), is_trouble=is_trouble)

    def is_plain_answer(
        self, state: OnboardingState, said: Said, wish: Wish, *, is_sure: bool
    ) -> bool:
        """Whether it answers what was asked, though it sounds like an emergency or a wish for a
        person.

        ``is_sure``: surely so; then where it names nobody but users. Else where a value of a list
        is given, which own words might not be, or it is to be asked in another language; and what
        bothers users, asked for, sounds like an emergency: "right now the vet can't see it";
        who they are, like a wish for a person: "people with pets".
        """
        if state.asked == "users" and names_users(said.text):
            return True
        if is_sure:
            return False
        if state.asked == "pain" and wish == "emergency":
            return True
        if state.asked == "users" and wish == "person" and begins_with_users(said.text):
            return True
        reading = read(said.text, said.at.date(), state.asked)
        return reading.reply == "repeat" or bool(reading.given.keys() - set(OWN))

    def is_answer(self, state: OnboardingState, said: Said, *, is_trouble: bool) -> bool:
        """Whether anything of it answers the open question, or says something of the product.

        ``is_trouble``: it sounds like one; then only as the answer to the open question.
        """
        reading = read(said.text, said.at.date(), state.asked)
        if is_trouble and state.asked not in reading.given:
            return False
        if reading.given or reading.denied or reading.left_open or reading.reply:
            return True
        may_be_one = len(said.text) <= _SHORT_ANSWER and not is_trouble and not asks(said.text)
        return may_be_one and self._guess(state, said) is not None

    def resume(self, state: OnboardingState, language: Language) -> Step[OnboardingState]:
        """What brings the customer back to the open question, after something in between."""
        state = replace(state, language=language)
        back = self._phrases[language].back
        if state.stage == "confirming" and not state.asked:
            return self._read_back(state, [back])
        return self._again(state, [back])

    # Asking

    async def _looked_up(self, said: Said) -> Reading | None:
        """The scenario that the knowledge base finds in words that no list has."""
        try:
            found = await self._knowledge.search(said.text, said.language)
        except (InputError, ServiceError) as error:
            log.warning("%s", error)
            return None
        words = load_slot_words()
        if not found.supported or found.passages[0].score < words.sure:
            return None
        _, _, entry = found.passages[0].entry_id.partition("/")
        for value, meaning in words.values["scenario"].items():
            if meaning.entry == entry and meaning.launch != entry:
                return Reading({"scenario": Filling((value,))})
        return None

    def _in_own_words(self, state: OnboardingState, said: Said) -> Reading | None:
        """What they make as they put it, once it has been asked in all its wordings."""
        own = made(said.text) if self._is_worded_out(state, "scenario") else ""
        return Reading({"scenario": Filling((own,))}) if own else None

    def _asked_back(
        self, state: OnboardingState, reading: Reading, said: Said
    ) -> Step[OnboardingState] | None:
        """Whether they said what it sounds like, where the answer was not understood the first
        time; None where it was, or sounds like nothing."""
        if reading.reply or not _is_nothing(reading):
            return None
        guessed, asked = self._guess(state, said), state.asked
        if guessed is None or asked is None:
            return None
        phrases = self._phrases[state.language]
        value = in_short(asked, guessed, phrases, state.language)
        return Step((phrases.did_you_say.format(value=value),), replace(state, guessed=guessed))

    def _guess(self, state: OnboardingState, said: Said) -> Filling | None:
        """What an answer that was not understood sounds like; None the second time."""
        if state.asked is None or state.wordings.get(state.asked) != 1:
            return None
        value = guess(state.asked, said.text)
        return Filling((amounts.of_kind(value, ()),)) if value else None

    def _take_in(self, state: OnboardingState, reading: Reading) -> Step[OnboardingState]:
        """The next question, or the same in other words where it has no answer."""
        phrases, asked = self._phrases[state.language], state.asked
        only_yes = reading.reply == "yes" and _is_nothing(reading)
        if asked and (reading.reply == "explain" or only_yes):
            return self._again(state, [phrases.explain[asked]])
        if reading.reply == "repeat":
            return self._again(state, [])
        if reading.reply == "skip" and asked:
            profile = state.profile.leave_open(asked)
            return self._next(replace(state, profile=profile), [phrases.left_open])
        before = state.profile
        profile = before.take_in(reading, corrects=reading.corrects)
        state = replace(state, profile=profile)
        if asked in reading.left_open and not reading.given:
            return self._next(state, [phrases.left_open])
        if profile != before:
            return self._next(state, [self._acknowledgement(state)])
        if asked and self._is_worded_out(state, asked):
            left = replace(state, profile=profile.leave_open(asked))
            return self._next(left, [phrases.left_open])
        return self._next(state, [phrases.not_understood])

    def _next(self, state: OnboardingState, lead: Sequence[str]) -> Step[OnboardingState]:
        """The first open question; the profile where none is."""
        profile = state.profile
        for slot in profile.open_slots:
            if self._is_worded_out(state, slot):
                profile = profile.leave_open(slot)
                continue
            return self._ask(replace(state, profile=profile), slot, lead)
        return self._read_back(replace(state, profile=profile, asked=None), lead)

    def _ask(
        self, state: OnboardingState, slot: Slot, lead: Sequence[str]
    ) -> Step[OnboardingState]:
        """A question, in the wording that comes next."""
        used = state.wordings.get(slot, 0)
        question = self._phrases[state.language].questions[slot][used]
        wordings = {**state.wordings, slot: used + 1}
        return Step((*lead, question), replace(state, asked=slot, wordings=wordings))

    def _again(self, state: OnboardingState, lead: Sequence[str]) -> Step[OnboardingState]:
        """The open question in other words; what it means, where there are no others."""
        phrases, asked = self._phrases[state.language], state.asked
        if asked is None:
            return self._read_back(state, lead)
        if state.stage == "confirming":
            return Step((*lead, _ask_slot(phrases, asked)), state)
        if not self._is_worded_out(state, asked):
            return self._ask(state, asked, lead)
        explained = phrases.explain[asked]
        return Step(lead if explained in lead else (*lead, explained), state)

    def _is_worded_out(self, state: OnboardingState, slot: Slot) -> bool:
        return state.wordings.get(slot, 0) >= len(self._phrases[state.language].questions[slot])

    def _acknowledgement(self, state: OnboardingState) -> str:
        phrases = self._phrases[state.language].acknowledgements
        return phrases[state.turns % len(phrases)]

    # Reading back

    def _read_back(
        self, state: OnboardingState, lead: Sequence[str], *, corrected: bool = False
    ) -> Step[OnboardingState]:
        """The profile in a sentence, and whether it is right."""
        phrases = self._phrases[state.language]
        profile = state.profile.in_words(phrases, state.language)
        wording = phrases.corrected if corrected else phrases.profile
        state = replace(state, stage="confirming", asked=None)
        return Step((*lead, wording.format(profile=profile)), state)

    async def _confirm(
        self, state: OnboardingState, reading: Reading, said: Said
    ) -> Step[OnboardingState]:
        """What is said to the profile: it is right, or what is to be changed, or neither."""
        phrases = self._phrases[state.language]
        changing = state.asked is not None or reading.reply == "no" or reading.corrects
        profile = state.profile.take_in(reading, corrects=changing)
        if profile != state.profile:
            state = replace(state, profile=profile, unclear=0)
            return self._read_back(state, [], corrected=True)
        match reading.reply:
            case "yes":
                return await self._finish(state, said, confirmed=True)
            case "skip" | "enough":
                return await self._finish(state, said, confirmed=False)
            case "explain" | "repeat":
                return self._again(state, [])
        wrong = next((slot for slot in SLOTS if slot in reading.concerned), None)
        if wrong and state.asked != wrong:
            return Step((_ask_slot(phrases, wrong),), replace(state, asked=wrong))
        if state.unclear:
            return await self._finish(state, said, confirmed=False)
        text = phrases.ask_change if reading.reply == "no" else phrases.ask_yes
        return Step((text,), replace(state, asked=None, unclear=1))

    # Advising

    async def _advise_early(self, state: OnboardingState, said: Said) -> Step[OnboardingState]:
        """The advice with what there is; then whether that is right, where there is something."""
        phrases = self._phrases[state.language]
        advice = await self._advice(state, said)
        if not state.profile.fillings:
            texts = (phrases.empty, *advice.texts)
            return Step(texts, None, _over(state, advice, []), advice.citations)
        state = replace(state, advised=True, subject=advice.subject)
        step = self._read_back(state, advice.texts)
        wants = (advice.checklist,) if advice.checklist else ()
        return replace(step, wants=wants, citations=advice.citations)

    async def _finish(
        self, state: OnboardingState, said: Said, *, confirmed: bool
    ) -> Step[OnboardingState]:
        phrases = self._phrases[state.language]
        keeps = confirmed and not state.is_guest
        facts = state.profile.facts(phrases, state.language) if keeps else []
        lead = phrases.kept if keeps else phrases.agreed if confirmed else phrases.not_kept
        advice = Advice((), subject=state.subject)
        if not state.advised:
            advice = await self._advice(state, said)
        texts = (lead, *advice.texts)
        return Step(texts, None, _over(state, advice, facts), advice.citations)

    async def _advice(self, state: OnboardingState, said: Said) -> Advice:
        phrases, language = self._phrases[state.language], state.language
        return await advise(self._knowledge, state.profile, phrases, language, said.at.date())


def _over(state: OnboardingState, advice: Advice, facts: Sequence[Want]) -> tuple[Want, ...]:
    """What is wanted where the flow is over."""
    checklist = [advice.checklist] if advice.checklist else []
    done: Literal["solved", "open"] = "solved" if advice.subject or advice.checklist else "open"
    matter = NoteMatter("onboarding", advice.subject, done, words=state.words)
    return (*facts, *checklist, matter)


def _read(state: OnboardingState, said: Said) -> Reading:
    """What is said, to the open question, or to correct a day or an amount without naming it."""
    today, text = said.at.date(), said.text
    reading = _as_told(state, read(text, today, state.asked))
    if state.stage == "confirming" and _denies_nothing(state, reading):
        text = no_apart(text)
        reading = _as_told(state, read(text, today, state.asked))
    corrects = state.stage == "confirming" and _is_nothing(reading)
    corrects = corrects and (reading.corrects or reading.reply == "no")
    for slot in _BARE:
        if corrects or slot in state.profile.fillings:
            bare = read(text, today, slot)
            if slot in bare.given and (corrects or slot in bare.denied):
                return bare
    return reading


def _as_if_asked(said: Said) -> Reading:
    """What they make, read as the answer to that question would be: asked for it, they could but
    say it again. Nothing where several may be meant."""
    reading = read(said.text, said.at.date(), "scenario")
    made_so = reading.given.get("scenario", Filling(()))
    return Reading({"scenario": made_so} if len(made_so.values) == 1 else {})


def _with_guess(state: OnboardingState, reading: Reading) -> tuple[OnboardingState, Reading]:
    """What they say to what was asked back: that it is so, or anything else, as it stands."""
    guessed, asked = state.guessed, state.asked
    if guessed and asked and reading.reply == "yes" and _is_nothing(reading):
        reading = Reading({asked: guessed})
    return replace(state, guessed=None), reading


def _denies_nothing(state: OnboardingState, reading: Reading) -> bool:
    """Whether nothing that it names as not so is there: "no" belongs to what was read back."""
    known = {value for slot in reading.denied for value in state.profile.values_of(slot)}
    denied = {value for values in reading.denied.values() for value in values}
    return not reading.given and not denied & known


#: One is often told where the other was asked.
_EACH_OTHER: Final[Mapping[Slot, Slot]] = {"users": "pain", "pain": "users"}


def _as_told(state: OnboardingState, reading: Reading) -> Reading:
    """With what bothers the users as that where the users were asked, and the other way round."""
    asked = state.asked
    other = _EACH_OTHER.get(asked) if asked else None
    if asked is None or other not in state.profile.open_slots or asked not in reading.given:
        return reading
    told = reading.given[asked]
    if other in reading.given or told_of(told.values[0]) != other:
        return reading
    rest = {slot: of for slot, of in reading.given.items() if slot != asked}
    return replace(reading, given={**rest, other: told})


def _is_nothing(reading: Reading) -> bool:
    """Whether nothing was said of the product."""
    return not (reading.given or reading.denied or reading.left_open)


def _ask_slot(phrases: OnboardingPhrases, slot: Slot) -> str:
    return phrases.ask_slot.format(slot=phrases.names[slot])


def _language(state: OnboardingState, said: Said) -> Language:
    """That of what is said; a few names in Latin letters are of either."""
    words = re.findall(r"[A-Za-z]+", said.text)
    names_alone = not HAN_CHARACTER.search(said.text) and len(words) <= _NAMES_ALONE
    return state.language if names_alone else said.language
