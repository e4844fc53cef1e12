"""Quality by the minute, what hours and days made of it, and which hours are to be rolled up."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _key(*names: str) -> "list[sa.Column[int]]":
    kind = {"minute": sa.SmallInteger}
    return [
        sa.Column(name, kind.get(name, sa.Integer), primary_key=True, autoincrement=False)
        for name in names
    ]


def _rolled() -> "list[sa.Column[int]]":
    metrics = ("stall", "latency", "loss", "join", "zone")
    return [
        sa.Column("minutes", sa.Integer, nullable=False),
        *(sa.Column(n, sa.BigInteger, nullable=False) for n in ("user_minutes", "joins", "joined")),
        *(
            column
            for metric in metrics
            for column in (
                sa.Column(f"{metric}_sum", sa.BigInteger, nullable=False),
                sa.Column(f"{metric}_weight", sa.BigInteger, nullable=False),
                sa.Column(f"{metric}_worst", sa.Integer),
            )
        ),
        sa.Column("joined_worst", sa.Integer),
    ]


def upgrade() -> None:
    op.create_table(
        "quality_series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "account",
            sa.String(64),
            sa.ForeignKey("accounts.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("region", sa.String(32), nullable=False),
        sa.UniqueConstraint(
            "account", "app", "region", name="uq_quality_series_account_app_region"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "quality_minutes",
        *_key("hour", "series", "minute"),
        sa.Column("users", sa.Integer, nullable=False),
        *(
            sa.Column(name, sa.Integer)
            for name in (
                *("stall_ppm", "latency_ms", "loss_ppm", "joins", "joined", "join_ms", "zone_ppm"),
            )
        ),
        sqlite_with_rowid=False,
    )
    op.create_table("quality_hours", *_key("series", "hour"), *_rolled(), sqlite_with_rowid=False)
    op.create_table("quality_days", *_key("series", "day"), *_rolled(), sqlite_with_rowid=False)
    op.create_table(
        "quality_stale",
        *_key("hour", "series"),
        sa.Column("marks", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("stale", "days", "hours", "minutes", "series"):
        op.drop_table(f"quality_{table}")
