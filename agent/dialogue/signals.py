"""Signals: what a customer says in; whether it shows that they may leave, and which sentence, out.

Words decide (`prompts/signals.toml`, which a support lead can change): a signal is kept with the
sentence that shows it, and whoever reads it must see why.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, get_args

from agent.dialogue.contract import NoteSignal
from agent.dialogue.matching import any_of, plain
from agent.service.retention.policy import Signal
from common.errors import SetupError
from common.settings import PROJECT_ROOT
from common.shorten import beginning

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "signals.toml"
#: Those that words show; what shows none of them is "other".
SIGNALS: Final = tuple(signal for signal in get_args(Signal) if signal != "other")
#: Characters of a sentence that are kept.
_LONGEST: Final = 200
#: Commas part no sentence here: "you are good, but too expensive" is shown whole.
_SENTENCE: Final = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")


@dataclass(frozen=True)
class Signals:
    """The words of `prompts/signals.toml`, as patterns."""

    _signs: Mapping[Signal, re.Pattern[str]]
    _unless: re.Pattern[str]
    _answers: Mapping[Signal, re.Pattern[str]]

    def heard(self, text: str) -> NoteSignal | None:
        """The first sentence that shows one; None where none does."""
        for sentence in _SENTENCE.findall(text):
            read = plain(sentence)
            if self._unless.search(read):
                continue
            for signal, signs in self._signs.items():
                if signs.search(read):
                    return NoteSignal(signal, beginning(sentence.strip(), _LONGEST))
        return None

    def answered(self, text: str) -> NoteSignal:
        """What is answered to why they may leave."""
        if heard := self.heard(text):
            return heard
        read = plain(text)
        told = (signal for signal, words in self._answers.items() if words.search(read))
        return NoteSignal(next(told, "other"), beginning(text.strip(), _LONGEST))


@cache
def load_signals() -> Signals:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        words = tomllib.loads(WORDS_FILE.read_text("utf-8"))
        signs, answers = words["signals"], words["answers"]
        if unknown := (signs.keys() ^ set(SIGNALS)) | (answers.keys() ^ set(SIGNALS)):
            raise KeyError(*sorted(unknown))
        return Signals(
            {name: any_of(of) for name, of in signs.items()},
            any_of(words["unless"]["words"]),
            {name: any_of(of) for name, of in answers.items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"The words of signals in {WORDS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error
