"""`liuke doctor`: checks each part and says what is wrong and what to do about it."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.markup import escape

from agent.cli.output import JsonFlag, err, out, print_json, run
from agent.host.doctor import Finding, Status, examine
from agent.settings import Settings
from common.errors import SetupError

MARKS: dict[Status, str] = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "broken": "[red]✗[/]"}


def doctor(as_json: JsonFlag = False) -> None:
    """Check each part and give the remedy for what is not well. Exit status 1 if any is broken."""
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _show(finding)

    try:
        settings = Settings()
    except SetupError as error:
        tell(Finding("settings", "broken", error.message, error.remedy))
    else:
        with err.status("Checking …"):
            run(examine(settings, tell))
    broken = [finding.part for finding in findings if finding.status == "broken"]
    if as_json:
        print_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    if broken:
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    mark = MARKS[finding.status]
    out.print(
        f"{mark} {finding.part:<16} {escape(finding.detail)}", highlight=False, soft_wrap=True
    )
    if finding.remedy:
        out.print(f"  {'':<16} {escape(finding.remedy)}", highlight=False, soft_wrap=True)
