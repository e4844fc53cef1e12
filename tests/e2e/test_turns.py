"""Manners in a conversation: the figures of `make bench-turns` on a small, fixed part of it.

Times are no matter here; they depend on the machine, and the benchmark reports them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.settings import Settings
from eval.turns.bench import Bench, details, summarise
from eval.turns.material import CONDITIONS, Material
from tests.e2e.conftest import Installation

pytestmark = pytest.mark.e2e

#: What the figures must not exceed on these few trials, where one is five to ten points: far off
#: what was measured (docs/performance.md), near enough to notice when manners are lost.
FALSE_STOPS = 0.25
MISSED_STOPS = 0.34
FALSE_CUTOFFS = 0.4


async def test_turns_and_interruptions_are_as_well_mannered_as_measured(
    installation: Installation, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in installation.environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    bench = Bench(settings, Material(recordings, settings), quick=True)
    noisy = [condition for condition in CONDITIONS if condition.name == "10 dB"]
    await asyncio.gather(bench.take_turns(noisy), bench.disturb(noisy))
    figures = summarise(bench.turns, bench.disturbed)
    failures = details(bench.turns, bench.disturbed)["failures"]
    assert figures["false_stop_rate"] <= FALSE_STOPS, failures
    assert figures["missed_stop_rate"] <= MISSED_STOPS, failures
    assert figures["false_cutoff_rate"] <= FALSE_CUTOFFS, failures
