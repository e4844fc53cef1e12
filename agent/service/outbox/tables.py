"""What is to go outside: rows written in the transaction that causes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Outgoing(Base):
    """A message to one destination, until it is delivered and after."""

    __tablename__ = "outbox"
    __table_args__ = (UniqueConstraint("key", "destination", name="uq_outbox_key_destination"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: What it is about: the same is not sent twice, and receivers know it again by it.
    key: Mapped[str] = mapped_column(String(128))
    #: By the name that the operator gave it.
    destination: Mapped[str] = mapped_column(String(64))
    #: A customer's mail address; empty where it goes to whom the destination is for.
    recipient: Mapped[str] = mapped_column(String(254), default="")
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    #: When it is tried next; none where it is delivered or given up.
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What came of the last attempt that failed.
    problem: Mapped[str] = mapped_column(Text, default="")
