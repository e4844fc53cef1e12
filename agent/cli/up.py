"""`liuke up`: sets up what is missing, starts everything, prints one URL, and keeps it running."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict

import typer
from rich.console import RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

from agent.cli.demo import offer_demo
from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.cli.progress import show_progress
from agent.host.audio_ahead import SpeechCached
from agent.host.install import set_up
from agent.host.supervisor import ProcessEvent, State, cancel_on_signals
from agent.host.up import (
    Event,
    Ready,
    Trouble,
    check_own_ports,
    keep_up,
    parts_elsewhere,
)
from agent.settings import Settings

COLOURS = {
    State.WAITING: "dim",
    State.STARTING: "cyan",
    State.HEALTHY: "green",
    State.RESTARTING: "yellow",
    State.FINISHING: "yellow",
    State.STOPPED: "dim",
}


def up(as_json: JsonFlag = False) -> None:
    """Start Liuke and keep it running; Ctrl-C stops all of it. The first time sets it up."""
    began = time.monotonic()
    settings = Settings()
    try:
        run(_set_up(settings))
        if not as_json:
            offer_demo(settings)
        run(_keep_up(settings, _JsonLines(began) if as_json else _Display(began, settings)))
    except asyncio.CancelledError:  # SIGTERM; Ctrl-C comes as KeyboardInterrupt
        raise typer.Exit(143) from None


async def _set_up(settings: Settings) -> None:
    cancel_on_signals()
    await check_own_ports(settings)
    with show_progress() as report:
        await set_up(settings, report)


async def _keep_up(settings: Settings, display: _JsonLines | _Display) -> None:
    cancel_on_signals()
    with display:
        await keep_up(settings, display)


class _JsonLines:
    """One line when ready, and one for each event after."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._ready = False

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def __call__(self, event: Event) -> None:
        match event:
            case Ready(url):
                self._ready = True
                seconds = round(time.monotonic() - self._began, 1)
                print_json({"event": "ready", "url": url, "seconds": seconds})
            case _ if not self._ready:
                return
            case ProcessEvent(name, state, detail):
                print_json({"event": "process", "name": name, "state": state, "detail": detail})
            case SpeechCached():
                print_json({"event": "speech-cache", **asdict(event)})
            case Trouble(message, remedy):
                print_json({"event": "trouble", "message": message, "remedy": remedy})


class _Display:
    """A line per part while starting, then the URL, then a line for what happens later."""

    def __init__(self, began: float, settings: Settings) -> None:
        self._began = began
        self._settings = settings
        self._parts: dict[str, ProcessEvent] = {}
        self._ready = False
        self._speech: SpeechCached | None = None
        self._spinner = Spinner("dots")
        self._live = Live(
            console=err, get_renderable=self._shown, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> None:
        if err.is_terminal:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case ProcessEvent():
                self._parts[event.name] = event
                if self._tells_more_than_the_table(event):
                    err.print(_line(event))
            case Ready(url):
                self._live.stop()
                self._ready = True
                if err.is_terminal:
                    err.print(self._table())
                seconds = time.monotonic() - self._began
                out.print(f"[bold green]✓[/] Ready after {seconds:.0f} s: [bold]{url}[/]")
                err.print("[dim]Ctrl-C stops everything.[/]")
            case SpeechCached():
                self._show_speech(event)
            case Trouble(message, remedy):
                err.print(f"[yellow]![/] {escape(message)}\n  {escape(remedy)}", highlight=False)

    def _show_speech(self, event: SpeechCached) -> None:
        """A line that changes in place; where that cannot be, one for each tenth."""
        before, self._speech = self._speech, event
        if event.done == event.total:
            self._live.stop()
            err.print("[dim]The audio of all openings and fixed phrases is ready.[/]")
        elif err.is_terminal:
            self._live.start()
        elif before is None or _tenths(event) > _tenths(before):
            err.print(_speech_line(event))

    def _shown(self) -> RenderableType:
        return _speech_line(self._speech) if self._speech else self._table()

    def _tells_more_than_the_table(self, event: ProcessEvent) -> bool:
        if self._ready or not err.is_terminal:
            return event.state not in (State.WAITING, State.STOPPED)
        return event.state is State.RESTARTING

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for event in self._parts.values():
            mark = "[green]✓[/]" if event.state is State.HEALTHY else self._spinner
            table.add_row(mark, event.name, f"[{COLOURS[event.state]}]{event.state}[/]")
        for name, where in parts_elsewhere(self._settings).items():
            table.add_row("·", name, f"[dim]{escape(where)}[/]")
        return table


def _line(event: ProcessEvent) -> str:
    detail = f" {escape(event.detail)}" if event.detail else ""
    return f"[{COLOURS[event.state]}]{event.name}: {event.state}.[/]{detail}"


def _speech_line(event: SpeechCached) -> str:
    waits = "; waiting while something is asked" if event.waiting else ""
    return f"[dim]Audio of openings made ahead: {event.done} of {event.total}{waits}.[/]"


def _tenths(event: SpeechCached) -> int:
    return 10 * event.done // event.total
