"""Utterances: files of JSON lines in; what customers say, with what each wishes for, out.

text      as it was written, by us
heard     what our recogniser made of it, spoken; for it the same as text where that is not there
wish      "emergency", "person" or null: neither
source    typed or spoken, and what kind of neither it is
theme     whom we imagined, or what about, as we wrote it; empty: written one by one
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agent.dialogue.wishes import Wish
from common.languages import Language

_FOLDER: Final = Path(__file__).parent
#: Written first, and never looked at to make anything better.
HELD_OUT: Final = _FOLDER / "held_out.jsonl"
TRAINING: Final = _FOLDER / "training.jsonl"
#: Which of the held-out questions in `eval/questions` are wishes, and which may be: {text, wish}.
ASKED: Final = _FOLDER / "asked.jsonl"


@dataclass(frozen=True)
class Utterance:
    """One utterance."""

    text: str
    language: Language
    wish: Wish | None
    source: str
    heard: str = ""
    """Empty: it was typed, nothing was heard, or nobody has listened yet."""
    theme: str = ""

    @property
    def is_spoken(self) -> bool:
        """Whether it reaches us through the recogniser."""
        return self.source.startswith("spoken")


def load(path: Path) -> list[Utterance]:
    """All utterances of a file."""
    return [Utterance(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def save(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write a file anew."""
    rows = (
        {name: value for name, value in asdict(one).items() if value or name == "wish"}
        for one in utterances
    )
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")
