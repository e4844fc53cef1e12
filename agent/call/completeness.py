"""Completeness: what has been said of a turn in; the probability that this is all of it, out.

A logistic regression over the words, for each language one of what is said where nothing was asked,
and one of what is said where something was: "mostly students" is the beginning of a question, and
all of a reply. They have learnt from what customers say, against beginnings of it and what people
say while they think (`eval/turns/train_completeness.py`). The recogniser puts a full stop behind
either, and the melody of a pause hardly differs from that of an end (docs/decisions/005).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from common.errors import SetupError
from common.languages import HAN, LANGUAGES, Language

WEIGHTS = Path(__file__).with_suffix(".json")

#: A turn that nothing was asked before, or one that something was.
TurnKind = Literal["question", "reply"]

#: Longer texts are all alike to it.
_LONGEST = 14
_TOKENS: dict[Language, re.Pattern[str]] = {
    "zh": re.compile(f"[{HAN}]|[a-z0-9']+"),
    "en": re.compile(r"[a-z0-9']+"),
}


@dataclass(frozen=True)
class Completeness:
    """The weights of one language, and of one kind of turn."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, text: str, language: Language) -> float:
        """Probability, 0 to 1, that somebody who has said ``text`` has said all."""
        logit = self.bias + sum(self.weights.get(name, 0.0) for name in features(text, language))
        return 1 / (1 + math.exp(-logit))


@cache
def load_completeness() -> Mapping[TurnKind, Mapping[Language, Completeness]]:
    """Read the weights once. Raises SetupError when the file cannot be used."""
    try:
        stored = json.loads(WEIGHTS.read_text("utf-8"))
        return {"question": _languages(stored["question"]), "reply": _languages(stored["reply"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"The weights of turn-taking in {WEIGHTS} cannot be used: {error!r}.",
            "Restore the file, or remove it and make it anew with "
            "`python -m eval.turns.train_completeness question`, then `… reply`.",
        ) from error


def _languages(stored: Mapping[str, Mapping[str, Any]]) -> dict[Language, Completeness]:
    return {
        language: Completeness(stored[language]["bias"], stored[language]["weights"])
        for language in LANGUAGES
    }


def features(text: str, language: Language) -> set[str]:
    """What the regression sees: how the text begins and ends, its words in pairs, its length.

    Tokens are English words and Mandarin characters; punctuation is the recogniser's guess.
    """
    tokens = _TOKENS[language].findall(
        unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    )
    pairs = [f"{a} {b}" for a, b in pairwise(tokens)]
    ends = {f"…{' '.join(tokens[-size:])}" for size in (1, 2, 3, 4) if len(tokens) >= size}
    begins = {f"{' '.join(tokens[:size])}…" for size in (1, 2, 3) if len(tokens) >= size}
    return {*tokens, *pairs, *ends, *begins, f"#{min(len(tokens), _LONGEST)}"}
