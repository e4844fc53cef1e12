"""Questions: what the assistant says in; what it asks for out.

They are recognised as people ask them, not by our own phrases: a hosted model words them freely.
`questions.toml` has the patterns of both languages and may grow with what models say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from common.languages import Language

_TOLD: Final[Mapping[str, Any]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)
#: What a caller may be asked about.
SLOTS: Final[Sequence[str]] = tuple(_TOLD["slots"])
#: What a caller says of its own accord, by occasion and language; in turn.
PHRASES: Final[Mapping[str, Mapping[Language, Sequence[str]]]] = _TOLD["phrases"]

_SENTENCE: Final = re.compile(r"[^。！？!?.;；\n]+(?:\.(?=\S)[^。！？!?.;；\n]*)*[。！？!?.;；\n]*")


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _both(told: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    return _any([*told["zh"], *told["en"]])


_OF_SLOTS: Final = {name: _both(told) for name, told in _TOLD["slots"].items()}
_ASKS: Final = _both(_TOLD["asks"])
_OCCASIONS: Final = {name: _both(told) for name, told in _TOLD["occasions"].items()}


def sentences(text: str) -> list[str]:
    """The sentences of a text, with their marks."""
    return [found[0].strip() for found in _SENTENCE.finditer(text) if found[0].strip()]


def questions(text: str) -> list[str]:
    """The sentences that want an answer."""
    return [one for one in sentences(text) if one.endswith(("?", "？")) or _ASKS.search(one)]


def slots_asked(text: str) -> list[str]:
    """What is asked about, in order. Whoever reads back what they heard asks for a yes alone."""
    return list(
        dict.fromkeys(
            slot
            for question in questions(text)
            if not _OCCASIONS["confirm"].search(question)
            for slot, pattern in _OF_SLOTS.items()
            if pattern.search(question)
        )
    )


def reads_back(text: str) -> bool:
    """Whether all that was noted is said, and asked whether it is right."""
    return asks_for("confirm", text) and _OCCASIONS["read_back"].search(text) is not None


def asked_back(text: str) -> str | None:
    """The value of which it is asked whether it was said."""
    found = _OCCASIONS["asked_back"].search(text)
    return next(filter(None, found.groups())) if found else None


def asks_for(occasion: str, text: str) -> bool:
    """Whether a question is of that kind: ``confirm``, ``helped``, ``rating``, ``person``,
    ``which`` (of two), ``more`` (anything else)."""
    return any(_OCCASIONS[occasion].search(question) for question in questions(text))
