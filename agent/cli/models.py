"""`liuke models`: fetch, check and list the model packs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from agent.cli.output import JsonFlag, out, print_json, run
from agent.cli.progress import show_progress
from agent.host import packs
from agent.host.cache import megabytes
from agent.host.install import packs_needed
from agent.host.packs import PACKS
from agent.settings import Settings

app = typer.Typer(help="Model files: fetch, check, list.", no_args_is_help=True)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"Packs: {', '.join(PACKS)}. Default: those these settings use.", show_default=False
    ),
]


@app.command()
def pull(names: Names = None, as_json: JsonFlag = False) -> None:
    """Fetch packs that are missing or damaged; what is there and right is kept."""
    settings = Settings()
    cache_dir, wanted = settings.paths.cache_dir, names or list(packs_needed(settings))
    with show_progress() as report:
        run(packs.pull(cache_dir, wanted, report))
    if as_json:
        print_json({name: str(packs.pack_path(cache_dir, name)) for name in wanted})
        return
    for name in wanted:
        out.print(f"[green]✓[/] {name}  [dim]{packs.pack_path(cache_dir, name)}[/]", soft_wrap=True)


@app.command()
def verify(names: Names = None, as_json: JsonFlag = False) -> None:
    """Hash every file and compare it with the manifest. Exit status 1 if any is not right."""
    settings = Settings()
    cache_dir, wanted = settings.paths.cache_dir, names or list(packs_needed(settings))
    with show_progress() as report:
        findings = run(packs.verify(cache_dir, wanted, report))
    bad = [finding for finding in findings if finding.state != "ok"]
    if as_json:
        files = [
            {"pack": f.pack, "file": f.file, "state": f.state, "path": str(f.path)}
            for f in findings
        ]
        print_json({"ok": not bad, "files": files})
    else:
        for finding in findings:
            mark = "[green]✓[/]" if finding.state == "ok" else "[bold red]✗[/]"
            out.print(f"{mark} {finding.message}", highlight=False, soft_wrap=True)
        if bad:
            damaged = " ".join(dict.fromkeys(finding.pack for finding in bad))
            out.print(f"  Run `liuke models pull {damaged}` to fetch what is wrong again.")
    if bad:
        raise typer.Exit(1)


@app.command("list")
def list_packs(as_json: JsonFlag = False) -> None:
    """All packs: what for, how large, whether they are here and in use."""
    settings = Settings()
    cache_dir, used = settings.paths.cache_dir, packs_needed(settings)
    rows = [
        {
            "pack": pack.name,
            "role": pack.role,
            "license": pack.license,
            "bytes": pack.bytes,
            "ready": packs.is_ready(cache_dir, pack.name),
            "used": pack.name in used,
            "path": str(packs.pack_path(cache_dir, pack.name)),
        }
        for pack in PACKS.values()
    ]
    if as_json:
        print_json({"packs": rows})
        return
    table = Table("pack", "what for", "license", "size", "here", "used")
    for pack, row in zip(PACKS.values(), rows, strict=True):
        here, in_use = ("yes" if row[key] else "no" for key in ("ready", "used"))
        table.add_row(pack.name, pack.role, pack.license, megabytes(pack.bytes), here, in_use)
    out.print(table)
