"""What a benchmark leaves behind: a JSON file for programs, a page for people."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from eval.report import write_report

pytestmark = pytest.mark.unit

RESULT = {
    "liuke": {"voice_to_voice_ms": {"p50": 1234.5, "p95": None}, "memory_mb": 900},
    "stock": {"voice_to_voice_ms": {"p50": 5000, "p95": 0.25}, "memory_mb": 1100},
    "ratio": 4.05,
    "by_language": {"zh": {"liuke": {"p50": 7}}, "en": {"liuke": {"p50": 8}}},
    "questions": [{"text": "<有回声> & echo", "failed": False, "times": {"first_ms": 40}}],
}


def plot() -> Figure:
    figure = Figure(figsize=(4, 2))
    axes = figure.add_subplot(title="latency")
    axes.plot([1, 2, 3], [3, 1, 2])
    return figure


class Page(HTMLParser):
    """The cells of each row, and everything that a browser would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.fetched: list[str] = []
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self._in_cell = True
            self.rows[-1].append("")
        loading = {"src", "href", "xlink:href"} - ({"href"} if tag == "a" else set())
        self.fetched += [str(v) for k, v in attrs if k in loading and not str(v).startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


@pytest.fixture
def text(tmp_path: Path) -> str:
    page = write_report(tmp_path / "bench", "voice", "Voice & voice", RESULT, [("Bars", plot())])
    return page.read_text(encoding="utf-8")


def test_the_json_holds_the_result_with_date_and_machine(text: str, tmp_path: Path) -> None:
    written = json.loads((tmp_path / "bench" / "voice.json").read_text(encoding="utf-8"))
    assert written.items() >= RESULT.items()
    assert written["machine"]["cores"] > 0
    assert re.match(r"\d{4}-\d\d-\d\dT", written["date"])
    assert sorted(p.name for p in (tmp_path / "bench").iterdir()) == ["voice.html", "voice.json"]


def test_the_two_stacks_stand_side_by_side(text: str) -> None:
    rows = Page(text).rows
    assert ["", "liuke", "stock"] in rows
    assert ["voice_to_voice_ms · p50", "1,234", "5,000"] in rows
    assert ["voice_to_voice_ms · p95", "–", "0.25"] in rows
    assert ["ratio", "4.05"] in rows


def test_what_is_told_apart_stands_in_columns_too(text: str) -> None:
    rows = Page(text).rows
    assert ["by_language", "zh", "en"] in rows
    assert ["liuke · p50", "7", "8"] in rows


def test_lists_are_tables_of_their_own_and_nothing_is_taken_for_markup(text: str) -> None:
    rows = Page(text).rows
    assert ["text", "failed", "times · first_ms"] in rows
    assert ["<有回声> & echo", "no", "40"] in rows


def test_the_page_needs_nothing_from_elsewhere_and_follows_the_colour_scheme(text: str) -> None:
    assert Page(text).fetched == []
    assert not re.search(r"url\(\s*['\"]?https?:|@import", text)
    assert "prefers-color-scheme: dark" in text
    assert "<svg" in text
    assert "latency" in text  # as text, not as outlines
    assert "#000000" not in text
