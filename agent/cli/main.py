"""`liuke`: the one command line program. Each command group lives in the module of its name."""

from __future__ import annotations

import os
import sys

import typer

from agent.cli import accounts, demo, knowledge, models, oncall, outbox, promises, qos, tickets
from agent.cli.ask import ask
from agent.cli.call import call
from agent.cli.doctor import doctor
from agent.cli.output import err, report_error
from agent.cli.say import say
from agent.cli.setup import setup
from agent.cli.transcribe import transcribe
from agent.cli.up import up
from common.errors import LiukeError

app = typer.Typer(
    name="liuke",
    help="留客: a voice assistant that keeps an RTC cloud's customers. Start with `liuke up`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


app.command()(up)
app.command()(doctor)
app.command()(setup)
app.command()(ask)
app.command()(call)
app.command()(say)
app.command()(transcribe)
app.add_typer(models.app, name="models")
app.add_typer(knowledge.app, name="knowledge")
app.add_typer(qos.app, name="qos")
app.add_typer(accounts.app, name="accounts")
app.add_typer(tickets.app, name="tickets")
app.add_typer(promises.app, name="promises")
app.add_typer(oncall.app, name="oncall")
app.add_typer(outbox.app, name="outbox")
app.add_typer(demo.app, name="demo")


def main() -> None:
    """Run the command line; errors become one clear message and exit status 1."""
    os.umask(0o077)  # what is kept of calls and keys is for this user alone
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
