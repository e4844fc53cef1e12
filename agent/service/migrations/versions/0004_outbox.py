"""What is to go outside."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("message", sa.JSON, nullable=False),
        sa.Column("written_at", time, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", time, index=True),
        sa.Column("delivered_at", time),
        sa.Column("problem", sa.Text, nullable=False),
        sa.UniqueConstraint("key", "destination", name="uq_outbox_key_destination"),
    )


def downgrade() -> None:
    op.drop_table("outbox")
