"""What a call is about outlives its process: where its conversation stands."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("course", sa.JSON))


def downgrade() -> None:
    with op.batch_alter_table("calls") as calls:
        calls.drop_column("course")
