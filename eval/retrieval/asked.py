"""Questions of our own, as customers speak them; none of them stands in the corpus."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from common.languages import Language
from common.settings import PROJECT_ROOT

QUESTIONS = PROJECT_ROOT / "eval" / "questions"


@dataclass(frozen=True)
class Question:
    """One held-out question."""

    text: str
    language: Language
    subjects: tuple[str, ...]
    """Any of them answers it, the first one best; empty: nothing in the corpus does."""
    half: int
    """0 or 1, for the cross-check."""


def load_questions(folder: Path = QUESTIONS) -> list[Question]:
    """All held-out questions."""
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*answerable_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    return [
        Question(
            row["text"],
            row["language"],
            tuple(row.get("entries", ())),
            half=digest(row["text"])[0] % 2,
        )
        for row in rows
    ]


def digest(text: str) -> bytes:
    """By which questions are dealt out, the same way each time."""
    return hashlib.sha256(text.encode()).digest()
