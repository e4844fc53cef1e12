"""Whether a call that begins now would be answered: the state of every part a call needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import httpx

from agent.models.client import check_language_model
from agent.models.endpoint import resolve_language_model
from agent.rooms.access import LiveKitAccess, check_livekit
from agent.service.database import Database
from agent.settings import Settings
from common.errors import LiukeError

_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class PartState:
    """One part; ``problem`` and ``remedy`` are empty when it is well."""

    ok: bool
    problem: str = ""
    remedy: str = ""
    #: Calls are answered without it, though not as well.
    optional: bool = False


async def part_states(
    settings: Settings, access: LiveKitAccess, database: Database
) -> dict[str, PartState]:
    """The parts of this installation, checked side by side."""
    worker = f"http://127.0.0.1:{settings.agent.health_port}/"
    checks: dict[str, Awaitable[PartState]] = {
        "livekit": _checked(check_livekit(access)),
        "speech": _answers(f"{settings.speech.url}/healthz", "speech server", "LIUKE_SPEECH_URL"),
        "knowledge": _answers(
            f"{settings.knowledge.url}/healthz", "knowledge server", "LIUKE_KNOWLEDGE_URL"
        ),
        "worker": _answers(worker, "agent worker", "LIUKE_AGENT_HEALTH_PORT"),
        "database": _checked(database.check()),
    }
    if endpoint := resolve_language_model(settings):
        # Without it approved text answers: calls need not wait for it.
        checks["language-model"] = _checked(check_language_model(endpoint), optional=True)
    states = await asyncio.gather(*checks.values())
    return dict(zip(checks, states, strict=True))


async def _checked(check: Awaitable[object], *, optional: bool = False) -> PartState:
    try:
        await asyncio.wait_for(check, _TIMEOUT_S)
    except LiukeError as error:
        return PartState(False, error.message, error.remedy, optional)
    except TimeoutError:
        problem = f"No answer within {_TIMEOUT_S:.0f} s."
        return PartState(False, problem, "Run `liuke doctor`.", optional)
    return PartState(True, optional=optional)


async def _answers(url: str, part: str, variable: str) -> PartState:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
            answer = await http.get(url)
    except httpx.HTTPError:
        answer = None
    if answer is not None and answer.is_success:
        return PartState(True)
    return PartState(
        False,
        f"The {part} at {url} does not answer.",
        f"Start it with `liuke up`, or check {variable}.",
    )
