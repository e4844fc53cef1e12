"""`liuke outbox`: what goes outside, what never arrived, and trying that again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.outbox.store import Outbox
from agent.service.outbox.tables import Outgoing
from agent.settings import Settings
from common.errors import InputError

app = typer.Typer(help="Pages, alarms and what became of them.", no_args_is_help=True)


@app.command("list")
def list_(
    most: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 20,
    json_output: JsonFlag = False,
) -> None:
    """Show the newest messages, delivered or not."""

    async def work() -> Sequence[Outgoing]:
        async with records(Settings()) as database:
            return await Outbox(database).newest(most)

    _show(run(work()), json_output)


@app.command()
def dead(json_output: JsonFlag = False) -> None:
    """Show what was given up, the newest first. Exit status 1 when there is such."""
    messages = run(_dead())
    _show(messages, json_output)
    if messages:
        raise typer.Exit(1)


@app.command()
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="Of messages that are dead.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Begin anew with messages that were given up; whoever is on duty delivers them."""
    if bool(numbers) == everything:
        raise InputError("Which messages?", "Give their numbers (`liuke outbox dead`), or --all.")

    async def work(chosen: Sequence[int]) -> list[int]:
        async with records(Settings()) as database:
            outbox = Outbox(database)
            return [number for number in chosen if await outbox.try_again(number)]

    chosen = [message.id for message in run(_dead())] if everything else numbers or []
    begun = run(work(chosen))
    missing = sorted(set(chosen) - set(begun))
    if json_output:
        print_json({"retried": begun, "not_dead": missing})
    else:
        out.print(f"{len(begun)} messages are tried again.", highlight=False)
    if missing:
        raise InputError(
            f"No dead messages: {', '.join(map(str, missing))}.", "See `liuke outbox dead`."
        )


async def _dead() -> Sequence[Outgoing]:
    async with records(Settings()) as database:
        return await Outbox(database).dead()


def _state(message: Outgoing) -> str:
    if message.delivered_at:
        return "delivered"
    return "waiting" if message.next_try_at else "dead"


def _show(messages: Sequence[Outgoing], json_output: bool) -> None:
    """Without the texts: the links of pages are for whom they were sent to."""
    if json_output:
        print_json({"messages": [_as_json(message) for message in messages]})
        return
    table = Table("message", "what", "to", "written", "state", "attempts", "last problem")
    for message in messages:
        to = f"{message.destination} {message.recipient}".strip()
        table.add_row(
            str(message.id), message.message["type"], Text(to),
            on_this_clock(message.written_at), _state(message), str(message.attempts),
            Text(message.problem),
        )  # fmt: skip
    out.print(table if messages else "No messages.")


def _as_json(message: Outgoing) -> dict[str, Any]:
    return {
        "id": message.id,
        "key": message.key,
        "type": message.message["type"],
        "destination": message.destination,
        "recipient": message.recipient,
        "written_at": as_json(message.written_at),
        "state": _state(message),
        "attempts": message.attempts,
        "next_try_at": as_json(message.next_try_at),
        "delivered_at": as_json(message.delivered_at),
        "problem": message.problem,
    }
