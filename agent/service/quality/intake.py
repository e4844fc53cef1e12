"""Taking quality in: pieces of a file or a request in; what became of its rows out.

Whatever its size, no more is held than a piece and a batch. A row that is refused keeps no other
from being taken, and what is taken is kept as it comes: who sends the rest again changes nothing
twice.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Literal

from agent.service.quality.rows import (
    LONGEST_LINE,
    RefusedRowError,
    Row,
    read_csv,
    read_header,
    read_json,
)
from agent.service.quality.store import QualityStore, Subject
from common.errors import InputError

Form = Literal["json", "csv"]

#: Rows in a transaction: for some hundredths of a second nobody else writes to SQLite.
_BATCH: Final = 5_000
#: Of what is refused so many are named.
NAMED: Final = 100


@dataclass(frozen=True)
class Refused:
    """A line that was not taken."""

    line: int
    reason: str


@dataclass
class Receipt:
    """What became of the rows of a file or request; of the refused the first are named."""

    accepted: int = 0
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    refused_count: int = 0
    whole: bool = True
    """False: there was more than may come at once, and the rest was not read."""


async def take_in(
    pieces: AsyncIterable[bytes],
    form: Form,
    store: QualityStore,
    now: datetime,
    *,
    most_rows: int | None = None,
    most_bytes: int | None = None,
) -> Receipt:
    """Keep what can be taken of rows in lines, each ended by a line break, the last perhaps not.

    Raises InputError where CSV has a header that no row can be read by.
    """
    intake = _Intake(form, store, now, most_rows)
    begun = b""
    read = 0
    async for piece in pieces:
        read += len(piece)
        if most_bytes is not None and read > most_bytes:
            intake.receipt.whole = False
        *lines, begun = (begun + piece).split(b"\n")
        begun = begun[: LONGEST_LINE + 1]
        for line in lines:
            intake.take(line)
        if intake.waiting >= _BATCH:
            await intake.write()
        if not intake.receipt.whole:
            break
    intake.take(begun)
    await intake.write()
    return intake.receipt


class _Intake:
    """Lines in, batches to the store, and a receipt."""

    def __init__(
        self, form: Form, store: QualityStore, now: datetime, most_rows: int | None
    ) -> None:
        self.receipt = Receipt()
        self._store = store
        self._now = now
        self._rows_left = most_rows
        self._read = partial(read_json, now=now) if form == "json" else None
        self._line = 0
        self._known: dict[Subject, int] = {}
        self._rows: list[tuple[int, Row]] = []
        self._refused: list[Refused] = []

    @property
    def waiting(self) -> int:
        """Lines that are held."""
        return len(self._rows) + len(self._refused)

    def take(self, line: bytes) -> None:
        """Read the next line, unless there were too many before."""
        self._line += 1
        if self._line == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if not self.receipt.whole or not line.strip():
            return
        if self._read is None:
            self._read = partial(read_csv, header=_header(line), now=self._now)
        elif self._rows_left == 0:
            self.receipt.whole = False
        else:
            self._take_row(self._read, line)

    def _take_row(self, read: Callable[[bytes], Row], line: bytes) -> None:
        if self._rows_left is not None:
            self._rows_left -= 1
        if len(line) > LONGEST_LINE:
            self._refuse(self._line, f"longer than {LONGEST_LINE} bytes")
            return
        try:
            self._rows.append((self._line, read(line)))
        except RefusedRowError as error:
            self._refuse(self._line, str(error))

    def _refuse(self, line: int, reason: str) -> None:
        self._refused.append(Refused(line, reason))

    async def write(self) -> None:
        """Keep what waits."""
        taken = await self._store.take_in([row for _, row in self._rows], self._known)
        for place in taken.unknown:
            line, row = self._rows[place]
            self._refuse(line, f"there is no account {row.account!r}")
        receipt = self.receipt
        receipt.accepted += taken.accepted
        receipt.unchanged += taken.unchanged
        receipt.refused_count += len(self._refused)
        refused = sorted(self._refused, key=lambda one: one.line)
        receipt.refused += refused[: NAMED - len(receipt.refused)]
        self._rows, self._refused = [], []


def _header(line: bytes) -> list[str]:
    try:
        return read_header(line)
    except RefusedRowError as error:
        raise InputError(
            f"The first line does not name the columns of quality: {error}.",
            "Begin with a line such as account,app,region,minute,users,stall_rate.",
        ) from None
