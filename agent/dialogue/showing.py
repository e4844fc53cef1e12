"""Showing: what a customer says, and what stands on the screen that they share, in; what they mean
by it, and what is said of the screen before anything else, out.

Codes and settings that are known, and lines that tell of trouble, fill in what is searched for.
None of it is taken for something that the customer says, no line is spoken or given to a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.dialogue.seen import Seen, codes_said, differs, points, setting_named
from agent.prompts import load_flow
from common.languages import Language
from common.shorten import beginning

#: Characters of a line that are searched for.
_LINE: Final = 120


@dataclass(frozen=True)
class Meant:
    """What a customer means."""

    text: str
    """What they said, with what stands on the screen."""
    first: tuple[str, ...] = ()
    """What is said of the screen."""


class Showing:
    """Reads what is said together with what is shown, in both languages."""

    def __init__(self) -> None:
        self._phrases = load_flow("seen")

    def meant(
        self, said: str, language: Language, seen: Seen | None, *, is_trouble: bool = False
    ) -> Meant:
        """What is meant by a question, or by a trouble: that is taken to be the one that the
        screen shows, if it shows one, whether or not they point to it."""
        corrected = self.corrected(said, language, seen)
        if seen is None or corrected.first or codes_said(said):
            return corrected
        filled, is_pointed = self._phrases[language].filled, points(said)
        if seen.codes and (is_pointed or (is_trouble and len(seen.codes) == 1)):
            code = seen.codes[-1]  # the lowest: a console writes downwards
            return Meant(
                filled["with_code"].format(said=said, shown=code),
                (filled["shows"].format(shown=code),),
            )
        if named := setting_named(said, language, seen):
            phrase = "differs_setting" if named.said else "shows_setting"
            told = filled[phrase].format(name=named.name, said=named.said, shown=named.shown)
            return Meant(said, (told,))
        if is_pointed and seen.troubles:
            return Meant(f"{said} {beginning(seen.troubles[-1], _LINE)}")
        return Meant(said)

    def corrected(self, said: str, language: Language, seen: Seen | None) -> Meant:
        """With the code on the screen in place of another that was said."""
        other = differs(said, seen) if seen else None
        if other is None:
            return Meant(said)
        spoken, shown = other
        filled = self._phrases[language].filled
        return Meant(
            filled["with_code"].format(said=said, shown=shown),
            (filled["differs"].format(said=spoken, shown=shown),),
        )
