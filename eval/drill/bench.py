"""The drill: all that must not go wrong, on purpose and at once; what was lost or doubled, out.

A whole installation is started in an empty folder, on ports and with a database of its own, with
two people on call behind receivers on loopback. Real customers call it: several in one outage, to
people who do not answer or whose endpoint is away; a colleague joins; processes are killed. When
all scenes are over and all that is due has come, the rows and what the receivers got are judged:
each matter has one ticket, everybody was told what they must be told once, by the key of each
message, and every clock was right to the second.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from agent.cli.output import err, print_json
from common.errors import LiukeError, ServiceError
from eval.drill.installation import Installation, Kind, drilled
from eval.drill.judging import Found, Matter, Verdict, judge, judge_deliveries, repeated
from eval.drill.scenes import ACTS, Scene

#: The longest that something is still due after the last scene: the clock of a person (two
#: minutes), a promise (one) that is given after both have been called, a message whose process
#: died (one); with a minute for a busy machine.
_SETTLED_WITHIN_S: Final = 240.0
#: Nothing may come after that either.
_QUIET_S: Final = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make drill` takes."""
    parser.add_argument(
        "--database", choices=get_args(Kind), default="sqlite", help="sqlite if not given"
    )
    parser.add_argument("--keep", action="store_true", help="keep the logs: var/bench/drill")
    parser.add_argument("--only", default="", help="scenes with this in their name alone")


async def bench(arguments: argparse.Namespace) -> None:
    """Play all scenes, judge, print. Raises ServiceError where anything is not as it must be."""
    began = time.monotonic()
    failed: dict[str, str] = {}
    matters: list[Matter] = []
    acts = [[s for s in act if arguments.only in s.name] for act in ACTS]
    async with drilled(arguments.database, arguments.keep) as liuke:
        for act in filter(None, acts):
            for scene, found in zip(
                act, await asyncio.gather(*(_play(s, liuke) for s in act)), strict=True
            ):
                if isinstance(found, str):
                    failed[scene.name] = found
                else:
                    matters += found
            for receiver in liuke.receivers.values():  # also where a scene was broken off
                await receiver.behave("well")
        verdict, rows = await _settled(liuke, matters)
        forged = sum(receiver.forged for receiver in liuke.receivers.values())
    result = summarise(sum(map(len, acts)), failed, verdict, rows, matters)
    took = {"database": arguments.database, "seconds": round(time.monotonic() - began)}
    print_json(result | {"forged": forged} | took)
    if failed or verdict.lost or verdict.doubled or forged:
        raise ServiceError(
            "The drill found what must not be.", "Each line above says what.", retryable=False
        )


async def _play(scene: Scene, liuke: Installation) -> list[Matter] | str:
    """What comes of a scene, or why it failed."""
    err.print(f"{scene.name}: {scene.play.__doc__}", highlight=False)
    began = time.monotonic()
    try:
        matters = await scene.play(liuke)
    except LiukeError as error:
        err.print(f"{scene.name}: FAILED. {error.message}", highlight=False, markup=False)
        return error.message
    took_s = time.monotonic() - began
    err.print(f"{scene.name}: played in {took_s:.0f} s", highlight=False)
    return matters


async def _settled(liuke: Installation, matters: Sequence[Matter]) -> tuple[Verdict, Found]:
    """The verdict once nothing is due any more, or as long after as anything could be."""
    began = time.monotonic()
    err.print("waiting for what is still due", highlight=False)
    while True:
        found = await liuke.records.found(liuke.got)
        verdict = judge_all(matters, found)
        if not (verdict.lost or verdict.doubled) or time.monotonic() - began > _SETTLED_WITHIN_S:
            break
        await asyncio.sleep(1)
    await asyncio.sleep(_QUIET_S)
    found = await liuke.records.found(liuke.got)
    verdict = judge_all(matters, found)
    for word, lines in (("LOST", verdict.lost), ("DOUBLED", verdict.doubled)):
        for line in lines:
            err.print(f"{word}: {line}", highlight=False, markup=False)
    return verdict, found


def judge_all(matters: Sequence[Matter], found: Found) -> Verdict:
    """What was lost and doubled in any of them, or on the way."""
    verdicts = [*(judge(matter, found) for matter in matters), judge_deliveries(found)]
    return Verdict(
        [line for verdict in verdicts for line in verdict.lost],
        [line for verdict in verdicts for line in verdict.doubled],
    )


def summarise(
    scenes: int,
    failed: Mapping[str, str],
    verdict: Verdict,
    found: Found,
    matters: Sequence[Matter],
) -> dict[str, Any]:
    """The last line. ``repeated``: what a receiver got again by the same key, and so knows."""
    return {
        "scenes": scenes,
        "passed": scenes - len(failed),
        "failed": list(failed),
        "matters": len(matters),
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "messages": len(found.messages),
        "repeated": repeated(found.bodies),
    }
