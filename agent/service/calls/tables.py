"""What is kept of calls: who consented when, each turn with its sources and times, who answers.

And how the connection was: when the customer was in the room, and what their page measured.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from agent.service.database import Base, UtcDateTime


class Call(Base):
    """One call of one customer."""

    __tablename__ = "calls"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    #: Whose customer calls; empty for a guest.
    account: Mapped[str] = mapped_column(String(64), default="", index=True)
    #: Who calls, as the account's own site names them; empty for a guest.
    contact: Mapped[str] = mapped_column(String(128), default="")
    room: Mapped[str] = mapped_column(String(64), unique=True)
    identity: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    consented_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Which text the customer agreed to; empty where none was kept.
    consent_version: Mapped[str] = mapped_column(String(16), default="")
    #: Until then the grant lets its customer in, the first time or again.
    grant_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    #: The process that holds the call, and when it was last seen alive.
    claimant: Mapped[str | None] = mapped_column(String(128))
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: confirmed (the customer said that it helped), left, handed_over; empty while it is unknown.
    outcome: Mapped[str] = mapped_column(String(11), default="")
    #: Where its summary goes, as a guest has said; empty: nowhere, or where the contact's go.
    email: Mapped[str] = mapped_column(String(254), default="")
    #: By the customer, 1 to 5; none where nobody gave one.
    rating: Mapped[int | None] = mapped_column(Integer)
    comment: Mapped[str] = mapped_column(Text, default="")
    #: Whether the customer's page got into the room, as it says; none where it has not said.
    joined: Mapped[bool | None]
    #: What that took, from asking for the call on; none where it did not, or nobody knows.
    join_ms: Mapped[int | None] = mapped_column(Integer)
    #: Where its conversation stood after the last turn, for whoever takes it up; none before.
    course: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    #: When somebody sums it up, once it is over; none where that is done, or not wanted.
    sum_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    turns: Mapped[list[Turn]] = relationship(order_by="Turn.number", cascade="all, delete-orphan")


class Turn(Base):
    """One question and the answer as far as it was heard."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("call_id", "number", name="uq_turns_call_id_number"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: None while the turn is open.
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    language: Mapped[str] = mapped_column(String(2))
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text, default="")
    declined: Mapped[bool] = mapped_column(default=False)
    interrupted: Mapped[bool] = mapped_column(default=False)
    #: [{"id", "title", "language", "version", "score"}]
    citations: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: Stage → milliseconds.
    timings_ms: Mapped[dict[str, float]] = mapped_column(JSON, default=dict)
    #: How sure the recognition was, 0 to 1; none when the question was typed.
    confidence: Mapped[float | None] = mapped_column(Float)


class Utterance(Base):
    """What somebody said to somebody else in a call while the assistant was silent."""

    __tablename__ = "utterances"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: customer, human (a person of the operator's).
    speaker: Mapped[str] = mapped_column(String(8))
    #: The person's name; empty for the customer.
    who: Mapped[str] = mapped_column(String(128), default="")
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str] = mapped_column(Text)


class ScreenText(Base):
    """Text that was read off the screen that a customer showed. The picture is kept nowhere."""

    __tablename__ = "screen_texts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Where it stood: left, top, right, bottom, pixels.
    part: Mapped[list[int]] = mapped_column(JSON)
    #: Lines that were not there before, from top to bottom; secrets are left out.
    text: Mapped[str] = mapped_column(Text)


class Visit(Base):
    """A stay of the customer's in the room of their call, as the LiveKit server told it."""

    __tablename__ = "visits"

    #: LiveKit's name for it; who comes in again gets another.
    participant: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    #: None where no connection came about.
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: As LiveKit names it: CLIENT_INITIATED, say; empty while they are there.
    reason: Mapped[str] = mapped_column(String(32), default="")


class Measurement(Base):
    """What a customer's page measured of a stretch of its call."""

    __tablename__ = "measurements"

    call_id: Mapped[str] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True
    )
    #: The page counts them.
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: Since 1970, by our clock: that in which the middle of the stretch lies.
    minute: Mapped[int] = mapped_column(Integer, index=True)
    #: How long it was, and how much of it could not be heard as it was said.
    length_ms: Mapped[int] = mapped_column(Integer)
    stalled_ms: Mapped[int] = mapped_column(Integer)
    latency_ms: Mapped[int | None] = mapped_column(Integer)
    #: Of both directions: those that were sent, and of these those that did not arrive.
    packets: Mapped[int] = mapped_column(Integer)
    packets_lost: Mapped[int] = mapped_column(Integer)


class Worker(Base):
    """An agent worker that takes calls."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    max_calls: Mapped[int] = mapped_column(Integer)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Grant(Base):
    """A grant that was given, kept as long as rates are counted."""

    __tablename__ = "grants"

    call_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    #: Who asked: a keyed hash of the address, never the address.
    caller: Mapped[str] = mapped_column(String(64), index=True)
    account: Mapped[str] = mapped_column(String(64), index=True)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
