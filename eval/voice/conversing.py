"""Signed customers in `make bench-voice`: conversations in; what came of each turn of them out.

Each conversation is a call of its own. What is right to answer stands in the database that both
stacks read: the demo, in records of the bench's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from agent.cli.output import err
from agent.service.database import Database
from agent.service.demo.store import Demo
from agent.service.quality.store import QualityStore, Span
from agent.service.quality.targets import Metric
from agent.service.scope import Scope
from agent.service.support import read_support
from agent.settings import Settings
from eval.voice.answers import Answered, answered
from eval.voice.conversations import Conversation
from eval.voice.customer import Customer
from eval.voice.scores import Asked, Known


async def seed(settings: Settings) -> None:
    """Write the demo into records in which nobody else is a customer yet."""
    err.print("seeding the demo")
    database = Database(settings.database_url)
    try:
        await Demo(database).seed(datetime.now(UTC))
    finally:
        await database.aclose()


class OwnFigures:
    """The figures that signed customers ask for."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database_url)
        self._quality = QualityStore(self._database)
        self._zone = read_support(settings.support_file).hours.zone

    async def values(
        self, conversation: Conversation, moments: Sequence[datetime]
    ) -> dict[Metric, list[float]]:
        """What the customer's figure was at these moments, by its metric; empty: none is asked for.

        "Today" begins where the office is.
        """
        figure = conversation.figure
        if figure is None:
            return {}
        scope, found = Scope(conversation.caller.account), list[float]()
        for now in moments:
            today = now.astimezone(self._zone).hour + 1
            for hours in figure.hours:
                span = Span("hours", today if hours == "today" else hours)
                by_region = await self._quality.read(scope, "region", span, now)
                mine = (one for one in by_region if one.group == figure.region)
                found += [getattr(one, figure.metric) for one in mine]
        return {figure.metric: found}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._database.aclose()


async def hold_all(
    customer: Customer, conversations: Sequence[Conversation], known: Known, own: OwnFigures
) -> list[Answered]:
    """A call for each; what is not said any more, for the call has ended, is missed."""
    answers: list[Answered] = []
    for conversation in conversations:
        began = datetime.now(UTC)
        asked = await customer.converse(conversation.caller, conversation.said)
        left = conversation.said[len(asked) :]
        asked += [Asked(one, 1, failure="the call had ended") for one in left]
        values = await own.values(conversation, (began, datetime.now(UTC)))
        mine = [answered(one, known, values) for one in asked]
        for one in mine:
            if one.is_missed:
                err.print(f"  {_missed(one, values)}", highlight=False, markup=False)
        answers += mine
    return answers


def _missed(one: Answered, values: Mapping[Metric, Sequence[float]]) -> str:
    """What is printed of what is missed, with what was right to say."""
    right = ", ".join(f"{metric} {value:.5g}" for metric, mine in values.items() for value in mine)
    said = one.asked.turn.answer if one.asked.turn else ""
    return f"MISSED {one.asked.question.text} {right}: {said!r}"
