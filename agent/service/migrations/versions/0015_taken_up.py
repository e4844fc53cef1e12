"""What a call is about: where its conversation stands, and what its customer's screen showed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("course", sa.JSON))
    of_call = sa.ForeignKey("calls.id", ondelete="CASCADE")
    op.create_table(
        "screen_texts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.String(36), of_call, nullable=False, index=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("part", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("screen_texts")
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("course")
