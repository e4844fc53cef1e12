"""`liuke accounts`: the customers, and what is known of them, by whom."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agent.cli import outreach
from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.accounts.store import FIELDS, AccountStore, Known, Statement
from agent.service.accounts.tables import Account
from agent.service.scope import Scope
from agent.settings import Settings
from common.errors import InputError
from common.languages import Language

app = typer.Typer(help="The customers, and what is known of them.", no_args_is_help=True)
app.add_typer(outreach.app, name="outreach")

Id = Annotated[str, typer.Argument(help="As your site signs it: docs/identity.md.")]


@app.command("list")
def list_(json_output: JsonFlag = False) -> None:
    """Show all accounts."""

    async def work() -> list[Account]:
        async with records(Settings()) as database:
            return list(await AccountStore(database).every())

    accounts = run(work())
    if json_output:
        print_json({"accounts": [_as_json(account) for account in accounts]})
        return
    table = Table("account", "name", "owner", "since")
    for account in accounts:
        table.add_row(
            Text(account.id), Text(account.name), Text(account.owner),
            on_this_clock(account.created_at),
        )  # fmt: skip
    out.print(table if accounts else "No accounts yet: `liuke accounts put ID --name NAME`.")


@app.command()
def show(account: Id, json_output: JsonFlag = False) -> None:
    """Show an account: its people, its apps, and who said what of it when."""
    _show(run(_read(account)), json_output)


@app.command()
def put(
    account: Id,
    name: Annotated[str, typer.Option(help="As people call it.")],
    owner: Annotated[str, typer.Option(help="Its customer success manager.")] = "",
    json_output: JsonFlag = False,
) -> None:
    """Make an account, or change its name and owner."""
    if not 0 < len(account) <= 64 or not 0 < len(name) <= 128 or len(owner) > 128:
        raise InputError(
            "The account's id, name or owner is too long, or empty.",
            "Give an id of 64 characters at most, a name and an owner of 128.",
        )

    async def work() -> None:
        async with records(Settings()) as database:
            await AccountStore(database).put(account, name, owner)

    run(work())
    _show(run(_read(account)), json_output)


@app.command()
def contact(
    account: Id,
    person: Annotated[str, typer.Argument(help="As your site signs them: docs/identity.md.")],
    name: Annotated[str, typer.Option(help="As they are called.")],
    language: Annotated[Language, typer.Option("--lang", help="As they speak.")],
    email: Annotated[
        str, typer.Option(help="Where summaries of their calls go; left out: nowhere.")
    ] = "",
    json_output: JsonFlag = False,
) -> None:
    """Make a person of an account, or change how they are called and reached."""
    if not 0 < len(person) <= 128 or len(name) > 128:
        raise InputError(
            "The person's id or name is too long, or the id is empty.",
            "Give each with 128 characters at most.",
        )

    async def work() -> None:
        async with records(Settings()) as database:
            await AccountStore(database).put_contact(
                Scope(account), person, name=name, language=language, email=email
            )

    run(work())
    _show(run(_read(account)), json_output)


@app.command()
def state(
    account: Id,
    field: Annotated[str, typer.Argument(help=", ".join(FIELDS))],
    values: Annotated[
        list[str] | None, typer.Argument(help="One, or several of a list; none: not so any more.")
    ] = None,
    who: Annotated[str, typer.Option(help="Who says so; else you.", show_default=False)] = "",
    confidence: Annotated[float, typer.Option(help="How surely, 0 to 1.")] = 1.0,
    json_output: JsonFlag = False,
) -> None:
    """Keep what somebody knows of an account; what was said before stays readable."""
    value: str | list[str] | None = values or None
    if values and FIELDS.get(field) != "list":
        value = " ".join(values)
    statement = Statement(
        field, value, "person", datetime.now(UTC), who or getpass.getuser(), confidence
    )

    async def work() -> None:
        async with records(Settings()) as database:
            await AccountStore(database).state(Scope(account), statement)

    run(work())
    _show(run(_read(account)), json_output)


async def _read(account: str) -> Known:
    async with records(Settings()) as database:
        known = await AccountStore(database).read(Scope(account))
    if known is None:
        raise InputError(f"There is no account {account!r}.", "See `liuke accounts list`.")
    return known


def _show(known: Known, json_output: bool) -> None:
    if json_output:
        print_json(_known_as_json(known))
        return
    account = known.account
    owner = f", of {account.owner}" if account.owner else ""
    out.print(Text(f"{account.id}: {account.name}{owner}", "bold"))
    people = [f"{one.name or one.id} {one.email}".strip() for one in known.contacts]
    apps = [one.name or one.id for one in known.apps]
    for what, things in (("people", people), ("apps", apps)):
        if things:
            out.print(Text(f"{what}: {', '.join(things)}"))
    table = Table("field", "value", "who", "when", "surely")
    for name, facts in known.history.items():
        for number, fact in enumerate(facts):
            table.add_row(
                name if number == 0 else "", Text(_told(fact.value)),
                Text(f"{fact.who} ({fact.source})".strip()), on_this_clock(fact.said_at),
                f"{fact.confidence:.0%}", style="" if number == 0 else "dim",
            )  # fmt: skip
    if known.history:
        out.print(table)


def _told(value: Any) -> str:
    if value is None:
        return "(not so any more)"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "owner": account.owner,
        "created_at": as_json(account.created_at),
    }


def _known_as_json(known: Known) -> dict[str, Any]:
    return {
        **_as_json(known.account),
        "contacts": [
            {"id": one.id, "name": one.name, "language": one.language, "email": one.email}
            for one in known.contacts
        ],
        "apps": [{"id": one.id, "name": one.name} for one in known.apps],
        "facts": {
            name: [
                {
                    "value": fact.value,
                    "source": fact.source,
                    "who": fact.who,
                    "said_at": as_json(fact.said_at),
                    "confidence": fact.confidence,
                    "call_id": fact.call_id,
                }
                for fact in facts
            ]
            for name, facts in known.history.items()
        },
    }
