"""Incidents to which people were called."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("region", sa.String(32), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accounts", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column(
            "ticket",
            sa.Integer,
            sa.ForeignKey("tickets.number", ondelete="CASCADE"),
            nullable=False,
            unique=True,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_incidents_region", "incidents", ["region"])


def downgrade() -> None:
    op.drop_table("incidents")
