"""`liuke oncall`: who is called now, and who has not answered; and a telephone to try it with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.listen import listen
from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.paging.rota import on_call
from agent.service.paging.store import Paging
from agent.service.paging.tables import PageSent
from agent.service.support import Support, read_support
from agent.settings import Settings
from common.errors import InputError
from common.languages import LANGUAGES, Language

app = typer.Typer(help="Who is called when a customer needs a person.", no_args_is_help=True)
app.command()(listen)


@app.command()
def show(
    severity: Annotated[int, typer.Option(min=1, max=4, help="1, an emergency, to 4.")] = 1,
    lang: Annotated[str, typer.Option(help="The customer's: zh or en.")] = "zh",
    json_output: JsonFlag = False,
) -> None:
    """Show who is called now, in which order, and the pages that nobody has answered."""
    language: Language | None = next((one for one in LANGUAGES if one == lang), None)
    if language is None:
        raise InputError(f"--lang {lang!r} is not a language we have.", "Use zh or en.")
    settings = Settings()
    support, now = read_support(settings.support_file), datetime.now(UTC)
    chain = on_call(support.rota, severity, language, now)
    pages = run(_unanswered(settings, support, now))
    if json_output:
        print_json(
            {
                "on_call": [{"name": one.name, "destination": one.destination} for one in chain],
                "pages": [
                    {
                        "ticket": page.ticket,
                        "responder": page.responder,
                        "sent_at": as_json(page.sent_at),
                    }
                    for page in pages
                ],
                "unset": dict(support.unset),
            }
        )
        return
    for number, one in enumerate(chain, start=1):
        without = "" if one.destination in support.destinations else " (not set up: liuke doctor)"
        out.print(Text(f"{number}. {one.name}, by {one.destination}{without}"))
    if not chain:
        out.print(f"Nobody is on call now. The rota is in {settings.support_file}.")
    table = Table("ticket", "called", "since")
    for page in pages:
        table.add_row(str(page.ticket), Text(page.responder), on_this_clock(page.sent_at))
    if pages:
        out.print(table)


async def _unanswered(settings: Settings, support: Support, now: datetime) -> Sequence[PageSent]:
    async with records(settings) as database:
        paging = Paging(database, support.rota, patience=support.patience)
        return await paging.unanswered(now)
