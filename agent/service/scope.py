"""Whose records a caller may see: every query that is made for somebody takes one.

What the installation does for everybody takes none: admission, workers, the outbox, calling people
to a ticket, what is due, and the operator's own lists of accounts and tickets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false
from sqlalchemy.orm import InstrumentedAttribute

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


def within(
    scope: Scope,
    account: InstrumentedAttribute[str],
    call_id: InstrumentedAttribute[Any],
) -> ColumnElement[bool]:
    """Rows with these two columns that are the scope's: its account's, or those of its call."""
    of_account = account == scope.account
    if scope.call_id is None:
        return of_account if scope.account else false()
    return and_(of_account, call_id == scope.call_id)
