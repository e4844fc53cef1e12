"""The records of summaries: written once a call is over, and looked at again until it is for good.

A customer may come back into a call that has ended as long as their grant lets them in. So a
summary is written at once, for who still looks at the page, and again when they cannot come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.calls.store import within
from agent.service.calls.tables import Call
from agent.service.database import Database, write_once
from agent.service.scope import Scope
from agent.service.summaries.tables import Summary
from common.languages import Language


@dataclass(frozen=True)
class Section:
    """A part of a summary."""

    heading: str
    lines: Sequence[str]


class Summaries:
    """Summaries in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime) -> Sequence[Call]:
        """Calls that are over and to be summed up."""
        async with self._database.transaction() as session:
            due = Call.sum_up_at <= now, Call.ended_at.is_not(None)
            return (await session.scalars(select(Call).where(*due).order_by(Call.sum_up_at))).all()

    async def look(self, session: AsyncSession, call_id: str, now: datetime) -> Call | None:
        """A call that is over and to be summed up; None where it is not, or somebody has done so.

        Locked until the transaction of ``session`` is over: what is written of it is written with
        it.
        """
        taken = await session.execute(
            update(Call)
            .where(Call.id == call_id, Call.sum_up_at <= now, Call.ended_at.is_not(None))
            .values(id=Call.id)
            .returning(Call)
        )
        call: Call | None = taken.scalar_one_or_none()
        return call

    async def read(self, scope: Scope, call_id: str) -> Summary | None:
        """Of a call of the scope's; None while there is none."""
        async with self._database.transaction() as session:
            found: Summary | None = await session.scalar(
                select(Summary)
                .join(Call, Call.id == Summary.call_id)
                .where(Call.id == call_id, within(scope))
            )
            return found


async def write_summary(
    session: AsyncSession,
    call_id: str,
    language: Language,
    sections: Sequence[Section],
    *,
    mailed_at: datetime | None,
    now: datetime,
) -> None:
    """A summary, in place of one of before, if the transaction of ``session`` stands."""
    values = {
        "language": language,
        "sections": [asdict(section) for section in sections],
        "written_at": now,
        "mailed_at": mailed_at,
    }
    await write_once(session, Summary, [{"call_id": call_id, **values}])
    await session.execute(update(Summary).where(Summary.call_id == call_id).values(values))
