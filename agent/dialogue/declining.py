"""Declining: what is asked that must not, or cannot, be answered in; words that fit it out.

Words decide (`prompts/declining.toml`, which a support lead can change), before anything is
searched for: whoever asks for a guarantee is not told how to prepare a review.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from agent.dialogue.matching import SENTENCE_ENDS, any_of, plain
from common.errors import SetupError
from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT

#: What a kind may be marked with: fields of `Declined`.
_MARKS: Final = ("offers_colleague", "goes_first", "may_leave")
TEXTS_FILE: Final = PROJECT_ROOT / "prompts" / "declining.toml"


@dataclass(frozen=True)
class Declined:
    """What is said to something that is not answered."""

    texts: Mapping[Language, str]
    offers_colleague: bool = False
    """Whether a colleague could help."""
    goes_first: bool = False
    """It counts before a wish for a person, or an emergency, that the same words tell of."""
    may_leave: bool = False
    """Whoever asks for it may leave: what shows it is kept."""


@dataclass(frozen=True)
class _Kind:
    groups: Sequence[re.Pattern[str]]
    """A sentence that has one of each is of this kind."""
    declined: Declined


@dataclass(frozen=True)
class Declining:
    """What is declined by its words, and how."""

    _kinds: Sequence[_Kind]
    off_subject: Declined
    """What is said to something that has nothing to do with our subject."""

    def read(self, said: str) -> Declined | None:
        """What is said to it; None where it may be answered."""
        sentences = [part for part in SENTENCE_ENDS.split(plain(said)) if part.strip()]
        for kind in self._kinds:
            for sentence in sentences:
                if all(words.search(sentence) for words in kind.groups):
                    return kind.declined
        return None


@cache
def load_declining() -> Declining:
    """Read the texts once. Raises SetupError when the file cannot be used."""
    try:
        told = tomllib.loads(TEXTS_FILE.read_text("utf-8"))
        off_subject = _declined(told.pop("off_subject"))
        kinds = [
            _Kind([any_of(words) for words in one["groups"]], _declined(one))
            for one in told.values()
        ]
        return Declining(kinds, off_subject)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The texts of what is declined in {TEXTS_FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def _declined(told: Mapping[str, Any]) -> Declined:
    texts: dict[Language, str] = {language: told[language] for language in LANGUAGES}
    return Declined(texts, **{name: told.get(name, False) for name in _MARKS})
