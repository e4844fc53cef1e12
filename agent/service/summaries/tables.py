"""What is kept of a call that is over: its written summary."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Summary(Base):
    """A call in writing. It is written anew while the customer may come back."""

    __tablename__ = "summaries"

    call_id: Mapped[str] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(String(2))
    #: [{"heading", "lines"}]; none where nothing was said.
    sections: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: When it was put down to be mailed to the contact; none where it was not.
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
