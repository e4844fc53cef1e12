"""Grounding: whether the figures a text states stand in the sources it claims to rest on."""

from __future__ import annotations

from common.numbers.figures import SMALL_COUNT, Said, figures_in


def unsupported_figures(text: str, sources: Said) -> set[str]:
    """The figures in ``text``, with their units, that ``sources`` do not have in any writing."""
    return {
        figure.text
        for figure in figures_in(text)
        if (figure.dimension or max(figure.values) > SMALL_COUNT) and not figure.is_in(sources)
    }
