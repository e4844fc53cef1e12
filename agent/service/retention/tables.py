"""What is kept of customers who may leave: what showed it, and the outreach that is drafted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime
from agent.service.retention.policy import Signal


class SignalNoted(Base):
    """A sentence that shows that a customer may leave, and what was offered upon it."""

    __tablename__ = "signals"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: Names what was said in which call: the same is not written twice.
    key: Mapped[str] = mapped_column(String(128), unique=True)
    call_id: Mapped[str | None] = mapped_column(
        ForeignKey("calls.id", ondelete="SET NULL"), index=True
    )
    #: Empty for a guest.
    account: Mapped[str] = mapped_column(String(64), index=True)
    contact: Mapped[str] = mapped_column(String(128))
    language: Mapped[str] = mapped_column(String(2))
    #: Those of `policy.py`.
    signal: Mapped[Signal] = mapped_column(String(18))
    #: The customer's own.
    sentence: Mapped[str] = mapped_column(Text)
    #: Name of the operator's offer; empty where none was made.
    offered: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    #: When somebody looks whether the account is to be reached out to; none where that is done.
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class Outreach(Base):
    """A letter to a contact of an account that may leave, drafted for a person to send."""

    __tablename__ = "outreach"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account: Mapped[str] = mapped_column(String(64), index=True)
    contact: Mapped[str] = mapped_column(String(128))
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str] = mapped_column(Text)
    #: Why: [{"signal", "sentence", "at", "call_id", "offered"}], the newest first.
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: draft, sent, dropped.
    state: Mapped[str] = mapped_column(String(7), default="draft")
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
