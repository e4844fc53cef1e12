"""Shortening: a text of any length in, one that fits out."""

from __future__ import annotations

#: Of what fits, the share that the beginning gets.
_BEGINNING = 0.4


def shortened(text: str, most: int) -> str:
    """At most ``most`` characters of the text: what it begins and what it ends with."""
    text = text.strip()
    if len(text) <= most:
        return text
    beginning = int(most * _BEGINNING)
    end = most - beginning - 1
    return f"{text[:beginning].rstrip()} {text[-end:].lstrip()}"


def beginning(text: str, most: int) -> str:
    """At most ``most`` characters of the text: how it begins, in whole words, and "…"."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    if text[most - 1].isascii() and not text[most - 1].isspace() and " " in cut:
        cut = cut[: cut.rindex(" ")]
    return f"{cut.rstrip(' ,.，。、')}…"
