"""Figures: a question about the account's own quality in; what the records say, beside everybody
else's, and on whose side that puts it, out.

Nothing is read but by the caller's scope: whatever is asked, another account is not spoken of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from agent.dialogue.answering import space
from agent.dialogue.asked import FILE, Asked, Stretch, load_asking
from agent.dialogue.days import day_called
from agent.dialogue.flow import Said, Step
from agent.dialogue.looking import OVERVIEW, Looking, Seen, figure
from agent.dialogue.measures import TIMES, badness, told, told_in_seconds
from agent.dialogue.places import load_places
from agent.prompts import FlowPhrases, load_flow
from agent.service.database import Database
from agent.service.quality.comparing import IncidentNow, IncidentThen
from agent.service.quality.onset import Onset
from agent.service.quality.rollups import Summary
from agent.service.quality.targets import HIGH_IS_GOOD, Metric, Targets
from agent.service.scope import Scope
from common.languages import LANGUAGES, Language

#: Regions that one can listen to in a row.
_MOST_REGIONS: Final = 5
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
#: What is looked at begins two weeks ago; its first bad evening may be a day and a half later.
_LONG: Final = timedelta(days=12)
#: What differs by less than this share is about the same.
_ABOUT: Final = 0.1
#: What is told by region where no figure is named.
_BY_REGION: Final[Metric] = "stall_rate"


class Figures:
    """Answers what is asked about the account's own figures, in both languages."""

    def __init__(self, database: Database, targets: Targets) -> None:
        self._looking = Looking(database, targets)
        self._asking = load_asking()
        self._words = FigureWords(targets)

    def is_asked(self, said: str, before: Asked | None) -> bool:
        """Whether own figures are asked for in so many words, or, right after an answer about some
        (``before``), in few: "and the latency there?"."""
        return self._asking.is_own(said) or (before is not None and self._asking.goes_on(said))

    def is_asked_for(self, said: str) -> bool:
        """Whether a figure is asked for, or called by its name: no customer complains of a stall
        rate, but of stalls."""
        return self._asking.asks(said) or self._asking.names_figure(said)

    def names_owner(self, said: str) -> bool:
        """Whether it names whose figures they are: then it is no trouble of theirs."""
        return self._asking.names_owner(said)

    async def incident(self, said: Said, scope: Scope) -> list[str]:
        """That it is known, to who tells of an emergency where an incident is under way; empty
        where there is none."""
        places = load_places().find(said.text)
        seen = await self._looking.incident(scope, places, said.at)
        return [*self._words.incident(seen, said.language)] if seen else []

    async def answer(self, said: Said, scope: Scope, before: Asked | None = None) -> Step[Asked]:
        """What is asked, answered; ``before``: what was asked last in this call."""
        fixed = self._words.fixed(said.language)
        if not scope.account:
            return Step([fixed["guest"]], None)
        own = await self._looking.owned(scope, said.at)
        if self._asking.names_another(said.text, own):
            return Step([fixed["others_named"]], before)
        if not own.regions:
            return Step([fixed["no_figures"]], None)
        asked = self._asking.read(said.text, own).after(before)
        seen = await self._looking.look(scope, asked, own, said.at)
        is_own = not self._asking.may_name_another(said.text, own)
        texts = [] if is_own else [fixed["only_own"]]
        texts += [fixed["by_platform"]] if asked.by_platform else []
        texts += self._words.of(seen, said.language, said.at)
        if seen.verdict == "normal" and not seen.incident:
            texts.append(fixed["example"])
        if seen.onset and not seen.incident:
            texts.append(self._words.since(seen.onset, said.language, said.at))
        return Step(texts, asked)


class FigureWords:
    """Says what was seen, in both languages."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._phrases: Mapping[Language, FlowPhrases] = load_flow("figures")
        self._places = load_places()
        given = tomllib.loads(FILE.read_text("utf-8"))
        self._metrics = _names(given["metrics"])
        self._spans = _names(given["spans"])

    def fixed(self, language: Language) -> Mapping[str, str]:
        """What is said word for word."""
        return self._phrases[language].fixed

    def of(self, seen: Seen, language: Language, now: datetime) -> Iterator[str]:
        """A seen, text by text."""
        fixed = self._phrases[language].fixed
        if seen.own is None or (seen.metric and seen.value is None):
            yield self._gap(seen, language)
            return
        yield fixed["lead"]
        if seen.incident:
            yield from self.incident(seen.incident, language)
        elif seen.incident_then:
            yield self.incident_then(seen.incident_then, language, now)
        if seen.place and seen.place.is_part:
            part, region = seen.place.called(language), self._region(seen, language)
            yield self._fill("part", language, part=part, region=region)
        yield self._seen(seen, language)
        if seen.than and seen.metric:
            yield from self._than(seen, seen.metric, *seen.than, language)
        if seen.by_region:
            yield from self._by_region(seen, language)
        if seen.metric:
            yield from self._compared(seen, seen.metric, language)
        if seen.verdict != "unknown" and not (seen.incident and seen.verdict != "normal"):
            yield fixed[seen.verdict]

    def incident(self, incident: IncidentNow, language: Language) -> Iterator[str]:
        """That there is one, with its number; nobody in it is named."""
        region = self._places.region(incident.region).called(language)
        number, count = incident.ticket, incident.accounts
        yield self._fill("incident", language, region=region, number=number, count=count)
        yield self._phrases[language].fixed["incident_known"]

    def incident_then(self, incident: IncidentThen, language: Language, now: datetime) -> str:
        """That there was one, with its number, and how long ago it ended."""
        region = self._places.region(incident.region).called(language)
        number, count = incident.ticket, incident.accounts
        hours = round((now - incident.ended) / _HOUR)
        name = "incident_then" if hours > 1 else "incident_just_then"
        return self._fill(name, language, region=region, number=number, count=count, hours=hours)

    def what_changed(self, began: Onset, language: Language, now: datetime) -> str:
        """What was done on the day on which it began; or when it began, and what was done then."""
        if began.is_older or now - began.begins < _DAY:
            then = self._phrases[language].fixed["changed_then"]
            return f"{self.since(began, language, now)}{space(language)}{then}"
        day = self._day(began, language, now)
        return self._fill("what_changed", language, day=day)

    def since(self, began: Onset, language: Language, now: datetime) -> str:
        """When it began."""
        fixed, ago = self._phrases[language].fixed, now - began.begins
        if began.is_older:
            return fixed["since_long" if ago >= _LONG else "since_first"]
        if ago >= _DAY:
            return self._fill("since_day", language, day=self._day(began, language, now))
        hours = max(1, round(ago / timedelta(hours=1)))
        if hours == 1:
            return fixed["since_hour"]
        return self._fill("since_hours", language, count=hours)

    def _gap(self, seen: Seen, language: Language) -> str:
        """That there is no figure, and why."""
        place = self._region(seen, language)
        metric = self._metrics[language][seen.metric] if seen.metric else ""
        if not seen.regions:
            mine = [self._places.region(one).called(language) for one in seen.reported]
            between = self._phrases[language].names["and"]
            regions = between.join(mine[:_MOST_REGIONS])
            asked = seen.place.called(language) if seen.place else place
            return self._fill("not_there", language, place=asked, regions=regions)
        if seen.own is None:
            return self._fill("not_then", language, span=self._span(seen.stretch, language))
        if seen.place is None:
            return self._fill("not_measured_overall", language, metric=metric)
        return self._fill("not_measured", language, place=place, metric=metric)

    def _seen(self, seen: Seen, language: Language) -> str:
        span = self._span(seen.stretch, language)
        if seen.metric is None or seen.value is None:
            values = ((metric, figure(seen.own, metric)) for metric in OVERVIEW)
            said = [
                self._fill(
                    "figure",
                    language,
                    metric=self._metrics[language][metric],
                    value=self._told(metric, value, language),
                )
                for metric, value in values
                if value is not None
            ]
            figures = self._phrases[language].names["and"].join(said)
            return self._fill("overview", language, span=span, figures=figures)
        filled = {
            "span": span,
            "metric": self._metrics[language][seen.metric],
            "value": self._told(seen.metric, seen.value, language, in_seconds=seen.in_seconds),
        }
        if seen.place is None:
            return self._fill("overall", language, **filled)
        place, other = self._region(seen, language), figure(seen.elsewhere, seen.metric)
        if other is None:
            return self._fill("here_alone", language, place=place, **filled)
        elsewhere = self._told(seen.metric, other, language, in_seconds=seen.in_seconds)
        return self._fill("here", language, place=place, elsewhere=elsewhere, **filled)

    def _than(
        self, seen: Seen, metric: Metric, stretch: Stretch, before: Summary, language: Language
    ) -> Iterator[str]:
        """What it was before, and whether it is better now."""
        now, then = seen.value, figure(before, metric)
        if now is None or then is None:
            return
        value = self._told(metric, then, language, in_seconds=seen.in_seconds)
        yield self._fill("than", language, span=self._span(stretch, language), value=value)
        worse, better = badness(metric, now), badness(metric, then)
        is_about = abs(worse - better) <= _ABOUT * max(worse, better)
        trend = "as_before" if is_about else "worse" if worse > better else "better"
        yield self._phrases[language].fixed[trend]

    def _by_region(self, seen: Seen, language: Language) -> Iterator[str]:
        """Each region by itself, the worst first."""
        metric = seen.metric or _BY_REGION
        each = [(place, figure(one, metric)) for place, one in seen.by_region]
        known = [(place, value) for place, value in each if value is not None]
        known.sort(key=lambda one: -badness(metric, one[1]))
        said = [
            self._fill(
                "region_figure",
                language,
                place=place.called(language),
                value=self._told(metric, value, language, in_seconds=seen.in_seconds),
            )
            for place, value in known[:_MOST_REGIONS]
        ]
        if said:
            figures = self._phrases[language].names["and"].join(said)
            yield self._fill("by_region", language, figures=figures)

    def _compared(self, seen: Seen, metric: Metric, language: Language) -> Iterator[str]:
        """The target, and what everybody else has."""
        target = self._targets.get(metric)
        if target is not None:
            side = "target_high" if metric in HIGH_IS_GOOD else "target_low"
            milliseconds = self._phrases[language].names["milliseconds"]
            yield self._fill(side, language, target=told(metric, target, milliseconds))
        theirs = figure(seen.others, metric)
        if theirs is not None:
            others = "others" if seen.place else "others_overall"
            yield self._fill(others, language, others=self._told(metric, theirs, language))

    def _told(
        self, metric: Metric, value: float, language: Language, *, in_seconds: bool = False
    ) -> str:
        if in_seconds and metric in TIMES:
            return told_in_seconds(value, self._phrases[language].names["seconds"])
        milliseconds = self._phrases[language].names["milliseconds"]
        return told(metric, value, milliseconds, self._targets.get(metric))

    def _day(self, began: Onset, language: Language, now: datetime) -> str:
        return day_called(began.begins, now, self._phrases[language].names, language)

    def _region(self, seen: Seen, language: Language) -> str:
        """What the place is called that the figures are of."""
        if seen.place is None:
            return ""
        place = self._places.region(seen.place.regions[0]) if seen.place.is_part else seen.place
        return place.called(language)

    def _span(self, stretch: Stretch, language: Language) -> str:
        return self._spans[language][stretch.name].format(count=stretch.count)

    def _fill(self, name: str, language: Language, **values: object) -> str:
        """A phrase with its values, beginning with a capital."""
        text = self._phrases[language].filled[name].format(**values)
        return text[0].upper() + text[1:]


def _names(groups: Mapping[str, Mapping[str, str]]) -> dict[Language, dict[str, str]]:
    """What each group is called, by language."""
    return {
        language: {name: group[language] for name, group in groups.items()}
        for language in LANGUAGES
    }
