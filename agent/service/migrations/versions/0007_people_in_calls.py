"""When people are called to a ticket, and what they and the customer say to each other."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    with op.batch_alter_table("tickets") as tickets:
        tickets.add_column(sa.Column("next_page_at", time))
        tickets.add_column(sa.Column("paging_since", time))
        tickets.create_index("ix_tickets_next_page_at", ["next_page_at"])
    of_call = sa.ForeignKey("calls.id", ondelete="CASCADE")
    op.create_table(
        "utterances",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.String(36), of_call, nullable=False, index=True),
        sa.Column("said_at", time, nullable=False),
        sa.Column("speaker", sa.String(8), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("utterances")
    with op.batch_alter_table("tickets") as tickets:
        tickets.drop_index("ix_tickets_next_page_at")
        tickets.drop_column("paging_since")
        tickets.drop_column("next_page_at")
