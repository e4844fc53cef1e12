"""Who was called to which ticket."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    of_ticket = sa.ForeignKey("tickets.number", ondelete="CASCADE")
    op.create_table(
        "pages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticket", sa.Integer, of_ticket, nullable=False),
        sa.Column("responder", sa.String(128), nullable=False),
        sa.Column("sent_at", time, nullable=False),
        sa.Column("link_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("expires_at", time, nullable=False),
        sa.Column("acknowledged_at", time),
        sa.Column("declined_at", time),
        sa.UniqueConstraint("ticket", "responder", name="uq_pages_ticket_responder"),
    )


def downgrade() -> None:
    op.drop_table("pages")
