"""Host: settings go in; a running Liuke comes out: its processes, their states, one URL.

What the settings place on another machine is not started here.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from agent.host.audio_ahead import Load, SpeechCached, first_words, in_order, make_ahead
from agent.host.livekit_build import find_livekit_server
from agent.host.livekit_server import write_server_config
from agent.host.ports import Port, check_ports
from agent.host.supervisor import ProcessEvent, ProcessSpec, Supervisor
from agent.models.choice import recall_choice
from agent.models.endpoint import LanguageModelEndpoint, resolve_language_model
from agent.prompts import fixed_phrases, load_prompt
from agent.rooms.access import LiveKitAccess, resolve_livekit
from agent.service.support import read_support
from agent.settings import Settings
from agent.speech.client import SpeechClient
from common.errors import LiukeError, SetupError
from common.internal import internal_http
from common.languages import LANGUAGES
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

#: Seconds from the last process's health until calls must be possible.
READY_TIMEOUT_S = 60.0
#: Seconds to load models from a slow disk on a busy machine; usually it takes two to ten.
LOADING_TIMEOUT_S = 180.0
#: Seconds that the first calls wait at most for each prompt to be read ahead.
_PROMPTS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Ready:
    """Calls are answered at this address."""

    url: str


@dataclass(frozen=True)
class Trouble:
    """Something went wrong that calls can do without."""

    message: str
    remedy: str


Event = ProcessEvent | Ready | SpeechCached | Trouble
Tell = Callable[[Event], None]


async def check_own_ports(settings: Settings) -> None:
    """SetupError when a port that we are about to use is taken."""
    await check_ports(ports_needed(settings))


async def keep_up(settings: Settings, tell: Tell) -> None:
    """Start everything, say when it is ready, and keep it running until cancelled.

    Set-up must be done and the ports free. Raises SetupError when it cannot be started.
    """
    read_support(settings.support_file)  # what is wrong in it is better told before than in a log
    specs = await process_specs(settings)
    async with Supervisor(specs, settings.paths.data_dir / "log", tell) as supervisor:
        await supervisor.healthy()
        await asyncio.gather(_make_first_words(settings, tell), _prompts_read(settings))
        await _ready(settings)
        tell(Ready(settings.api.url_here))
        making = asyncio.create_task(_make_the_rest(settings, Load(supervisor.pids), tell))
        try:
            await supervisor.forever()
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)


def parts_elsewhere(settings: Settings) -> dict[str, str]:
    """Parts that are not started here, and where or why."""
    elsewhere = {}
    if settings.livekit.url:
        elsewhere["livekit"] = settings.livekit.url
    if settings.language_model.api_key.get_secret_value():
        elsewhere["language-model"] = settings.language_model.base_url
    elif (choice := recall_choice(settings)) and choice.model == "none":
        elsewhere["language-model"] = f"none: {choice.reason}"
    if not _on_loopback(settings.speech.url):
        elsewhere["speech"] = settings.speech.url
    if not _on_loopback(settings.knowledge.url):
        elsewhere["knowledge"] = settings.knowledge.url
    if not _on_loopback(settings.screen.url):
        elsewhere["screen"] = settings.screen.url
    return elsewhere


def ports_needed(settings: Settings) -> list[Port]:
    """Every port that the processes we start will listen on."""
    livekit = settings.livekit
    ports = [
        Port("livekit", livekit.port, "LIVEKIT_PORT"),
        Port("livekit", livekit.rtc_udp_port, "LIVEKIT_RTC_UDP_PORT", protocol="udp"),
        Port("language-model", settings.embedded_model.port, "LIUKE_LLM_PORT"),
        Port("speech", _port_of(settings.speech.url), "LIUKE_SPEECH_URL"),
        Port("knowledge", _port_of(settings.knowledge.url), "LIUKE_KNOWLEDGE_URL"),
        Port("screen", _port_of(settings.screen.url), "LIUKE_SCREEN_URL"),
        Port("worker", settings.agent.health_port, "LIUKE_AGENT_HEALTH_PORT"),
        Port("api", settings.api.port, "LIUKE_API_PORT", host=settings.api.host),
    ]
    elsewhere = parts_elsewhere(settings)
    return [port for port in ports if port.process not in elsewhere]


async def process_specs(settings: Settings) -> list[ProcessSpec]:
    """The processes to run here: docs/architecture.md, "Processes"."""
    access = resolve_livekit(settings)
    specs = [_speech(settings), _knowledge(settings), _screen(settings)]
    if access.ours:
        specs.append(await _livekit(settings, access))
    endpoint = resolve_language_model(settings)
    if endpoint and endpoint.embedded:
        specs.append(_language_model(settings, endpoint))
    elsewhere = parts_elsewhere(settings)
    specs = [spec for spec in specs if spec.name not in elsewhere]
    specs.append(_worker(settings, access, needs=tuple(s.name for s in specs if s.essential)))
    specs.append(_api(settings, access, needs=tuple(spec.name for spec in specs[-1:])))
    return specs


async def _livekit(settings: Settings, access: LiveKitAccess) -> ProcessSpec:
    program = await find_livekit_server(settings.paths.cache_dir)
    if program is None:
        raise SetupError(
            "The LiveKit server's program is missing.",
            "Run `liuke setup`, or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
        )
    config = await write_server_config(settings, access)
    return ProcessSpec(
        name="livekit",
        argv=(str(program), "--config", str(config)),
        health_url=f"http://127.0.0.1:{settings.livekit.port}/",
    )


def _language_model(settings: Settings, endpoint: LanguageModelEndpoint) -> ProcessSpec:
    return ProcessSpec(
        name="language-model",
        argv=_python("agent.host.language_model"),
        health_url=f"{endpoint.base_url.removesuffix('/v1')}/health",
        nice=settings.embedded_model.nice,
        start_timeout_s=LOADING_TIMEOUT_S,
        essential=False,  # approved text still answers
    )


def _speech(settings: Settings) -> ProcessSpec:
    return ProcessSpec(
        name="speech",
        argv=_python("agent.speech.server"),
        health_url=f"{settings.speech.url}/healthz",
        start_timeout_s=LOADING_TIMEOUT_S,
    )


def _knowledge(settings: Settings) -> ProcessSpec:
    return ProcessSpec(
        name="knowledge",
        argv=_python("knowledge.server"),
        health_url=f"{settings.knowledge.url}/healthz",
        start_timeout_s=LOADING_TIMEOUT_S,
    )


def _screen(settings: Settings) -> ProcessSpec:
    return ProcessSpec(
        name="screen",
        argv=_python("agent.screen.server"),
        health_url=f"{settings.screen.url}/healthz",
        nice=19,
        essential=False,  # a screen is seen later, or not; the call goes on
    )


def _worker(settings: Settings, access: LiveKitAccess, needs: tuple[str, ...]) -> ProcessSpec:
    return ProcessSpec(
        name="worker",
        argv=_python("agent.call.worker"),
        health_url=f"http://127.0.0.1:{settings.agent.health_port}/",
        env=access.environment(),
        drain_s=settings.agent.stops_within_s,
        needs=needs,
    )


def _api(settings: Settings, access: LiveKitAccess, needs: tuple[str, ...]) -> ProcessSpec:
    return ProcessSpec(
        name="api",
        argv=_python("agent.api.app"),
        health_url=f"{settings.api.url_here}/healthz",
        env=access.environment(),
        needs=needs,
    )


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _on_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _port_of(url: str) -> int:
    return urlsplit(url).port or 80


async def _ready(settings: Settings) -> None:
    """Wait until the API says that a call would be answered; SetupError names what is not ready."""
    problems = ["The API does not say what is missing."]
    api = internal_http(
        settings.api.url_here, settings.internal_token, httpx.Timeout(READY_TIMEOUT_S)
    )
    try:
        async with asyncio.timeout(READY_TIMEOUT_S), api:
            while True:
                try:
                    response = await api.get("/readyz")
                    if response.is_success:
                        return
                    parts = response.json()["parts"].items()
                    problems = [
                        f"{name}: {part['problem']} {part['remedy']}"
                        for name, part in parts
                        if not part["ok"] and not part["optional"]
                    ]
                except httpx.HTTPError as error:
                    problems = [f"The API does not answer ({type(error).__name__})."]
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise SetupError(
            f"All processes run, but after {READY_TIMEOUT_S:g} s calls are still not possible. "
            + " ".join(problems),
            "`liuke doctor` checks each part.",
        ) from None


async def _prompts_read(settings: Settings) -> None:
    """Wait until the embedded model has read what every answer begins with, a minute at most.

    It reads that itself as it starts, at a low priority; the first to ask would wait for it.
    """
    endpoint = resolve_language_model(settings)
    if endpoint is None or not endpoint.embedded:
        return
    from agent.models.client import LanguageModel, Message  # openai: a second to import

    async with LanguageModel(endpoint) as model:
        for language in LANGUAGES:
            prompt = Message("system", load_prompt("support", language))
            with contextlib.suppress(LiukeError):  # approved text still answers
                await model.write([prompt], tokens=1, timeout_s=_PROMPTS_WITHIN_S)


async def _make_first_words(settings: Settings, tell: Tell) -> None:
    """Have the audio there that the first call begins with: seconds at a first start, then none."""
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    try:
        for text, language in first_words():
            async for _ in speech.speak(text, language):
                pass
    except LiukeError as error:
        tell(Trouble(error.message, error.remedy))
    finally:
        await speech.aclose()


async def _make_the_rest(settings: Settings, load: Load, tell: Tell) -> None:
    """Have the audio made of what is spoken word for word; calls can begin meanwhile."""
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    knowledge = KnowledgeClient(settings.knowledge.url, settings.internal_token, tenant=PUBLIC)
    try:
        known = (await knowledge.openings(), await knowledge.playbooks())
        await make_ahead(speech, in_order(fixed_phrases(), *known), load, tell)
    except LiukeError as error:
        tell(Trouble(f"Audio is made when it is first spoken: {error.message}", error.remedy))
    finally:
        await knowledge.aclose()
        await speech.aclose()
