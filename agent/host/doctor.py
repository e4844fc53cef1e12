"""Host: settings go in; what is well, doubtful or broken in each part comes out, with the remedy.

Parts that run are really used: a text is spoken and heard again, a question is searched, the
language model writes some words. Nothing is started, and nothing is changed.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
import psutil

from agent.host.install import packs_needed
from agent.host.livekit_build import find_livekit_server
from agent.host.packs import is_ready
from agent.host.up import check_own_ports, parts_elsewhere
from agent.models.choice import recall_choice
from agent.models.client import LanguageModel
from agent.models.endpoint import resolve_language_model, resolve_vision_model
from agent.prompts import load_phrases
from agent.rooms.access import check_livekit, resolve_livekit
from agent.screen.client import ScreenClient
from agent.service.database import Database
from agent.service.paging.rota import on_call
from agent.service.support import read_support
from agent.service.tickets.store import SEVERITIES
from agent.settings import Settings
from agent.speech.client import SpeechClient
from agent.speech.contract import HEARING_RATE_HZ, SPEAKING_RATE_HZ
from common.errors import LiukeError, ServiceError
from common.languages import LANGUAGES
from common.settings import PROJECT_ROOT
from knowledge.client import KnowledgeClient
from knowledge.contract import PUBLIC

Status = Literal["ok", "warning", "broken"]

#: GiB. Below, the speech cache and logs soon have no room; and a start fails.
DISK_LOW, DISK_FULL = 2.0, 0.2
#: GiB. Below, the system begins to drop and read again the models' pages.
MEMORY_LOW = 0.5
#: Tokens written to measure the language model's speed.
MEASURED_TOKENS = 24
#: Seconds for one use of a part on a busy machine.
USE_TIMEOUT_S = 30.0

START = "Start with `liuke up`."


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    part: str
    status: Status
    detail: str
    remedy: str = ""


Check = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings, tell: Callable[[Finding], None]) -> None:
    """Check every part, one after the other so that they do not slow each other; tell each."""
    for part, check in CHECKS.items():
        try:
            finding = await asyncio.wait_for(check(settings), 2 * USE_TIMEOUT_S)
        except LiukeError as error:
            finding = Finding(part, "broken", error.message, error.remedy)
        except TimeoutError:
            detail = f"did not finish its check within {2 * USE_TIMEOUT_S:g} s."
            finding = Finding(part, "broken", detail, f"See the logs in {_logs(settings)}.")
        tell(finding)


async def _python(settings: Settings) -> Finding:
    version = platform.python_version()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        remedy = "Use Python 3.11, 3.12 or 3.13."
        return Finding("python", "broken", f"{version} is not supported.", remedy)
    return Finding("python", "ok", version)


async def _settings(settings: Settings) -> Finding:
    env = PROJECT_ROOT / ".env"
    source = f"{env} and the environment" if env.is_file() else "the environment; no .env"
    return Finding("settings", "ok", f"Read from {source}.")


async def _models(settings: Settings) -> Finding:
    names = packs_needed(settings)
    cache = settings.paths.cache_dir
    missing = [name for name in names if not await asyncio.to_thread(is_ready, cache, name)]
    if missing:
        detail = f"Missing or not whole: {', '.join(missing)}."
        return Finding("models", "broken", detail, f"Run `liuke models pull {' '.join(missing)}`.")
    return Finding("models", "ok", f"{', '.join(names)}, as they were verified.")


async def _livekit_program(settings: Settings) -> Finding:
    if settings.livekit.url:
        return Finding("livekit-program", "ok", "Not needed: LIVEKIT_URL is set.")
    program = await find_livekit_server(settings.paths.cache_dir)
    if program is None:
        return Finding("livekit-program", "broken", "Missing.", "Run `liuke setup`: it builds it.")
    return Finding("livekit-program", "ok", str(program))


async def _livekit(settings: Settings) -> Finding:
    access = resolve_livekit(settings)
    try:
        await check_livekit(access)
    except ServiceError as error:
        return _away("livekit", error, ours=access.ours)
    return Finding("livekit", "ok", f"{access.url} accepts the key {access.api_key}.")


async def _language_model(settings: Settings) -> Finding:
    part = "language-model"
    endpoint = resolve_language_model(settings)
    choice = recall_choice(settings)
    why = f" {choice.reason}" if choice else ""
    if endpoint is None:
        return Finding(part, "ok", f"None: approved text answers.{why}")
    async with LanguageModel(endpoint) as model:
        try:
            await model.check()
        except ServiceError as error:
            found = _away(part, error, ours=endpoint.embedded)
            return Finding(part, found.status, f"{endpoint.model}: {found.detail}", found.remedy)
        if not endpoint.embedded:
            return Finding(part, "ok", f"{endpoint.model} at {endpoint.base_url}.")
        speed = await model.tokens_per_second(MEASURED_TOKENS, timeout_s=USE_TIMEOUT_S)
    if speed is None:
        detail = f"{endpoint.model} did not write {MEASURED_TOKENS} tokens in {USE_TIMEOUT_S:g} s."
        remedy = "Free the processor from other work, or set LIUKE_LLM_MODEL=qwen2.5-0.5b."
        return Finding(part, "warning", detail, remedy)
    return Finding(part, "ok", f"{endpoint.model} writes {speed:.1f} tokens/s.{why}")


async def _speech(settings: Settings) -> Finding:
    """A second of speech there and back."""
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    phrase = load_phrases()["en"].not_understood
    try:
        if not await speech.is_healthy():
            return _silent("speech", settings.speech.url, settings)
        began = time.monotonic()
        spoken = b"".join([chunk async for chunk in speech.speak(phrase, "en")])
        spoken_ms = (time.monotonic() - began) * 1000
        transcript = await speech.transcribe(_as_heard(spoken), language="en")
    finally:
        await speech.aclose()
    if not transcript.text:
        detail = f"It did not understand its own words ({phrase!r})."
        return Finding("speech", "broken", detail, "Run `liuke models verify`, then restart.")
    detail = f"Spoke in {spoken_ms:.0f} ms and heard {transcript.text!r} in {transcript.ms:.0f} ms."
    return Finding("speech", "ok", detail)


def _as_heard(spoken: bytes) -> bytes:
    """PCM at the rate of the voice as PCM at the rate of the ear; good enough to be understood."""
    samples = np.frombuffer(spoken, dtype=np.int16)
    count = len(samples) * HEARING_RATE_HZ // SPEAKING_RATE_HZ
    moments = np.arange(count) * (SPEAKING_RATE_HZ / HEARING_RATE_HZ)
    heard = np.interp(moments, np.arange(len(samples)), samples)
    return bytes(heard.astype(np.int16).tobytes())


async def _knowledge(settings: Settings) -> Finding:
    """An approved opening must find the entry that it belongs to."""
    url = settings.knowledge.url
    client = KnowledgeClient(url, settings.internal_token, tenant=PUBLIC)
    try:
        if not await client.is_healthy():
            return _silent("knowledge", url, settings)
        openings = await client.openings()
        if not openings:
            remedy = "Put entries into LIUKE_KNOWLEDGE_CORPUS_DIR, then `liuke knowledge build`."
            return Finding("knowledge", "broken", "The index is empty.", remedy)
        sought = openings[0]
        found = await client.search(sought.text, sought.language)
    finally:
        await client.aclose()
    if sought.entry_id not in [passage.entry_id for passage in found.passages]:
        detail = f"The opening of {sought.entry_id} does not find its own entry."
        return Finding("knowledge", "broken", detail, "Run `liuke knowledge build`.")
    took = found.timings_ms.get("total", sum(found.timings_ms.values()))
    return Finding("knowledge", "ok", f"{len(openings)} entries; a search took {took:.0f} ms.")


async def _screen(settings: Settings) -> Finding:
    url = settings.screen.url
    client = ScreenClient(url, settings.internal_token)
    try:
        if not await client.is_healthy():
            return _silent("screen", url, settings)
    finally:
        await client.aclose()
    vision = resolve_vision_model(settings)
    who = f"{vision.model} at {vision.base_url} reads, else we." if vision else "Reads here."
    return Finding("screen", "ok", who)


async def _database(settings: Settings) -> Finding:
    file = settings.paths.data_dir / "liuke.db"
    if not settings.database.url.get_secret_value() and not await asyncio.to_thread(file.exists):
        return Finding("database", "warning", f"{file} is not made yet.", "Run `liuke setup`.")
    database = Database(settings.database_url)
    try:
        await database.check()
    finally:
        await database.aclose()
    return Finding("database", "ok", "Has its tables.")


async def _on_call(settings: Settings) -> Finding:
    """Who is called now, and where nobody could be told."""
    support = read_support(settings.support_file)
    if support.unset:
        told = "; ".join(f"{name}: {', '.join(of)}" for name, of in support.unset.items())
        detail = f"Destinations whose variables are not set get nothing: {told}."
        return Finding("on-call", "warning", detail, "Set them in the environment or in .env.")
    now = datetime.now(UTC)
    there = {
        severity: ", ".join(one.name for one in on_call(support.rota, severity, LANGUAGES[0], now))
        for severity in SEVERITIES
    }
    if not all(there.values()):
        nobody = ", ".join(str(severity) for severity, names in there.items() if not names)
        remedy = f"Put a rota into {settings.support_file}: docs/support.md."
        return Finding("on-call", "warning", f"Nobody for severity {nobody} now.", remedy)
    names = "; ".join(f"{severity}: {names}" for severity, names in there.items())
    return Finding("on-call", "ok", f"By severity now, {names}.")


async def _worker(settings: Settings) -> Finding:
    url = f"http://127.0.0.1:{settings.agent.health_port}/"
    if (response := await _get(url)) is None:
        return _silent("worker", url, settings)
    if not response.is_success:
        detail = f"Not registered with the LiveKit server: {response.text[:200]}"
        return Finding("worker", "broken", detail, f"See {_logs(settings)}/worker.log.")
    return Finding("worker", "ok", f"Takes up to {settings.agent.max_calls} calls.")


async def _api(settings: Settings) -> Finding:
    response = await _get(f"{settings.api.url_here}/readyz", settings.internal_token)
    if response is None:
        return _silent("api", settings.api.url_here, settings)
    if not response.is_success:
        remedy = "Mend the parts named here."
        return Finding("api", "broken", f"Calls are not possible: {response.text[:500]}", remedy)
    return Finding("api", "ok", f"{settings.api.url_here} answers calls.")


async def _ports(settings: Settings) -> Finding:
    if await _get(f"{settings.api.url_here}/healthz"):
        return Finding("ports", "ok", "Held by the Liuke that runs.")
    await check_own_ports(settings)
    return Finding("ports", "ok", "Free.")


async def _disk(settings: Settings) -> Finding:
    places = {}
    for folder in (settings.paths.data_dir, settings.paths.cache_dir):
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        places[folder] = shutil.disk_usage(existing).free / 2**30
    folder, free = min(places.items(), key=lambda place: place[1])
    detail = f"{free:.1f} GiB free for {folder}."
    status: Status = "broken" if free < DISK_FULL else "warning" if free < DISK_LOW else "ok"
    remedy = "" if status == "ok" else "Free some space, or set LIUKE_DATA_DIR, LIUKE_CACHE_DIR."
    return Finding("disk", status, detail, remedy)


async def _memory(settings: Settings) -> Finding:
    memory = psutil.virtual_memory()
    free = memory.available / 2**30
    detail = f"{free:.1f} of {memory.total / 2**30:.1f} GiB free."
    if free < MEMORY_LOW:
        remedy = "End other programs, or set LIUKE_LLM_MODEL=qwen2.5-0.5b or none."
        return Finding("memory", "warning", detail, remedy)
    return Finding("memory", "ok", detail)


CHECKS: dict[str, Check] = {
    "python": _python,
    "settings": _settings,
    "models": _models,
    "livekit-program": _livekit_program,
    "livekit": _livekit,
    "language-model": _language_model,
    "speech": _speech,
    "knowledge": _knowledge,
    "screen": _screen,
    "database": _database,
    "on-call": _on_call,
    "worker": _worker,
    "api": _api,
    "ports": _ports,
    "disk": _disk,
    "memory": _memory,
}


def _logs(settings: Settings) -> Path:
    return settings.paths.data_dir / "log"


async def _get(url: str, token: str = "") -> httpx.Response | None:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=USE_TIMEOUT_S) as http:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return await http.get(url, headers=headers)
    except httpx.HTTPError:
        return None


def _silent(part: str, url: str, settings: Settings) -> Finding:
    """No answer: to be expected of a part that we start ourselves, not of one elsewhere."""
    if part in parts_elsewhere(settings):
        remedy = f"Start it there, or check LIUKE_{part.upper()}_URL."
        return Finding(part, "broken", f"Nothing answers at {url}.", remedy)
    return Finding(part, "warning", "Not running.", START)


def _away(part: str, error: ServiceError, *, ours: bool) -> Finding:
    if ours:
        return Finding(part, "warning", f"Not running. {error.message}", START)
    return Finding(part, "broken", error.message, error.remedy)
