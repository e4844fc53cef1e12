"""Set-up: settings go in; everything that a start needs is fetched, built or found in its place.

Each step is a coroutine that looks first and returns at once when there is nothing to do, so that
set-up runs before every start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from agent.host.livekit_build import livekit_server
from agent.host.machine import choose_model
from agent.host.packs import pull
from agent.host.progress import Progress, Report
from agent.host.web_build import build_pages
from agent.models.choice import recall_choice
from agent.rooms.access import ensure_keys
from agent.settings import Settings
from common.errors import SetupError
from common.settings import PROJECT_ROOT
from knowledge.config import EMBEDDING_PACK, knowledge_config

Step = Callable[[Settings, Report], Awaitable[None]]

SPEECH_PACKS = ("whisper-base", "kokoro")
LANGUAGE_MODEL_PACKS = ("qwen2.5-1.5b", "qwen2.5-0.5b")


async def set_up(settings: Settings, report: Report) -> None:
    """Take every step; idempotent. Raises SetupError with the remedy at the first that fails."""
    await asyncio.to_thread(own_data_folder, settings)
    # What waits for the network and what computes go on together ...
    await _together(settings, report, fetch_models, provide_livekit_server, provide_pages)
    # ... and what rests on them, or measures this machine, comes after in this order.
    for step in AFTERWARDS:
        await step(settings, report)


def own_data_folder(settings: Settings) -> None:
    """The data folder, for this user alone: what customers said is in it.

    Raises SetupError when it cannot be made or is somebody else's.
    """
    folder = settings.paths.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise SetupError(
            f"The data folder {folder} cannot be used: {error.strerror}.",
            "Set LIUKE_DATA_DIR to a folder that this user may make or owns.",
        ) from error


def packs_needed(settings: Settings) -> tuple[str, ...]:
    """Packs that these settings use; both language models until one is chosen for this machine."""
    return (*SPEECH_PACKS, EMBEDDING_PACK, *_language_model_packs(settings))


def _language_model_packs(settings: Settings) -> tuple[str, ...]:
    if settings.language_model.api_key.get_secret_value():
        return ()
    choice = recall_choice(settings)
    if choice is None:
        return LANGUAGE_MODEL_PACKS
    return () if choice.model == "none" else (choice.model,)


async def fetch_models(settings: Settings, report: Report) -> None:
    """Model files of the packs these settings use."""
    await pull(settings.paths.cache_dir, packs_needed(settings), report)


async def provide_livekit_server(settings: Settings, report: Report) -> None:
    """The LiveKit server's program, unless a server of one's own is set."""
    if not settings.livekit.url:
        await livekit_server(settings.paths.cache_dir, report)


async def provide_pages(settings: Settings, report: Report) -> None:
    """The built pages."""
    await build_pages(PROJECT_ROOT / "web", settings.paths.cache_dir, report)


async def generate_keys(settings: Settings, report: Report) -> None:
    """Keys for the LiveKit server we start."""
    await ensure_keys(settings)


async def choose_language_model(settings: Settings, report: Report) -> None:
    """The embedded language model that this machine can carry, by measuring it once."""
    if settings.language_model.api_key.get_secret_value() or recall_choice(settings):
        return
    task = "language model"
    report(Progress(task, "measuring this machine"))
    choice = await choose_model(settings)
    report(Progress(task, f"{choice.model}. {choice.reason}", finished=True))


async def migrate_database(settings: Settings, report: Report) -> None:
    """Tables of calls and turns."""
    # Alembic takes a second to import, which `liuke --help` need not wait for.
    from agent.service.migrate import upgrade

    await asyncio.to_thread(upgrade, settings.database_url)


async def build_knowledge_index(settings: Settings, report: Report) -> None:
    """The indexes; unreadable entries are reported and left out."""
    # Chroma and the splitters take seconds to import, which a start with a fresh index does not
    # need to wait for twice: the knowledge server imports them too.
    from knowledge.base import BusyError, KnowledgeBase

    base = KnowledgeBase(knowledge_config(settings.paths, settings.knowledge))
    task = "knowledge index"

    def read(done: int, total: int) -> None:
        report(Progress(task, f"{done} of {total} texts read"))

    def build() -> None:
        corpus = base.corpus()
        for problem in corpus.problems:
            report(Progress(str(problem), "left out of the index", finished=True))
        try:
            built = base.build(corpus, threads=os.cpu_count() or 1, progress=read)
        except BusyError:
            # Documents are being taken in, which can take hours; until then calls are answered
            # from what was built.
            if not base.is_built():
                raise
            return
        if built.changed:
            report(Progress(task, f"{built.manifest.entries} entries", finished=True))

    await asyncio.to_thread(build)


#: In order, each resting on those before it. Measuring comes while nothing else of ours runs.
AFTERWARDS: tuple[Step, ...] = (
    generate_keys,
    choose_language_model,
    migrate_database,
    build_knowledge_index,
)


async def _together(settings: Settings, report: Report, *steps: Step) -> None:
    """Run steps at once; the first that fails stops the others and is raised."""
    tasks = [asyncio.ensure_future(step(settings, report)) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
