"""The rows of `make bench-voice`: what is measured, by name."""

from __future__ import annotations

from typing import Final, Literal, get_args

#: What signed customers talk about.
Topic = Literal["onboarding", "figures"]
Row = Literal["questions", "escalation", Topic]
TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)
ROWS: Final[tuple[Row, ...]] = ("questions", "escalation", *TOPICS)
