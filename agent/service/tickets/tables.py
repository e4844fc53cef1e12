"""What is kept of tickets: each with everything that happened to it, in its order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Ticket(Base):
    """A customer's trouble, or wish, that somebody has to see to.

    Its severity, status and assignee are what its events have made of them: kept for those who look
    for tickets, never the source of a clock.
    """

    __tablename__ = "tickets"
    __table_args__ = (UniqueConstraint("account", "key", name="uq_tickets_account_key"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: Names what it was opened for: who opens it again for the same gets the same.
    key: Mapped[str] = mapped_column(String(128))
    account: Mapped[str] = mapped_column(String(64), index=True)
    contact: Mapped[str] = mapped_column(String(128))
    language: Mapped[str] = mapped_column(String(2))
    subject: Mapped[str] = mapped_column(Text)
    severity: Mapped[int] = mapped_column(Integer)
    #: open, waiting (for the customer), resolved.
    status: Mapped[str] = mapped_column(String(8), index=True)
    #: A person's name as the operator knows it; empty where nobody has it.
    assignee: Mapped[str] = mapped_column(String(128), default="")
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When the next of its clocks is up; none where none runs. Whoever comes by looks then.
    next_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    #: When somebody is called to it next, or it is looked at whether the last one came; none where
    #: nobody is wanted, or somebody has it. Whoever comes by looks then.
    next_page_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    #: When people began to be called for the wish that counts; none where nobody was ever wanted.
    paging_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TicketEvent(Base):
    """Something that happened to a ticket. Rows are added, and never changed."""

    __tablename__ = "ticket_events"
    __table_args__ = (UniqueConstraint("ticket", "key", name="uq_ticket_events_ticket_key"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket: Mapped[int] = mapped_column(ForeignKey("tickets.number", ondelete="CASCADE"))
    #: Names what happened: the same is not written twice.
    key: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Those of `sla.py`, and `Besides` of `store.py`.
    kind: Mapped[str] = mapped_column(String(8))
    actor: Mapped[str] = mapped_column(String(9))
    #: The person or contact; empty for the assistant.
    who: Mapped[str] = mapped_column(String(128), default="")
    severity: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text, default="")
    #: The call in which it happened.
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"))
