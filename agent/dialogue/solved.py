"""Solved: what a customer said last in; whether they confirmed that their trouble is over, out.

Only words that say so count: who is silent, or thanks and leaves, has confirmed nothing.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache

from common.languages import HAN_CHARACTER
from common.settings import PROJECT_ROOT


def is_solved(said: str) -> bool:
    """Whether a customer says that it works now."""
    solved, unless = _patterns()
    text = said.lower().replace("’", "'")
    return bool(solved.search(text)) and not unless.search(text)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = tomllib.loads((PROJECT_ROOT / "prompts" / "solved.toml").read_text("utf-8"))
    return _any_of(words["solved"]), _any_of(words["unless"])


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, words)))


def _pattern(word: str) -> str:
    """Mandarin and marks anywhere, English as whole words."""
    anywhere = HAN_CHARACTER.search(word) or not word[0].isalpha()
    return re.escape(word) if anywhere else rf"(?<![a-z']){re.escape(word)}(?![a-z'])"
