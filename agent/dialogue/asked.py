"""Asked: what a customer says in; which of the account's own figures, where and of what time, out.

The words are in `prompts/figures.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from agent.dialogue.matching import any_of, plain
from agent.dialogue.places import Place, Places, load_places
from agent.service.quality.store import Span
from agent.service.quality.targets import METRICS, Metric
from common.errors import SetupError
from common.languages import HAN
from common.numbers.figures import figures_in
from common.settings import PROJECT_ROOT

FILE: Final = PROJECT_ROOT / "prompts" / "figures.toml"
_HOURS_OF_DAY: Final = 24
_HOUR_MS: Final = 3_600_000
#: Of a month that is none of the calendar.
_MONTH_DAYS: Final = 30
#: So many hours are read by hours of the clock; what is longer, by days.
_MOST_HOURS: Final = 72
#: Of what goes on from the question before.
_FEW_CHARACTERS: Final = 50
#: Nobody asks for more days.
_MOST_DAYS: Final = 400


@dataclass(frozen=True)
class Stretch:
    """A stretch of time as customers name it."""

    name: str = "hours"
    """Of `spans` in the file."""
    count: int = _HOURS_OF_DAY
    """How many hours or days, where the name says no more."""

    @property
    def is_over(self) -> bool:
        """Whether it ended before now."""
        return self.name in ("yesterday", "day_before", "last_week", "last_month")

    def span(self, now: datetime) -> Span:
        """As it is read. Today is a day of the clock of ``now``; weeks and months are of days in
        UTC, as they are rolled up."""
        today = now.hour + 1
        last_month = now.replace(day=1) - timedelta(days=1)
        return {
            "now": Span("hours", 2),
            "today": Span("hours", today),
            "yesterday": Span("hours", _HOURS_OF_DAY, today),
            "day_before": Span("hours", _HOURS_OF_DAY, today + _HOURS_OF_DAY),
            "week": Span("days", now.weekday() + 1),
            "last_week": Span("days", 7, now.weekday() + 1),
            "month": Span("days", now.day),
            "last_month": Span("days", last_month.day, now.day),
            "hours": Span("hours", self.count),
            "days": Span("days", self.count),
        }[self.name]


@dataclass(frozen=True)
class Asked:
    """Figures that are asked for; None: not said."""

    metric: Metric | None = None
    place: Place | None = None
    stretch: Stretch | None = None
    app: str = ""
    """As quality is reported for it; empty for all."""
    is_overview: bool = False
    """All figures: no single one is meant."""

    def after(self, before: Asked | None) -> Asked:
        """What is asked, with what was asked before where this says nothing: "and yesterday?"."""
        if before is None:
            return self
        same = self.metric is None and not self.is_overview
        return replace(
            self,
            metric=before.metric if same else self.metric,
            is_overview=before.is_overview if same else self.is_overview,
            place=self.place or before.place,
            stretch=self.stretch or before.stretch,
            app=self.app or before.app,
        )


@dataclass(frozen=True)
class Owned:
    """What is the customer's own, by all its names."""

    names: Sequence[str]
    """Of the account."""
    apps: Mapping[str, str]
    """By what quality is reported for: their names."""
    regions: Sequence[str]
    """That quality is reported from."""


class Asking:
    """Reads what is asked, in both languages."""

    def __init__(self, given: Mapping[str, Any], places: Places) -> None:
        """``given``: `prompts/figures.toml`."""
        self._places = places
        self._metrics = {metric: any_of(given["metrics"][metric]["words"]) for metric in METRICS}
        self._lookalikes = any_of(given["lookalikes"]["words"])
        self._overview = any_of(given["overview"]["words"])
        self._spans = {name: any_of(span["words"]) for name, span in given["spans"].items()}
        asked = given["asked"]
        self._how, self._ours = any_of(asked["how"]), any_of(asked["ours"])
        self._advice = any_of(asked["advice"])
        another = given["another"]
        self._another = any_of(another["words"])
        self._own = any_of(another["own"])
        self._scenes = any_of([*another["scenes"], *_all(given["spans"])])
        self._not_names = frozenset(another["not_names"])
        figure = any_of([*_all(given["metrics"]), *given["overview"]["words"]]).pattern
        endings = any_of(another["endings"]).pattern
        self._company = re.compile(
            rf"([{HAN}a-z0-9]{{2,}})(?:{endings})[{HAN} ]{{0,4}}?(?:{figure})"
        )
        self._owner = re.compile(
            rf"(?<!\bour )(?<!\bmy )\b([a-z][\w-]*) ?'s (?:[\w-]+ ){{0,2}}?(?:{figure})"
        )
        self._owner_behind = re.compile(
            rf"(?i:{figure})(?: \w+)? (?:of|for) (?:the )?([A-Z][\w-]*)"  # a name, by its capital
        )
        self._perhaps = re.compile(
            rf"(?:{figure}) (?:of|for|at) (?:the )?([a-z][\w-]+)|([{HAN}]{{2,6}})的(?:{figure})"
        )
        self._spoken = any_of([*another["scenes"], *_all(given["spans"])])

    def is_own(self, said: str) -> bool:
        """Whether how high one's own figures are is asked in so many words."""
        text = plain(said)
        is_measured = self.metric(said) is not None or self._overview.search(text) is not None
        return (
            is_measured
            and bool(self._how.search(text) and self._ours.search(text))
            and (self._advice.search(text) is None)
        )

    def goes_on(self, said: str) -> bool:
        """Whether it asks for other figures in few words: "and last week?"."""
        text = plain(said)
        if len(text) > _FEW_CHARACTERS or self._advice.search(text):
            return False
        heard = (self.metric(said), self.stretch(said), self._overview.search(text))
        return any(heard) or bool(self._places.find(said))

    def read(self, said: str, own: Owned) -> Asked:
        """What is asked for."""
        text = plain(said)
        found = self._places.find(said, own.regions)
        return Asked(
            metric=self.metric(said),
            place=found[0] if found else None,
            stretch=self.stretch(said),
            app=_named(text, own.apps),
            is_overview=self._overview.search(text) is not None,
        )

    def metric(self, said: str) -> Metric | None:
        """The figure that a customer names first, be it by the trouble that it measures."""
        text = self._lookalikes.sub(" ", self._places.without(plain(said)))
        found = ((pattern.search(text), metric) for metric, pattern in self._metrics.items())
        places = [(match.start(), -len(match[0]), metric) for match, metric in found if match]
        return min(places)[2] if places else None

    def names_another(self, said: str, own: Owned) -> bool:
        """Whether another customer's figures are asked for, or who the others are."""
        mine = any_of(filter(None, [*own.names, *own.apps, *own.apps.values()]))
        text = re.sub(mine.pattern, " ", self._places.without(said), flags=re.IGNORECASE)
        return bool(self._another.search(plain(text))) or any(self._names(text))

    def may_name_another(self, said: str, own: Owned) -> bool:
        """Whether a word stands where the name of whose figures they are would, and it cannot be
        told whether it is one: "the stall rate of blue moon"."""
        mine = any_of(filter(None, [*own.names, *own.apps, *own.apps.values()]))
        text = re.sub(mine.pattern, " ", plain(self._places.without(said)), flags=re.IGNORECASE)
        text = self._spoken.sub(" ", text)
        named = (match[1] or match[2] for match in self._perhaps.finditer(text))
        return any(name not in self._not_names and not self._own.search(name) for name in named)

    def _names(self, said: str) -> Iterator[str]:
        """What stands where the name of whose figures they are would."""
        text = plain(said)
        for match in (*self._owner.finditer(text), *self._owner_behind.finditer(said)):
            if match[1].lower() not in self._not_names:
                yield match[1]
        for match in self._company.finditer(text):
            name = self._scenes.sub("", match[1])
            if len(name) > 1 and not self._own.search(name):
                yield name

    def stretch(self, said: str) -> Stretch | None:
        """The stretch of time that a customer names."""
        text = plain(said)
        for name, pattern in self._spans.items():
            if pattern.search(text):
                return Stretch(name)
        for figure in figures_in(text):
            if figure.dimension == "months":
                return Stretch("days", min(round(figure.amounts[-1] * _MONTH_DAYS), _MOST_DAYS))
            hours = round(figure.amounts[-1] / _HOUR_MS) if figure.dimension == "time" else 0
            if 0 < hours <= _MOST_HOURS:
                return Stretch("hours", hours)
            if hours:
                return Stretch("days", min(round(hours / _HOURS_OF_DAY), _MOST_DAYS))
        return None


@cache
def load_asking() -> Asking:
    """Read the words once. Raises SetupError when the file cannot be used."""
    try:
        return Asking(tomllib.loads(FILE.read_text("utf-8")), load_places())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(
            f"The words in {FILE} cannot be used: {error!r}.",
            "Correct that entry; the comments in the file say what each list is for.",
        ) from error


def _all(groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The words and names of all groups."""
    return [
        word
        for group in groups.values()
        for word in (*group["words"], group["zh"], group["en"])
        if "{" not in word
    ]


def _named(text: str, apps: Mapping[str, str]) -> str:
    """The app that is named; empty where none is."""
    for app, name in apps.items():
        if any_of(filter(None, [plain(app), plain(name)])).search(text):
            return app
    return ""
