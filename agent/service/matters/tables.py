"""What is kept of what calls are about: matters, and the lists of what there is to do."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from agent.service.database import Base, UtcDateTime

Kind = Literal["trouble", "onboarding", "question"]
State = Literal["open", "solved", "handed_over"]


class Matter(Base):
    """Something that a call is about, and how it stands."""

    __tablename__ = "matters"
    __table_args__ = (UniqueConstraint("call_id", "key", name="uq_matters_call_id_key"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: The subject; without one, the kind.
    key: Mapped[str] = mapped_column(String(128))
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    #: Empty for a guest.
    account: Mapped[str] = mapped_column(String(64), index=True)
    contact: Mapped[str] = mapped_column(String(128))
    #: trouble, onboarding, question.
    kind: Mapped[Kind] = mapped_column(String(10))
    #: Stem of the entry that it is about; empty where none is.
    subject: Mapped[str] = mapped_column(String(128))
    #: As quality is reported for it; empty where none is concerned.
    region: Mapped[str] = mapped_column(String(64))
    #: open, solved, handed_over.
    state: Mapped[State] = mapped_column(String(11))
    #: The customer's own.
    words: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Checklist(Base):
    """What an account has to do until the launch of a scenario; a guest's is their call's."""

    __tablename__ = "checklists"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    #: Whose and for what: it is set anew, and never there twice.
    key: Mapped[str] = mapped_column(String(160), unique=True)
    account: Mapped[str] = mapped_column(String(64), index=True)
    #: In which it was set last.
    call_id: Mapped[str | None] = mapped_column(
        ForeignKey("calls.id", ondelete="SET NULL"), index=True
    )
    scenario: Mapped[str] = mapped_column(String(64))
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    items: Mapped[list[ChecklistItem]] = relationship(
        order_by="ChecklistItem.position", cascade="all, delete-orphan", lazy="selectin"
    )


class ChecklistItem(Base):
    """One thing to do."""

    __tablename__ = "checklist_items"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    checklist: Mapped[int] = mapped_column(
        ForeignKey("checklists.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int] = mapped_column(Integer)
    #: As the customer reads it.
    text: Mapped[str] = mapped_column(Text)
    #: None while it is to be done.
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
