"""Outreach: what shows that a customer may leave in; a letter, for a person to send, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agent.duty.words import read_words
from agent.service.retention.policy import Offer
from agent.service.retention.tables import SignalNoted
from common.languages import LANGUAGES

_WORDS: Final = read_words("outreach.toml")


def letter(
    signals: Sequence[SignalNoted], contact: str, owner: str, offers: Mapping[str, Offer]
) -> str:
    """In the language in which the newest was said; ``signals``: the newest first.

    ``contact``, ``owner``: their names; empty where they are not known. ``offers``: the operator's,
    by name: those that were made stand in it.
    """
    language = next((one for one in LANGUAGES if one == signals[0].language), LANGUAGES[0])
    words = _WORDS[language]
    shown = dict.fromkeys(one.signal for one in signals)
    made = dict.fromkeys(one.offered for one in signals if one.offered in offers)
    agreed = " ".join(offers[name].words[language] for name in made)
    told: str = words["letter"].format(
        contact=contact or words["nobody"],
        reasons="\n".join(words["reason"].format(line=words["signals"][one]) for one in shown),
        agreed=words["agreed"].format(offers=agreed) if agreed else "",
        owner=owner or words["team"],
    )
    return told.strip()
