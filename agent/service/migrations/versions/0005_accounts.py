"""Accounts, who of them calls, their apps, and what is known of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _account(*, primary_key: bool = False) -> "sa.Column[str]":
    reference = sa.ForeignKey("accounts.id", ondelete="CASCADE")
    return sa.Column("account", sa.String(64), reference, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False, index=True),
        sa.Column("created_at", time, nullable=False),
    )
    op.create_table(
        "contacts",
        _account(primary_key=True),
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
    )
    op.create_table(
        "apps",
        _account(primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
    )
    op.create_table(
        "account_facts",
        sa.Column("id", sa.Integer, primary_key=True),
        _account(),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("source", sa.String(9), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("said_at", time, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("call_id", sa.String(36), sa.ForeignKey("calls.id", ondelete="SET NULL")),
    )
    op.create_index("ix_account_facts_account", "account_facts", ["account"])


def downgrade() -> None:
    for table in ("account_facts", "apps", "contacts", "accounts"):
        op.drop_table(table)
