"""Shortening keeps what a long text begins and ends with."""

from __future__ import annotations

import pytest

from common.shorten import shortened

pytestmark = pytest.mark.unit


def test_what_fits_stays() -> None:
    assert shortened("  why? ", 4) == "why?"


def test_beginning_and_end_are_kept() -> None:
    text = shortened("BEGIN " + "x" * 5000 + " END", 100)
    assert text.startswith("BEGIN x") and text.endswith("x END")
    assert len(text) == 100
