"""How calls on our own server were: who was in them when, and what their pages measured."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _call() -> "sa.Column[str]":
    return sa.Column(
        "call_id", sa.String(36), sa.ForeignKey("calls.id", ondelete="CASCADE"), nullable=False
    )


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("joined", sa.Boolean))
        calls.add_column(sa.Column("join_ms", sa.Integer))
    op.create_table(
        "visits",
        sa.Column("participant", sa.String(64), primary_key=True),
        _call(),
        sa.Column("joined_at", sa.DateTime(timezone=True)),
        sa.Column("left_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.String(32), nullable=False),
    )
    op.create_index("ix_visits_call_id", "visits", ["call_id"])
    op.create_index("ix_visits_joined_at", "visits", ["joined_at"])
    op.create_table(
        "measurements",
        _call(),
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("length_ms", sa.Integer, nullable=False),
        sa.Column("stalled_ms", sa.Integer, nullable=False),
        sa.Column("latency_ms", sa.Integer),
        sa.Column("packets", sa.Integer, nullable=False),
        sa.Column("packets_lost", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number"),
    )
    op.create_index("ix_measurements_minute", "measurements", ["minute"])


def downgrade() -> None:
    op.drop_table("measurements")
    op.drop_table("visits")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("join_ms")
        calls.drop_column("joined")
