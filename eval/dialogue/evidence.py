"""The evidence of a call: what was said, and the database before and after, in one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from agent.service.quality.targets import Targets
from agent.service.scope import OPERATOR
from eval.dialogue.kept import Kept, Row
from eval.dialogue.scenario import Scenario
from eval.dialogue.talk import Transcript


@dataclass(frozen=True)
class Evidence:
    """What a call is graded by."""

    scenario: Scenario
    transcript: Transcript
    before: Kept
    after: Kept
    call_id: str
    sources: Mapping[str, str]
    """The texts of the entries that answers cite, by id."""
    targets: Targets
    """What the operator's quality is to be."""
    today: date

    @property
    def account(self) -> str:
        """The caller's; empty for a guest."""
        return self.scenario.caller.account

    @property
    def own_texts(self) -> Iterator[str]:
        """Whatever stands in rows that the caller may hear of."""
        for kept in (self.before, self.after):
            for table, rows in kept.tables.items():
                if table in ("turns", "utterances", "outbox"):
                    continue  # what the assistant said itself is no source
                for row in rows:
                    if row.get("account", "") in ("", self.account, OPERATOR):
                        yield "\n".join(
                            as_text(v) for v in row.values() if isinstance(v, str | list)
                        )

    @property
    def turns(self) -> list[Row]:
        """What the call's answers rested on."""
        return [row for row in self.after.rows("turns") if row["call_id"] == self.call_id]


@dataclass(frozen=True)
class Fault:
    """What is wrong, and which check says so."""

    check: str
    what: str


def as_text(value: object) -> str:
    """A value of a row, to be searched and read."""
    if isinstance(value, str):
        return value
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
