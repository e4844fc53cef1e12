"""How a call came out, and what its customer thinks of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("outcome", sa.String(11), nullable=False, server_default=""))
        calls.add_column(sa.Column("rating", sa.Integer))
        calls.add_column(sa.Column("comment", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("outcome", existing_type=sa.String(11), server_default=None)
        calls.alter_column("comment", existing_type=sa.Text(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        for column in ("comment", "rating", "outcome"):
            calls.drop_column(column)
