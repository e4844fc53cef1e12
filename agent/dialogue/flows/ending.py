"""Ending: what came of a call, and a customer who has nothing else to ask, in; what is summed up,
and whether it is solved, out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.dialogue.contract import (
    GivePromise,
    NoteMatter,
    NoteSignal,
    SetChecklist,
    StateFact,
    Want,
)
from agent.dialogue.flow import Said, Step
from agent.dialogue.matching import SENTENCE_ENDS, plain
from agent.dialogue.replies import load_replies
from agent.dialogue.solved import is_solved
from agent.prompts import load_escalation, load_flow
from common.errors import SetupError
from common.languages import Language
from common.settings import PROJECT_ROOT
from common.shorten import beginning

FILE: Final = PROJECT_ROOT / "prompts" / "ending.toml"
#: What ends so is asked.
_QUESTION: Final = re.compile(r"[?？]|[吗呢]\s*$")
#: Characters of the customer's own words that are said back.
_WORDS: Final = 60


@dataclass(frozen=True)
class Happened:
    """What came of a call so far."""

    matters: tuple[NoteMatter, ...] = ()
    """As each stands."""
    tickets: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    """facts, checklist, promise: each once."""
    signal: NoteSignal | None = None
    """The last that showed that they may leave."""

    def and_then(self, wants: Sequence[Want]) -> Happened:
        """With what an answer wants done, too."""
        matters = {one.subject or one.kind: one for one in self.matters}
        for want in wants:
            if isinstance(want, NoteMatter):
                before = matters.get(want.subject or want.kind)
                words = want.words or (before.words if before else "")
                matters[want.subject or want.kind] = replace(want, words=words)
        others = dict.fromkeys([*self.others, *filter(None, map(_kind, wants))])
        signals = [want for want in wants if isinstance(want, NoteSignal)]
        return replace(
            self,
            matters=tuple(matters.values()),
            others=tuple(others),
            signal=signals[-1] if signals else self.signal,
        )

    def with_ticket(self, number: int) -> Happened:
        """With a ticket to which a person is called."""
        return replace(self, tickets=tuple(dict.fromkeys([*self.tickets, number])))

    @property
    def open_matter(self) -> NoteMatter | None:
        """The trouble of which nobody has said that it is over; none where a person sees to it."""
        if self.tickets:
            return None
        troubles = [one for one in self.matters if one.kind == "trouble" and one.state == "open"]
        return troubles[-1] if troubles else None


def _kind(want: Want) -> str | None:
    match want:
        case StateFact():
            return "facts"
        case SetChecklist():
            return "checklist"
        case GivePromise():
            return "promise"
        case _:
            return None


@dataclass(frozen=True)
class Ending:
    """Whether it is solved was asked."""

    matter: NoteMatter


class Endings:
    """How calls end, in both languages."""

    def __init__(self) -> None:
        """Raises SetupError when the file cannot be used."""
        self._phrases = load_flow("ending")
        self._people = load_escalation()
        self._replies = load_replies()
        self._goodbye, self._nothing_else = _goodbyes()

    def is_goodbye(self, said: str, *, answers: bool = False) -> bool:
        """Whether somebody says that they have nothing else to ask, and nothing beside it.

        ``answers``: something was asked, to which "no, nothing" is an answer.
        """
        words = self._goodbye if answers else self._nothing_else
        return words.fullmatch(_bare(said)) is not None or self._leaves(said)

    def _leaves(self, said: str) -> bool:
        """Whether goodbye is the last of it, and nothing is asked before: "I must run, bye"."""
        *before, last = [one for one in SENTENCE_ENDS.split(said) if one.strip()] or [""]
        is_asked = any(_QUESTION.search(f"{one}") for one in (said, *before))
        return bool(before) and not is_asked and self._goodbye.fullmatch(_bare(last)) is not None

    def begin(self, happened: Happened, said: Said, offer: str = "") -> Step[Ending]:
        """Sum up; of trouble that may not be over, ask; else say goodbye, or offer something."""
        fixed = self._phrases[said.language].fixed
        texts = [*self._summed(happened, said.language)]
        if matter := happened.open_matter:
            return Step([*texts, self.ask(said.language)], Ending(matter))
        return Step([*texts, offer or fixed["goodbye"]], None)

    def ask(self, language: Language) -> str:
        """Whether it is solved."""
        return self._phrases[language].fixed["ask_solved"]

    def step(self, state: Ending, said: Said, offer: str = "") -> Step[Ending] | None:
        """What is said to whether it is solved, with goodbye or an offer behind it; None where it
        is something else."""
        fixed = self._phrases[said.language].fixed
        reply = self._replies.read(said.text)
        if is_solved(said.text) or reply == "yes":
            texts = [fixed["glad"], offer] if offer else [fixed["solved"]]
            return Step(texts, None, [replace(state.matter, state="solved")])
        if reply in ("no", "same", "unknown"):
            return Step([fixed["open"], self._people[said.language].ask_person], None)
        if self.is_goodbye(said.text):
            return Step([fixed["goodbye"]], None)
        return None

    def welcome(self, language: Language) -> str:
        """To thanks, and the like."""
        return self._phrases[language].fixed["welcome"]

    def _summed(self, happened: Happened, language: Language) -> Iterator[str]:
        names = self._phrases[language].names
        parts = [
            names["solved" if one.state == "solved" else "open"].format(
                words=beginning(one.words, _WORDS)
            )
            for one in happened.matters
            if one.kind == "trouble" and one.words and one.state != "handed_over"
        ]
        onboarding = [one.state for one in happened.matters if one.kind == "onboarding"]
        parts += [names["unfinished"]] if onboarding and onboarding[-1] == "open" else []
        parts += [names["ticket"].format(number=number) for number in happened.tickets]
        parts += [names[kind] for kind in happened.others]
        if parts:
            yield self._phrases[language].filled["summed"].format(parts=names["and"].join(parts))


def _goodbyes() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Words that say goodbye, and those that say that there is nothing else, with courtesies."""
    try:
        words = tomllib.loads(FILE.read_text("utf-8"))["words"]
        goodbye, nothing_else, courtesies = (
            [re.escape(_bare(word)) for word in sorted(words[name], key=len, reverse=True)]
            for name in ("goodbye", "nothing_else", "courtesies")
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"{FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each is for.",
        ) from error
    polite, over = "|".join(courtesies), "|".join(nothing_else)
    leaving = "|".join(goodbye)
    return (
        re.compile(f"(?:{polite}|{over})*(?:{leaving})(?:{leaving}|{polite})*"),
        re.compile(f"(?:{polite})*(?:{leaving}|{over})(?:{leaving}|{over}|{polite})*"),
    )


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", plain(text))
