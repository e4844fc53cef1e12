"""Grounding: whether the figures a text states stand in the sources it claims to rest on."""

from __future__ import annotations

import re

from common.numbers.digits import values

_ARABIC = re.compile(r"\d+(?:\.\d+)?")


def unsupported_figures(text: str, sources: str) -> set[str]:
    """The figures in ``text`` that ``sources`` do not have, in whatever way they are written.

    Small counts (one to three) are ordinary words and need no source.
    """
    known = figures(sources)
    return {f"{value:g}" for value in figures(text) - known if value > 3}


def figures(text: str) -> set[float]:
    """The numbers that a text states: 600, 六百, twelve."""
    return {float(match) for match in _ARABIC.findall(text)} | values(text)
