"""What is kept of promises: what a customer was told that somebody would do, and by when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Promise(Base):
    """Something that a customer was promised. Whether it was kept is computed when it is read."""

    __tablename__ = "promises"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: Names what it was promised for: the same is not promised twice.
    key: Mapped[str] = mapped_column(String(128), unique=True)
    #: callback (somebody calls the customer), word (somebody tells the customer something).
    kind: Mapped[str] = mapped_column(String(8))
    #: As the customer was told.
    text: Mapped[str] = mapped_column(Text)
    #: Who keeps it, by their name in the rota; empty: whoever is on call.
    owner: Mapped[str] = mapped_column(String(128), default="")
    ticket: Mapped[int | None] = mapped_column(
        ForeignKey("tickets.number", ondelete="CASCADE"), index=True
    )
    #: The call in which it was promised, or which it is about.
    call_id: Mapped[str | None] = mapped_column(
        ForeignKey("calls.id", ondelete="SET NULL"), index=True
    )
    #: Empty for a guest.
    account: Mapped[str] = mapped_column(String(64), index=True)
    contact: Mapped[str] = mapped_column(String(128), default="")
    promised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When somebody is reminded of it, or told that it was broken; none where neither is wanted any
    #: more. Whoever comes by looks then.
    look_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    #: When somebody said that it was kept.
    kept_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When somebody took it back, with the customer's consent.
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
