"""Whose records a caller may see: every query that is made for somebody takes one.

What the installation does for everybody takes none: admission, workers, the outbox, calling people
to a ticket, what is due, and the operator's own lists of accounts and tickets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: In place of an account: what concerns the operator's own people, an incident say. No site can
#: sign such a name.
OPERATOR: Final = "@operator"


@dataclass(frozen=True)
class Scope:
    """An account's records, or those of one call.

    A guest has no account: without a call a guest's scope is empty.
    """

    account: str
    """Empty for a guest."""
    call_id: str | None = None
    """This call alone."""
