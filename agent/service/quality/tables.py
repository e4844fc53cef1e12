"""What is kept of quality: minutes as they were reported, and what hours and days made of them.

A minute is two whole numbers: its hour since 1970, UTC, and which minute of that it is. Rates are
kept in millionths and times in whole milliseconds, so that sums are exact: what is rolled up anew
is the same.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.service.database import Base, UtcDateTime


class Series(Base):
    """An account's app in a region: what a row of quality is about, by a number that rows bear.

    A number is never given again, so that rows of an account that is gone are nobody's.
    """

    __tablename__ = "quality_series"
    __table_args__ = (
        UniqueConstraint("account", "app", "region", name="uq_quality_series_account_app_region"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    #: As the operator reports it; it need not be known as an app of the account's.
    app: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(32))


class Minute(Base):
    """A minute of a series, as it was reported last. None: not reported.

    Its key lets what comes in together, and what is rolled up together, lie together. The series is
    no foreign key: it would be checked for every row, and rows find their account by it alone.
    """

    __tablename__ = "quality_minutes"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hour: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    series: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    minute: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    users: Mapped[int] = mapped_column(Integer)
    stall_ppm: Mapped[int | None] = mapped_column(Integer)
    latency_ms: Mapped[int | None] = mapped_column(Integer)
    loss_ppm: Mapped[int | None] = mapped_column(Integer)
    joins: Mapped[int | None] = mapped_column(Integer)
    joined: Mapped[int | None] = mapped_column(Integer)
    #: The mean of those that joined.
    join_ms: Mapped[int | None] = mapped_column(Integer)
    zone_ppm: Mapped[int | None] = mapped_column(Integer)


class Rolled:
    """Sums over minutes, each with the weight that divides it, and the worst single minute."""

    minutes: Mapped[int] = mapped_column(Integer)
    user_minutes: Mapped[int] = mapped_column(BigInteger)
    joins: Mapped[int] = mapped_column(BigInteger)
    joined: Mapped[int] = mapped_column(BigInteger)
    #: Weighed by users, as latency and loss are.
    stall_sum: Mapped[int] = mapped_column(BigInteger)
    stall_weight: Mapped[int] = mapped_column(BigInteger)
    stall_worst: Mapped[int | None] = mapped_column(Integer)
    latency_sum: Mapped[int] = mapped_column(BigInteger)
    latency_weight: Mapped[int] = mapped_column(BigInteger)
    latency_worst: Mapped[int | None] = mapped_column(Integer)
    loss_sum: Mapped[int] = mapped_column(BigInteger)
    loss_weight: Mapped[int] = mapped_column(BigInteger)
    loss_worst: Mapped[int | None] = mapped_column(Integer)
    #: Weighed by those that joined.
    join_sum: Mapped[int] = mapped_column(BigInteger)
    join_weight: Mapped[int] = mapped_column(BigInteger)
    join_worst: Mapped[int | None] = mapped_column(Integer)
    #: Weighed by minutes: a zone is up or not whoever is in it. The worst is the lowest.
    zone_sum: Mapped[int] = mapped_column(BigInteger)
    zone_weight: Mapped[int] = mapped_column(BigInteger)
    zone_worst: Mapped[int | None] = mapped_column(Integer)
    #: The lowest share of those who tried that joined in a minute.
    joined_worst: Mapped[int | None] = mapped_column(Integer)


class Hour(Rolled, Base):
    """An hour of a series."""

    __tablename__ = "quality_hours"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class Day(Rolled, Base):
    """A day of a series, UTC."""

    __tablename__ = "quality_days"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class IncidentSeen(Base):
    """An incident to which people were called.

    What it is about is computed from minutes; this row is what makes it the same one whenever
    somebody looks, whatever comes late.
    """

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    region: Mapped[str] = mapped_column(String(32), index=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: The end of the last minute in it that is known.
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Accounts and metrics that were ever in it.
    accounts: Mapped[list[str]] = mapped_column(JSON)
    metrics: Mapped[list[str]] = mapped_column(JSON)
    ticket: Mapped[int] = mapped_column(
        ForeignKey("tickets.number", ondelete="CASCADE"), unique=True
    )
    #: When it was found to be over; none while it goes on.
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Stale(Base):
    """An hour of a series that has to be rolled up, again or the first time."""

    __tablename__ = "quality_stale"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hour: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    series: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: How often it was marked since: who marks it again writes it, and so waits for who takes it.
    marks: Mapped[int] = mapped_column(Integer)
