"""Shortening keeps what a long text begins and ends with."""

from __future__ import annotations

import pytest

from common.shorten import beginning, shortened

pytestmark = pytest.mark.unit


def test_what_fits_stays() -> None:
    assert shortened("  why? ", 4) == "why?"


def test_beginning_and_end_are_kept() -> None:
    text = shortened("BEGIN " + "x" * 5000 + " END", 100)
    assert text.startswith("BEGIN x") and text.endswith("x END")
    assert len(text) == 100


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("Viewers see the offer late", 40, "Viewers see the offer late"),
        ("Viewers see the offer ten seconds too late", 27, "Viewers see the offer ten…"),
        ("Viewers see the offer, ten seconds too late", 24, "Viewers see the offer…"),
        ("雅加达的主播从昨天起卡得不行", 9, "雅加达的主播从昨…"),
        ("supercalifragilistic", 8, "superca…"),
    ],
)
def test_a_beginning_is_of_whole_words(text: str, most: int, kept: str) -> None:
    assert beginning(text, most) == kept
    assert len(kept) <= most
