"""The courier: what the outbox holds in; requests and mails to its receivers out.

Any number of processes may run one: each message is tried by one of them at a time. A receiver that
hangs delays its own messages and no others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import aiosmtplib
import httpx
from sqlalchemy.exc import SQLAlchemyError

from agent.service.outbox import mail
from agent.service.outbox.forms import Destination, problem_of, request_for
from agent.service.outbox.mail import Mailbox
from agent.service.outbox.store import Outbox, Taken

log = logging.getLogger(__name__)

#: A receiver has so long to answer, seconds.
ANSWER_WITHIN_S: Final = 10.0
#: So often somebody looks whether something is due, seconds. A page waits so long at most.
LOOKS_EVERY_S: Final = 0.5
#: Attempts at once.
_AT_ONCE: Final = 16
#: Of an answer no more is read: it is looked at for a code alone. Bytes.
_MOST_ANSWER: Final = 64 * 1024


class Courier:
    """Delivers to ``destinations``, by name."""

    def __init__(self, outbox: Outbox, destinations: Mapping[str, Destination | Mailbox]) -> None:
        self._outbox = outbox
        self._destinations = destinations
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._told = asyncio.Event()

    def look(self) -> None:
        """Something may have been written: look at once."""
        self._told.set()

    async def run(self) -> None:
        """Deliver whatever is due, until cancelled."""
        # Each attempt has its own time; the client's would be up after half of it.
        http = httpx.AsyncClient(follow_redirects=False, timeout=None)
        async with http, asyncio.TaskGroup() as group:
            while True:
                await self._free.acquire()
                taken = await self._take()
                if taken:
                    group.create_task(self._try(http, taken))
                else:
                    self._free.release()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOKS_EVERY_S):
                            await self._told.wait()
                    self._told.clear()

    async def _take(self) -> Taken | None:
        try:
            return await self._outbox.take(datetime.now(UTC))
        except (SQLAlchemyError, OSError):
            log.exception("what is to be delivered cannot be read")
            return None

    async def _try(self, http: httpx.AsyncClient, taken: Taken) -> None:
        try:
            problem = await self._deliver(http, taken)
            now = datetime.now(UTC)
            if problem:
                log.warning(
                    "message %s did not reach %s: %s", taken.key, taken.destination, problem
                )
                await self._outbox.failed(taken, problem, now)
            else:
                await self._outbox.delivered(taken, now)
        except (SQLAlchemyError, OSError):
            log.exception("what became of message %s cannot be recorded", taken.key)
        finally:
            self._free.release()

    async def _deliver(self, http: httpx.AsyncClient, taken: Taken) -> str:
        """Why it was not taken; empty where it was."""
        destination = self._destinations.get(taken.destination)
        if destination is None:
            return "no destination of this name that is set up: see `liuke doctor`"
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if isinstance(destination, Mailbox):
                    await mail.send(destination, taken, ANSWER_WITHIN_S)
                    return ""
                if taken.recipient:  # what is for a customer is not for whoever reads here
                    return "it is for a customer's mailbox, and no destination of mail"
                return await _post(http, destination, taken)
        except TimeoutError:
            return f"no answer within {ANSWER_WITHIN_S:.0f} s"
        except aiosmtplib.SMTPResponseException as error:
            return f"{type(error).__name__} {error.code}"
        except Exception as error:  # whatever one destination does or is must not stop the others
            return type(error).__name__  # its text may hold the address


async def _post(http: httpx.AsyncClient, destination: Destination, taken: Taken) -> str:
    """Why the receiver did not take it; empty where it did."""
    now = datetime.now(UTC)
    request = request_for(destination, taken.message, taken.key, taken.written_at, now)
    answer = await http.send(request, stream=True)
    try:
        body = bytearray()
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _MOST_ANSWER:
                break
    finally:
        await answer.aclose()
    return problem_of(destination, httpx.Response(answer.status_code, content=bytes(body)))
