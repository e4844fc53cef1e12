"""What every command shares: results as text or JSON, and errors without stack traces."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from agent.service.database import Database
from agent.settings import Settings
from common.errors import LiukeError

T = TypeVar("T")

#: Results go to standard output; progress, warnings and errors to standard error.
out = Console()
err = Console(stderr=True)

TenantOption = Annotated[
    str, typer.Option("--tenant", help="Whose documents; without it those for everybody.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object, nothing else.")]


def print_json(value: Any) -> None:
    """One JSON document on standard output, readable Mandarin included."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def as_json(moment: datetime | None) -> str | None:
    """A moment as JSON has it."""
    return moment.isoformat(timespec="seconds") if moment else None


def on_this_clock(moment: datetime | None) -> str:
    """A moment by this machine's clock, to the minute; empty without one."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}" if moment else ""


@asynccontextmanager
async def records(settings: Settings) -> AsyncIterator[Database]:
    """The installation's records. Raises ServiceError where they are away."""
    database = Database(settings.database_url)
    try:
        await database.check()
        yield database
    finally:
        await database.aclose()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    return asyncio.run(work)


def report_error(error: LiukeError) -> None:
    """Say what happened and what to do."""
    err.print(f"[bold red]✗[/] {error.message}", highlight=False)
    err.print(f"  {error.remedy}", highlight=False)
