"""The demo: an empty database in; an operator's accounts and their ninety days, and who of them a
newcomer may call as, out; and all of it gone again.

It is there whole or not: a seeding that was cut off is completed by the next, from the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.accounts.tables import Account, Contact
from agent.service.calls.tables import Call
from agent.service.database import Database
from agent.service.demo.quality import hours, minutes
from agent.service.demo.records import write_records
from agent.service.demo.stories import accounts, world
from agent.service.demo.tables import DemoAccount
from agent.service.matters.tables import Checklist
from agent.service.outbox.tables import Outgoing
from agent.service.promises.tables import Promise
from agent.service.quality.rollups import roll_up
from agent.service.quality.rows import Row
from agent.service.quality.store import QualityStore, Subject
from agent.service.quality.tables import Day, Hour, Minute, Series, Stale
from agent.service.retention.tables import Outreach, SignalNoted
from agent.service.tickets.tables import Ticket
from common.errors import InputError
from common.languages import Language

#: Rows in a transaction: nobody else writes to SQLite meanwhile.
_BATCH: Final = 5_000


@dataclass(frozen=True)
class Seeded:
    """What there is of the demo."""

    accounts: int
    seeded_at: datetime
    is_whole: bool
    """Whether it was all there already."""


@dataclass(frozen=True)
class Caller:
    """Somebody whom a newcomer may call as."""

    account: str
    contact: str
    name: str
    language: Language
    company: str
    story: str


class Demo:
    """The demo in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seed(self, now: datetime) -> Seeded:
        """Make it, as of ``now``; where it is, complete it.

        Raises InputError where the database holds records of customers that are not the demo's.
        """
        seeded = await self._write_records(now)
        if not seeded.is_whole:
            await self._write_quality(seeded.seeded_at)
        return seeded

    async def clear(self) -> int:
        """Remove all that is the demo's, and nothing else; how many accounts that were."""
        async with self._database.transaction() as session:
            mine = list(await session.scalars(select(DemoAccount.account)))
            await self._remove(session, mine)
            return len(mine)

    async def is_empty(self) -> bool:
        """Whether no customer has an account here, and nobody has called yet."""
        async with self._database.transaction() as session:
            return not await session.scalar(select(or_(exists(Account.id), exists(Call.id))))

    async def callers(self, language: Language) -> list[Caller]:
        """Whom a newcomer may call as, those in trouble first.

        Nobody where anybody else is a customer: who calls there is theirs to say.
        """
        mine = select(Contact).join(DemoAccount, DemoAccount.account == Contact.account)
        async with self._database.transaction() as session:
            there = {(one.account, one.id): one for one in await session.scalars(mine)}
            if there and await session.scalar(_others()):
                return []
        return [
            Caller(
                story.id,
                person.id,
                there[story.id, person.id].name,
                person.language,
                story.name[language],
                story.story[language],
            )
            for story in accounts()
            for person in story.contacts
            if (story.id, person.id) in there
        ]

    async def _write_records(self, now: datetime) -> Seeded:
        async with self._database.transaction() as session:
            await self._database.write_alone(session, Account.__tablename__)
            if await session.scalar(_others()):
                raise InputError(
                    "This database holds accounts or calls of customers that are not the demo's.",
                    "Seed another one: set LIUKE_DATA_DIR to a new folder, or LIUKE_DATABASE_URL.",
                )
            there = (await session.scalars(select(DemoAccount))).all()
            if there:
                is_whole = all(one.is_whole for one in there)
                return Seeded(len(there), there[0].seeded_at, is_whole)
            await write_records(session, accounts(), world(), now)
            return Seeded(len(accounts()), now, is_whole=False)

    async def _write_quality(self, now: datetime) -> None:
        quality, known = QualityStore(self._database), dict[Subject, int]()
        story = accounts(), world(), now
        # By their time: so each day is made of its hours but once or twice.
        for batch in _batches(sorted(hours(*story), key=attrgetter("minute"))):
            await quality.take_in_hours(batch, known)
        for batch in _batches(minutes(*story)):
            await quality.take_in(batch, known)
        await roll_up(self._database)
        async with self._database.transaction() as session:
            await session.execute(update(DemoAccount).values(is_whole=True))

    async def _remove(self, session: AsyncSession, mine: Sequence[str]) -> None:
        """What is of accounts; what hangs on it goes with it."""
        of_mine = Outgoing.message["data"]["account"].as_string().in_(mine)
        gone = await session.scalars(delete(Outgoing).where(of_mine).returning(Outgoing.id))
        # Numbers are given again: what tells of the death of a message is not to be taken for that
        # of another.
        of_dead = Outgoing.message["data"]["message"].as_integer().in_(list(gone))
        await session.execute(delete(Outgoing).where(of_dead))
        series = list(await session.scalars(select(Series.id).where(Series.account.in_(mine))))
        for kept in (Minute, Hour, Day, Stale):
            await session.execute(delete(kept).where(kept.series.in_(series)))
        for table in (Outreach, SignalNoted, Checklist, Promise, Ticket, Call):
            await session.execute(delete(table).where(table.account.in_(mine)))
        await session.execute(delete(Account).where(Account.id.in_(mine)))


def _others() -> Any:
    """Whether anybody is a customer who is not of the demo; guests are nobody's."""
    demo = select(DemoAccount.account)

    def another(account: Any) -> ColumnElement[bool]:
        return exists().where(account != "", account.not_in(demo))

    return select(or_(another(Account.id), another(Call.account), another(Ticket.account)))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch
