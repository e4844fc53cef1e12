"""Solved: what a customer said last in; whether they confirmed that their trouble is over, out.

Only words that say so count: who is silent, or thanks and leaves, has confirmed nothing.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache

from agent.dialogue.matching import any_of, plain
from common.settings import PROJECT_ROOT


def is_solved(said: str) -> bool:
    """Whether a customer says that it works now."""
    solved, unless = _patterns()
    text = plain(said)
    # "没问题了" has a "没" of its own.
    return bool(solved.search(text)) and not unless.search(solved.sub(" ", text))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = tomllib.loads((PROJECT_ROOT / "prompts" / "solved.toml").read_text("utf-8"))
    return any_of(map(plain, words["solved"])), any_of(map(plain, words["unless"]))
