"""Days: a moment in; what its day is called now, in either language, out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from common.languages import Language

_DAYS_OF_WEEK: Final = 7


def day_called(
    moment: datetime, now: datetime, names: Mapping[str, str], language: Language
) -> str:
    """ "yesterday", "on Tuesday", 11月3日; days are those of the clock of ``now``.

    ``names``: those of `prompts/figures.toml`.
    """
    day = moment.astimezone(now.tzinfo).date()
    ago = (now.date() - day).days
    if ago < _DAYS_OF_WEEK:
        recent = {0: "today", 1: "yesterday"}
        return names[recent.get(ago, f"weekday_{day.isoweekday()}")]
    month = f"{day.month}" if language == "zh" else f"{day:%B}"
    return names["date"].format(month=month, day=day.day)
