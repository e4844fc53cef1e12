"""The drill's records: an installation's database in; its rows, as they are judged, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update

from agent.service.calls.tables import Call, Turn
from agent.service.database import Database
from agent.service.outbox.tables import Outgoing
from agent.service.paging.tables import PageSent
from agent.service.promises.tables import Promise
from agent.service.tickets.tables import Ticket, TicketEvent
from eval.drill.judging import Found, MessageRow, TicketRow, by_address
from eval.drill.receiver import Got


class Records:
    """Reads what an installation has written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def found(self, got: Iterable[Got]) -> Found:
        """All that is there, with what the receivers ``got``."""
        async with self._database.transaction() as session:
            tickets = (await session.scalars(select(Ticket).order_by(Ticket.number))).all()
            events = (await session.scalars(select(TicketEvent))).all()
            pages = Counter(await session.scalars(select(PageSent.ticket)))
            promises = Counter(await session.scalars(select(Promise.ticket)))
            outgoing = (await session.scalars(select(Outgoing).order_by(Outgoing.id))).all()
        asked = Counter(
            event.ticket
            for event in events
            if event.actor == "customer" and event.kind in ("opened", "said")
        )
        about = {row.id: row.message["data"].get("ticket") for row in outgoing}
        return Found(
            [
                TicketRow(t.number, t.key, asked[t.number], pages[t.number], promises[t.number])
                for t in tickets
            ],
            [
                MessageRow(
                    row.key,
                    row.destination,
                    row.message["type"],
                    about[row.id] or about.get(row.message["data"].get("message")),
                    bool(row.message["data"].get("link")),
                    row.delivered_at is not None,
                )
                for row in outgoing
            ],
            by_address((one.destination, one.key, one.body) for one in got),
        )

    async def ticket_of(self, call_id: str) -> Ticket | None:
        """The ticket to which something happened in a call."""
        async with self._database.transaction() as session:
            found: Ticket | None = await session.scalar(
                select(Ticket)
                .join(TicketEvent, TicketEvent.ticket == Ticket.number)
                .where(TicketEvent.call_id == call_id)
                .limit(1)
            )
            return found

    async def events(self, ticket: int) -> list[TicketEvent]:
        """What happened to a ticket, in order."""
        async with self._database.transaction() as session:
            mine = select(TicketEvent).where(TicketEvent.ticket == ticket)
            return list(await session.scalars(mine.order_by(TicketEvent.id)))

    async def promises(self, ticket: int) -> list[Promise]:
        """What was promised for a ticket, in order."""
        async with self._database.transaction() as session:
            mine = select(Promise).where(Promise.ticket == ticket).order_by(Promise.id)
            return list(await session.scalars(mine))

    async def message(self, ticket: int, type_: str, destination: str) -> Outgoing | None:
        """The last message of a type to a destination about a ticket."""
        async with self._database.transaction() as session:
            there = select(Outgoing).where(Outgoing.destination == destination)
            rows = await session.scalars(there.order_by(Outgoing.id.desc()))
            mine = (r for r in rows if r.message["data"].get("ticket") == ticket)
            return next((row for row in mine if row.message["type"] == type_), None)

    async def turns(self, call_id: str) -> int:
        """How many questions of a call the assistant has taken up."""
        async with self._database.transaction() as session:
            return len(
                (await session.scalars(select(Turn.id).where(Turn.call_id == call_id))).all()
            )

    async def holder(self, call_id: str) -> int:
        """The id of the process that holds a call."""
        async with self._database.transaction() as session:
            call = await session.get_one(Call, call_id)
        assert call.claimant
        return int(call.claimant.split(":")[1])

    async def wear_out(self, message: int, attempts: int, now: datetime) -> None:
        """Let a message be at the attempt after ``attempts``, as after a day and a half of them."""
        async with self._database.transaction() as session:
            await session.execute(
                update(Outgoing)
                .where(Outgoing.id == message)
                .values(attempts=attempts, next_try_at=now)
            )
