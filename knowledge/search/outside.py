"""Questions outside: what customers ask that nothing here answers, from `outside.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from common.languages import Language


@cache
def outside() -> dict[Language, list[str]]:
    """By language."""
    path = Path(__file__).with_suffix(".yaml")
    texts: dict[Language, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return texts


def outside_id(language: Language, number: int) -> str:
    """What the question of that place in its list is called in an index."""
    return f"outside-{language}?{number}"
