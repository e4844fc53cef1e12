"""Quality by the minute on both databases: rows in; how quickly they are kept and read, out.

Rows come as lines of JSON, a minute after the other, as an operator reports them; they are read,
checked and kept as `POST /v1/qos` does, without the network. Making them is not counted. Then all
hours are rolled up, and the last 24 hours are read by region: of one account after the other, and
of all accounts at once. PostgreSQL is a server of our own on loopback with its usual settings, but
for 256 MB of shared buffers. Of times that differ by database, the last line has the slower one's,
and of reading that of all accounts; the rest is in `var/bench/records`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from agent.cli.output import err, print_json
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.migrate import upgrade
from agent.service.quality.intake import take_in
from agent.service.quality.rollups import roll_up
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.targets import DEFAULT_TARGETS
from agent.service.scope import Scope
from agent.settings import Settings
from common.errors import ServiceError
from eval.postgres import create_database, postgres_server
from eval.records.rows import ACCOUNTS, SERIES, lines
from eval.report import machine, write_json

#: Times that each question is asked.
ASKED: Final = 200
DAY: Final = Span("hours", 24)
#: Minutes that are sent a second time.
AGAIN: Final = 100


@dataclass(frozen=True)
class Measured:
    """What one database did."""

    ingest_rows_per_s: float
    again_rows_per_s: float
    """Rows that are there already."""
    rollup_s: float
    account_ms: Mapping[str, float]
    overview_ms: Mapping[str, float]
    incidents_ms: Mapping[str, float]
    megabytes: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much of it."""
    parser.add_argument("--rows", type=int, default=5_000_000, help="minute rows")


async def bench(arguments: argparse.Namespace) -> None:
    """Measure, and print the last line."""
    # At most the hour under way is not whole, and nothing is read that is not there.
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    measured: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="liuke-records-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'liuke.db'}"
        measured["sqlite"] = await _measure("sqlite", url, arguments.rows, until)
    with postgres_server(shared_buffers="256MB") as server:
        url = create_database(server, "records")
        measured["postgresql"] = await _measure("postgresql", url, arguments.rows, until)
    kept = {name: asdict(one) for name, one in measured.items()}
    result = {"rows": arguments.rows, "machine": machine(), "databases": kept}
    write_json(Settings().paths.data_dir / "bench" / "records" / "records.json", result)
    print_json(summarise(measured))


def summarise(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """The last line."""
    slowest = max(measured.values(), key=lambda one: one.overview_ms["p95"])
    return {
        "ingest_rows_per_s": {n: round(one.ingest_rows_per_s) for n, one in measured.items()},
        "last_24h_by_region_ms": slowest.overview_ms,
        "rollup_s": round(max(one.rollup_s for one in measured.values()), 1),
    }


async def _measure(name: str, url: str, rows: int, until: datetime) -> Measured:
    await asyncio.to_thread(upgrade, url)
    database = Database(url)
    try:
        store = QualityStore(database)
        for account in ACCOUNTS:
            await AccountStore(database).put(account, account)
        ingest_s = await _ingest(
            store, lines(rows, until), until, accepted=-(-rows // SERIES) * SERIES
        )
        err.print(f"{name}: {rows} rows kept in {ingest_s:.1f} s", highlight=False)
        some = min(AGAIN, rows // SERIES)
        again_s = await _ingest(store, islice(lines(rows, until), some), until, accepted=0)
        started = time.perf_counter()
        hours = await roll_up(database)
        rollup_s = time.perf_counter() - started
        err.print(f"{name}: {hours} hours rolled up in {rollup_s:.1f} s", highlight=False)
        one = Measured(
            rows / ingest_s,
            some * SERIES / again_s,
            rollup_s,
            await _times(lambda n: store.read(_scope(n), "region", DAY, until)),
            await _times(lambda _: store.overview("region", DAY, until)),
            await _times(lambda _: store.incidents(DEFAULT_TARGETS, 24, until)),
            await _megabytes(database),
        )
        err.print(f"{name}: {one}", highlight=False)
        return one
    finally:
        await database.aclose()


async def _ingest(
    store: QualityStore, pieces: Iterable[bytes], now: datetime, *, accepted: int
) -> float:
    """Seconds to keep them, without the time that making them takes."""
    making_s = 0.0

    async def made() -> AsyncIterator[bytes]:
        nonlocal making_s
        left = iter(pieces)
        while True:
            began = time.perf_counter()
            piece = next(left, b"")
            making_s += time.perf_counter() - began
            if not piece:
                return
            yield piece

    started = time.perf_counter()
    receipt = await take_in(made(), "json", store, now)
    took_s = time.perf_counter() - started - making_s
    if receipt.accepted != accepted or receipt.refused:
        raise ServiceError(
            f"{receipt.accepted} rows were taken, not {accepted}: {receipt.refused[:3]}.",
            "The rows of eval/records/rows.py are not all good and new.",
            retryable=False,
        )
    return took_s


def _scope(number: int) -> Scope:
    return Scope(ACCOUNTS[number % len(ACCOUNTS)])


async def _times(ask: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    """p50 and p95 of asking, milliseconds."""
    took_ms = []
    for number in range(ASKED):
        started = time.perf_counter()
        if not await ask(number):
            raise ServiceError("Nothing was found.", "Give more --rows.", retryable=False)
        took_ms.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(took_ms, n=20)
    return {"p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


async def _megabytes(database: Database) -> float:
    """What the database takes on disk."""
    async with database.transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            pages = await session.scalar(text("PRAGMA page_count")) or 0
            size = await session.scalar(text("PRAGMA page_size")) or 0
            return float(round(pages * size / 1e6))
        size = await session.scalar(text("SELECT pg_database_size(current_database())")) or 0
        return float(round(size / 1e6))
