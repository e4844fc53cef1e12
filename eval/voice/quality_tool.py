"""What the stock stack looks own figures up with: region and hours in, the account's quality out.

It reads what Liuke reads, from the same roll-ups of the same database, by the account's scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from agent.dialogue.measures import told as figure_told
from agent.dialogue.places import load_places
from agent.service.database import Database
from agent.service.quality.rollups import Summary
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.targets import METRICS
from agent.service.scope import Scope
from agent.settings import Settings
from common.languages import Language
from eval.voice.tools import Tool, make_tool, told

#: The demo's ninety days.
_MOST_HOURS: Final = 90 * 24


class QualityTeller:
    """The tool of one call."""

    def __init__(
        self, settings: Settings, account: str, regions: Mapping[str, str], language: Language
    ) -> None:
        """``regions``: as quality is reported, by what they are called; see `regions_of`."""
        self._told = told("look_up_quality.toml", language)
        self._scope = Scope(account)
        self._regions = regions
        self._database = Database(settings.database_url)
        self._quality = QualityStore(self._database)

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return self._told["instructions"].strip()

    def tool(self) -> Tool:
        """`look_up_quality(region, hours)`, described in the language of the call."""
        called = list(self._regions)
        arguments = {
            "region": {"type": "string", "enum": called, "description": self._told["region"]},
            "hours": {"type": "integer", "description": self._told["hours"]},
        }
        description = self._told["description"]
        return make_tool("look_up_quality", description, arguments, self._look_up)

    async def aclose(self) -> None:
        """Close the database's connections."""
        await self._database.aclose()

    async def _look_up(self, raw_arguments: dict[str, object]) -> str:
        # Models give numbers as text, too.
        called, hours = str(raw_arguments["region"]), int(str(raw_arguments["hours"]))
        hours = min(max(hours, 1), _MOST_HOURS)
        span = Span("hours", hours)
        found = await self._quality.read(self._scope, "region", span, datetime.now(UTC))
        region = self._regions.get(called, called)
        mine = next((one for one in found if one.group == region), None)
        if mine is None:
            return self._told["nothing"].format(region=called, hours=hours)
        return self._told["done"].format(region=called, hours=hours, **self._figures(mine))

    def _figures(self, summary: Summary) -> dict[str, str]:
        """Each metric with its unit."""
        values = {metric: getattr(summary, metric) for metric in METRICS}
        return {
            metric: "-" if value is None else figure_told(metric, value, self._told["unit"])
            for metric, value in values.items()
        }


async def regions_of(settings: Settings, account: str, language: Language) -> dict[str, str]:
    """The regions that an account reports from, by what they are called."""
    database = Database(settings.database_url)
    try:
        span, now = Span("hours", _MOST_HOURS), datetime.now(UTC)
        found = await QualityStore(database).read(Scope(account), "region", span, now)
    finally:
        await database.aclose()
    places = load_places()
    return {places.region(one.group).called(language): one.group for one in found}
