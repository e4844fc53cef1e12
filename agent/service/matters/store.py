"""The records of what calls are about: noted as they go, remembered in later calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, delete, select, update

from agent.service.calls.tables import Call
from agent.service.database import Database, write_once
from agent.service.matters.tables import Checklist, ChecklistItem, Kind, Matter, State
from agent.service.scope import Scope, within
from agent.service.tickets.store import within as tickets_within
from agent.service.tickets.tables import Ticket


@dataclass(frozen=True)
class Noted:
    """What is said of a matter; the fields are those of `tables.Matter`."""

    kind: Kind
    subject: str
    state: State
    region: str = ""
    words: str = ""


@dataclass(frozen=True)
class Remembered:
    """What a contact's earlier calls were about."""

    matters: Sequence[Matter]
    """The newest first; of each subject how it stood last."""
    tickets: Sequence[Ticket]
    """Theirs that are not resolved, the worst first."""


class Matters:
    """Matters and checklists in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, scope: Scope, contact: str, noted: Noted, now: datetime | None = None
    ) -> None:
        """What the scope's call is about; the last word on a subject of it counts.

        What is not said again, a region or words, stays. Nothing is written where the scope has no
        such call.
        """
        now = now or datetime.now(UTC)
        key = noted.subject or noted.kind
        values = {"kind": noted.kind, "state": noted.state, "changed_at": now}
        said = {name: text for name in ("region", "words") if (text := getattr(noted, name))}
        async with self._database.transaction() as session:
            if not await session.scalar(select(Call.id).where(_is_call(scope))):
                return
            row = {"region": "", "words": "", "opened_at": now, **values, **said}
            whose = {"call_id": scope.call_id, "account": scope.account, "contact": contact}
            await write_once(
                session, Matter, [{**row, **whose, "key": key, "subject": noted.subject}]
            )
            await session.execute(
                update(Matter)
                .where(Matter.call_id == scope.call_id, Matter.key == key)
                .values({**values, **said})
            )

    async def of_call(self, scope: Scope, call_id: str) -> Sequence[Matter]:
        """What a call of the scope's was about, in order."""
        async with self._database.transaction() as session:
            query = (
                select(Matter)
                .where(Matter.call_id == call_id, within(scope, Matter.account, Matter.call_id))
                .order_by(Matter.id)
            )
            return (await session.scalars(query)).all()

    async def remembered(
        self, scope: Scope, contact: str, *, besides: str, most: int = 5
    ) -> Remembered:
        """What calls of a contact of the scope's account were about; nothing of a guest's.

        ``besides``: the call that is going on.
        """
        if scope.call_id or not contact:
            return Remembered((), ())
        async with self._database.transaction() as session:
            earlier = (
                select(Matter)
                .where(
                    within(scope, Matter.account, Matter.call_id),
                    Matter.contact == contact,
                    Matter.call_id != besides,
                )
                .order_by(Matter.changed_at.desc(), Matter.id.desc())
            )
            newest: dict[str, Matter] = {}
            for matter in await session.scalars(earlier):
                newest.setdefault(matter.key, matter)
            tickets = (
                select(Ticket)
                .where(
                    tickets_within(scope), Ticket.contact == contact, Ticket.status != "resolved"
                )
                .order_by(Ticket.severity, Ticket.opened_at, Ticket.number)
            )
            return Remembered(list(newest.values())[:most], (await session.scalars(tickets)).all())

    # --- checklists

    async def set_checklist(
        self, scope: Scope, scenario: str, items: Sequence[str], now: datetime | None = None
    ) -> None:
        """What there is to do for a scenario from now on, in order; set in the scope's call.

        What is done stays done, and stays in the list where it is no item any more.
        """
        now = now or datetime.now(UTC)
        whose = f"account:{scope.account}" if scope.account else f"call:{scope.call_id}"
        key = f"{whose}:{scenario}"
        row = {"key": key, "account": scope.account, "scenario": scenario, "set_at": now}
        async with self._database.transaction() as session:
            if not await session.scalar(select(Call.id).where(_is_call(scope))):
                return
            await write_once(session, Checklist, [{**row, "call_id": scope.call_id}])
            taken = await session.execute(  # nobody else sets or ticks it until it stands
                update(Checklist)
                .where(Checklist.key == key)
                .values(call_id=scope.call_id, set_at=now)
                .returning(Checklist.id)
            )
            checklist = taken.scalar_one()
            mine = ChecklistItem.checklist == checklist
            done = select(ChecklistItem).where(mine, ChecklistItem.done_at.is_not(None))
            done_at = {
                item.text: item.done_at
                for item in await session.scalars(done.order_by(ChecklistItem.position))
            }
            await session.execute(delete(ChecklistItem).where(mine))
            session.add_all(
                ChecklistItem(
                    checklist=checklist, position=position, text=text, done_at=done_at.get(text)
                )
                for position, text in enumerate(dict.fromkeys([*items, *done_at]))
            )

    async def checklists(self, scope: Scope) -> Sequence[Checklist]:
        """All of an account, or those that were set last in the scope's call, in order."""
        async with self._database.transaction() as session:
            mine = within(scope, Checklist.account, Checklist.call_id)
            query = select(Checklist).where(mine).order_by(Checklist.id)
            return (await session.scalars(query)).all()

    async def tick(self, scope: Scope, item: int, done_at: datetime | None) -> bool:
        """An item is done, or is not (None); whether the scope has such an item."""
        async with self._database.transaction() as session:
            mine = select(Checklist.id).where(within(scope, Checklist.account, Checklist.call_id))
            ticked = await session.execute(
                update(ChecklistItem)
                .where(ChecklistItem.id == item, ChecklistItem.checklist.in_(mine))
                .values(done_at=done_at)
                .returning(ChecklistItem.id)
            )
            return ticked.one_or_none() is not None


def _is_call(scope: Scope) -> ColumnElement[bool]:
    """The scope's call."""
    return and_(Call.id == scope.call_id, Call.account == scope.account)
