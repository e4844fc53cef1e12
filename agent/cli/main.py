"""`liuke`: the one command line program. Each command group lives in the module of its name."""

from __future__ import annotations

import sys

import typer

from agent.cli.output import err, report_error
from agent.errors import LiukeError

app = typer.Typer(
    name="liuke",
    help="留客: a voice assistant that keeps an RTC cloud's customers. Start with `liuke up`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def main() -> None:
    """Run the command line; errors become one clear message and exit status 1."""
    try:
        app()
    except LiukeError as error:
        report_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()
