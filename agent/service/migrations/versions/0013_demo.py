"""Which accounts are the demo's own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "demo_accounts",
        sa.Column(
            "account",
            sa.String(64),
            sa.ForeignKey("accounts.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("seeded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("demo_accounts")
