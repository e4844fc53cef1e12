"""Looking: figures that are asked for, and the caller's scope, in; what the records say of them,
and on whose side that puts a trouble, out.

Nothing is read but by the scope: of others there is only what nobody can be known by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from agent.dialogue.asked import Asked, Owned, Stretch
from agent.dialogue.measures import badness
from agent.dialogue.places import Place, load_places
from agent.service.accounts.store import AccountStore
from agent.service.database import Database
from agent.service.quality.comparing import Comparisons, IncidentNow, IncidentThen
from agent.service.quality.onset import Onset, onset
from agent.service.quality.rollups import Summary
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.targets import Metric, Targets, misses
from agent.service.scope import Scope

#: Whose side it is on: the customer's own, the region's; as others have it, none to compare with;
#: nothing is wrong; nothing says whether it is.
Verdict = Literal["own_side", "region_side", "near_others", "few_others", "normal", "unknown"]

#: What is said where no single figure is asked for.
OVERVIEW: Final[Sequence[Metric]] = ("stall_rate", "latency_ms", "join_ms")
#: Up to so many times what others have is what others have.
_NEAR: Final = 1.5
#: So many times what others have is too much, though it is within the target.
_FAR_ABOVE: Final = 2.0
#: Where to look for the beginning of a trouble, and for crossings that tell it to the minute.
_LOOKED_BACK: Final = Span("hours", 14 * 24)
_CROSSING_HOURS: Final = 3
#: An account reports from where it did in so many days.
_KNOWN_DAYS: Final = Span("days", 90)


@dataclass(frozen=True)
class Seen:
    """What the records say of what is asked."""

    metric: Metric | None
    """None: all of them."""
    place: Place | None
    """None: all regions."""
    stretch: Stretch
    reported: Sequence[str]
    """Regions that the account reports from."""
    own: Summary | None = None
    """None: nothing was reported there, or then."""
    elsewhere: Summary | None = None
    others: Summary | None = None
    verdict: Verdict = "unknown"
    onset: Onset | None = None
    incident: IncidentNow | None = None
    incident_then: IncidentThen | None = None
    """That is over, and was in the time that is looked at."""
    than: tuple[Stretch, Summary] | None = None
    """The time before that it is compared with."""
    by_region: Sequence[tuple[Place, Summary]] = ()
    """Each by itself, if that is asked."""
    in_seconds: bool = False

    @property
    def regions(self) -> Sequence[str]:
        """Of those that the account reports from, those of the place."""
        where = self.place.regions if self.place else self.reported
        return [region for region in where if region in self.reported]

    @property
    def value(self) -> float | None:
        """The figure; None where it is not measured."""
        return figure(self.own, self.metric)


def figure(summary: Summary | None, metric: Metric | None) -> float | None:
    """A metric of a summary; None where it is not measured."""
    value: float | None = getattr(summary, metric) if summary and metric else None
    return value


def judge(metric: Metric, own: float, others: float | None, target: float | None) -> Verdict:
    """What a figure says beside its target and everybody else's."""
    is_bad = target is not None and misses(metric, own, target)
    theirs = None if others is None else badness(metric, others)
    ours = badness(metric, own)
    if not is_bad and (theirs is None or ours == 0 or ours < _too_much(target) * theirs):
        return "unknown" if target is None and others is None else "normal"
    if others is None or theirs is None:
        return "few_others"
    if target is not None and misses(metric, others, target):
        return "region_side"
    return "near_others" if ours < _NEAR * theirs else "own_side"


def _too_much(target: float | None) -> float:
    """How many times what others have is too much."""
    return _NEAR if target is None else _FAR_ABOVE


class Looking:
    """Looks at an account's figures beside everybody else's, in a database."""

    def __init__(self, database: Database, targets: Targets) -> None:
        self._accounts = AccountStore(database)
        self._quality = QualityStore(database)
        self._comparisons = Comparisons(database)
        self._targets = targets
        self._places = load_places()

    async def owned(self, scope: Scope, now: datetime) -> Owned:
        """What is the account's own, by all its names."""
        known, by_region, by_app = await asyncio.gather(
            self._accounts.read(scope),
            self._quality.read(scope, "region", _KNOWN_DAYS, now),
            self._quality.read(scope, "app", _KNOWN_DAYS, now),
        )
        called = {app.id: app.name for app in known.apps} if known else {}
        names = [known.account.id, known.account.name] if known else []
        return Owned(
            names=[part for name in names for part in (name, *name.split()[:1])],
            apps={one.group: called.get(one.group, "") for one in by_app},
            regions=[one.group for one in by_region],
        )

    async def incident(
        self, scope: Scope, places: Sequence[Place], now: datetime
    ) -> IncidentNow | None:
        """The incident under way where the account has users; with places, in one of them."""
        regions = (await self.owned(scope, now)).regions
        if places:
            named = {region for place in places for region in place.regions}
            regions = [region for region in regions if region in named]
        return await self._comparisons.incident(regions, now) if regions else None

    async def look(self, scope: Scope, asked: Asked, own: Owned, now: datetime) -> Seen:
        """What the records say; where no place is asked for, of the one where it is worst."""
        stretch = asked.stretch or Stretch()
        seen = Seen(asked.metric, asked.place, stretch, own.regions, in_seconds=asked.in_seconds)
        if not seen.regions:
            return seen
        span = stretch.span(now)
        if asked.place is None or asked.metric is None:
            seen = await self._worst(scope, seen, asked, span, now)
        here, others, incident, ended = await asyncio.gather(
            self._comparisons.own(scope, seen.regions, span, now, app=asked.app),
            self._comparisons.others(scope, seen.regions, span, now),
            self._comparisons.incident(seen.regions, now),
            self._comparisons.incident_then(scope, seen.regions, span, now),
        )
        seen = replace(seen, own=here.get("here"), elsewhere=here.get("elsewhere"))
        seen = replace(seen, others=others, incident=incident, incident_then=ended)
        seen = await self._beside(scope, seen, asked, now)
        if seen.metric is None or seen.value is None:
            is_told = seen.own is not None and seen.metric is None
            return replace(seen, verdict="normal") if is_told else seen
        theirs, target = figure(others, seen.metric), self._targets.get(seen.metric)
        verdict = judge(seen.metric, seen.value, theirs, target)
        seen = replace(seen, verdict=verdict)
        if verdict in ("normal", "unknown") or span.ago:
            return seen
        return replace(seen, onset=await self._onset(scope, seen, asked, now))

    async def _beside(self, scope: Scope, seen: Seen, asked: Asked, now: datetime) -> Seen:
        """The same with the time before, and with each region, where those are asked for."""
        if asked.than:
            span = asked.than.span(now)
            found = await self._comparisons.own(scope, seen.regions, span, now, app=asked.app)
            seen = replace(seen, than=(asked.than, found["here"]) if "here" in found else None)
        if asked.by_region:
            span = seen.stretch.span(now)
            each = await self._quality.read(scope, "region", span, now, app=asked.app)
            regions = [(self._places.region(one.group), one) for one in each]
            seen = replace(seen, by_region=regions)
        return seen

    async def _worst(
        self, scope: Scope, seen: Seen, asked: Asked, span: Span, now: datetime
    ) -> Seen:
        """The same at the metric and region that miss their target by most, if any does."""
        found = await self._quality.read(scope, "region", span, now, app=asked.app)
        missed = [
            (badness(metric, value) / max(badness(metric, target), 1e-6), metric, one.group)
            for one in found
            if one.group in seen.regions
            for metric in ([asked.metric] if asked.metric else OVERVIEW)
            if (value := figure(one, metric)) is not None
            and (target := self._targets.get(metric)) is not None
            and misses(metric, value, target)
        ]
        if not missed:
            return seen
        _, metric, region = max(missed)
        place = seen.place or self._places.region(region)
        return replace(seen, metric=metric, place=place)

    async def _onset(self, scope: Scope, seen: Seen, asked: Asked, now: datetime) -> Onset | None:
        """Since when the figure has missed its target; or has been too much beside others."""
        assert seen.metric is not None and seen.value is not None
        metric, theirs = seen.metric, figure(seen.others, seen.metric)
        target = limit = self._targets.get(metric)
        if limit is None or not misses(metric, seen.value, limit):
            if theirs is None:
                return None
            limit = badness(metric, _too_much(target) * badness(metric, theirs))
        hours, crossed = await asyncio.gather(
            self._comparisons.course(scope, seen.regions, _LOOKED_BACK, now, app=asked.app),
            self._quality.crossings(scope, {metric: limit}, _CROSSING_HOURS, now),
        )
        there = [
            one for one in crossed if one.region in seen.regions and asked.app in ("", one.app)
        ]
        return onset(hours, there, metric, limit, now)
