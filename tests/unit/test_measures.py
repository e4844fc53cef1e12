"""A figure is rounded by one rule, which never makes it look better or worse than it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.dialogue.measures import told
from agent.service.quality.targets import Metric, misses

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("metric", "value", "target", "said"),
    [
        ("stall_rate", 0.038, 0.01, "3.8%"),
        ("stall_rate", 0.0384, 0.01, "3.8%"),
        ("stall_rate", 0.006, 0.01, "0.6%"),
        ("stall_rate", 0.1, 0.01, "10%"),
        ("stall_rate", 0.00996, 0.01, "0.996%"),
        ("stall_rate", 0.0002, 0.01, "0.02%"),
        ("stall_rate", 0.0, 0.01, "0%"),
        ("join_success", 0.99996, None, "99.996%"),
        ("join_success", 1.0, None, "100%"),
        ("zone_availability", 0.9996, 0.999, "99.96%"),
        ("latency_ms", 167.6, 400, "168 ms"),
        ("latency_ms", 399.7, 400, "399.7 ms"),
        ("join_ms", 600, 600, "600 ms"),
    ],
)
def test_it_is_said_as_an_engineer_would(
    metric: Metric, value: float, target: float | None, said: str
) -> None:
    assert told(metric, value, " ms", target) == said


@given(st.integers(0, 1_000_000), st.integers(1, 100))
def test_it_never_looks_as_if_on_the_other_side_of_the_target(value: int, percent: int) -> None:
    rate, target = value / 1e6, percent / 100
    shown = float(told("stall_rate", rate, "", target).rstrip("%")) / 100
    assert misses("stall_rate", shown, target) == misses("stall_rate", rate, target)
    assert abs(shown - rate) <= 0.0005 and (shown == 0) == (rate == 0)
