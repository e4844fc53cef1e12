"""What is kept of the demo: which accounts are its own, so that nobody takes another for one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class DemoAccount(Base):
    """An account that the demo has made."""

    __tablename__ = "demo_accounts"

    account: Mapped[str] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    #: The moment that its story counts back from.
    seeded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Whether its quality is all there, too: it comes after, in many transactions.
    is_whole: Mapped[bool] = mapped_column(default=False)
