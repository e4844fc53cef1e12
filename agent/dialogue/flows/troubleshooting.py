"""Troubleshooting: a trouble as the customer tells it, and what was found on it, in; what figures
say of it, one question or step at a time, and its end, out.

What is neither known nor said is asked, if it decides the way; which that is says
`prompts/troubleshooting.toml`. Where figures show the trouble they are said first, and the question
follows from them. Then the playbook of the entry is walked, until it is solved or a person takes
over.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from agent.dialogue.answering import space
from agent.dialogue.asked import Asked, Stretch, load_asking
from agent.dialogue.changes import Change, Changes
from agent.dialogue.contract import CallPerson, Citation, NoteMatter, Want
from agent.dialogue.flow import Said, Step
from agent.dialogue.flows.figures import FigureWords
from agent.dialogue.looking import Looking, Seen
from agent.dialogue.matching import any_of, plain, sound, sounds_of
from agent.dialogue.places import Place, load_places
from agent.dialogue.playbook import FindEntry, Stage, Walk, Walker
from agent.dialogue.replies import FILE, Reply, load_replies
from agent.dialogue.seen import codes_said
from agent.prompts import load_flow
from agent.service.database import Database
from agent.service.quality.onset import Onset
from agent.service.quality.targets import Metric, Targets
from agent.service.scope import Scope
from common.errors import SetupError
from common.languages import Language
from common.numbers.digits import with_digits
from common.shorten import beginning
from knowledge.contract import Retrieval, SourceEntry

Slot = Literal["what", "which", "reach", "where", "changed", "example"]

#: Characters of what a ticket says of each: the customer's words, what they answered, what was
#: tried.
_WORDS, _TOLD, _TRIED = 80, 40, 60
#: Mandarin of so many characters is told by its sound, too.
_SOUND: Final = 5
#: A shorter number is seldom a code.
_CODE_DIGITS: Final = 3
#: Characters of what may tell a trouble by a word of it, whatever else is said.
_LONGEST_TOLD: Final[Mapping[Language, int]] = {"zh": 120, "en": 400}
#: A number as codes are: 110, -1302, 0x01040408.
_CODE: Final = re.compile(r"0x[0-9a-f]+|-?\d{1,10}")
#: What names a user: letters and digits together.
_EXAMPLE: Final = re.compile(r"[a-z]*[-_ ]?\d[\w-]*")
_LETTERS: Final = re.compile(r"[a-z\u3400-\u9fff]")
#: An answer that says only which users has so many words, or characters.
_FEW: Final = 6
_WORDS_OR_CHARACTERS: Final = re.compile(r"[a-z']+|[\u3400-\u9fff]")
#: Words by which one title is told from another.
_TITLE_WORD: Final = re.compile(r"[a-z]{4,}|[\u3400-\u9fff]{2}")


@dataclass(frozen=True)
class Rival:
    """An entry that may be the one."""

    subject: str
    title: str
    score: float


@dataclass(frozen=True)
class Trouble:
    """Where troubleshooting stands."""

    words: str
    """The customer's own, at the beginning."""
    subject: str = ""
    """Stem of the entry; empty where none is found yet."""
    score: float = 1.0
    """How sure that entry is."""
    rivals: tuple[Rival, ...] = ()
    """Two that are close, until the customer has told them apart."""
    metric: Metric | None = None
    """The figure that shows it; None where none does."""
    stretch: Stretch | None = None
    place: Place | None = None
    reach: Literal["one", "many"] | None = None
    changed: bool | None = None
    """Whether the customer's side has changed something; None: not told."""
    change: Change | None = None
    """Of which kind that is; None: of none that is known."""
    told: tuple[str, ...] = ()
    """What was answered to questions."""
    codes: tuple[str, ...] = ()
    """Codes and ids that the customer has confirmed."""
    onset: Onset | None = None
    """When figures say that it began."""
    is_seen: bool = False
    """Whether figures of it were told."""
    is_normal: bool = False
    """Whether these were as they should be."""
    has_passed: bool = False
    """Whether the customer says that it is over for now."""
    asks: tuple[Slot, ...] = ()
    """What is to be asked, if it is not known."""
    asked: tuple[Slot, ...] = ()
    """What was asked: nothing is asked twice."""
    waits_for: Slot | None = None
    walk: Walk | None = None
    goes_on_to: str = ""
    """The entry that is walked next, where what was changed led to another first."""
    question: str = ""
    """What was said last, that waits for an answer."""
    language: Language = "zh"
    """Of the question."""
    flow: Literal["trouble"] = "trouble"

    @property
    def region(self) -> str:
        """As quality is reported; empty where none is known, or several are meant."""
        return self.place.regions[0] if self.place and len(self.place.regions) == 1 else ""


class Troubleshooting:
    """Takes a customer through a trouble, in both languages; a step of it changes nothing."""

    def __init__(self, database: Database, targets: Targets, find: FindEntry) -> None:
        """``find``: an entry of the knowledge base. Raises SetupError when a file is unusable."""
        self._looking = Looking(database, targets)
        self._figures = FigureWords(targets)
        self._walker = Walker(find)
        self._asking = load_asking()
        self._places = load_places()
        self._replies = load_replies()
        self._phrases = load_flow("troubleshooting")
        self._rules = _load_rules()

    def query(self, said: Said) -> str:
        """What to search for: with a place in it, what is said of the place would be found, and of
        classes where students complain; a code is written as entries have it."""
        text = " ".join([said.text, *self._codes(said)])
        rest = self._rules.words["reported"].sub(" ", self._places.without(text))
        return rest if re.search(r"\w", rest) else text

    def is_told(self, said: Said) -> bool:
        """Whether a trouble is told in words that leave no doubt: what goes wrong, with a complaint
        of it, or where, and that it is our fault; a code that is an error's; a symptom that has an
        entry of its own. A long tale has words of anything."""
        if len(said.text) > _LONGEST_TOLD[said.language]:
            return False
        asking = self._asking
        text, words = plain(said.text), self._rules.words
        is_symptom = self._rules.symptom(said.text) is not None
        if self._codes(said) or (is_symptom and not words["how_to"].search(text)):
            return True
        is_somewhere = bool(self._places.find(said.text))
        if asking.metric(said.text) is None:
            return is_somewhere and self._rules.blames(said.text)
        is_told_where = is_somewhere and not asking.asks(said.text)
        return is_told_where or words["complains"].search(text) is not None

    def may_tell(self, said: Said) -> bool:
        """Whether it may tell of a trouble by what it means: it is no tale, nor about how something
        is done."""
        is_short = len(said.text) <= _LONGEST_TOLD[said.language]
        return is_short and not self._rules.words["how_to"].search(plain(said.text))

    def is_about(self, found: Retrieval) -> bool:
        """Whether what was found is about what goes wrong."""
        return found.best is not None and found.best.topic in self._rules.complaints

    def _codes(self, said: Said) -> list[str]:
        """The numbers that are told as codes of errors."""
        if not self._rules.words["code"].search(plain(said.text)):
            return []
        return [code for code in codes_said(said.text) if len(code) >= _CODE_DIGITS]

    async def begin(
        self, said: Said, scope: Scope, found: Retrieval, earlier: Sequence[NoteMatter] = ()
    ) -> Step[Trouble]:
        """A trouble is told. ``found``: for the `query` of what was said; ``earlier``: of calls
        before, the latest last."""
        if recalled := self._recalled(said, earlier):
            return await self.again(recalled, said, scope, found)
        state = await self._choose(self._heard(Trouble(said.text), said), said, found)
        return _noted(None, await self._look(state, said, scope, []))

    async def again(
        self, recalled: NoteMatter, said: Said, scope: Scope, found: Retrieval
    ) -> Step[Trouble]:
        """The trouble of an earlier call goes on. ``found``: for what was said, now or then."""
        state = self._heard(Trouble(said.text), said)
        place = self._places.region(recalled.region) if recalled.region else None
        metric = state.metric or self._asking.metric(recalled.words)
        # The time is when they called, not when it was: it goes on.
        state = replace(state, metric=metric, place=state.place or place, stretch=None)
        state = replace(state, words=recalled.words or said.text)
        state = await self._choose(state, said, found)
        subject = recalled.subject or state.subject
        state = replace(state, subject=subject, rivals=(), score=1.0)
        first = self._phrases[said.language].filled["earlier"]
        return _noted(None, await self._look(state, said, scope, [first]))

    async def step(
        self, state: Trouble, said: Said, scope: Scope, found: Retrieval | None = None
    ) -> Step[Trouble]:
        """What follows from what is said then. ``found``: for its `query`, if it was searched."""
        if self._walker.is_over(said.text):
            return self._solved(state, said)
        if state.walk:
            stage = await self._walker.hear(state.walk, said)
            return await self._staged(state, stage, said, [])
        heard, reply = self._heard(state, said), self._replies.read(said.text)
        if reply == "wait" and heard == state:
            return Step([self._phrases[said.language].fixed["wait"]], state)
        now, texts = self._answered(state, heard, said, reply, found)
        if state.waits_for == "which":
            now = self._told_apart(now, said, found)
        elif state.waits_for == "what" and found:
            now = await self._choose(now, said, found)
        now = replace(now, waits_for=None)
        is_placed = state.is_seen and now.place != state.place
        if now.metric != state.metric or is_placed:
            return _noted(state, await self._look(now, said, scope, texts))
        return _noted(state, await self._go_on(now, said, texts))

    def is_answer(self, state: Trouble, said: Said) -> bool:
        """Whether it tells what is waited for: something of the trouble that was not known, or what
        was changed."""
        if state.waits_for is None:
            return False
        is_change = state.waits_for == "changed" and self._rules.changes.told(said.text) is not None
        return is_change or self._heard(state, said) != state

    def is_plain_answer(self, said: Said) -> bool:
        """Whether it says no more than which users, or gives an example: "all of them", "u-19"."""
        text = plain(said.text)
        if not _LETTERS.search(_EXAMPLE.sub("", text)):
            return True
        return len(_WORDS_OR_CHARACTERS.findall(text)) <= _FEW and any(
            self._rules.words[name].search(text) for name in ("one", "many")
        )

    def handed_over(self, state: Trouble) -> list[Want]:
        """That a person has it, who was asked for."""
        return [_note(state, "handed_over")] if state.subject and not state.rivals else []

    def resume(self, state: Trouble, language: Language) -> str:
        """Back to where it stands, after a question in between."""
        back = self._phrases[language].fixed["go_back"]
        if state.language != language:
            return back
        return f"{back}{space(language)}{state.question}"

    # --- what was said

    def _heard(self, state: Trouble, said: Said) -> Trouble:
        """What is said of the trouble beside anything that was asked."""
        text = plain(said.text)
        words = self._rules.words
        places = self._places.find(said.text)
        many, one = words["many"].search(text), words["one"].search(text)
        reach: Literal["one", "many"] | None = "one" if one else "many" if many else None
        has_passed = state.has_passed or words["passed"].search(text) is not None
        changed = True if words["changed"].search(text) else None
        if words["unchanged"].search(text):
            changed = False
        return replace(
            state,
            metric=state.metric or self._asking.metric(said.text),
            stretch=state.stretch or self._looked_at(said.text, has_passed=has_passed),
            has_passed=has_passed,
            place=state.place or (places[0] if places else None),
            reach=state.reach or reach,
            codes=tuple(dict.fromkeys([*state.codes, *said.codes])),
            changed=state.changed if changed is None else changed,
            change=state.change or (self._rules.changes.told(said.text) if changed else None),
        )

    def _looked_at(self, said: str, *, has_passed: bool) -> Stretch | None:
        """The time that is named, if it goes on, or if the trouble does not: else "since yesterday"
        is when it began, and what figures say of that is found out."""
        stretch = self._asking.stretch(said)
        return None if stretch is None or (stretch.is_over and not has_passed) else stretch

    def _answered(
        self,
        before: Trouble,
        heard: Trouble,
        said: Said,
        reply: Reply | None,
        found: Retrieval | None,
    ) -> tuple[Trouble, list[str]]:
        """What is said to the question that waits, and the words that take note of it."""
        fixed, slot = self._phrases[said.language].fixed, before.waits_for
        state = replace(heard, told=(*heard.told, said.text))
        if slot == "changed":
            if state.changed is None and reply == "no":
                state = replace(state, changed=False)
            elif state.changed is None and (state.onset or reply == "yes") and reply != "unknown":
                # They were asked what it was, not whether.
                state = replace(state, changed=True)
            if state.changed:
                kind = self._rules.changes.told(said.text) or state.change
                state = replace(
                    state, change=kind or (self._rules.changes.meant(found) if found else None)
                )
            return state, [fixed[_change_noted(state)]]
        if slot == "example":
            doubts = state.is_normal and self._rules.words["doubts"].search(plain(said.text))
            if doubts:  # of what goes wrong they may say more than at first
                state = replace(state, metric=self._asking.metric(said.text) or state.metric)
            return state, [fixed["doubted" if doubts else "noted"]]
        return state, []

    def _recalled(self, said: Said, earlier: Sequence[NoteMatter]) -> NoteMatter | None:
        """The trouble of an earlier call that is meant."""
        troubles = [one for one in earlier if one.kind == "trouble"]
        if not troubles or not self._rules.words["earlier"].search(plain(said.text)):
            return None
        unsolved = [one for one in troubles if one.state != "solved"]
        return (unsolved or troubles)[-1]

    # --- which entry

    async def _choose(self, state: Trouble, said: Said, found: Retrieval) -> Trouble:
        """The entry on the trouble, and the second where it is as likely."""
        if entry := await self._of_code(said, found):
            return replace(state, subject=_stem(entry.id), rivals=())
        if symptom := self._rules.symptom(said.text):
            return replace(state, subject=symptom, rivals=())
        rules = self._rules
        best = await self._on_trouble(found, said.language)
        usual = rules.entries[state.metric] if state.metric else state.subject
        # Of a trouble that a figure shows, another entry has to be sure.
        is_unsure = state.metric is not None and found.opening is None
        if best is None or is_unsure:
            return replace(state, subject=usual, rivals=())
        told = [one for one in found.passages if one.language == said.language]
        ranked = [Rival(_stem(one.entry_id), one.title, one.score) for one in told]
        first = next((one for one in ranked if one.subject == _stem(best.id)), None)
        if first is None:
            return replace(state, subject=_stem(best.id), rivals=())
        state = replace(state, subject=first.subject, score=first.score, rivals=())
        second = next((one for one in ranked if one.subject != first.subject), None)
        if second is None or first.score - second.score > rules.close:
            return state
        if state.metric:  # its own entry begins with what tells the two apart
            return replace(state, subject=rules.entries[state.metric])
        other = await self._walker.entry(second.subject, said.language)
        is_trouble = other is not None and other.topic in rules.topics
        return replace(state, rivals=(first, second)) if is_trouble else state

    async def _on_trouble(self, found: Retrieval, language: Language) -> SourceEntry | None:
        """The best entry found that is about a trouble: a meeting is in the words of many a one."""
        topics, best = self._rules.topics, found.best
        if best is None or best.topic in topics:
            return best
        told = [one for one in found.passages if one.language == language]
        for passage in told:
            if passage.score < self._rules.least:
                return None
            entry = await self._walker.entry(_stem(passage.entry_id), language)
            if entry and entry.topic in topics:
                return entry
        return None

    async def _of_code(self, said: Said, found: Retrieval) -> SourceEntry | None:
        """The entry, of those found, that has a code that was read out."""
        text = plain(with_digits(said.text, said.language))
        if not self._rules.words["code"].search(text):
            return None
        codes = {*_CODE.findall(text), *self._codes(said)}
        for passage in found.passages if codes else ():
            entry = await self._walker.entry(_stem(passage.entry_id), passage.language)
            if entry and codes & {code.lower() for code in entry.error_codes}:
                return entry
        return None

    def _told_apart(self, state: Trouble, said: Said, found: Retrieval | None) -> Trouble:
        """The one of two that is meant: by its place, its title, or what was found for it."""
        first, second = state.rivals
        text, words = plain(said.text), self._rules.words
        if words["second"].search(text):
            return _settled(state, second)
        if words["first"].search(text):
            return _settled(state, first)
        said_of = [len(own & _words_of(said.text)) for own in _own_words(first, second)]
        if said_of[0] != said_of[1]:
            return _settled(state, second if said_of[1] > said_of[0] else first)
        order = [_stem(one.entry_id) for one in found.passages] if found else []
        later = len(order)
        places = [order.index(r.subject) if r.subject in order else later for r in (first, second)]
        return _settled(state, second if places[1] < places[0] else first)

    # --- what is said

    async def _look(
        self, state: Trouble, said: Said, scope: Scope, texts: list[str]
    ) -> Step[Trouble]:
        """The account's figures first, where the trouble is one that they show."""
        fixed, asks = self._phrases[said.language].fixed, self._rules.asks
        if seen := await self._blamed(state, said, scope):
            state = replace(state, metric="stall_rate", subject=self._rules.entries["stall_rate"])
        else:
            seen = await self._seen(state, said, scope)
        if state.metric is None and (seen is None or seen.value is None):
            texts = self._suspecting(state, said.language, [*texts, fixed["begin"]])
            return await self._go_on(replace(state, asks=asks["other"]), said, texts)
        if seen is None:
            first = fixed["begin"] if scope.account else fixed["unseen"]
            texts = self._suspecting(state, said.language, [*texts, first])
            return await self._go_on(replace(state, asks=asks["unseen"]), said, texts)
        state = replace(state, metric=seen.metric)
        texts = [*texts, *self._figures.of(seen, said.language, said.at)]
        if seen.onset and state.changed is not None:  # else it is in the question that follows
            texts.append(self._figures.since(seen.onset, said.language, said.at))
        place = state.place or seen.place
        state = replace(state, place=place, onset=seen.onset, is_seen=seen.value is not None)
        state = replace(state, is_normal=seen.verdict == "normal")
        if seen.incident:
            return Step(texts, None, [_note(state, "handed_over")])
        if seen.incident_then and state.has_passed:
            return Step([*texts, fixed["passed"]], None, [_note(state, "solved")])
        if seen.verdict == "region_side":
            return await self._handed_over(state, said, [*texts, fixed["region_side"]])
        if seen.verdict != "normal":
            texts = self._suspecting(state, said.language, texts)
        return await self._go_on(replace(state, asks=asks[_asks_after(seen)]), said, texts)

    async def _seen(self, state: Trouble, said: Said, scope: Scope) -> Seen | None:
        """What the account's figures say of it: the one that was told, or the worst of those that
        show what the entry is about. None where there are none."""
        metrics = [state.metric] if state.metric else self._rules.shown(state)
        own = await self._looking.owned(scope, said.at) if scope.account and metrics else None
        if own is None or not own.regions:
            return None
        seen = [
            await self._looking.look(scope, Asked(one, state.place, state.stretch), own, said.at)
            for one in metrics
        ]
        bad = (one for one in seen if one.verdict not in ("normal", "unknown"))
        return next(bad, seen[0])

    async def _blamed(self, state: Trouble, said: Said, scope: Scope) -> Seen | None:
        """The stalls that figures show where they say that it is, though what it is was not
        understood, or we are blamed for it; None where they show none."""
        is_open = state.metric is None and (not state.subject or self._rules.blames(said.text))
        if not (is_open and state.place):
            return None
        seen = await self._seen(replace(state, metric="stall_rate"), said, scope)
        is_bad = seen and seen.value is not None and seen.verdict not in ("normal", "unknown")
        return seen if is_bad else None

    def _suspecting(self, state: Trouble, language: Language, texts: list[str]) -> list[str]:
        """With what follows from a change that was told before anything was asked."""
        is_suspect = state.changed and not state.told
        if not is_suspect:
            return texts
        return [*texts, self._phrases[language].fixed[_change_noted(state)]]

    async def _go_on(self, state: Trouble, said: Said, texts: list[str]) -> Step[Trouble]:
        """The next question that decides the way, or the first step of the playbook."""
        for slot in state.asks:
            if slot in state.asked:
                continue
            if question := self._question(slot, state, said.language, said.at):
                asked = (*state.asked, slot)
                state = replace(state, asked=asked, waits_for=slot)
                state = replace(state, question=question, language=said.language)
                return Step([*texts, question], state)
        if not state.subject:
            no_playbook = self._phrases[said.language].fixed["no_playbook"]
            return await self._handed_over(state, said, [*texts, no_playbook])
        first = state.change.leads.get(state.subject) if state.change else None
        stage = await self._walker.begin(first or state.subject, said.language)
        return await self._staged(
            replace(state, goes_on_to=state.subject if first else ""), stage, said, texts
        )

    def _question(
        self, slot: Slot, state: Trouble, language: Language, now: datetime
    ) -> str | None:
        """What is asked; None where it is known, or does not matter."""
        phrases = self._phrases[language]
        is_known = {
            "what": bool(state.subject),
            "which": not state.rivals,
            "reach": state.reach is not None,
            "where": state.place is not None or state.reach == "one",
            "changed": state.changed is not None,
            "example": False,
        }[slot]
        if is_known:
            return None
        if slot == "which":
            first, second = (rival.title for rival in state.rivals)
            return phrases.filled["which"].format(first=first, second=second)
        if slot == "changed" and state.onset:
            return self._figures.what_changed(state.onset, language, now)
        return phrases.fixed[slot]

    async def _staged(
        self, state: Trouble, stage: Stage, said: Said, texts: list[str]
    ) -> Step[Trouble]:
        """A stage of the walk through the playbook."""
        if stage.kind == "solved":
            return self._solved(state, said)
        if stage.kind == "person" and state.goes_on_to:
            taken = stage.walk.taken if stage.walk else ()
            stage = await self._walker.begin(state.goes_on_to, said.language, taken)
            state = replace(state, goes_on_to="")
        if stage.kind == "person":
            name = "to_person" if stage.walk else "no_playbook"
            texts = [*texts, self._phrases[said.language].fixed[name]]
            return await self._handed_over(replace(state, walk=stage.walk), said, texts)
        assert stage.entry is not None
        state = replace(state, walk=stage.walk, language=said.language)
        if stage.walk and len(stage.walk.taken) == 1 and not state.is_seen:
            texts = self._pointed(texts, stage.entry, said.language)
        if stage.kind == "step":
            state = replace(state, question=stage.texts[-1])
        return Step([*texts, *stage.texts], state, (), [_cited(stage.entry, state.score)])

    def _pointed(self, texts: list[str], entry: SourceEntry, language: Language) -> list[str]:
        """Before the first step the entry's own point, whose audio is there, in place of words that
        say nothing."""
        if not entry.opening:
            return texts
        begin = self._phrases[language].fixed["begin"]
        return [*(text for text in texts if text != begin), entry.opening]

    def _solved(self, state: Trouble, said: Said) -> Step[Trouble]:
        text = self._phrases[said.language].fixed["solved"]
        return Step([text], None, [_note(state, "solved")])

    async def _handed_over(self, state: Trouble, said: Said, texts: list[str]) -> Step[Trouble]:
        """A person is called, and told what was said and tried."""
        filled = self._phrases[said.language].filled
        tried = await self._walker.tried(state.walk, said.language) if state.walk else []
        place = state.place.called(said.language) if state.place else ""
        details = [
            filled[name].format(**{what: beginning(value, most)})
            for name, what, value, most in (
                ("ticket_region", "region", place, _WORDS),
                ("ticket_codes", "codes", ", ".join(state.codes), _WORDS),
                ("ticket_told", "told", " ".join(state.told), _TOLD),
                ("ticket_tried", "tried", " ".join(tried), _TRIED),
            )
            if value
        ]
        subject = beginning(state.words, _WORDS)
        if details:
            subject = filled["ticket"].format(words=subject, details="; ".join(details))
        wants: list[Want] = [CallPerson("person", subject), _note(state, "handed_over")]
        return Step(texts, None, wants)


@dataclass(frozen=True)
class _Rules:
    """What the file says beside phrases."""

    asks: Mapping[str, tuple[Slot, ...]]
    close: float
    least: float
    topics: frozenset[str]
    complaints: frozenset[str]
    entries: Mapping[Metric, str]
    words: Mapping[str, re.Pattern[str]]
    changes: Changes
    symptoms: Sequence[tuple[str, Sequence[re.Pattern[str]]]]
    """Entries, and groups of words of which a text has one each."""
    blames_sounds: re.Pattern[str]

    def blames(self, said: str) -> bool:
        """Whether it is said to be our fault, as written or as it sounds."""
        text = plain(said)
        return bool(self.words["blames"].search(text) or self.blames_sounds.search(sound(text)))

    def shown(self, state: Trouble) -> list[Metric]:
        """The figures that show what the entry is about; none while it may be another's."""
        is_open = not state.subject or state.rivals
        return [] if is_open else [m for m, entry in self.entries.items() if entry == state.subject]

    def symptom(self, said: str) -> str | None:
        """The entry that the words of a trouble are about; None where they leave it open."""
        text = plain(said)
        of = (entry for entry, groups in self.symptoms if all(g.search(text) for g in groups))
        return next(of, None)


def _load_rules() -> _Rules:
    try:
        given: Mapping[str, Any] = tomllib.loads(FILE.read_text("utf-8"))
        return _Rules(
            {name: tuple(slots) for name, slots in given["ask"].items()},
            given["search"]["close"],
            given["search"]["least"],
            frozenset(given["search"]["topics"]),
            frozenset(given["search"]["complaints"]),
            given["entries"],
            {name: any_of(words) for name, words in given["words"].items()},
            Changes(given["changes"]),
            [
                (one["entry"], [any_of(words) for words in one["groups"]])
                for one in given["symptoms"]
            ],
            sounds_of(given["words"]["blames"], _SOUND),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"{FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each is for.",
        ) from error


def _asks_after(seen: Seen) -> str:
    """Which questions follow from what the figures say."""
    if seen.value is None or seen.verdict == "unknown":
        return "unseen"
    return "normal" if seen.verdict == "normal" else "seen"


def _noted(before: Trouble | None, step: Step[Trouble]) -> Step[Trouble]:
    """The same, with what the call is about once that is known, and when it is another."""
    state = step.state
    if state is None or not state.subject or state.rivals:
        return step
    known = (before.subject, before.region) if before and not before.rivals else None
    if known == (state.subject, state.region):
        return step
    return replace(step, wants=[_note(state, "open"), *step.wants])


def _change_noted(state: Trouble) -> str:
    """The name of the words that take note of what is said of a change."""
    if state.changed is None:
        return "noted"
    if not state.changed:
        return "unchanged_noted"
    return f"changed_{state.change.name}" if state.change else "changed_noted"


def _note(state: Trouble, how: Literal["open", "solved", "handed_over"]) -> NoteMatter:
    return NoteMatter("trouble", state.subject, how, state.region, state.words)


def _settled(state: Trouble, rival: Rival) -> Trouble:
    return replace(state, subject=rival.subject, score=rival.score, rivals=())


def _cited(entry: SourceEntry, score: float) -> Citation:
    return Citation(entry.id, entry.title, entry.language, entry.version, round(score, 4))


def _stem(entry_id: str) -> str:
    return entry_id.partition("/")[2]


def _words_of(text: str) -> set[str]:
    """The words of a text, in Mandarin each two characters that stand together."""
    read = plain(text)
    pairs = (read[at : at + 2] for at in range(len(read) - 1))
    return {*_TITLE_WORD.findall(read), *(pair for pair in pairs if _TITLE_WORD.fullmatch(pair))}


def _own_words(first: Rival, second: Rival) -> tuple[set[str], set[str]]:
    """What either title says alone."""
    one, other = _words_of(first.title), _words_of(second.title)
    return one - other, other - one
