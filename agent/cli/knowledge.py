"""`liuke knowledge`: check the knowledge base, build its index, and see what retrieval finds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agent.cli import openings
from agent.cli.output import JsonFlag, TenantOption, err, out, print_json, run
from agent.settings import Settings
from common.errors import InputError
from common.languages import Language
from knowledge.client import KnowledgeClient
from knowledge.config import knowledge_config

if TYPE_CHECKING:
    from knowledge.base import KnowledgeBase
    from knowledge.documents.intake import Intake, Work

app = typer.Typer(
    help="The knowledge base: check it, build its index, search it.", no_args_is_help=True
)
app.add_typer(openings.app, name="openings")


@app.command()
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="The corpus; else the one in use.", show_default=False)
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Check the entries as a support lead would. Exit status 1 when there are errors."""
    from knowledge.entries.entry import entry_paths
    from knowledge.entries.lint import lint as findings_of

    folder = folder or Settings().knowledge.corpus_dir
    entries = len(entry_paths(folder))
    findings = findings_of(folder)
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if json_output:
        shown = [{**asdict(finding), "path": str(finding.path)} for finding in findings]
        print_json({"entries": entries, "errors": errors, "warnings": warnings, "findings": shown})
    else:
        for finding in findings:
            place = f"{_seen_from_here(finding.path)}:{finding.line}:"
            colour = "red" if finding.severity == "error" else "yellow"
            # A Text, not a string: what an entry holds may look like Rich's own marks.
            said = Text.assemble((place, colour), f" {finding.message}\n  {finding.remedy}")
            out.print(said, soft_wrap=True)
        out.print(f"{entries} entries, {errors} errors, {warnings} warnings", highlight=False)
    if errors:
        raise typer.Exit(1)


@app.command()
def build(json_output: JsonFlag = False) -> None:
    """Index the corpus, and documents if need be. What has not changed is not embedded again."""
    # These load Chroma and the splitters, seconds that other commands need not wait.

    base = _base(Settings())
    corpus = base.corpus()
    for problem in corpus.problems:
        _warn(problem.message, problem.remedy)
    with _progress("Reading the corpus") as (_, progress):
        report = base.build(corpus, threads=_threads(), progress=progress)
    manifest = report.manifest
    if json_output:
        print_json(
            {
                "changed": report.changed,
                "entries": manifest.entries,
                "passages": manifest.passages,
                "questions": manifest.questions,
                "embedded": report.embedded,
                "problems": [problem.message for problem in corpus.problems],
            }
        )
        return
    what = f"embedded {report.embedded} texts" if report.changed else "nothing has changed"
    out.print(
        f"[green]✓[/] {manifest.entries} entries: {manifest.passages} passages, "
        f"{manifest.questions} ways of asking; {what}.",
        highlight=False,
    )


Places = Annotated[list[str], typer.Argument(help="Files, folders and web addresses.")]


@app.command()
def add(places: Places, tenant: TenantOption = "", json_output: JsonFlag = False) -> None:
    """Take in your own documents: Markdown, HTML, PDF, Word, CSV, OpenAPI.

    What cannot be read is named and the others go in; exit status 1 tells that there was such.
    """
    from knowledge.documents import intake

    _change(lambda base, work: intake.add(base, places, tenant, work), json_output)


@app.command()
def sync(
    folder: Annotated[Path, typer.Argument(help="The folder that the documents are kept in.")],
    tenant: TenantOption = "",
    json_output: JsonFlag = False,
) -> None:
    """Take in what is new or different below a folder, and take out what is there no more."""
    from knowledge.documents import intake

    _change(lambda base, work: intake.sync(base, folder, tenant, work), json_output)


@app.command()
def remove(places: Places, tenant: TenantOption = "", json_output: JsonFlag = False) -> None:
    """Take documents out. Answers that cited them keep their sources."""
    from knowledge.documents import intake

    _change(lambda base, work: intake.remove(base, places, tenant, work), json_output)


@app.command()
def erase(
    places: Places,
    tenant: TenantOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json_output: JsonFlag = False,
) -> None:
    """Delete documents for good, those too that were taken out: text, index and vectors.

    Answers that cited them lose their sources.
    """
    from knowledge.documents import intake

    if not yes:
        typer.confirm("This cannot be undone. Erase them?", abort=True, err=True)
    _change(lambda base, work: intake.erase(base, places, tenant, work), json_output)


@app.command()
def status(
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="One tenant's alone; \"\" for everybody's.")
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Show what the knowledge base holds: the corpus, and documents by tenant."""
    base = _base(Settings())
    with closing(base.library()) as library:
        state = base.status(library, library.tenants() if tenant is None else [tenant])
    if json_output:
        print_json(asdict(state))
        return
    corpus = state.corpus
    out.print(
        f"Corpus: {corpus.entries} entries, {corpus.passages} passages, {corpus.questions} ways of "
        f"asking; {corpus.embedding}."
        if corpus
        else "Corpus: not indexed; run `liuke knowledge build`.",
        highlight=False,
    )
    table = Table("tenant", "document", "version", "sections", "flagged", "changed")
    for document in state.documents:
        table.add_row(
            document.tenant or "(all)", Text(document.source, overflow="fold"),
            str(document.version), str(document.sections), str(document.suspicious or ""),
            document.changed_at[:16].replace("T", " "),
        )  # fmt: skip
    if state.documents:
        out.print(table)
    if corpus and state.corpus_is_stale:
        _warn(
            "The corpus has changed since it was indexed; calls are answered as it was.",
            "Run `liuke knowledge build`.",
        )
    for stale in state.stale:
        _warn(
            f"The documents of {stale or 'all'} are not all indexed yet.",
            "Run `liuke knowledge add` or `sync` again; it goes on where it was.",
        )


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="The question, as a customer puts it.")],
    k: Annotated[int, typer.Option("-k", min=1, max=20, help="How many entries.")] = 5,
    lang: Annotated[str, typer.Option(help="zh or en; else as the question is written.")] = "",
    before: Annotated[
        list[str] | None, typer.Option(help="What the customer said before; can be repeated.")
    ] = None,
    tenant: TenantOption = "",
    json_output: JsonFlag = False,
) -> None:
    """Show what retrieval finds, in the running knowledge server or else in the index itself."""
    if not query.strip():
        raise InputError("The question is empty.", 'Ask something: liuke knowledge search "…".')
    if lang not in ("", "zh", "en"):
        raise InputError(f"--lang {lang!r} is not a language we have.", "Use zh or en.")
    language: Language | None = lang or None  # type: ignore[assignment]
    settings = Settings()
    asked = _Asked(query, language, k, tuple(before or ()), tenant)
    found = run(_ask_server(settings, asked))
    if found is None:
        found = _search_here(settings, asked)
    if json_output:
        print_json(found)
    else:
        _show(found)


@dataclass(frozen=True)
class _Asked:
    """A search."""

    query: str
    language: Language | None
    k: int
    before: tuple[str, ...]
    tenant: str


async def _ask_server(settings: Settings, asked: _Asked) -> dict[str, Any] | None:
    """The server's answer; None when it is not running."""
    url, token = settings.knowledge.url, settings.internal_token
    client = KnowledgeClient(url, token, tenant=asked.tenant)
    try:
        if not await client.is_healthy():
            return None
        return _as_json(
            await client.search(asked.query, asked.language, k=asked.k, before=asked.before)
        )
    finally:
        await client.aclose()


def _search_here(settings: Settings, asked: _Asked) -> dict[str, Any]:
    from knowledge.desk import Desk

    desk = Desk(_base(settings))
    return _as_json(
        desk.search(asked.query, asked.language, asked.k, asked.before, tenant=asked.tenant)
    )


def _as_json(found: Any) -> dict[str, Any]:
    """The same fields whether the server answered or we did."""
    return {
        "passages": [
            {
                "id": passage.entry_id,
                "title": passage.title,
                "score": passage.score,
                "language": passage.language,
                "section": passage.section,
                "version": passage.version,
            }
            for passage in found.passages
        ],
        "supported": found.supported,
        "opening": asdict(found.opening) if found.opening else None,
        "timings_ms": found.timings_ms,
    }


def _show(found: dict[str, Any]) -> None:
    table = Table("score", "entry", "title", "section")
    for passage in found["passages"]:
        table.add_row(
            f"{passage['score']:.3f}", passage["id"], passage["title"], passage["section"]
        )
    out.print(table)
    if not found["supported"]:
        out.print("[yellow]Not supported:[/] in a call the assistant declines.")
    elif found["opening"]:
        out.print(f"[green]Opening:[/] {found['opening']['text']}", highlight=False)
    else:
        out.print("Supported; not sure enough of one entry to speak its opening.")


def _seen_from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _base(settings: Settings) -> KnowledgeBase:
    from knowledge.base import KnowledgeBase

    return KnowledgeBase(knowledge_config(settings.paths, settings.knowledge))


def _threads() -> int:
    return os.cpu_count() or 1


def _warn(message: str, remedy: str) -> None:
    err.print(Text.assemble(("! ", "yellow"), f"{message}\n  {remedy}"), soft_wrap=True)


@contextmanager
def _progress(what: str) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """A bar with rate and time left: what tells the document being read, and texts embedded."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    ) as bars:
        bar = bars.add_task(what, total=None, rate="")
        started = time.monotonic()

        def reading(source: str) -> None:
            bars.update(bar, description=f"Reading {source[-60:]}")

        def embedded(done: int, total: int) -> None:
            rate = f"{done / max(time.monotonic() - started, 1e-3):.0f}/s"
            bars.update(bar, description="Embedding", completed=done, total=total, rate=rate)

        yield reading, embedded


def _change(change: Callable[[KnowledgeBase, Work], Intake], json_output: bool) -> None:
    """Change the documents, with a bar, and tell what was done."""
    from knowledge.documents.intake import Work

    with _progress("Reading") as (reading, embedding):
        done = change(_base(Settings()), Work(_threads(), reading, embedding))
    _report_intake(done, json_output)


def _report_intake(done: Intake, json_output: bool) -> None:
    """What was done; exit status 1 when something could not be."""
    built = done.built
    if json_output:
        print_json(
            {
                "added": done.added,
                "changed": done.changed,
                "unchanged": len(done.unchanged),
                "removed": done.removed,
                "sections": built.manifest.passages if built else None,
                "embedded": built.embedded if built else 0,
                "problems": [{"message": p.message, "remedy": p.remedy} for p in done.problems],
            }
        )
    else:
        for problem in done.problems:
            _warn(problem.message, problem.remedy)
        counts = {
            "added": len(done.added), "changed": len(done.changed),
            "unchanged": len(done.unchanged), "removed": len(done.removed),
        }  # fmt: skip
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing"
        embedded = f"; embedded {built.embedded} sections" if built and built.changed else ""
        out.print(f"Documents: {told}{embedded}.", highlight=False)
    if done.problems:
        raise typer.Exit(1)
