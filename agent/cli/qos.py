"""`liuke qos`: take in quality from files, and see what it says of an account or of all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.service.database import Database
from agent.service.quality.intake import Form, Receipt, take_in
from agent.service.quality.rollups import Summary, roll_up
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.targets import Crossing, Incident
from agent.service.scope import Scope
from agent.settings import Settings
from common.errors import InputError

app = typer.Typer(
    help="Quality of service: take it in from files, see targets that were missed.",
    no_args_is_help=True,
)

#: Bytes read from a file at once.
_PIECE: Final = 64 * 1024

By = Literal["region", "app"]
Hours = Annotated[
    int, typer.Option("--hours", min=1, max=24 * 400, help="So many, with the one under way.")
]


@app.command("import")
def import_file(
    file: Annotated[str, typer.Argument(help="CSV with a header, or JSON lines; - reads them in.")],
    json_output: JsonFlag = False,
) -> None:
    """Take in the rows of a file and roll them up. Exit status 1 when some were refused.

    The same file again changes nothing.
    """
    with err.status("Taking in …"):
        receipt = run(_import(file))
    if json_output:
        shown = asdict(receipt)
        del shown["whole"]  # a file may be as long as it likes
        print_json(shown)
    else:
        for refused in receipt.refused:
            err.print(Text(f"line {refused.line}: {refused.reason}", "yellow"), soft_wrap=True)
        out.print(
            f"{receipt.accepted} rows taken, {receipt.unchanged} there already,"
            f" {receipt.refused_count} refused.",
            highlight=False,
        )
    if receipt.refused_count:
        raise typer.Exit(1)


@app.command()
def show(
    account: Annotated[str, typer.Argument(help="The account, as the operator's site names it.")],
    hours: Hours = 24,
    by: Annotated[By, typer.Option("--by", help="What to group by.")] = "region",
    json_output: JsonFlag = False,
) -> None:
    """Show the quality of an account, and where it missed its targets."""
    said = run(_said(Scope(account), hours, by))
    if json_output:
        print_json(
            {
                "groups": [asdict(summary) for summary in said.groups],
                "crossings": [_as_json(crossing) for crossing in said.crossings],
                "hours_to_roll_up": said.stale,
            }
        )
        return
    _show_groups(by, said.groups)
    _show_crossings(said.crossings)
    if said.stale:
        err.print(f"[yellow]![/] {said.stale} hours are not rolled up yet: the table lacks them.")


@app.command()
def incidents(hours: Hours = 24, json_output: JsonFlag = False) -> None:
    """Show where several accounts missed their targets at once."""
    found = run(_incidents(hours))
    if json_output:
        print_json({"incidents": [_as_json(incident) for incident in found]})
        return
    if not found:
        out.print("No incidents.")
        return
    table = Table("region", "from", "until", "accounts", "of", "missed")
    for one in found:
        table.add_row(
            Text(one.region), _moment(one.begins), _end(one), Text(", ".join(one.accounts)),
            str(one.reporting), ", ".join(one.metrics),
        )  # fmt: skip
    out.print(table)


@asynccontextmanager
async def _records() -> AsyncIterator[Database]:
    database = Database(Settings().database_url)
    try:
        await database.check()
        yield database
    finally:
        await database.aclose()


async def _import(file: str) -> Receipt:
    content = _opened(file)
    try:
        async with _records() as database:
            first = await asyncio.to_thread(content.read, _PIECE)
            store, now = QualityStore(database), datetime.now(UTC)
            receipt = await take_in(_pieces(first, content), _form(first), store, now)
            await roll_up(database)
            return receipt
    finally:
        content.close()


def _opened(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise InputError(
            f"{file} cannot be read: {error.strerror}.", "Give a file of CSV or JSON lines."
        ) from None


def _form(first: bytes) -> Form:
    """What a file is that begins so."""
    begins = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if begins.startswith(b"{") else "csv"


async def _pieces(first: bytes, content: BinaryIO) -> AsyncIterator[bytes]:
    piece = first
    while piece:
        yield piece
        piece = await asyncio.to_thread(content.read, _PIECE)


@dataclass(frozen=True)
class _Said:
    """What there is to show of an account."""

    groups: list[Summary]
    crossings: list[Crossing]
    stale: int


async def _said(scope: Scope, hours: int, by: By) -> _Said:
    targets, now = Settings().qos.targets, datetime.now(UTC)
    async with _records() as database:
        store = QualityStore(database)
        return _Said(
            await store.read(scope, by, Span("hours", hours), now),
            await store.crossings(scope, targets, hours, now),
            await store.stale(scope),
        )


async def _incidents(hours: int) -> list[Incident]:
    targets, now = Settings().qos.targets, datetime.now(UTC)
    async with _records() as database:
        return await QualityStore(database).incidents(targets, hours, now)


def _as_json(stretch: Crossing | Incident) -> dict[str, Any]:
    times = {"begins": stretch.begins.isoformat(), "ends": stretch.ends.isoformat()}
    return asdict(stretch) | times


def _show_groups(by: By, groups: list[Summary]) -> None:
    if not groups:
        out.print("Nothing was reported in these hours.")
        return
    table = Table(by, "user hours", "stall", "latency", "loss", "join", "joined", "zones")
    for one in groups:
        table.add_row(
            Text(one.group), f"{one.user_minutes / 60:.0f}",
            _rate(one.stall_rate), _ms(one.latency_ms), _rate(one.packet_loss), _ms(one.join_ms),
            _rate(one.join_success), _rate(one.zone_availability),
        )  # fmt: skip
    out.print(table)


def _show_crossings(crossings: list[Crossing]) -> None:
    if not crossings:
        out.print("No target was missed for long.")
        return
    table = Table("missed", "region", "app", "from", "until", "worst")
    for one in crossings:
        worst = _ms(one.worst) if one.metric.endswith("_ms") else _rate(one.worst)
        table.add_row(
            one.metric, Text(one.region), Text(one.app), _moment(one.begins), _end(one), worst
        )
    out.print(table)


def _rate(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _ms(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.0f} ms"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _end(stretch: Crossing | Incident) -> str:
    return "goes on" if stretch.going_on else _moment(stretch.ends)
