"""`liuke demo`: an operator's accounts to try everything with, and all of it gone again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Final

import typer

from agent.cli.output import JsonFlag, as_json, err, on_this_clock, out, print_json, records, run
from agent.service.demo.store import Demo, Seeded
from agent.settings import Settings

app = typer.Typer(
    help="Accounts to try everything with: made up, and gone again when you say so.",
    no_args_is_help=True,
)

#: In the data folder, once somebody has answered whether they want the demo.
_ANSWERED: Final = "demo-answered"


@app.command()
def seed(json_output: JsonFlag = False) -> None:
    """Fill an empty database: 40 accounts, 90 days of quality, tickets, promises, calls.

    Nobody is called and nothing is sent for any of it. Done twice, it is there once.
    """
    seeded = _seed(Settings())
    if json_output:
        print_json(
            {
                "accounts": seeded.accounts,
                "seeded_at": as_json(seeded.seeded_at),
                "was_there": seeded.is_whole,
            }
        )
    elif seeded.is_whole:
        out.print(
            f"The demo is there already, as of {on_this_clock(seeded.seeded_at)}."
            " For a new one: `liuke demo clear` first.",
            highlight=False,
        )
    else:
        _tell_seeded(seeded)


@app.command()
def clear(json_output: JsonFlag = False) -> None:
    """Remove the demo's accounts with all that is theirs, your calls as one of them included."""

    async def work() -> int:
        async with records(Settings()) as database:
            return await Demo(database).clear()

    cleared = run(work())
    if json_output:
        print_json({"accounts": cleared})
    else:
        out.print(f"{cleared} accounts removed." if cleared else "There is no demo here.")


def offer_demo(settings: Settings) -> None:
    """Ask once, on a terminal, whether an empty database is to be filled; elsewhere say how.

    The database has its tables.
    """
    answered = settings.paths.data_dir / _ANSWERED

    async def is_empty() -> bool:
        async with records(settings) as database:
            return await Demo(database).is_empty()

    if answered.exists() or not run(is_empty()):
        return
    if not (sys.stdin is not None and sys.stdin.isatty() and err.is_terminal):
        err.print("[dim]No accounts yet. To try it with made-up ones: `liuke demo seed`.[/]")
        return
    err.print(
        "No accounts yet. A demo fills the database with 40 made-up ones, 90 days of their quality,"
        " tickets and calls. `liuke demo clear` removes it.",
        highlight=False,
    )
    wanted = typer.confirm("Fill it with the demo?", default=False, err=True)
    answered.write_text("yes\n" if wanted else "no\n")
    if wanted:
        _tell_seeded(_seed(settings))


def _seed(settings: Settings) -> Seeded:
    async def work() -> Seeded:
        async with records(settings) as database:
            return await Demo(database).seed(datetime.now(UTC))

    with err.status("Writing the demo …"):
        return run(work())


def _tell_seeded(seeded: Seeded) -> None:
    out.print(
        f"[green]✓[/] {seeded.accounts} accounts. Whom to call as is asked on the call page;"
        " the rest: `liuke accounts list`, `liuke tickets list`, `liuke qos incidents`.",
        highlight=False,
    )
