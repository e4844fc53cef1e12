"""`liuke call`: call the running assistant with recorded speech and measure what comes back."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.settings import Settings
from common.errors import InputError
from common.languages import Language

if TYPE_CHECKING:
    from agent.probe.call import CallReport


def call(
    play: Annotated[
        list[Path], typer.Option(help="Audio file of one turn; give it again for the next turn.")
    ],
    interrupt: Annotated[
        Path | None, typer.Option(help="Audio file to speak over the last answer.")
    ] = None,
    at: Annotated[
        float | None, typer.Option(help="Seconds into that answer at which to interrupt it.", min=0)
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write both sides here: left customer, right assistant.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of the greeting.")] = "zh",
    api: Annotated[str, typer.Option(help="Address of the API. Empty: the one in settings.")] = "",
    json: JsonFlag = False,
) -> None:
    """Call the assistant, play files as the microphone, report when it answered and stopped.

    Times are read off the audio as sent and heard here, not taken from the assistant.
    """
    if (interrupt is None) != (at is None):
        raise InputError("--interrupt and --at belong together.", "Give both, or neither.")
    # The media library reports each attempt to connect; the error says the same once.
    logging.getLogger("livekit").addHandler(logging.NullHandler())
    interruption = None if interrupt is None or at is None else (interrupt, at)
    report = run(_call(lang, play, interruption, record, api)).as_json()
    if json:
        print_json(report)
    else:
        _show(report)


async def _call(
    language: Language,
    files: list[Path],
    interruption: tuple[Path, float] | None,
    record: Path | None,
    api: str,
) -> CallReport:
    # The room's client takes seconds to load, which other commands need not wait for.
    from agent.probe.call import load_script, place_call

    script = await load_script(language, files, interruption)
    return await place_call(api or Settings().api.url_here, script, record=record, progress=_tell)


def _tell(step: str) -> None:
    err.print(step, highlight=False, markup=False)


def _show(report: dict[str, Any]) -> None:
    table = Table("", "customer", "assistant", "sources", "times, ms", show_lines=True)
    for number, turn in enumerate(report["turns"], start=1):
        times = "end_of_turn_ms", "first_token_ms", "first_audio_ms"
        table.add_row(str(number), *_row(turn, times))
    if report["interruption"]:
        table.add_row("over it", *_row(report["interruption"], ("stop_ms", "next_sound_ms")))
    out.print(table)
    out.print("Turns: from the end of the customer's speech. Interruption: from its onset.")
    if report["recording"]:
        out.print(f"Recorded in {report['recording']}")


def _row(reply: dict[str, Any], times: tuple[str, ...]) -> tuple[str, ...]:
    shown = (f"{name.removesuffix('_ms').replace('_', ' ')} {_ms(reply[name])}" for name in times)
    sources = "\n".join(str(citation.get("id")) for citation in reply["citations"])
    texts = (escape(reply[name]) for name in ("transcript", "answer"))
    return (*texts, sources, "\n".join(shown))


def _ms(value: int | None) -> str:
    return "–" if value is None else str(value)
