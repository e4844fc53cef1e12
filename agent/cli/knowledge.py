"""`liuke knowledge`: check the knowledge base, build its index, and see what retrieval finds."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agent.call.retrieval import KnowledgeClient
from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.errors import InputError, SetupError
from agent.settings import Language, Settings

app = typer.Typer(
    help="The knowledge base: check it, build its index, search it.", no_args_is_help=True
)


@app.command()
def lint(
    folder: Annotated[
        Path | None, typer.Argument(help="The corpus; else the one in use.", show_default=False)
    ] = None,
    json_output: JsonFlag = False,
) -> None:
    """Check the entries as a support lead would. Exit status 1 when there are errors."""
    from knowledge.entry import entry_paths
    from knowledge.errors import KnowledgeError
    from knowledge.lint import lint as findings_of

    folder = folder or Settings().knowledge.corpus_dir
    try:
        entries = len(entry_paths(folder))
        findings = findings_of(folder)
    except KnowledgeError as error:
        raise InputError(error.message, error.remedy) from error
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
    """Index the corpus. Texts that have not changed are not embedded again."""
    # These load Chroma and the splitters, seconds that other commands need not wait.
    from knowledge.entry import read_corpus
    from knowledge.errors import KnowledgeError
    from knowledge.index import build_index

    settings = Settings()
    try:
        corpus = read_corpus(settings.knowledge.corpus_dir)
        for problem in corpus.problems:
            err.print(f"[yellow]![/] {problem.message}\n  {problem.remedy}", highlight=False)
        with _progress() as bars:
            bar = bars.add_task("Embedding the corpus", total=None)
            report = build_index(
                corpus,
                _index_dir(settings),
                threads=os.cpu_count() or 1,
                progress=lambda done, total: bars.update(bar, completed=done, total=total),
            )
    except KnowledgeError as error:
        raise SetupError(error.message, error.remedy) from error
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


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="The question, as a customer puts it.")],
    k: Annotated[int, typer.Option("-k", min=1, max=20, help="How many entries.")] = 5,
    lang: Annotated[str, typer.Option(help="zh or en; else as the question is written.")] = "",
    context: Annotated[str, typer.Option(help="The question before, for a follow-up.")] = "",
    json_output: JsonFlag = False,
) -> None:
    """Show what retrieval finds, in the running knowledge server or else in the index itself."""
    if not query.strip():
        raise InputError("The question is empty.", 'Ask something: liuke knowledge search "…".')
    if lang not in ("", "zh", "en"):
        raise InputError(f"--lang {lang!r} is not a language we have.", "Use zh or en.")
    language: Language | None = lang or None  # type: ignore[assignment]
    settings = Settings()
    found = run(_ask_server(settings.knowledge.url, query, language, k, context or None))
    if found is None:
        found = _search_here(settings, query, language, k, context or None)
    if json_output:
        print_json(found)
    else:
        _show(found)


async def _ask_server(
    url: str, query: str, language: Language | None, k: int, context: str | None
) -> dict[str, Any] | None:
    """The server's answer; None when it is not running."""
    client = KnowledgeClient(url)
    try:
        if not await client.is_healthy():
            return None
        return _as_json(await client.search(query, language, k=k, context=context))
    finally:
        await client.aclose()


def _search_here(
    settings: Settings, query: str, language: Language | None, k: int, context: str | None
) -> dict[str, Any]:
    from knowledge.errors import KnowledgeError
    from knowledge.server import open_retriever

    try:
        _, retriever = open_retriever(_index_dir(settings), settings.knowledge.corpus_dir)
        return _as_json(retriever.search(query, language, k, context))
    except KnowledgeError as error:
        raise SetupError(error.message, error.remedy) from error


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


def _index_dir(settings: Settings) -> Path:
    return settings.paths.data_dir / "knowledge"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
