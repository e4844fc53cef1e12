"""Tickets, and all that happens to them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    of_ticket = sa.ForeignKey("tickets.number", ondelete="CASCADE")
    op.create_table(
        "tickets",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("status", sa.String(8), nullable=False, index=True),
        sa.Column("assignee", sa.String(128), nullable=False),
        sa.Column("opened_at", time, nullable=False),
        sa.Column("next_due_at", time, index=True),
        sa.UniqueConstraint("account", "key", name="uq_tickets_account_key"),
    )
    op.create_table(
        "ticket_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticket", sa.Integer, of_ticket, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("actor", sa.String(9), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("severity", sa.Integer),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("call_id", sa.String(36), sa.ForeignKey("calls.id", ondelete="SET NULL")),
        sa.UniqueConstraint("ticket", "key", name="uq_ticket_events_ticket_key"),
    )


def downgrade() -> None:
    op.drop_table("ticket_events")
    op.drop_table("tickets")
