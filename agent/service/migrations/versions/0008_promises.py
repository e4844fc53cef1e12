"""What customers were promised; and that somebody may be called to a ticket again because of it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    of_ticket = sa.ForeignKey("tickets.number", ondelete="CASCADE")
    of_call = sa.ForeignKey("calls.id", ondelete="SET NULL")
    op.create_table(
        "promises",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("ticket", sa.Integer, of_ticket, index=True),
        sa.Column("call_id", sa.String(36), of_call, index=True),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("promised_at", time, nullable=False),
        sa.Column("due_at", time, nullable=False),
        sa.Column("look_at", time, index=True),
        sa.Column("kept_at", time),
        sa.Column("withdrawn_at", time),
    )
    with op.batch_alter_table("pages") as pages:
        pages.drop_constraint("uq_pages_ticket_responder", type_="unique")
        pages.create_index("ix_pages_ticket", ["ticket"])


def downgrade() -> None:
    with op.batch_alter_table("pages") as pages:
        pages.drop_index("ix_pages_ticket")
        pages.create_unique_constraint("uq_pages_ticket_responder", ["ticket", "responder"])
    op.drop_table("promises")
