"""Details: an address, a number or a code that is asked for, or was told and may be misheard, in;
it, spelt, read back, corrected and confirmed, as what is wanted, out.

What is not confirmed counts for nothing, and who does not want to say it is not asked again.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from agent.dialogue import spelling
from agent.dialogue.contract import KeepAddress, KeepReach, Want
from agent.dialogue.flow import Said, Step
from agent.dialogue.matching import any_of, plain
from agent.dialogue.spelling import Spelling
from agent.dialogue.spelt import SpeltKind, corrected, heard, load_spelling, read_aloud
from agent.dialogue.wishes import Wish
from agent.prompts import load_flow
from common.errors import SetupError
from common.languages import HAN_CHARACTER, Language, language_of
from common.settings import PROJECT_ROOT

FILE: Final = PROJECT_ROOT / "prompts" / "details.toml"

#: What it is for: the mail of the summary; to be reached about a ticket; a code or an id of a
#: trouble.
Purpose = Literal["mail", "reach", "code"]
#: What can be told, for each purpose: the first that is heard counts.
_KINDS: Final[dict[Purpose, tuple[SpeltKind, ...]]] = {
    "mail": ("mail",),
    "reach": ("mail", "phone"),
    "code": ("code",),
}
#: So many digits are a number to be called at, wherever they stand: "12,000 users" are none.
_LEAST_DIGITS: Final = 7
#: How often it is asked for, or refused, before it is left.
_MOST_TRIES: Final = 3
#: Words of one language in a text of the other that change no language: "a.chen at example".
_NAMES_ALONE: Final = 3


@dataclass(frozen=True)
class Detail:
    """Where the asking for one thing stands."""

    purpose: Purpose
    language: Language
    spelling: Spelling | None = None
    """None: it was asked for, or offered, and nothing of it is said yet."""
    tries: int = 0
    """How often nothing was understood, or what was told was refused."""
    about: str = ""
    """Of a code: what the customer said with it."""
    heard: str = ""
    """Of a code: as it was heard at first."""
    flow: Literal["detail"] = "detail"

    @property
    def confirmed(self) -> str:
        """What the customer has confirmed; empty before."""
        done = self.spelling if self.spelling and self.spelling.is_confirmed else None
        return done.value if done else ""


@dataclass(frozen=True)
class Asking:
    """A question, and where it stands once it is asked."""

    text: str
    state: Detail


class Details:
    """Asks for details in both languages; a step of it changes nothing."""

    def __init__(self, may_mail: Callable[[str], bool]) -> None:
        """``may_mail``: whether the summary may go to an address. Raises SetupError when a file
        cannot be used."""
        self._may_mail = may_mail
        self._phrases = load_flow("details")
        self._accepts, self._declines = _load_words()

    def ask(self, purpose: Literal["mail", "reach"], language: Language) -> Asking:
        """Offer to mail the summary; or ask where they can be reached."""
        name = "offer_mail" if purpose == "mail" else "ask_reach"
        return Asking(self._phrases[language].fixed[name], Detail(purpose, language))

    def read_back(self, code: str, said: Said) -> Step[Detail]:
        """A code, or an id, that may be misheard, with what was said beside it."""
        step = spelling.read_back(Spelling("code", said.language, code))
        return Step(
            step.texts, Detail("code", said.language, step.state, about=said.text, heard=code)
        )

    def with_code(self, state: Detail, code: str) -> str:
        """What was said with a code, with the one that was confirmed."""
        text = state.about
        if not code or code in plain(text):
            return text
        if state.heard in text:
            return text.replace(state.heard, code)
        filled = self._phrases[language_of(text)].filled
        return filled["with_code"].format(said=text.rstrip(" .。"), code=code)

    def is_answer(self, state: Detail, said: Said, *, is_question: bool) -> bool:
        """Whether it is told, confirmed, corrected or declined; else, unless it asks something, it
        was not understood."""
        if self._told(state, said) or self._declines.search(plain(said.text)):
            return True
        if state.spelling and state.spelling.value:
            value, kind = state.spelling.value, state.spelling.kind
            if corrected(value, said.text, kind):
                return True
            is_question = is_question and not load_spelling().no.match(_bare(said.text))
        return _is_yes_or_no(said.text) or self._is_accepted(said) or not is_question

    def is_plain_answer(self, state: Detail, said: Said, wish: Wish, *, is_sure: bool) -> bool:
        """Whether it plainly answers what was asked, though it sounds like a wish: "call me on
        138…" is none for a person. ``is_sure``: surely."""
        if _is_yes_or_no(said.text) or self._is_accepted(said):
            return True
        if wish == "person" and self._told(state, said):
            return True
        return not is_sure and self.is_answer(state, said, is_question=True)

    def step(self, state: Detail, said: Said) -> Step[Detail]:
        """What is said to it. Over, with what is wanted, once it is confirmed, declined or given
        up."""
        state = _in_language_of(said, state)
        fixed = self._phrases[state.language].fixed
        if told := self._told(state, said):
            kind, value = told
            before = state.spelling or Spelling(kind, state.language)
            return self._checked(state, spelling.read_back(replace(before, kind=kind, value=value)))
        has_value = bool(state.spelling and state.spelling.value)
        is_no = load_spelling().no.fullmatch(_bare(said.text)) is not None
        if self._declines.search(plain(said.text)) or (is_no and not has_value):
            return Step([fixed[_LEFT[state.purpose]]], None)
        if state.spelling is None and self._is_accepted(said):
            step = spelling.begin(_KINDS[state.purpose][0], state.language)
            return Step(step.texts, replace(state, spelling=step.state))
        if state.spelling is None:
            return self._again(state)
        return self._checked(state, spelling.step(state.spelling, said))

    def resume(self, state: Detail, language: Language) -> Step[Detail]:
        """Back to it, after something in between."""
        state = replace(state, language=language)
        back = self._phrases[language].fixed["go_back"]
        if state.spelling is None:
            assert state.purpose != "code"
            return Step([back, self.ask(state.purpose, language).text], state)
        spelt = replace(state.spelling, language=language)
        again = spelling.read_back(spelt) if spelt.value else spelling.begin(spelt.kind, language)
        return Step([back, *again.texts], replace(state, spelling=spelt))

    def _told(self, state: Detail, said: Said) -> tuple[SpeltKind, str] | None:
        """What is told anew, and as what."""
        value = state.spelling.value if state.spelling else ""
        for kind in _KINDS[state.purpose]:
            if value and state.spelling and kind == state.spelling.kind:
                continue  # a part of it may be corrected, which `spelling` hears
            told = heard(said.text, kind)
            if told and (kind != "phone" or len(told) >= _LEAST_DIGITS):
                return kind, told
        return None

    def _checked(self, state: Detail, step: Step[Spelling]) -> Step[Detail]:
        """The step, unless the address is one that no mail goes to; what is wanted, once it is
        confirmed."""
        fixed, spelt = self._phrases[state.language].fixed, step.state
        if spelt is None:  # given up
            over = fixed[_LEFT[state.purpose]]
            return Step([over] if state.purpose != "reach" else [*step.texts], None)
        if state.purpose == "mail" and spelt.value and not self._may_mail(spelt.value):
            return self._refused(state, spelt)
        now = replace(state, spelling=spelt)
        if not spelt.is_confirmed:
            return Step(step.texts, now)
        wants: dict[Purpose, list[Want]] = {
            "mail": [KeepAddress(spelt.value)],
            "reach": [KeepReach(spelt.value)],
            "code": [],
        }
        return Step([fixed[f"{state.purpose}_kept"]], now, wants[state.purpose])

    def _refused(self, state: Detail, spelt: Spelling) -> Step[Detail]:
        if state.tries + 1 >= _MOST_TRIES:
            return Step([self._phrases[state.language].fixed["mail_declined"]], None)
        told = read_aloud(spelt.value, spelt.kind, state.language)
        text = self._phrases[state.language].filled["refused"].format(spelt=told)
        spelt = replace(spelt, is_confirmed=False)
        return Step([text], replace(state, spelling=spelt, tries=state.tries + 1))

    def _again(self, state: Detail) -> Step[Detail]:
        """It was asked, and something was said that is nothing of it."""
        fixed = self._phrases[state.language].fixed
        if state.tries or state.purpose == "code":
            return Step([fixed[_LEFT[state.purpose]]], None)
        text = load_spelling().said[state.language]["not_understood"]
        return Step([text], replace(state, tries=state.tries + 1))

    def _is_accepted(self, said: Said) -> bool:
        return self._accepts.fullmatch(_bare(said.text)) is not None


#: What is said where it is declined, or given up.
_LEFT: Final[dict[Purpose, str]] = {
    "mail": "mail_declined",
    "reach": "reach_declined",
    "code": "code_left",
}


def _is_yes_or_no(text: str) -> bool:
    words, bare = load_spelling(), _bare(text)
    return bool(words.yes.fullmatch(bare) or words.no.fullmatch(bare))


def _in_language_of(said: Said, state: Detail) -> Detail:
    """In that of what is said, unless it is nothing but what is spelt, or a few names."""
    words = re.findall(r"[A-Za-z]{2,}", said.text)
    is_spelt = any(heard(said.text, kind) for kind in _KINDS[state.purpose])
    if not HAN_CHARACTER.search(said.text) and (is_spelt or len(words) <= _NAMES_ALONE):
        return state
    spelt = replace(state.spelling, language=said.language) if state.spelling else None
    return replace(state, language=said.language, spelling=spelt)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", plain(text))


def _load_words() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What accepts an offer, alone, and what declines."""
    try:
        words = tomllib.loads(FILE.read_text("utf-8"))["words"]
        accepts: Sequence[str] = sorted(map(_bare, words["accepts"]), key=len, reverse=True)
        return re.compile(f"(?:{'|'.join(accepts)})+"), any_of(words["declines"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words in {FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error
