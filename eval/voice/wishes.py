"""What `make bench-voice` says to be given a person: `wishes.toml` in, spoken wishes out."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from common.languages import LANGUAGES
from eval.voice.questions import Question

Kind = Literal["emergency", "person"]

_WISHES: Final = Path(__file__).with_name("wishes.toml")
#: Of each list a quick run says the first: one in so many.
_QUICK_SHARE: Final = 3


@dataclass(frozen=True)
class Wish:
    """What a customer says who needs a person."""

    kind: Kind
    said: Question


def make_wishes(*, quick: bool) -> list[Wish]:
    """As many of each kind in each language."""
    told = tomllib.loads(_WISHES.read_text(encoding="utf-8"))
    return [
        Wish(kind, Question(text, language, None))
        for language in LANGUAGES
        for kind in get_args(Kind)
        for text in _first(told[language][kind], quick=quick)
    ]


def _first(texts: Sequence[str], *, quick: bool) -> Sequence[str]:
    return texts[: len(texts) // _QUICK_SHARE] if quick else texts
