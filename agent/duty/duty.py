"""Duty: an installation's records and its operator's rules in; what is due, done and delivered.

Runs wherever the API runs, in as many processes as there are: no worker, which may be told to take
no more calls, and no process of its own, which would be one more to watch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from agent.duty.rounds import Rounds
from agent.service.database import Database
from agent.service.outbox.courier import Courier
from agent.service.outbox.store import Outbox
from agent.service.quality.targets import Targets
from agent.service.support import Support

log = logging.getLogger(__name__)

#: A part that ended by an error of ours begins again after so long, seconds.
_BEGINS_AGAIN_AFTER_S: Final = 5.0


async def keep_duty(database: Database, support: Support, pages_url: str, targets: Targets) -> None:
    """Do what is due and deliver it, until cancelled.

    ``pages_url``: for whoever is sent a link. ``targets``: of quality.
    """
    for name, variables in support.unset.items():
        log.warning("destination %s gets nothing: %s is not set", name, ", ".join(variables))
    rounds = Rounds(database, support, pages_url, targets)
    courier = Courier(Outbox(database, rounds.given_up), support.destinations)
    async with asyncio.TaskGroup() as group:
        group.create_task(_always("rounds", lambda: rounds.run(courier.look)))
        group.create_task(_always("courier", courier.run))


async def _always(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:  # somebody waits for a page: nothing ends this but the process
            log.exception("%s ended and begins again", name)
        await asyncio.sleep(_BEGINS_AGAIN_AFTER_S)
