"""What a benchmark leaves behind: its result in, one JSON file and one self-contained page out."""

from __future__ import annotations

import io
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import psutil
from matplotlib.figure import Figure

#: Results of these two stand beside each other in the table of figures.
_COMPARED = ("liuke", "stock")
#: Between the steps of a path into nested mappings.
_STEP = " · "
_PAGE = Path(__file__).with_name("report.html")
_BLACK = re.compile(r"(stroke|fill): #000000")


def write_report(
    folder: Path,
    name: str,
    title: str,
    result: Mapping[str, Any],
    figures: Sequence[tuple[str, Figure]],
) -> Path:
    """Write ``name``.json and ``name``.html into ``folder``; returns the page's path.

    ``result`` must be what JSON can hold. Its numbers and texts, also in mappings of mappings,
    become the table of figures, with `liuke` and `stock` side by side; its lists become tables of
    their own at the end. ``figures``: caption and plot. Date and machine are added to both files.
    """
    measured = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        **result,
    }
    write_json(folder / f"{name}.json", measured)
    page = folder / f"{name}.html"
    _write(page, _page(title, measured, figures))
    return page


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` readably; what was there stays until all of it is written."""
    _write(path, json.dumps(value, ensure_ascii=False, indent=1))


def machine() -> dict[str, Any]:
    """What the figures are measured on; the load tells whether it is busy with other work."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load_1min": round(psutil.getloadavg()[0], 1),
    }


def _cpu_name() -> str:
    """Linux names the processor in /proc; elsewhere Python knows what there is to know."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _page(title: str, measured: Mapping[str, Any], figures: Sequence[tuple[str, Figure]]) -> str:
    on = measured["machine"]
    where = (
        f"{measured['date'][:16].replace('T', ' ')} UTC · {on['cpu']}, {on['cores']} cores, "
        f"{on['memory_gb']} GB · load {on['load_1min']} at the end"
    )
    plots = "\n".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>{_svg(figure)}</figure>"
        for caption, figure in figures
    )
    shown = {key: value for key, value in measured.items() if key not in ("date", "machine")}
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        where=escape(where),
        figures=_figures_table(shown),
        plots=plots,
        details="\n".join(_details(shown)),
    )


def _figures_table(result: Mapping[str, Any]) -> str:
    """What is compared stands in columns: the two stacks, and every mapping of mappings."""
    stacks = {key: result[key] for key in _COMPARED if isinstance(result.get(key), Mapping)}
    rest = {key: value for key, value in result.items() if key not in stacks}
    columns = {key: value for key, value in rest.items() if _is_comparison(value)}
    plain = [row for row in _leaves(rest) if row[0].split(_STEP)[0] not in columns]
    tables = [_columns("", stacks), _table(["", ""], plain)]
    tables += [_columns(name, compared) for name, compared in columns.items()]
    return "".join(tables)


def _is_comparison(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(item, Mapping) for item in value.values())
    )


def _columns(name: str, compared: Mapping[str, Mapping[str, Any]]) -> str:
    columns = [dict(_leaves(value)) for value in compared.values()]
    rows = dict.fromkeys(row for column in columns for row in column)
    return _table(
        [name, *compared], [[row, *(column.get(row, "") for column in columns)] for row in rows]
    )


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and texts by their path, `stages_ms · retrieval`."""
    for key, item in value.items():
        path = f"{prefix}{_STEP}{key}" if prefix else key
        if isinstance(item, Mapping):
            yield from _leaves(item, path)
        elif not isinstance(item, list | tuple):
            yield path, item


def _details(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Each list of mappings as a table to unfold."""
    for key, item in value.items():
        path = f"{prefix}{_STEP}{key}" if prefix else key
        if isinstance(item, Mapping):
            yield from _details(item, path)
        elif isinstance(item, list | tuple) and all(isinstance(row, Mapping) for row in item):
            flat = [dict(_leaves(row)) for row in item]
            names = list(dict.fromkeys(name for row in flat for name in row))
            rows = [[row.get(name, "") for name in names] for row in flat]
            yield f"<details><summary>{escape(path)} ({len(rows)})</summary>"
            yield _table(names, rows) + "</details>"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "\n".join(
        f"<tr><th>{escape(str(first))}</th>{''.join(map(_cell, rest))}</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>'
        "</table></div>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "<td>–</td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float):
        return f'<td class="number">{value:,.4g}</td>' if abs(value) < 1000 else _whole(value)
    return f"<td>{escape(str(value))}</td>"


def _whole(value: float) -> str:
    return f'<td class="number">{value:,.0f}</td>'


def _svg(figure: Figure) -> str:
    """The plot as it stands in the page: no background, black in the colour of the text."""
    for legend in filter(None, (axes.get_legend() for axes in figure.axes)):
        legend.set_frame_on(False)
    drawn = io.StringIO()
    # Text stays text, in the page's own font, which has Mandarin too.
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", transparent=True, bbox_inches="tight")
    svg = drawn.getvalue()
    return _BLACK.sub(r"\1: currentColor", svg[svg.index("<svg") :])
