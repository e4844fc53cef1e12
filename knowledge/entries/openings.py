"""The opening: one sentence, heard at once and before anything else; what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from common.languages import HAN_CHARACTER, Language, spoken_length
from common.numbers.figures import figures_in, said_in
from knowledge.documents.injection import suspicions
from knowledge.entries.entry import OPENING_LIMIT
from knowledge.entries.vocabulary import Vocabulary

#: Faults that matter where an opening says what to do, and not in a greeting.
POINTLESS: Final = ("opening-asks", "empty-opening")

_CLOSED = r"[”’」』\"')）]*$"


@dataclass(frozen=True)
class Fault:
    """What is wrong with an opening, and what to do about it."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    remedy: str


def faults(opening: str, language: Language, body: str, words: Vocabulary) -> Iterator[Fault]:
    """All that is wrong with the opening of an entry that says ``body``."""
    length, limit = spoken_length(opening, language), OPENING_LIMIT[language]
    if length > limit:
        yield Fault(
            "opening-length",
            "error",
            f"The opening is {length} {'characters' if language == 'zh' else 'words'} long.",
            f"Say it in {limit}.",
        )
    for figure in untold_figures(opening, body):
        yield Fault(
            "opening-figure",
            "error",
            f"The opening says “{figure}”, which the body does not.",
            "Say it in the body too, or leave it out: customers ask where it comes from.",
        )
    if suspicions(opening):
        yield Fault(
            "opening-order",
            "error",
            "The opening speaks to a model, or holds what nobody can see.",
            "Write it for the customer.",
        )
    if not re.search(rf"[。！？.!?…]{_CLOSED}", opening):
        yield Fault(
            "opening-mark",
            "warning",
            "The opening ends without a sentence mark.",
            "End it with one: the voice falls there, and the answer goes on behind it.",
        )
    if re.search(rf"[？?]{_CLOSED}", opening):
        yield Fault(
            "opening-asks",
            "warning",
            "The opening is a question.",
            "Say the point: what to do, or how it is.",
        )
    if _is_empty(opening, language, words):
        yield Fault(
            "empty-opening",
            "error",
            "The opening is only politeness.",
            "Say the point: what to do, or how it is. It is the first thing a customer hears.",
        )


def untold_figures(text: str, told: str) -> Iterator[str]:
    """The figures of ``text`` that ``told`` does not say."""
    known = said_in(told)
    for figure in figures_in(text):
        plain = figure.dimension or figure.text[0].isdigit()
        if plain and not figure.is_in(known, by_number=True):
            yield figure.text


def _is_empty(opening: str, language: Language, words: Vocabulary) -> bool:
    """Whether fewer than two words of content are left; 先重启 are two."""
    text = opening.replace("’", "'")
    for empty in (words.courtesies[language], words.fillers[language]):
        text = empty.sub(" ", text)
    content = re.findall(r"[A-Za-z0-9][\w'.-]*", text, re.ASCII)
    return len(content) + len(HAN_CHARACTER.findall(text)) / 1.5 < 2
