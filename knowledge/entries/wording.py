"""What the corpus says: entries in, one text per language out, in a file for who needs its words.

The speech server takes the terms of the field from it, and needs no entry for that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from common.languages import LANGUAGES, Language
from knowledge.entries.entry import Entry

#: Beside the indexes.
WORDING_FILE: Final = "wording.json"


def wording(entries: Iterable[Entry]) -> dict[Language, str]:
    """Titles, openings and bodies, by language; not how customers ask, which has slips."""
    texts: dict[Language, list[str]] = {language: [] for language in LANGUAGES}
    for entry in entries:
        texts[entry.language] += [entry.title, entry.opening, entry.body]
    return {language: "\n".join(parts) for language, parts in texts.items()}


def write_wording(entries: Iterable[Entry], folder: Path) -> None:
    """Put the wording into ``folder``, whole or not at all."""
    file = folder / WORDING_FILE
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(wording(entries), ensure_ascii=False), encoding="utf-8")
    unfinished.replace(file)
