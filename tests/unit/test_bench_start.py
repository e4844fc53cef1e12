"""`make bench-start`: what its last line says."""

from __future__ import annotations

import pytest

from eval.start.bench import Half, summarise

pytestmark = pytest.mark.unit


def half(ask_ms: float, call_ms: float | None = 900.0, start_s: float = 30.0) -> Half:
    return Half(start_s, (ask_ms, ask_ms + 10, ask_ms + 500), call_ms, made=3, total=400)


def test_the_ratio_is_that_of_the_medians_of_all_asks() -> None:
    said = summarise(61.23, [(half(1000), half(1000)), (half(1400), half(900, None))])
    assert said["ask_ms"] == {"first_minute": {"p50": 1405}, "later": {"p50": 1005}}
    assert said["ratio"] == round(1405 / 1005, 3)
    assert said["call_ms"] == {"first_minute": [900.0, 900.0], "later": [900.0, None]}
    assert (said["setup_s"], said["start_s"]) == (61.2, 30.0)
