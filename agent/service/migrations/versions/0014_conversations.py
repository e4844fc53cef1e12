"""What is kept of a conversation: matters, checklists, signals, outreach, summaries."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    def of_call(ondelete: str) -> sa.ForeignKey:
        return sa.ForeignKey("calls.id", ondelete=ondelete)

    op.create_table(
        "matters",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("call_id", sa.String(36), of_call("CASCADE"), nullable=False),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("state", sa.String(11), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False, index=True),
        sa.UniqueConstraint("call_id", "key", name="uq_matters_call_id_key"),
    )
    op.create_table(
        "checklists",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(160), nullable=False, unique=True),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("call_id", sa.String(36), of_call("SET NULL"), index=True),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("set_at", _TIME, nullable=False),
    )
    of_list = sa.ForeignKey("checklists.id", ondelete="CASCADE")
    op.create_table(
        "checklist_items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("checklist", sa.Integer, of_list, nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("done_at", _TIME),
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(128), nullable=False, unique=True),
        sa.Column("call_id", sa.String(36), of_call("SET NULL"), index=True),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("signal", sa.String(18), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("offered", sa.String(64), nullable=False),
        sa.Column("at", _TIME, nullable=False, index=True),
        sa.Column("look_at", _TIME, index=True),
    )
    op.create_table(
        "outreach",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("contact", sa.String(128), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("state", sa.String(7), nullable=False),
        sa.Column("drafted_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
    )
    op.create_table(
        "summaries",
        sa.Column("call_id", sa.String(36), of_call("CASCADE"), primary_key=True),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("sections", sa.JSON, nullable=False),
        sa.Column("written_at", _TIME, nullable=False),
        sa.Column("mailed_at", _TIME),
    )
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("sum_up_at", _TIME))
        calls.create_index("ix_calls_sum_up_at", ["sum_up_at"])
    _add_text("contacts", "email", 254)
    _add_text("outbox", "recipient", 254)


def downgrade() -> None:
    for name, column in (("outbox", "recipient"), ("contacts", "email")):
        with op.batch_alter_table(name) as table:
            table.drop_column(column)
    with op.batch_alter_table("calls") as calls:
        calls.drop_index("ix_calls_sum_up_at")
        calls.drop_column("sum_up_at")
    for name in ("summaries", "outreach", "signals", "checklist_items", "checklists", "matters"):
        op.drop_table(name)


def _add_text(name: str, column: str, length: int) -> None:
    """Empty in the rows that are there."""
    with op.batch_alter_table(name) as table:
        table.add_column(sa.Column(column, sa.String(length), nullable=False, server_default=""))
    with op.batch_alter_table(name) as table:
        table.alter_column(column, existing_type=sa.String(length), server_default=None)
