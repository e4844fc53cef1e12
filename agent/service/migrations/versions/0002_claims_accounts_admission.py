"""Calls are held by one process, belong to an account, and are admitted by what workers take."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_calls = sa.table(
    "calls",
    sa.column("id", sa.String),
    sa.column("consented_at", sa.DateTime(timezone=True)),
    sa.column("started_at", sa.DateTime(timezone=True)),
    sa.column("ended_at", sa.DateTime(timezone=True)),
    sa.column("grant_expires_at", sa.DateTime(timezone=True)),
    sa.column("claimant", sa.String),
    sa.column("heartbeat_at", sa.DateTime(timezone=True)),
)
_turns = sa.table(
    "turns",
    sa.column("id", sa.Integer),
    sa.column("call_id", sa.String),
    sa.column("number", sa.Integer),
    sa.column("asked_at", sa.DateTime(timezone=True)),
    sa.column("closed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("account", sa.String(64), nullable=False, server_default=""))
        calls.add_column(sa.Column("contact", sa.String(128), nullable=False, server_default=""))
        calls.add_column(
            sa.Column("consent_version", sa.String(16), nullable=False, server_default="")
        )
        calls.add_column(sa.Column("grant_expires_at", time))
        calls.add_column(sa.Column("claimant", sa.String(128)))
        calls.add_column(sa.Column("heartbeat_at", time))
    with op.batch_alter_table("turns") as turns:
        turns.add_column(sa.Column("closed_at", time))
    _fill()
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("grant_expires_at", existing_type=time, nullable=False)
        for column, length in (("account", 64), ("contact", 128), ("consent_version", 16)):
            calls.alter_column(column, existing_type=sa.String(length), server_default=None)
        calls.create_index("ix_calls_account", ["account"])
        calls.create_index("ix_calls_ended_at", ["ended_at"])
    with op.batch_alter_table("turns") as turns:
        turns.create_unique_constraint("uq_turns_call_id_number", ["call_id", "number"])
    op.create_table(
        "workers",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("max_calls", sa.Integer, nullable=False),
        sa.Column("heartbeat_at", time, nullable=False),
    )
    op.create_table(
        "grants",
        sa.Column("call_id", sa.String(36), primary_key=True),
        sa.Column("caller", sa.String(64), nullable=False, index=True),
        sa.Column("account", sa.String(64), nullable=False, index=True),
        sa.Column("given_at", time, nullable=False, index=True),
    )


def _fill() -> None:
    """Calls that were begun were held by someone until their last turn; turns number themselves."""
    database = op.get_bind()
    last_turn = (
        sa.select(sa.func.max(_turns.c.asked_at))
        .where(_turns.c.call_id == _calls.c.id)
        .scalar_subquery()
    )
    database.execute(sa.update(_calls).values(grant_expires_at=_calls.c.consented_at))
    database.execute(
        sa.update(_calls)
        .where(_calls.c.started_at.is_not(None))
        .values(
            claimant="unknown",
            heartbeat_at=sa.func.coalesce(_calls.c.ended_at, last_turn, _calls.c.started_at),
        )
    )
    database.execute(sa.update(_turns).values(closed_at=_turns.c.asked_at))
    _number_apart(database)


def _number_apart(database: sa.Connection) -> None:
    """A call that was joined again counted from one again: its turns are counted on, in order."""
    repeated = (
        sa.select(_turns.c.call_id)
        .group_by(_turns.c.call_id, _turns.c.number)
        .having(sa.func.count() > 1)
    )
    for call_id in set(database.scalars(repeated)):
        in_order = (
            sa.select(_turns.c.id)
            .where(_turns.c.call_id == call_id)
            .order_by(_turns.c.asked_at, _turns.c.id)
        )
        for number, turn_id in enumerate(list(database.scalars(in_order)), start=1):
            database.execute(sa.update(_turns).where(_turns.c.id == turn_id).values(number=number))


def downgrade() -> None:
    op.drop_table("grants")
    op.drop_table("workers")
    with op.batch_alter_table("turns") as turns:
        turns.drop_constraint("uq_turns_call_id_number", type_="unique")
        turns.drop_column("closed_at")
    with op.batch_alter_table("calls") as calls:
        calls.drop_index("ix_calls_ended_at")
        calls.drop_index("ix_calls_account")
        for column in (
            "heartbeat_at",
            "claimant",
            "grant_expires_at",
            "consent_version",
            "contact",
            "account",
        ):
            calls.drop_column(column)
