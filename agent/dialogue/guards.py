"""Grounding: whether the figures a text states stand in the sources it claims to rest on."""

from __future__ import annotations

from common.numbers.figures import Figure, Said, figures_in

#: Counts up to this are ordinary words ("three things") where no unit follows.
_SMALL_COUNT = 3


def unsupported_figures(text: str, sources: Said) -> set[str]:
    """The figures in ``text``, with their units, that ``sources`` do not have in any writing."""
    figures = (figure for figure in figures_in(text) if not _is_small_count(figure))
    return {figure.text for figure in figures if not figure.is_in(sources)}


def _is_small_count(figure: Figure) -> bool:
    return not figure.dimension and max(figure.values) <= _SMALL_COUNT
