"""Utterances: files of JSON lines in; what customers say, with the route of each, out.

text        as it was written, by us
heard       what our recogniser made of it, spoken; not there: it was typed, nothing was heard, or
            nobody has listened yet
route       where it goes: `agent/dialogue/routing.py`
under_way   the flow that is under way; not there: none
source      typed or spoken
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agent.dialogue.flow import FlowName
from agent.dialogue.routing import Route
from common.languages import Language

_FOLDER: Final = Path(__file__).parent
#: Written first, and never looked at to make anything better.
HELD_OUT: Final = _FOLDER / "held_out.jsonl"
TRAINING: Final = _FOLDER / "training.jsonl"


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """One utterance; its fields in the order of the file."""

    text: str
    language: Language
    route: Route
    under_way: FlowName | None = None
    source: str
    heard: str = ""

    @property
    def is_spoken(self) -> bool:
        """Whether it reaches us through the recogniser."""
        return self.source == "spoken"


def load(path: Path) -> list[Utterance]:
    """All utterances of a file."""
    return [Utterance(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def save(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write a file anew."""
    rows = ({name: value for name, value in asdict(one).items() if value} for one in utterances)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")
