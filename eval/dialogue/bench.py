"""`make eval-dialogue`: conversations, by what they leave in the database and by what is said.

Each scenario of a folder is played three times, each time in other words: a caller driven by a
decision tree talks with Liuke's dialogue, over a database that holds what the scenario says. By
default with the language model that is configured, then with none; and those that are marked
`voice` in a room besides, by voices other than the assistant's, with noise, over a telephone.

The last line of stdout is JSON: `pass_at_1`, the share of runs in which nothing was wrong;
`pass_hat_3`, that of scenarios in which nothing was wrong three times. What was wrong is in the
report, with all that was said.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from agent.cli.output import err, print_json
from agent.models.endpoint import LanguageModelEndpoint, resolve_language_model
from agent.service.support import default_support
from agent.settings import Settings
from common.errors import InputError
from common.languages import LANGUAGES
from eval.dialogue.scenario import SCENARIOS, Scenario, read_scenarios
from eval.dialogue.servers import serving_text
from eval.dialogue.stage import Run, text_stage
from eval.dialogue.voice import voice_stage
from eval.report import write_report

RUNS: Final = 3


class Stage(Protocol):
    """Where scenarios are played."""

    async def play(self, scenario: Scenario, number: int) -> Run:
        """Once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `make eval-dialogue` takes."""
    parser.add_argument("--scenarios", type=Path, default=SCENARIOS, help="a folder of TOML files")
    parser.add_argument("--only", default="", help="scenarios with this in their name alone")
    parser.add_argument("--quick", action="store_true", help="each once, and no model for text")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--text-only", action="store_true", help="none in a room")
    where.add_argument("--voice-only", action="store_true", help="those in a room, and no text")


async def bench(arguments: argparse.Namespace) -> None:
    """Play, grade, print. Raises InputError for a scenario that is none."""
    found = read_scenarios(arguments.scenarios.resolve(), datetime.now(UTC))
    scenarios = [one for one in found if arguments.only in one.name]
    spoken = [one for one in scenarios if one.voice and not arguments.text_only]
    if not (spoken if arguments.voice_only else scenarios):
        raise InputError(f"No scenario has {arguments.only!r} in its name.", "Give another part.")
    settings = Settings()
    runs = 1 if arguments.quick else RUNS
    played: dict[str, list[Run]] = {}
    if not arguments.voice_only:
        endpoint = None if arguments.quick else resolve_language_model(settings)
        async with serving_text(settings, endpoint) as knowledge_url:
            as_text = partial(_as_text, settings, knowledge_url, scenarios, runs)
            if endpoint:
                played["text"] = await as_text(endpoint)
            played["without_model"] = await as_text(None)
    if spoken and (arguments.voice_only or not arguments.quick):
        async with voice_stage(settings) as stage:
            played["voice"] = await _play(stage, spoken, runs, "voice")
    result = summarise(played)
    folder = settings.paths.data_dir / "bench"
    title = "Conversations: what they leave behind, and what is said in them"
    details = result | details_of(played)
    page = await asyncio.to_thread(write_report, folder, "dialogue", title, details, [])
    err.print(f"report: {page}", highlight=False, markup=False)
    print_json(result)


async def _as_text(
    settings: Settings,
    knowledge_url: str,
    scenarios: Sequence[Scenario],
    runs: int,
    endpoint: LanguageModelEndpoint | None,
) -> list[Run]:
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(
            text_stage(
                knowledge_url,
                settings.internal_token,
                endpoint,
                default_support(),
                settings.qos.targets,
            )
        )
        model = endpoint.model if endpoint else "no model"
        return await _play(stage, scenarios, runs, f"text, {model}")


async def _play(stage: Stage, scenarios: Sequence[Scenario], runs: int, how: str) -> list[Run]:
    err.print(f"{how}: {len(scenarios)} scenarios, {runs} times each", highlight=False)
    played = []
    for scenario in scenarios:
        for number in range(runs):
            run = await stage.play(scenario, number)
            played.append(run)
            err.print(_line(run), highlight=False, markup=False)
    return played


def _line(run: Run) -> str:
    name = f"{run.scenario.name} {run.number + 1} ({run.seconds} s)"
    if run.is_passed:
        return f"  passed  {name}"
    whats = [f"    {fault.check}: {fault.what}" for fault in run.faults]
    return "\n".join([f"  FAILED  {name}", *whats])


def summarise(played: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """The last line: first of what was played as text, with a model where there is one."""
    first = next(iter(played.values()))
    of: dict[str, Any] = {}
    for name in ("voice", "without_model"):
        of[name] = _scores(played[name]) if name in played else None
    return {
        **_scores(first),
        "by_language": _by(first, lambda one: one.language, LANGUAGES),
        "by_flow": _by(first, lambda one: one.flow, sorted({run.scenario.flow for run in first})),
        **of,
    }


def _by(
    runs: Sequence[Run], group: Callable[[Scenario], str], groups: Sequence[str]
) -> dict[str, Any]:
    return {name: _scores([run for run in runs if group(run.scenario) == name]) for name in groups}


def _scores(runs: Sequence[Run]) -> dict[str, Any]:
    names = list(dict.fromkeys(run.scenario.name for run in runs))
    failed = {run.scenario.name for run in runs if not run.is_passed}
    return {
        "scenarios": len(names),
        "pass_at_1": _share(sum(run.is_passed for run in runs), len(runs)),
        "pass_hat_3": _share(len(names) - len(failed), len(names)),
    }


def _share(count: int, of: int) -> float | None:
    return round(count / of, 3) if of else None


def details_of(played: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """What was wrong, by check and by scenario, with all that was said where something was."""
    return {
        "checks": {how: _checks(runs) for how, runs in played.items()},
        "runs": [
            {
                "how": how,
                "scenario": run.scenario.name,
                "run": run.number + 1,
                "passed": run.is_passed,
                "turns": len(run.transcript.exchanges),
                "seconds": run.seconds,
            }
            for how, runs in played.items()
            for run in runs
        ],
        "failures": [
            {
                "how": how,
                "scenario": run.scenario.name,
                "run": run.number + 1,
                "wrong": "\n".join(f"{fault.check}: {fault.what}" for fault in run.faults),
                "said": "\n".join(run.transcript.lines()),
            }
            for how, runs in played.items()
            for run in runs
            if not run.is_passed
        ],
    }


def _checks(runs: Sequence[Run]) -> dict[str, int]:
    """In how many runs each check found something."""
    return dict(Counter(check for run in runs for check in {f.check for f in run.faults}))
