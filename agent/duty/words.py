"""Words: the name of a file of `prompts/` in; what it says in each language out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from common.languages import LANGUAGES, Language
from common.settings import PROJECT_ROOT


def read_words(name: str) -> Mapping[Language, dict[str, Any]]:
    """By language, as TOML has it. Raises OSError, TOMLDecodeError, KeyError: it is ours."""
    told = tomllib.loads((PROJECT_ROOT / "prompts" / name).read_text("utf-8"))
    return {language: told[language] for language in LANGUAGES}
