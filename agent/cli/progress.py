"""Progress of set-up on standard error: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask
from rich.text import Text

from agent.cli.output import err
from agent.host.progress import Progress, Report

#: Seconds between two lines about the same thing in a log.
LOG_INTERVAL_S = 20.0


@contextmanager
def show_progress() -> Iterator[Report]:
    """Give set-up something to report to."""
    if not err.is_terminal:
        yield _Log()
        return
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Amount(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
    ]
    with RichProgress(*columns, console=err, transient=True) as bars:
        yield _Bars(bars)


class _Amount(ProgressColumn):
    """Megabytes where they are known, else the time that has passed."""

    def render(self, task: RichTask) -> Text:
        if task.total:
            return Text(f"{task.completed / 1e6:,.0f}/{task.total / 1e6:,.0f} MB")
        return Text(f"{task.elapsed or 0:.0f} s")


@dataclass
class _Bars:
    bars: RichProgress
    shown: dict[str, TaskID] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        if progress.finished:
            bar = self.shown.pop(progress.task, None)
            if bar is not None:
                self.bars.remove_task(bar)
            self.bars.print(f"[green]✓[/] {escape(progress.task)} [dim]{escape(progress.note)}[/]")
            return
        if progress.task not in self.shown:
            self.shown[progress.task] = self.bars.add_task(progress.task, note="")
        self.bars.update(
            self.shown[progress.task],
            completed=progress.done,
            total=progress.total,
            note=progress.note[:60],
        )


@dataclass
class _Log:
    told_at: dict[str, float] = field(default_factory=dict)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        told_at = self.told_at.get(progress.task)
        if not progress.finished and told_at is not None and now - told_at < LOG_INTERVAL_S:
            return
        self.told_at[progress.task] = now
        part = f" {progress.done / progress.total:.0%}" if progress.total else ""
        line = f"{progress.task}:{part} {progress.note}"
        err.print(line, markup=False, highlight=False, soft_wrap=True)
