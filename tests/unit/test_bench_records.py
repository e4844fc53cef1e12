"""`make bench-records`: what it sends is good, and what its last line says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.service.quality.rows import minute_of, read_json
from agent.service.quality.targets import DEFAULT_TARGETS, Measured, crossings
from eval.records import bench
from eval.records.rows import SERIES, lines

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


def test_what_is_sent_is_good_and_something_breaks_in_it() -> None:
    rows = [
        read_json(line, NOW) for piece in lines(60_000, NOW) for line in piece.split(b"\n") if line
    ]
    assert len(rows) == len({row[:4] for row in rows}) == -(-60_000 // SERIES) * SERIES
    assert max(row.minute for row in rows) == minute_of(NOW)
    measured = [
        Measured(
            *row[:4], (row.stall_ppm or 0) / 1e6, row.latency_ms, None, row.join_ms, None, None
        )
        for row in rows
    ]
    assert crossings(measured, DEFAULT_TARGETS, NOW)


async def test_a_small_run_measures_each_database(
    bare_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "ASKED", 5)
    monkeypatch.setattr(bench, "AGAIN", 2)
    monkeypatch.setattr(bench, "DEFAULT_TARGETS", {"latency_ms": 1})
    measured = await bench._measure("small", bare_database_url, 3000, NOW)
    assert measured.ingest_rows_per_s > 0 and measured.rollup_s > 0
    assert 0 < measured.account_ms["p50"] <= measured.account_ms["p95"]


def one(rate: float, p95: float, rollup_s: float) -> bench.Measured:
    times = {"p50": p95 / 2, "p95": p95}
    return bench.Measured(rate, rate, rollup_s, {"p50": 0, "p95": 0}, times, times, 1.0)


def test_the_last_line_has_the_slower_databases_times() -> None:
    said = bench.summarise({"sqlite": one(1000.4, 10, 3), "postgresql": one(900, 20, 2.04)})
    assert said == {
        "ingest_rows_per_s": {"sqlite": 1000, "postgresql": 900},
        "last_24h_by_region_ms": {"p50": 10, "p95": 20},
        "rollup_s": 3,
    }
