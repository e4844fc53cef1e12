"""Wishes: what a customer says in; whether it is an emergency or a wish for a person, out.

Words that leave no doubt decide alone (`prompts/wishes.toml`, which a support lead can change). Of
the rest a small network says how likely either is (`reading.py`). It reads the whole and each
sentence, for a wish may stand behind a story. It has learnt from utterances that were written for
it (`eval/wishes/fit.py`); `make eval-wishes` measures it on others. `routing.py` asks it first.

An emergency is a service that is down, for all or very many, or grave damage, now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from agent.dialogue import reading
from agent.dialogue.reading import Classifier, Words
from common.settings import PROJECT_ROOT

Wish = Literal["emergency", "person"]
#: Where both are there, the first counts.
WISHES: Final[tuple[Wish, ...]] = get_args(Wish)

WORDS_FILE: Final = PROJECT_ROOT / "prompts" / "wishes.toml"
WEIGHTS: Final = Path(__file__).with_suffix(".npz")


@dataclass(frozen=True)
class Heard:
    """A wish that was heard."""

    wish: Wish
    is_sure: bool
    """Enough to call people by; else the customer is asked first."""


@dataclass(frozen=True)
class Reader:
    """Words and weights; what they say of a text."""

    classifier: Classifier[Wish]
    threshold: float
    """Logarithm of the odds from which a wish, of either kind, counts."""
    sure: float
    """The same, from which people are called without a question."""

    def definite(self, text: str) -> Wish | None:
        """What is wished for in words that leave no doubt."""
        return self.classifier.words.definite(text)

    def likely(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> Heard | None:
        """What is likely wished for; ``texts``: of `texts_of`, ``vectors``: of each of them."""
        logits = [self.classifier.logits(*one) for one in zip(texts, vectors, strict=True)]
        whole, *sentences = (float(np.logaddexp.reduce(of)) for of in logits)
        wished = (whole + max(sentences, default=whole)) / 2
        if wished < self.threshold:
            return None
        surest = max(logits, key=lambda of: float(np.logaddexp.reduce(of)))
        return Heard(WISHES[int(surest.argmax())], is_sure=wished >= self.sure)


@cache
def load_words() -> Words[Wish]:
    """Read the words once. Raises SetupError when the file cannot be used."""
    return reading.load_words(WORDS_FILE, WISHES)


@cache
def load_reader() -> Reader:
    """Read words and weights once. Raises SetupError when a file cannot be used."""
    classifier, (threshold, sure) = reading.load_classifier(
        load_words(), WEIGHTS, "eval.wishes.fit", "threshold", "sure"
    )
    return Reader(classifier, threshold, sure)
