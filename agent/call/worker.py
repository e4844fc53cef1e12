"""The agent worker: registers with LiveKit and holds each call in a process of its own."""

from __future__ import annotations

import asyncio
import math
import signal

from livekit.agents import AgentServer

from agent.call.closing import Closing
from agent.call.places import places_shown
from agent.call.session import hold_call
from agent.rooms.access import resolve_livekit
from agent.settings import AgentSettings, Settings
from common.logs import configure_logging

#: Memory of a call's process at most, MB. A call takes 500, the detectors of voices and of turns
#: half of it, shared with other calls. One that is made to take more ends, and no other with it.
_CALL_MEMORY_MB = 1000

#: What libraries would import at their first use, while a customer waits for it: together up to 2 s
#: of a call's first seconds where four begin at once.
_IMPORTED_LATE = [
    "aiosqlite",
    "anyio._backends._asyncio",
    "h2.connection",
    "holidays.countries",
    "httpcore",
    "openai.lib.streaming.chat",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlite3",
]


def create_server(settings: Settings, closing: Closing) -> AgentServer:
    """The worker for these settings, with explicit dispatch by agent name.

    ``closing`` is what it tells its calls by that it stops.
    """
    access = resolve_livekit(settings)
    server = AgentServer(
        ws_url=access.url,
        api_key=access.api_key,
        api_secret=access.api_secret,
        host="127.0.0.1",
        port=settings.agent.health_port,
        # One ready for each call there may be: 11 MB each. With fewer, calls that begin at the same
        # moment were refused (the framework guesses from this how much load a call will be).
        num_idle_processes=settings.agent.max_calls,
        setup_fnc=closing.hand_to,
        job_memory_limit_mb=_CALL_MEMORY_MB,
        # The models run elsewhere: the CPU's load says nothing about how many calls fit.
        load_fnc=lambda worker: len(worker.active_jobs) / settings.agent.max_calls,
        load_threshold=1.0,
        preload_modules=["agent.call.session", *_IMPORTED_LATE],
    )
    server.rtc_session(hold_call, agent_name=settings.agent.name)
    return server


async def serve(server: AgentServer, closing: Closing, settings: AgentSettings) -> None:
    """Run until SIGTERM or SIGINT, then let calls finish for ``drain_minutes`` and leave.

    Calls that go on until then are told before, and said goodbye to. A second signal ends them at
    once.
    """
    stop, stop_now = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, lambda: (stop_now if stop.is_set() else stop).set())
    running = asyncio.create_task(server.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        stopping.cancel()
        running.result()  # an error at start ends the process, the supervisor starts it again
        return
    closing.announce(60.0 * settings.drain_minutes)
    waiting = [
        asyncio.create_task(server.drain(math.ceil(settings.stops_within_s))),
        asyncio.create_task(stop_now.wait()),
    ]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)  # calls may have outlasted the drain
    await server.aclose()
    await running


def main() -> None:
    """Serve with the settings of the environment."""
    configure_logging()
    asyncio.run(_serve_here(Settings(), Closing()))


async def _serve_here(settings: Settings, closing: Closing) -> None:
    async with places_shown(settings, closing):
        await serve(create_server(settings, closing), closing, settings.agent)


if __name__ == "__main__":
    main()
