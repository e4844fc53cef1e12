"""Where the summary of a guest's call is mailed."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("email", sa.String(254), nullable=False, server_default=""))
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("email", existing_type=sa.String(254), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("email")
