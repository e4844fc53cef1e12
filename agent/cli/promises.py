"""`liuke promises`: what customers were told that somebody would do, and that it was done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.promises.store import Promised, Promises
from agent.service.scope import Scope
from agent.settings import Settings

app = typer.Typer(help="What customers were promised.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="As `list` shows it.")]


@app.command("list")
def list_(json_output: JsonFlag = False) -> None:
    """Show what nobody has kept yet, the next due first; what is broken, too."""
    promised = run(_open())
    if json_output:
        print_json({"promises": [_as_json(one) for one in promised]})
        return
    table = Table("promise", "state", "due", "account", "owner", "text")
    for one in promised:
        promise = one.promise
        table.add_row(
            Text(promise.key), one.state, on_this_clock(promise.due_at),
            Text(promise.account or "(guest)"), Text(promise.owner), Text(promise.text),
        )  # fmt: skip
    out.print(table if promised else "No promises are open.")


@app.command()
def keep(key: Key, json_output: JsonFlag = False) -> None:
    """It was done."""
    _end(key, lambda promises, scope: promises.keep(scope, key, datetime.now(UTC)))
    list_(json_output)


@app.command()
def withdraw(key: Key, json_output: JsonFlag = False) -> None:
    """The customer does not want it any more."""
    _end(key, lambda promises, scope: promises.withdraw(scope, key, datetime.now(UTC)))
    list_(json_output)


def _end(key: str, end: Callable[[Promises, Scope], Awaitable[bool]]) -> None:
    async def work() -> None:
        async with records(Settings()) as database:
            promises = Promises(database)
            await end(promises, await promises.whose(key))

    run(work())


async def _open() -> Sequence[Promised]:
    async with records(Settings()) as database:
        return await Promises(database).open(datetime.now(UTC))


def _as_json(promised: Promised) -> dict[str, Any]:
    promise = promised.promise
    return {
        "key": promise.key,
        "kind": promise.kind,
        "text": promise.text,
        "state": promised.state,
        "account": promise.account,
        "contact": promise.contact,
        "owner": promise.owner,
        "ticket": promise.ticket,
        "due_at": as_json(promise.due_at),
    }
