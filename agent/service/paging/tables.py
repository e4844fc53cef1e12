"""What is kept of pages: who was called to which ticket, and what they answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class PageSent(Base):
    """Somebody was called to a ticket: once by the rota, and again for a promise that is due."""

    __tablename__ = "pages"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket: Mapped[int] = mapped_column(
        ForeignKey("tickets.number", ondelete="CASCADE"), index=True
    )
    responder: Mapped[str] = mapped_column(String(128))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: SHA-256 of what the link to answer with holds: who reads the database cannot answer.
    link_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    declined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
