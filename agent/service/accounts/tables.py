"""What is kept of customers: accounts, who of them calls, their apps, and what is known of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Account(Base):
    """A customer of the operator's."""

    __tablename__ = "accounts"

    #: As the operator's site signs it: docs/identity.md.
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    #: The customer success manager; empty where it has none.
    owner: Mapped[str] = mapped_column(String(128), default="", index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Contact(Base):
    """A person of an account."""

    __tablename__ = "contacts"

    account: Mapped[str] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    #: As the operator's site signs it.
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), default="")
    language: Mapped[str] = mapped_column(String(2))
    #: Where the summaries of their calls go; empty where they want none.
    email: Mapped[str] = mapped_column(String(254), default="")


class App(Base):
    """A product of an account's, by the name that quality is reported for."""

    __tablename__ = "apps"

    account: Mapped[str] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), default="")


class Fact(Base):
    """A value of a field of an account, as somebody said it. Rows are added, and never changed."""

    __tablename__ = "account_facts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    field: Mapped[str] = mapped_column(String(16))
    #: A text, or a list of texts; null where the one before is not so any more.
    value: Mapped[Any] = mapped_column(JSON)
    #: contact, assistant, person (of the operator's), import.
    source: Mapped[str] = mapped_column(String(9))
    who: Mapped[str] = mapped_column(String(128), default="")
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: 0 to 1.
    confidence: Mapped[float] = mapped_column(Float)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"))
