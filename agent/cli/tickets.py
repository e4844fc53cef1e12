"""`liuke tickets`: what customers wait for, with its clocks; and what was done, told by hand."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, as_json, on_this_clock, out, print_json, records, run
from agent.service.database import Database
from agent.service.paging.rota import Page
from agent.service.paging.store import Paging
from agent.service.promises.store import Promised, Promises
from agent.service.support import read_support
from agent.service.tickets.sla import Kind
from agent.service.tickets.store import Happening, TicketStore, Told
from agent.service.tickets.tables import Ticket
from agent.settings import Settings
from common.errors import InputError

app = typer.Typer(help="What customers wait for, and its clocks.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="Of the ticket.")]
What = Annotated[str, typer.Argument(help="What there is to say of it.", show_default=False)]
Who = Annotated[str, typer.Option("--who", help="Who did it; else you.", show_default=False)]


@app.command("list")
def list_(
    resolved: Annotated[bool, typer.Option("--all", help="Those that are resolved, too.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Show everybody's tickets, the worst first."""

    async def work() -> Sequence[Ticket]:
        async with records(Settings()) as database:
            return await TicketStore(database, {}).every(resolved=resolved)

    tickets = run(work())
    if json_output:
        print_json({"tickets": [_as_json(ticket) for ticket in tickets]})
        return
    table = Table("ticket", "severity", "status", "account", "subject", "assignee", "next due")
    for ticket in tickets:
        table.add_row(
            str(ticket.number), str(ticket.severity), ticket.status,
            Text(ticket.account or "(guest)"), Text(ticket.subject), Text(ticket.assignee),
            on_this_clock(ticket.next_due_at),
        )  # fmt: skip
    out.print(table if tickets else "No tickets.")


@app.command()
def show(number: Number, json_output: JsonFlag = False) -> None:
    """Show a ticket: what happened, its clocks, who was called, and what was promised."""
    _show(run(_read(number)), json_output)


@app.command()
def say(number: Number, text: What, who: Who = "", json_output: JsonFlag = False) -> None:
    """The customer was told something, by a person: this answers."""
    _happened(number, "said", text, who, json_output)


@app.command()
def wait(number: Number, text: What = "", who: Who = "", json_output: JsonFlag = False) -> None:
    """The customer has to do something: clocks of work stand still until they answer."""
    _happened(number, "waiting", text, who, json_output)


@app.command()
def restore(number: Number, text: What = "", who: Who = "", json_output: JsonFlag = False) -> None:
    """The service works again, be it by a workaround."""
    _happened(number, "restored", text, who, json_output)


@app.command()
def resolve(number: Number, text: What = "", who: Who = "", json_output: JsonFlag = False) -> None:
    """The cause is gone."""
    _happened(number, "resolved", text, who, json_output)


@app.command()
def reopen(number: Number, text: What = "", who: Who = "", json_output: JsonFlag = False) -> None:
    """It was not resolved after all: its clocks go on where they stood."""
    _happened(number, "reopened", text, who, json_output)


@app.command()
def assign(
    number: Number,
    name: Annotated[str, typer.Argument(help="Whose it is, as in the rota.")],
    json_output: JsonFlag = False,
) -> None:
    """Say whose it is: they are told of clocks that are missed."""
    _add(number, _Doing("assigned", who=name), json_output)


@app.command()
def severity(
    number: Number,
    severity: Annotated[int, typer.Argument(min=1, max=4, help="1, an emergency, to 4.")],
    text: What = "",
    who: Who = "",
    json_output: JsonFlag = False,
) -> None:
    """Say how bad it is: other targets hold from now on."""
    doing = _Doing("severity", text, who or getpass.getuser(), severity)
    _add(number, doing, json_output)


@dataclass(frozen=True)
class _Doing:
    """What somebody says has happened."""

    kind: Any
    text: str = ""
    who: str = ""
    severity: int | None = None


@dataclass(frozen=True)
class _Whole:
    """A ticket with all that belongs to it."""

    told: Told
    pages: Sequence[Page]
    promises: Sequence[Promised]


def _happened(number: int, kind: Kind, text: str, who: str, json_output: bool) -> None:
    _add(number, _Doing(kind, text, who or getpass.getuser()), json_output)


def _add(number: int, doing: _Doing, json_output: bool) -> None:
    async def work() -> None:
        settings = Settings()
        async with records(settings) as database:
            store = _store(settings, database)
            happening = Happening(
                key=f"by hand: {uuid.uuid4()}",
                kind=doing.kind,
                actor="human",
                at=datetime.now(UTC),
                who=doing.who,
                text=doing.text,
                severity=doing.severity,
            )
            await store.add(await store.whose(number), number, happening)

    run(work())
    _show(run(_read(number)), json_output)


async def _read(number: int) -> _Whole:
    settings = Settings()
    async with records(settings) as database:
        store = _store(settings, database)
        scope, now = await store.whose(number), datetime.now(UTC)
        told = await store.read(scope, number, now)
        if told is None:
            raise InputError(
                f"Ticket {number} is a guest's, whose call is not kept any more.",
                "See it in `liuke tickets list`.",
            )
        support = read_support(settings.support_file)
        paging = Paging(database, support.rota, patience=support.patience)
        return _Whole(
            told,
            await paging.pages(scope, number),
            await Promises(database).of_ticket(scope, number, now),
        )


def _store(settings: Settings, database: Database) -> TicketStore:
    return TicketStore(database, read_support(settings.support_file).policy)


def _show(whole: _Whole, json_output: bool) -> None:
    if json_output:
        print_json(_whole_as_json(whole))
        return
    ticket = whole.told.ticket
    whose = ticket.account or "(guest)"
    out.print(Text(f"{ticket.number}: {ticket.subject}", "bold"))
    out.print(
        Text(
            f"severity {ticket.severity}, {ticket.status}, of {whose} {ticket.contact};"
            f" assignee: {ticket.assignee or 'nobody'}"
        )
    )
    events = Table("when", "what", "who", "text")
    for event in whole.told.events:
        what = f"{event.kind} {event.severity}" if event.severity else event.kind
        who = event.who or event.actor
        events.add_row(on_this_clock(event.at), what, Text(who), Text(event.text))
    clocks = Table("clock", "state", "due", "missed", "met")
    for clock in whole.told.clocks:
        clocks.add_row(
            clock.clock, clock.state, on_this_clock(clock.due_at),
            on_this_clock(clock.missed_at), on_this_clock(clock.met_at),
        )  # fmt: skip
    out.print(events, clocks)
    for page in whole.pages:
        out.print(Text(f"called {page.responder} {on_this_clock(page.sent_at)}: {_answer(page)}"))
    for promised in whole.promises:
        promise = promised.promise
        told = f"promised: {promise.text} ({promised.state}, due {on_this_clock(promise.due_at)})"
        out.print(Text(told))


def _answer(page: Page) -> str:
    if page.acknowledged_at:
        return "acknowledged"
    return "declined" if page.declined_at else "no answer"


def _as_json(ticket: Ticket) -> dict[str, Any]:
    return {
        "number": ticket.number,
        "account": ticket.account,
        "contact": ticket.contact,
        "language": ticket.language,
        "subject": ticket.subject,
        "severity": ticket.severity,
        "status": ticket.status,
        "assignee": ticket.assignee,
        "opened_at": as_json(ticket.opened_at),
        "next_due_at": as_json(ticket.next_due_at),
    }


def _whole_as_json(whole: _Whole) -> dict[str, Any]:
    return {
        **_as_json(whole.told.ticket),
        "events": [
            {
                "at": as_json(event.at),
                "kind": event.kind,
                "actor": event.actor,
                "who": event.who,
                "severity": event.severity,
                "text": event.text,
                "call_id": event.call_id,
            }
            for event in whole.told.events
        ],
        "clocks": [
            {
                "clock": clock.clock,
                "state": clock.state,
                "started_at": as_json(clock.started_at),
                "due_at": as_json(clock.due_at),
                "missed_at": as_json(clock.missed_at),
                "met_at": as_json(clock.met_at),
            }
            for clock in whole.told.clocks
        ],
        "pages": [
            {
                "responder": page.responder,
                "sent_at": as_json(page.sent_at),
                "answer": _answer(page),
            }
            for page in whole.pages
        ],
        "promises": [
            {
                "key": promised.promise.key,
                "kind": promised.promise.kind,
                "text": promised.promise.text,
                "state": promised.state,
                "due_at": as_json(promised.promise.due_at),
                "kept_at": as_json(promised.kept_at),
            }
            for promised in whole.promises
        ],
    }
