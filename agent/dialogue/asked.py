"""Asked: what a customer says in; which of the account's own figures, where and of what time, out.

The words are in `prompts/figures.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
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
_ASKS: Final = re.compile(r"[?？吗呢]")
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
        return self.name in ("yesterday", "day_before", "last_week", "last_month", "ago")

    def span(self, now: datetime) -> Span:
        """As it is read. Today is a day of the clock of ``now``; weeks and months are of days in
        UTC, as they are rolled up."""
        today, utc = now.hour + 1, now.astimezone(UTC)
        last_month = utc.replace(day=1) - timedelta(days=1)
        return {
            "now": Span("hours", 2),
            "today": Span("hours", today),
            "yesterday": Span("hours", _HOURS_OF_DAY, today),
            "day_before": Span("hours", _HOURS_OF_DAY, today + _HOURS_OF_DAY),
            "week": Span("days", utc.weekday() + 1),
            "last_week": Span("days", 7, utc.weekday() + 1),
            "month": Span("days", utc.day),
            "last_month": Span("days", last_month.day, utc.day),
            "ago": Span("hours", 2, self.count - 1),
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
    than: Stretch | None = None
    """Whether it is better than then."""
    by_region: bool = False
    """Each region by itself."""
    by_platform: bool = False
    """For a kind of device: of which there are no figures."""
    in_seconds: bool = False
    """Times in whole and parts of seconds."""

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
        self._called = any_of([given["metrics"][m][name] for m in METRICS for name in ("zh", "en")])
        self._lookalikes = any_of(given["lookalikes"]["words"])
        self._overview = any_of(given["overview"]["words"])
        self._spans = {name: any_of(span["words"]) for name, span in given["spans"].items()}
        self._until_now = {
            name: span["until_now"] for name, span in given["spans"].items() if "until_now" in span
        }
        self._ago = re.compile(rf"\s*(?:{any_of(given['ago']['words']).pattern})")
        forms = given["forms"]
        self._compares, self._by_region = any_of(forms["compares"]), any_of(forms["by_region"])
        self._by_platform, self._in_seconds = any_of(forms["platforms"]), any_of(forms["seconds"])
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
        self._doing = re.compile(r"(?i:\bhow (?:is|are|was|were|does|do)) ([A-Z][\w-]*)[^?]* do")

    def is_own(self, said: str) -> bool:
        """Whether how high one's own figures are is asked in so many words."""
        text = plain(said)
        is_measured = self.metric(said) is not None or self._overview.search(text) is not None
        if not is_measured or self._advice.search(text):
            return False
        compares = self._compares.search(text) and self._by_platform.search(text)
        if self._by_region.search(text) or (self.metric(said) and (compares or self._than(said))):
            return True
        if not self._how.search(text):
            return False
        is_ours = self._ours.search(text) or self._by_platform.search(text)
        return bool(is_ours or self._places.find(said)) or self.names_owner(said)

    def names_owner(self, said: str) -> bool:
        """Whether a name stands where that of whose figures they are would."""
        return any(self._names(self._places.without(said)))

    def asks(self, said: str) -> bool:
        """Whether anything is asked of a figure, or of what to do about it."""
        text = plain(said)
        return bool(self._how.search(text) or self._advice.search(text) or _ASKS.search(text))

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
            stretch=than[0] if (than := self._than(said)) else self.stretch(said),
            app=_named(text, own.apps),
            is_overview=self._overview.search(text) is not None,
            than=than[1] if than else None,
            by_region=self._by_region.search(text) is not None,
            by_platform=self._by_platform.search(text) is not None,
            in_seconds=self._in_seconds.search(text) is not None,
        )

    def metric(self, said: str) -> Metric | None:
        """The figure that a customer names first, be it by the trouble that it measures."""
        text = self._lookalikes.sub(" ", self._places.without(plain(said)))
        found = ((pattern.search(text), metric) for metric, pattern in self._metrics.items())
        places = [(match.start(), -len(match[0]), metric) for match, metric in found if match]
        return min(places)[2] if places else None

    def names_figure(self, said: str) -> bool:
        """Whether a figure is called by its name."""
        return self._called.search(plain(said)) is not None

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

    def _than(self, said: str) -> tuple[Stretch, Stretch] | None:
        """What is compared: the time until now, and the one before it that is named."""
        text = plain(said)
        if not self._compares.search(text):
            return None
        before = next((n for n in self._until_now if self._spans[n].search(text)), None)
        return (Stretch(self._until_now[before]), Stretch(before)) if before else None

    def _names(self, said: str) -> Iterator[str]:
        """What stands where the name of whose figures they are would."""
        text = plain(said)
        in_order = (self._owner.finditer(text), self._owner_behind.finditer(said))
        for match in (*chain(*in_order), *self._doing.finditer(said)):
            if match[1].lower() not in self._not_names:
                yield match[1]
        for match in self._company.finditer(text):
            name = self._scenes.sub("", match[1])
            if len(name) > 1 and not self._own.search(name):
                yield name

    def stretch(self, said: str) -> Stretch | None:
        """The stretch of time that a customer names."""
        text = plain(said)
        if ago := self._hours_ago(text):
            return Stretch("ago", ago)
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

    def _hours_ago(self, text: str) -> int | None:
        """How many hours ago something was; None where it is not said, or so long ago that hours do
        not matter."""
        for figure in figures_in(text):
            behind = text[text.find(figure.text) + len(figure.text) :]
            if figure.dimension == "time" and self._ago.match(behind):
                hours = round(figure.amounts[-1] / _HOUR_MS)
                return max(1, hours) if hours < _HOURS_OF_DAY else None
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
