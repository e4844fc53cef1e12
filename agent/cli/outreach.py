"""`liuke accounts outreach`: letters that are drafted to customers who may leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.retention.store import Retention
from agent.service.retention.tables import Outreach
from agent.settings import Settings
from common.errors import InputError

app = typer.Typer(help="Letters drafted to customers who may leave.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As `list` shows it.")]


@app.command("list")
def list_(
    settled: Annotated[bool, typer.Option("--all", help="Sent and dropped ones, too.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Show the drafts, the newest first."""

    async def work() -> Sequence[Outreach]:
        async with records(Settings()) as database:
            return await Retention(database).every_outreach(settled=settled)

    found = run(work())
    if json_output:
        print_json({"outreach": [_as_json(one) for one in found]})
        return
    table = Table("number", "account", "contact", "drafted", "state", "why")
    for one in found:
        why = ", ".join(dict.fromkeys(reason["signal"] for reason in one.reasons))
        table.add_row(
            str(one.id), Text(one.account), Text(one.contact), on_this_clock(one.drafted_at),
            one.state, why,
        )  # fmt: skip
    out.print(table if found else "No drafts.")


@app.command()
def show(number: Number, json_output: JsonFlag = False) -> None:
    """Show a letter, and the sentences for which it was drafted."""

    async def work() -> Outreach | None:
        async with records(Settings()) as database:
            return await Retention(database).outreach(number)

    found = run(work())
    if found is None:
        raise _no_outreach(number)
    if json_output:
        print_json(_as_json(found))
        return
    out.print(Text(f"{found.id}: {found.account} {found.contact}, {found.state}", "bold"))
    for reason in found.reasons:
        out.print(Text(f"{reason['at']} {reason['signal']}: {reason['sentence']}"))
    out.print(Text(f"\n{found.text}"))


@app.command()
def sent(number: Number, json_output: JsonFlag = False) -> None:
    """Somebody has sent it, as it is or changed."""
    _settle(number, "sent")
    show(number, json_output)


@app.command()
def drop(number: Number, json_output: JsonFlag = False) -> None:
    """It is not wanted."""
    _settle(number, "dropped")
    show(number, json_output)


def _settle(number: int, state: Literal["sent", "dropped"]) -> None:
    async def work() -> bool:
        async with records(Settings()) as database:
            return await Retention(database).settle(number, state, datetime.now(UTC))

    if not run(work()):
        raise _no_outreach(number)


def _no_outreach(number: int) -> InputError:
    return InputError(f"There is no such draft: {number}.", "See `liuke accounts outreach list`.")


def _as_json(outreach: Outreach) -> dict[str, Any]:
    return {
        "number": outreach.id,
        "account": outreach.account,
        "contact": outreach.contact,
        "language": outreach.language,
        "state": outreach.state,
        "drafted_at": as_json(outreach.drafted_at),
        "text": outreach.text,
        "reasons": outreach.reasons,
    }
