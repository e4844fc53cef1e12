"""`liuke setup`: everything that is fetched or built before the first start, and nothing else."""

from __future__ import annotations

from agent.cli.output import err, run
from agent.cli.progress import show_progress
from agent.host.install import set_up
from agent.settings import Settings


def setup() -> None:
    """Fetch and build what is missing, without starting anything. `liuke up` does it first, too."""
    settings = Settings()
    with show_progress() as report:
        run(set_up(settings, report))
    err.print("[green]✓[/] Everything is in place. Start with `liuke up`.", highlight=False)
