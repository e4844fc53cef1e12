"""Business time: hours of work by weekday, zone and holidays in; time at work and due times out.

Hours are those of a wall clock: where it is put back or forward in the night, that shift is an hour
longer or shorter. Public holidays, and the weekend days that are worked for them (China moves
several a year), come from the `holidays` package. For years whose plan a country has not announced
yet it knows the holidays by law, and no day worked instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from common.errors import SetupError

_DAY: Final = timedelta(days=1)
#: A due time is looked for this far ahead: no target is so long, and no country closes for so long.
_HORIZON: Final = timedelta(days=5 * 366)


@dataclass(frozen=True)
class Shift:
    """A stretch of work within a day, on the wall clock; an end of 00:00 is the end of the day."""

    begins: time
    ends: time


@dataclass(frozen=True)
class BusinessHours:
    """When work is done. Raises SetupError where it never is, or a shift ends before it begins."""

    zone: ZoneInfo
    weekly: tuple[tuple[Shift, ...], ...]
    """Seven, Monday first; the shifts of a day in their order, none twice."""
    country: str = ""
    """Whose public holidays are kept, as in ISO 3166-1 (CN, DE); empty for none."""

    def __post_init__(self) -> None:
        """Refuse hours that cannot be kept."""
        if len(self.weekly) != len(_WEEK) or not any(self.weekly):
            raise SetupError(
                "Hours of work need seven days, one of them with a shift at least.",
                "Give each day from Monday to Sunday its shifts, none for a day off.",
            )
        for day in self.weekly:
            ends = [(shift.begins, shift.ends) for shift in day]
            if any(end != time() and end <= begin for begin, end in ends) or any(
                before == time() or before > begin for (_, before), (begin, _) in pairwise(ends)
            ):
                raise SetupError(
                    f"The shifts {ends} of a day overlap, or one ends before it begins.",
                    "Give them in their order; an end of 00:00 is the end of the day.",
                )
        if self.country and self.country not in holidays.list_supported_countries():
            raise SetupError(
                f"The public holidays of {self.country!r} are not known.",
                "Give a country's two letters as in ISO 3166-1, or none.",
            )

    def shifts_of(self, day: date) -> tuple[Shift, ...]:
        """What is worked on a day of the zone."""
        shifts = self.weekly[day.weekday()]
        if not self.country:
            return shifts
        kept = _holidays(self.country)
        if day in kept:
            return ()
        if not shifts and day.weekday() in kept.weekend and kept.is_working_day(day):
            return next(filter(None, self.weekly))  # worked for a holiday, like a Monday
        return shifts

    def windows(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The shifts that end after ``since``, for some years, in UTC."""
        day = since.astimezone(self.zone).date() - _DAY
        until = day + _HORIZON
        while day < until:
            for shift in self.shifts_of(day):
                last = day if shift.ends != time() else day + _DAY
                begins, ends = self._utc(day, shift.begins), self._utc(last, shift.ends)
                if max(begins, since) < ends:
                    yield begins, ends
            day += _DAY

    def _utc(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, self.zone).astimezone(UTC)


_WEEK: Final = range(7)
#: Every hour of every day.
ALWAYS: Final = BusinessHours(ZoneInfo("UTC"), tuple((Shift(time(), time()),) for _ in _WEEK))


def worked(hours: BusinessHours, since: datetime, until: datetime) -> timedelta:
    """How much of the time between two instants is work."""
    total = timedelta()
    for begins, ends in hours.windows(since):
        if begins >= until:
            break
        total += min(ends, until) - max(begins, since)
    return total


def due(hours: BusinessHours, since: datetime, amount: timedelta) -> datetime:
    """When ``amount`` of work after ``since`` is over."""
    if amount <= timedelta():
        return since
    for begins, ends in hours.windows(since):
        available = ends - max(begins, since)
        if available >= amount:
            return max(begins, since) + amount
        amount -= available
    raise SetupError(
        "A due time lies more than five years ahead.", "Give a shorter target, or more hours."
    )


@lru_cache(maxsize=64)
def _holidays(country: str) -> holidays.HolidayBase:
    return holidays.country_holidays(country)
