"""The records of accounts: who they are, whose they are, and what is known, with its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from agent.service.accounts.tables import Account, App, Contact, Fact
from agent.service.database import Database, write_once
from agent.service.outbox.mail import is_mail_address
from agent.service.scope import Scope
from common.errors import InputError
from common.languages import Language

Source = Literal["contact", "assistant", "person", "import"]
Kind = Literal["text", "list", "date"]

#: What is known of an account, and as what: a text, a list of texts, a day.
FIELDS: Final[Mapping[str, Kind]] = {
    "users": "text",
    "pain": "text",
    "scenario": "list",
    "regions": "list",
    "platforms": "list",
    "business_model": "text",
    "scale": "text",
    "compliance": "list",
    "launch_date": "date",
    "plan": "text",
    "renewal_date": "date",
}
_LONGEST_TEXT: Final = 200
_LONGEST_LIST: Final = 50


@dataclass(frozen=True)
class Statement:
    """What somebody said of an account; ``value``: None where it is not so any more."""

    field: str
    value: str | Sequence[str] | None
    source: Source
    said_at: datetime
    who: str = ""
    confidence: float = 1.0
    call_id: str | None = None


@dataclass(frozen=True)
class Known:
    """An account, with the last word on each field and every word before it."""

    account: Account
    contacts: Sequence[Contact]
    apps: Sequence[App]
    history: Mapping[str, Sequence[Fact]] = field(default_factory=dict)
    """By field, the newest first."""

    def fact(self, name: str) -> Fact | None:
        """What is known of a field now; None where nothing is."""
        newest = next(iter(self.history.get(name, ())), None)
        return newest if newest and newest.value is not None else None


class AccountStore:
    """Accounts in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, account_id: str, name: str, owner: str = "") -> None:
        """An account is this from now on."""
        async with self._database.transaction() as session:
            known = await session.get(Account, account_id)
            if known:
                known.name, known.owner = name, owner
                return
            now = datetime.now(UTC)
            session.add(Account(id=account_id, name=name, owner=owner, created_at=now))

    async def make_known(self, account_id: str) -> None:
        """There is an account of that id from now on; who makes it known has no name for it yet."""
        row = {"id": account_id, "name": account_id, "owner": "", "created_at": datetime.now(UTC)}
        async with self._database.transaction() as session:
            await write_once(session, Account, [row])

    async def every(self) -> Sequence[Account]:
        """All accounts, for the operator, by their names."""
        async with self._database.transaction() as session:
            return (await session.scalars(select(Account).order_by(Account.name))).all()

    async def put_contact(
        self, scope: Scope, contact_id: str, *, name: str, language: Language, email: str = ""
    ) -> None:
        """A person of the scope's account is this from now on.

        ``email``: where summaries of their calls go. Raises InputError without such an account, or
        for what is no mail address.
        """
        if email:
            _check_address(email)
        async with self._database.transaction() as session:
            account = await _account(session, scope)
            of_account = {"account": account.id, "id": contact_id}
            await session.merge(Contact(**of_account, name=name, language=language, email=email))

    async def put_email(
        self, scope: Scope, contact_id: str, email: str, language: Language
    ) -> None:
        """Summaries of calls of a person of the scope's account go there from now on.

        ``language``: of a person of whom nothing is kept yet. Raises InputError as `put_contact`.
        """
        _check_address(email)
        async with self._database.transaction() as session:
            account = await _account(session, scope)
            of_account = {"account": account.id, "id": contact_id}
            new = {**of_account, "name": "", "language": language, "email": email}
            await write_once(session, Contact, [new])
            person = await session.get_one(Contact, of_account)
            person.email = email

    async def put_app(self, scope: Scope, app_id: str, *, name: str = "") -> None:
        """An app of the scope's account is this from now on. Raises InputError without one."""
        async with self._database.transaction() as session:
            account = await _account(session, scope)
            await session.merge(App(account=account.id, id=app_id, name=name))

    async def state(self, scope: Scope, statement: Statement) -> None:
        """Keep what somebody said of the scope's account; said again in the same call, once.

        Raises InputError where there is no such account or field, or the value cannot be one.
        """
        value = _checked(statement)
        async with self._database.transaction() as session:
            account = await _account(session, scope)
            if await _was_said(session, account, statement, value):
                return
            session.add(
                Fact(
                    account=account.id,
                    field=statement.field,
                    value=value,
                    source=statement.source,
                    who=statement.who,
                    said_at=statement.said_at,
                    confidence=statement.confidence,
                    call_id=statement.call_id,
                )
            )

    async def read(self, scope: Scope) -> Known | None:
        """The scope's account with all that is known of it; None where there is none."""
        async with self._database.transaction() as session:
            account = await session.scalar(select(Account).where(_within(scope)))
            if account is None:
                return None
            contacts = select(Contact).where(Contact.account == account.id).order_by(Contact.id)
            apps = select(App).where(App.account == account.id).order_by(App.id)
            facts = select(Fact).where(Fact.account == account.id).order_by(*_NEWEST)
            history: dict[str, list[Fact]] = {}
            for fact in await session.scalars(facts):
                history.setdefault(fact.field, []).append(fact)
            return Known(
                account,
                (await session.scalars(contacts)).all(),
                (await session.scalars(apps)).all(),
                history,
            )


_NEWEST: Final = (Fact.said_at.desc(), Fact.id.desc())


def _within(scope: Scope) -> ColumnElement[bool]:
    """The scope's own account. A guest has none, and what is of one call alone is not in it."""
    return Account.id == scope.account if scope.account and not scope.call_id else false()


async def _account(session: AsyncSession, scope: Scope) -> Account:
    account: Account | None = await session.scalar(select(Account).where(_within(scope)))
    if account is None:
        raise InputError(
            f"There is no account {scope.account!r}.", "Check its name, or make it first."
        )
    return account


def _check_address(email: str) -> None:
    if not is_mail_address(email):
        raise InputError(f"{email!r} is not a mail address.", "Give one as in wang@example.com.")


async def _was_said(
    session: AsyncSession, account: Account, statement: Statement, value: Any
) -> bool:
    """Whether it is the last word on its field, from the same call."""
    of_field = Fact.account == account.id, Fact.field == statement.field
    last = await session.scalar(select(Fact).where(*of_field).order_by(*_NEWEST).limit(1))
    if last is None or statement.call_id is None:
        return False
    return last.call_id == statement.call_id and bool(last.value == value)


def _checked(statement: Statement) -> Any:
    """The value as it is kept."""
    kind = FIELDS.get(statement.field)
    if kind is None:
        raise InputError(
            f"{statement.field!r} is not a field of an account.", f"Use one of {', '.join(FIELDS)}."
        )
    if not 0 <= statement.confidence <= 1:
        raise InputError(f"{statement.confidence} is not a confidence.", "Give 0 to 1.")
    value = statement.value
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else list(value)
    fits = (kind == "list") != isinstance(value, str) and len(texts) <= _LONGEST_LIST
    if not fits or not all(0 < len(text) <= _LONGEST_TEXT for text in texts):
        raise InputError(
            f"{statement.field} of an account cannot be {value!r}.",
            f"Give a {kind}, each text of it with at most {_LONGEST_TEXT} characters.",
        )
    if kind == "date":
        return _day(statement.field, texts[0])
    return value if kind == "text" else texts


def _day(name: str, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InputError(
            f"{name} of an account cannot be {text!r}.", "Give a day as in 2026-11-30."
        ) from None
