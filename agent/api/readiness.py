"""Whether a call that begins now would be answered: settings in, the state of every part out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass

import httpx

from agent.models.client import LanguageModel
from agent.models.endpoint import LanguageModelEndpoint, resolve_language_model
from agent.rooms.access import LiveKitAccess, check_livekit
from agent.service.database import Database
from agent.settings import Settings
from common.errors import LiukeError

_TIMEOUT_S = 3.0
#: A hosted model may take a completion to be checked: not with every question, seconds.
_FRESH_S = 2.0


@dataclass(frozen=True)
class PartState:
    """One part; ``problem`` and ``remedy`` are empty when it is well."""

    ok: bool
    problem: str = ""
    remedy: str = ""
    #: Calls are answered without it, though not as well.
    optional: bool = False


class Readiness:
    """The parts of this installation, checked at most once in ``_FRESH_S`` however often asked."""

    def __init__(self, settings: Settings, access: LiveKitAccess, database: Database) -> None:
        self._settings = settings
        self._access = access
        self._database = database
        self._checking = asyncio.Lock()
        self._checked_at = -_FRESH_S
        self._parts: dict[str, PartState] = {}
        self._model: LanguageModel | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._model:
            await self._model.aclose()

    async def parts(self) -> dict[str, PartState]:
        """What each part was found to be, ``_FRESH_S`` ago at most."""
        async with self._checking:
            if time.monotonic() - self._checked_at >= _FRESH_S:
                self._parts = await self._check()
                self._checked_at = time.monotonic()
            return self._parts

    async def _check(self) -> dict[str, PartState]:
        """All parts, side by side."""
        settings = self._settings
        speech, knowledge = f"{settings.speech.url}/healthz", f"{settings.knowledge.url}/healthz"
        screen = f"{settings.screen.url}/healthz"
        worker = f"http://127.0.0.1:{settings.agent.health_port}/"
        checks: dict[str, Awaitable[PartState]] = {
            "livekit": _checked(check_livekit(self._access)),
            "speech": _answers(speech, "speech server", "LIUKE_SPEECH_URL"),
            "knowledge": _answers(knowledge, "knowledge server", "LIUKE_KNOWLEDGE_URL"),
            "worker": _answers(worker, "agent worker", "LIUKE_AGENT_HEALTH_PORT"),
            # Without it a screen that is shared is not read.
            "screen": _answers(screen, "screen server", "LIUKE_SCREEN_URL", optional=True),
            "database": _checked(self._database.check()),
        }
        if endpoint := resolve_language_model(settings):
            # Without it approved text answers: calls need not wait for it.
            checks["language-model"] = _checked(self._model_at(endpoint).check(), optional=True)
        states = await asyncio.gather(*checks.values())
        return dict(zip(checks, states, strict=True))

    def _model_at(self, endpoint: LanguageModelEndpoint) -> LanguageModel:
        """Kept: an endpoint that lists no models is asked for an answer once, not every time."""
        if self._model is None or self._model.endpoint != endpoint:
            self._model = LanguageModel(endpoint)
        return self._model


async def _checked(check: Awaitable[object], *, optional: bool = False) -> PartState:
    try:
        await asyncio.wait_for(check, _TIMEOUT_S)
    except LiukeError as error:
        return PartState(False, error.message, error.remedy, optional)
    except TimeoutError:
        problem = f"No answer within {_TIMEOUT_S:.0f} s."
        return PartState(False, problem, "Run `liuke doctor`.", optional)
    return PartState(True, optional=optional)


async def _answers(url: str, part: str, variable: str, *, optional: bool = False) -> PartState:
    try:
        with_tls = url.startswith("https")
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False, verify=with_tls) as http:
            answer = await http.get(url)
    except httpx.HTTPError:
        answer = None
    if answer is not None and answer.is_success:
        return PartState(True, optional=optional)
    return PartState(
        False,
        f"The {part} at {url} does not answer.",
        f"Start it with `liuke up`, or check {variable}.",
        optional,
    )
