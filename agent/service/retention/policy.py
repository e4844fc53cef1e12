"""Retention policy: `prompts/retention.toml` and the operator's own table in; what may be offered
to a customer who may leave, and when an account is reached out to, out.

Nothing that is not here is ever offered: no credit, no discount, no date.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.languages import Language
from common.settings import PROJECT_ROOT

Signal = Literal[
    "price", "competitor", "repeated_incidents", "champion_left", "low_usage", "anger", "other"
]


@dataclass(frozen=True)
class Offer:
    """What may be said to a customer who shows one of its signals, and is done then."""

    name: str
    signals: frozenset[Signal]
    words: Mapping[Language, str]
    """What is said, word for word. By when it is done is no part of it."""
    plans: frozenset[str]
    """To whom; empty: to every plan, and where none is known."""
    once_in: timedelta
    """An account is offered it once in so much time."""
    within: timedelta | None
    """Time of work in which somebody does it: so much is promised; None: nothing is left to do."""


@dataclass(frozen=True)
class OutreachRule:
    """When an account is reached out to: the weights of its signals reach the threshold."""

    weights: Mapping[Signal, float]
    threshold: float
    span: timedelta
    """Of so much time signals count, and an account is reached out to once in it."""

    def is_reached(self, shown: Iterable[tuple[str | None, Signal]]) -> bool:
        """``shown``: calls with their signals; one that is repeated in a call counts once."""
        return sum(self.weights.get(signal, 0) for _, signal in set(shown)) >= self.threshold


@dataclass(frozen=True)
class RetentionPolicy:
    """What an operator has decided."""

    offers: Mapping[str, Offer]
    """By name, in the order in which they are tried."""
    outreach: OutreachRule

    def offer_for(
        self, signal: Signal, plan: str, given_before: Mapping[str, datetime], now: datetime
    ) -> Offer | None:
        """What may be offered; None where nothing may.

        ``plan``: the account's; empty where it is not known. ``given_before``: when each offer was
        made to the account last, by name.
        """
        for offer in self.offers.values():
            is_theirs = not offer.plans or plan.casefold() in offer.plans
            last = given_before.get(offer.name)
            is_free = last is None or now - last >= offer.once_in
            if signal in offer.signals and is_theirs and is_free:
                return offer
        return None


# What is in the files

_Days = Annotated[int, Field(ge=1, le=3660)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _OfferTable(_Table):
    signals: Annotated[frozenset[Signal], Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1, max_length=400)]
    en: Annotated[str, Field(min_length=1, max_length=400)]
    plans: frozenset[Annotated[str, Field(min_length=1)]] = frozenset()
    once_in_days: _Days = 90
    within_hours: Annotated[float, Field(gt=0, le=1000)] | None = None


class _OutreachTable(_Table):
    days: _Days | None = None
    threshold: Annotated[float, Field(gt=0)] | None = None
    weights: dict[Signal, Annotated[float, Field(ge=0)]] = {}


class RetentionTable(_Table):
    """`[retention]`; what is left out is as in `prompts/retention.toml`."""

    offers: dict[
        Annotated[str, Field(min_length=1, max_length=64)], _OfferTable | Literal["none"]
    ] = {}
    outreach: _OutreachTable = _OutreachTable()


def policy_of(own: RetentionTable) -> RetentionPolicy:
    """What the operator's own table makes of the defaults: its offers go before them."""
    told = _defaults()
    offers = {**own.offers, **{n: o for n, o in told.offers.items() if n not in own.offers}}
    rule = _given(told.outreach) | _given(own.outreach)
    weights = told.outreach.weights | own.outreach.weights
    return RetentionPolicy(
        {name: _offer(name, one) for name, one in offers.items() if one != "none"},
        OutreachRule(weights, rule["threshold"], timedelta(days=rule["days"])),
    )


@cache
def _defaults() -> RetentionTable:
    file = PROJECT_ROOT / "prompts" / "retention.toml"
    return RetentionTable.model_validate(tomllib.loads(file.read_text("utf-8")))


def _given(table: _OutreachTable) -> dict[str, Any]:
    return table.model_dump(exclude_none=True)


def _offer(name: str, told: _OfferTable) -> Offer:
    return Offer(
        name,
        told.signals,
        {"zh": told.zh, "en": told.en},
        frozenset(plan.casefold() for plan in told.plans),
        timedelta(days=told.once_in_days),
        timedelta(hours=told.within_hours) if told.within_hours else None,
    )
