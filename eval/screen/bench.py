"""A screen that is shared for minutes: a real room in; its cost, and how soon it was read, out.

LiveKit server, screen server and a customer who shows a console of 12 px at 1280x720 are processes
of their own. The console grows and scrolls by three lines every three seconds, then rests. Shares
are of one core: the screen server's, and what the call's process adds to receive and look at the
screen. A page counts as read when its error code is on the customer's page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import psutil
from livekit import api, rtc

from agent.call.screen import ScreenWatch
from agent.call.screen_reader import ScreenReader
from agent.cli.output import print_json
from agent.host.supervisor import Supervisor
from agent.host.up import process_specs
from agent.rooms.access import LiveKitAccess, ensure_keys, resolve_livekit
from agent.rooms.principal import guest
from agent.rooms.tokens import Seat, room_token
from agent.screen.client import ScreenClient
from agent.settings import Settings
from common.languages import Language
from eval.installation import new_installation
from eval.report import machine

ROOM: Final = "screen"
CUSTOMER: Final = "customer-bench"
#: What was shown last is read by then, seconds.
_SETTLED_S: Final = 20.0


@dataclass(frozen=True)
class Used:
    """What was used until a moment, seconds: of a core by the server and by the call, of time."""

    server_s: float
    call_s: float
    clock_s: float

    @classmethod
    def now(cls) -> Self:
        """Until now."""
        server = [process.cpu_times() for process in _servers()]
        used = sum(one.user + one.system for one in server)
        return cls(used, time.process_time(), time.monotonic())

    def shares_since(self, before: Used) -> dict[str, float]:
        """Of one core."""
        clock_s = self.clock_s - before.clock_s
        return {
            "server": round((self.server_s - before.server_s) / clock_s, 3),
            "call": round((self.call_s - before.call_s) / clock_s, 3),
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    parser.add_argument("--changing", type=float, default=60.0, help="seconds in which it changes")
    parser.add_argument("--still", type=float, default=30.0, help="seconds in which it rests")


async def bench(arguments: argparse.Namespace) -> None:
    """Measure, and print the last line."""
    os.environ["LIUKE_LLM_MODEL"] = "none"  # nobody answers here
    with new_installation("screen") as settings:
        await ensure_keys(settings)
        access = resolve_livekit(settings)
        specs = [s for s in await process_specs(settings) if s.name in ("livekit", "screen")]
        log = settings.paths.data_dir / "log"
        async with Supervisor(specs, log, lambda _event: None) as running:
            await running.healthy()
            result = await _measure(settings, access, arguments.changing, arguments.still)
    print_json(result | {"machine": machine()})


async def _measure(
    settings: Settings, access: LiveKitAccess, changing_s: float, still_s: float
) -> dict[str, Any]:
    room = rtc.Room()
    server = ScreenClient(settings.screen.url, settings.internal_token)
    reader = ScreenReader(server, None, _english)
    watch = ScreenWatch(room, CUSTOMER, reader, _none, _forget, _forget)
    await room.connect(access.url, _call_token(access), rtc.RoomOptions(auto_subscribe=False))
    watch.start()
    lasts = (str(changing_s), str(_SETTLED_S + still_s))
    customer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "eval.screen.customer", access.url, _token(access), *lasts),
        stdout=asyncio.subprocess.PIPE,
    )
    began = Used.now()
    await asyncio.sleep(changing_s)
    changing = Used.now().shares_since(began)
    await asyncio.sleep(_SETTLED_S)
    began = Used.now()
    await asyncio.sleep(still_s - 5.0)
    still = Used.now().shares_since(began)
    told, _ = await customer.communicate()
    await watch.aclose()
    await room.disconnect()
    return {"changing": changing, "still": still, **_delays(told.decode())}


def _delays(told: str) -> dict[str, Any]:
    """How many pages were shown, how many of them read, and after how long."""
    shown: dict[str, float] = {}
    delays: dict[str, float] = {}
    for line in told.splitlines():
        one = json.loads(line)
        if one["what"] == "shown":
            shown[one["code"]] = one["at_s"]
        elif one["code"] in shown and one["code"] not in delays:
            delays[one["code"]] = one["at_s"] - shown[one["code"]]
    taken = sorted(delays.values())
    return {
        "pages": len(shown),
        "read": len(delays),
        "read_after_s": {
            "p50": round(statistics.median(taken), 1),
            "max": round(taken[-1], 1),
        },
    }


def _servers() -> list[psutil.Process]:
    ours = psutil.Process().children(recursive=True)
    return [one for one in ours if "agent.screen.server" in one.cmdline()]


def _call_token(access: LiveKitAccess) -> str:
    grants = api.VideoGrants(room_join=True, room=ROOM, agent=True)
    token = api.AccessToken(access.api_key, access.api_secret).with_identity("assistant")
    return token.with_kind("agent").with_grants(grants).to_jwt()


def _token(access: LiveKitAccess) -> str:
    """What the API gives a customer."""
    seat = Seat("bench", ROOM, CUSTOMER, guest("en"))
    return room_token(access, seat, "nobody", timedelta(minutes=10))


def _english() -> Language:
    return "en"


async def _none() -> tuple[str, ...]:
    return ()


def _forget(_seen: object) -> None:
    """The customer's page is told as well."""
