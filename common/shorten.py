"""Shortening: a text of any length in, one that fits out, with its beginning and its end."""

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
