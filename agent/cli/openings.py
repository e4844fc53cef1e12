"""`liuke knowledge openings`: the first sentences of answers from the operator's own documents.

The language model drafts them, a person approves or rewrites them, and only then are they spoken.
Those of the corpus stand in its files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agent.cli.output import JsonFlag, TenantOption, err, out, print_json, run
from agent.settings import Settings
from agent.speech.client import SpeechClient
from common.errors import InputError, LiukeError, SetupError
from common.languages import Language
from knowledge.config import knowledge_config

if TYPE_CHECKING:
    from knowledge.documents.library import Library, StoredOpening, StoredSection

app = typer.Typer(
    help="Openings of answers from your own documents: draft, list, approve, edit.",
    no_args_is_help=True,
)

Sections = Annotated[list[str], typer.Argument(help="Sections, as `list` names them.")]


@dataclass(frozen=True)
class Drafted:
    """What drafting did; ids of sections."""

    drafted: list[str]
    without: list[str]
    """Nothing could be written for these that is short, and says only what they say."""


@app.command()
def draft(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Only these documents, or folders of them.", show_default=False),
    ] = None,
    tenant: TenantOption = "",
    json_output: JsonFlag = False,
) -> None:
    """Have the language model write openings where there are none. Nobody hears them yet.

    Each is kept as it is made, so that it can be stopped at any time and goes on the next time.
    """
    from knowledge.documents.intake import is_at

    with _library() as library:
        missing = [
            section
            for section in library.without_opening(tenant)
            if not places or any(is_at(section.source, place) for place in places)
        ]
        done = run(_draft(library, missing))
    if json_output:
        print_json(asdict(done))
        return
    told = f"{len(done.drafted)} openings drafted"
    if done.without:
        told += f"; {len(done.without)} sections stay without"
    out.print(f"{told}. Read them with `liuke knowledge openings list`.", highlight=False)


@app.command("list")
def show(
    tenant: TenantOption = "",
    drafts: Annotated[bool, typer.Option("--drafts", help="Only what waits for approval.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Show the openings of documents, and which of them are approved."""
    with _library() as library:
        openings = [o for o in library.openings(tenant) if not (drafts and o.approved_at)]
    if json_output:
        print_json([asdict(opening) for opening in openings])
        return
    table = Table("section", "of", "opening", "approved")
    for opening in openings:
        when = (opening.approved_at or "")[:16].replace("T", " ")
        table.add_row(
            opening.section,
            Text(opening.heading, overflow="fold"),
            Text(opening.text, overflow="fold"),
            when or Text("draft", "yellow"),
        )
    if openings:
        out.print(table)
    else:
        out.print("There are none. `liuke knowledge openings draft` writes some.")


@app.command()
def approve(sections: Sections, tenant: TenantOption = "") -> None:
    """Let these openings be spoken."""
    with _library() as library:
        found = [_with_opening(library, name, tenant) for name in sections]
        for section, opening in found:
            library.put_opening(section, opening.text, approved=True)
    out.print(f"{len(found)} approved: calls use them within seconds.", highlight=False)
    run(_make_audio([(opening.text, section.language) for section, opening in found]))


@app.command()
def edit(
    section: Annotated[str, typer.Argument(help="The section, as `list` names it.")],
    text: Annotated[str, typer.Argument(help="The sentence that is to be spoken.")],
    tenant: TenantOption = "",
) -> None:
    """Write an opening yourself; it is approved by that."""
    from knowledge.entries.openings import faults
    from knowledge.entries.vocabulary import Vocabulary

    text = text.strip()
    with _library() as library:
        found = _section(library, section, tenant)
        body = f"{found.heading}\n{found.text}"
        for fault in faults(text, found.language, body, Vocabulary.load()):
            if fault.severity == "error":
                raise InputError(fault.message, fault.remedy)
            err.print(Text.assemble(("! ", "yellow"), f"{fault.message}\n  {fault.remedy}"))
        library.put_opening(found, text, approved=True)
    out.print(f"{section} begins with it now.", highlight=False)
    run(_make_audio([(text, found.language)]))


@contextmanager
def _library() -> Iterator[Library]:
    from knowledge.base import KnowledgeBase

    try:
        settings = Settings()
        config = knowledge_config(settings.paths, settings.knowledge)
        with closing(KnowledgeBase(config).library()) as library:
            yield library
    except sqlite3.Error as error:
        raise SetupError(
            f"The library of documents cannot be used ({error}).",
            "Check that the disk has room, and whether another `liuke knowledge` is running.",
        ) from error


def _section(library: Library, name: str, tenant: str) -> StoredSection:
    section = library.section(name, tenants=[tenant])
    if section is None:
        raise InputError(
            f"{name} is not a section of your documents"
            + (f" for {tenant}." if tenant else " for everybody."),
            "See `liuke knowledge openings list`; it takes `--tenant` too. Openings of the corpus "
            "stand in its files.",
        )
    return section


def _with_opening(library: Library, name: str, tenant: str) -> tuple[StoredSection, StoredOpening]:
    section = _section(library, name, tenant)
    found = next((o for o in library.openings(tenant) if o.section == name), None)
    if found is None:
        raise InputError(
            f"{name} has no opening yet.",
            f'Draft it with `liuke knowledge openings draft`, or write it: `edit {name} "…"`.',
        )
    return section, found


async def _draft(library: Library, sections: list[StoredSection]) -> Drafted:
    # They load the model's client, a second that other commands need not wait.
    from agent.dialogue.drafting import Drafter
    from agent.models.client import LanguageModel
    from agent.models.endpoint import resolve_language_model

    endpoint = resolve_language_model(Settings())
    if endpoint is None:
        raise SetupError(
            "No language model is set up, so nothing can be drafted.",
            "Write openings with `liuke knowledge openings edit`, or set LIUKE_LLM_MODEL.",
        )
    done = Drafted([], [])
    async with LanguageModel(endpoint) as model:
        drafter = Drafter(model)
        with _bar(len(sections)) as advance:
            for section in sections:
                text = await drafter.draft(section.heading, section.text, section.language)
                if text:
                    library.put_opening(section, text, approved=False)
                (done.drafted if text else done.without).append(section.id)
                advance()
    return done


async def _make_audio(openings: list[tuple[str, Language]]) -> None:
    """So that not even the first customer waits for it; without a speech server it is made then.

    It is made in the pauses of calls only, and can be stopped: all is approved by then.
    """
    settings = Settings()
    speech = SpeechClient(settings.speech.url, settings.internal_token)
    try:
        if await speech.is_healthy():
            async for done, total in speech.cache(openings):
                err.print(f"[dim]Audio made ahead: {done} of {total}.[/]", highlight=False)
    except LiukeError as error:
        err.print(f"The audio is made when it is first spoken: {error.message}", highlight=False)
    finally:
        await speech.aclose()


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    with Progress(
        TextColumn("Drafting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    ) as bars:
        bar = bars.add_task("", total=total)
        yield lambda: bars.advance(bar)
