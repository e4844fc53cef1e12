"""What every command shares: results as text or JSON, and errors without stack traces."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

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


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end."""
    return asyncio.run(work)


def report_error(error: LiukeError) -> None:
    """Say what happened and what to do."""
    err.print(f"[bold red]✗[/] {error.message}", highlight=False)
    err.print(f"  {error.remedy}", highlight=False)
